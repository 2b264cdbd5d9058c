import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { describe, expect, it } from "@jest/globals";

const project = fileURLToPath(new URL("../../..", import.meta.url));
const program = "test/node/serde/serde_program.ts";
const neutral = '["héllo",{"a":[1,null]},{"a":"x","b":1},{"n":5,"when":"now"},"5"]\n';
const withAvro = '[{"x":5},"http://127.0.0.1:1"]\n';

const run = async (command: string, ...args: string[]): Promise<string> => {
  const { stdout } = await promisify(execFile)(command, args, { cwd: project, env: { ...process.env, NO_COLOR: "1" } });
  return stdout;
};

describe("serdes where something is forbidden", () => {
  it("of the core make no code from strings, which a browser's content security policy would refuse", async () => {
    expect(await run(process.execPath, "--disable-warning=ExperimentalWarning", "--disallow-code-generation-from-strings", program)).toBe(
      neutral,
    );
  });

  it("load and work in Deno without any permission, Avro included", async () => {
    expect(await run(`${project}/node_modules/.bin/deno`, "run", "--no-check", "--no-prompt", "--quiet", program, "--avro")).toBe(
      neutral + withAvro,
    );
  }, 60_000);
});
