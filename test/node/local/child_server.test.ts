import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { cacheFolder } from "../../../node/local/cache_folder.ts";
import { type ChildServer, serverIn, startChildServer, stopServerIn } from "../../../node/local/child_server.ts";
import { freePort } from "../../../node/local/free_port.ts";
import { missingCommands } from "../../../node/local/missing_commands.ts";

let folder: string;
let port: number;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "child-server-"));
  port = await freePort();
});

afterEach(async () => {
  await stopServerIn(folder, 0);
  rmSync(folder, { recursive: true });
});

const listening = `require("node:http").createServer((_, response) => response.end("yes")).listen(Number(process.argv[1]), "127.0.0.1"); console.log("listening");`;
const start = (program = listening, more: { readyMs?: number } = {}): Promise<ChildServer> =>
  startChildServer({
    name: "the test server",
    command: process.execPath,
    args: ["--eval", program, String(port)],
    folder,
    ready: async () => (await fetch(`http://127.0.0.1:${port}`)).ok,
    ...more,
  });

describe("a server in a process of its own", () => {
  it("answers once it is started, is known by its folder, and is gone once it is stopped", async () => {
    const server = await start();
    expect(await (await fetch(`http://127.0.0.1:${port}`)).text()).toBe("yes");
    expect(serverIn(folder)).toBe(server.pid);
    expect(readFileSync(server.logFile, "utf8")).toBe("listening\n");
    await server.stop();
    expect(serverIn(folder)).toBeUndefined();
    await expect(fetch(`http://127.0.0.1:${port}`)).rejects.toThrow();
    expect(await stopServerIn(folder)).toBe(false);
  });

  it("is stopped by its folder alone, by force when it does not listen", async () => {
    await start(`process.on("SIGTERM", () => {}); ${listening}`);
    expect(await stopServerIn(folder, 0)).toBe(true);
    expect(serverIn(folder)).toBeUndefined();
  });

  it("is not started twice in the same folder", async () => {
    const { pid } = await start();
    await expect(start()).rejects.toThrow(
      `Cannot start the test server in ${folder} as one runs there already with process id ${pid}: stop it first`,
    );
    expect(serverIn(folder)).toBe(pid);
  });

  it("takes its place when the one before was killed", async () => {
    const { pid } = await start();
    process.kill(pid, "SIGKILL");
    while (serverIn(folder) !== undefined) await new Promise((resolve) => setTimeout(resolve, 10));
    expect((await start()).pid).not.toBe(pid);
  });

  it("shows the end of its log when it ends before it is ready", async () => {
    await expect(start(`console.error("no such option"); process.exit(3)`)).rejects.toThrow(
      /^Cannot start the test server as it ended with exit code 3: its log is .*server\.log\nno such option$/,
    );
    expect(serverIn(folder)).toBeUndefined();
  });

  it("is ended when it is not ready in time", async () => {
    await expect(start(`setInterval(() => {}, 1000)`, { readyMs: 300 })).rejects.toThrow(/as it was not ready after 300 ms/);
    expect(serverIn(folder)).toBeUndefined();
  });

  it("says when the command is not there", async () => {
    const started = startChildServer({
      name: "the test server",
      command: join(folder, "nothing-here"),
      args: [],
      folder,
      ready: async () => false,
    });
    await expect(started).rejects.toThrow(/^Cannot start the test server as .*ENOENT/);
  });

  it("is never mistaken for another process that got its id", async () => {
    writeFileSync(join(folder, "server.pid"), JSON.stringify({ pid: process.pid, born: "another time" }));
    expect(serverIn(folder)).toBeUndefined();
    expect(await stopServerIn(folder)).toBe(false);
    for (const text of ["", "7", "null", "{}", JSON.stringify({ pid: -1, born: "x" })]) {
      writeFileSync(join(folder, "server.pid"), text);
      expect(serverIn(folder)).toBeUndefined();
    }
    expect(existsSync(join(folder, "server.pid"))).toBe(true);
  });
});

describe("what servers need", () => {
  it("names the commands that are not there", () => {
    expect(missingCommands([process.execPath, "no-such-command-here"])).toEqual(["no-such-command-here"]);
  });

  it("is kept where MILLRACE_CACHE says, else in the home folder", () => {
    const before = process.env.MILLRACE_CACHE;
    try {
      process.env.MILLRACE_CACHE = folder;
      expect(cacheFolder()).toBe(folder);
      delete process.env.MILLRACE_CACHE;
      expect(cacheFolder()).toMatch(/[/\\]\.cache[/\\]millrace$/);
    } finally {
      if (before === undefined) delete process.env.MILLRACE_CACHE;
      else process.env.MILLRACE_CACHE = before;
    }
  });
});
