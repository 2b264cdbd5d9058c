import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "@jest/globals";
import { text } from "../../../core/serde/text.ts";
import { commands } from "../../../node/cli/commands.ts";
import { connectionOptions } from "../../../node/cli/connection_options.ts";
import { millrace } from "../../../node/cli/millrace.ts";
import { topic } from "../../../topology/topic.ts";
import { topology } from "../../../topology/topology.ts";

const call = async (args: readonly string[], env: Readonly<Record<string, string>> = {}) => {
  let out = "";
  let err = "";
  const code = await millrace(args, { out: (text) => (out += text), err: (text) => (err += text), env });
  return { code, out, err };
};

const folder = mkdtempSync(join(tmpdir(), "millrace-cli-"));
afterAll(() => rmSync(folder, { recursive: true }));
const file = (name: string, content: string): string => {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
};

describe("the command line", () => {
  it("lists every command with what it does", async () => {
    const { code, out } = await call(["--help"]);
    expect(code).toBe(0);
    for (const [name, { summary }] of Object.entries(commands)) expect(out).toContain(`  ${name.padEnd(6)}  ${summary}`);
  });

  it("shows the same help, and a code of failure, when no command is given", async () => {
    expect(await call([])).toEqual({ ...(await call(["--help"])), code: 2 });
  });

  it("has a help for every command with all of its options", async () => {
    for (const [name, { load }] of Object.entries(commands)) {
      const { code, out } = await call([name, "--help"]);
      expect([name, code]).toEqual([name, 0]);
      for (const option of Object.keys((await load()).options)) expect(out).toContain(`--${option}`);
    }
  });

  it("tells its version, which is the package's", async () => {
    const { version } = JSON.parse(readFileSync("package.json", "utf8")) as { version: string };
    expect(await call(["--version"])).toEqual({ code: 0, out: `${version}\n`, err: "" });
  });

  const refused: readonly (readonly [args: readonly string[], message: string])[] = [
    [["docter"], "There is no command 'docter': did you mean 'doctor'?"],
    [["weave"], "There is no command 'weave': 'millrace --help' lists what there is"],
    [["toString"], "There is no command 'toString': 'millrace --help' lists what there is"],
    [["--halp"], "There is no option '--halp' before a command: did you mean '--help'?"],
    [["doctor", "--broker", "a:1"], "There is no option '--broker': did you mean '--brokers'?"],
    [["doctor", "--constructor"], "There is no option '--constructor': 'millrace doctor --help' lists what there is"],
    [["doctor", "-h"], "There is no option '-h': 'millrace doctor --help' lists what there is"],
    [["doctor", "--brokers"], "Option --brokers needs a value: write --brokers HOST:PORT"],
    [["doctor", "--brokers", "--json"], "Option --brokers needs a value: write --brokers HOST:PORT"],
    [["doctor", "--json=yes"], "Option --json takes no value: leave out '=yes'"],
    [["doctor", "now"], "Command doctor does not take 'now': options begin with two dashes, see 'millrace doctor --help'"],
    [["doctor"], "No broker is given: add --brokers HOST:PORT, or --config FILE.json with 'brokers'"],
    [["doctor", "--brokers", "a"], "Cannot use Kafka as 'brokers' contains 'a': give each as 'host:port', without a protocol"],
  ];
  for (const [args, message] of refused)
    it(`refuses 'millrace ${args.join(" ")}' in one line, with exit code 2`, async () => {
      expect(await call(args)).toEqual({ code: 2, out: "", err: `${message}\n` });
    });

  it("shows the stack where that is asked for", async () => {
    const { err } = await call(["doctor", "--verbose"]);
    expect(err).toMatch(/^UsageError: No broker is given.*\n\s+at /);
  });

  it("runs as a program", () => {
    const output = execFileSync(process.execPath, ["node/cli/main.ts", "--version"], { encoding: "utf8" });
    expect(output).toMatch(/^\d+\.\d+\.\d+\n$/);
  });
});

describe("the options of a connection", () => {
  const ca = file("ca.pem", "-----BEGIN CERTIFICATE-----\nCA\n");
  const key = file("key.pem", "-----BEGIN PRIVATE KEY-----\nKEY\n");
  const token = file("token", "first\n");

  it("come from the command line, with passwords from the environment or from files", async () => {
    expect(
      connectionOptions(
        { brokers: "a:1,b:2", "ssl-ca": ca, "sasl-mechanism": "plain", "sasl-username": "me" },
        { MILLRACE_SASL_PASSWORD: "secret" },
      ),
    ).toEqual({
      brokers: ["a:1", "b:2"],
      ssl: { ca: "-----BEGIN CERTIFICATE-----\nCA\n" },
      sasl: { mechanism: "plain", username: "me", password: "secret" },
    });
    const given = {
      brokers: "a:1",
      "sasl-mechanism": "scram-sha-512",
      "sasl-username": "me",
      "sasl-password-file": file("password", "in file\n"),
    };
    expect(connectionOptions(given, {}).sasl).toEqual({ mechanism: "scram-sha-512", username: "me", password: "in file" });
  });

  it("come from a file, where certificates may be named by their files, and the command line goes before it", () => {
    const config = file(
      "config.json",
      JSON.stringify({
        brokers: "a:1,b:2",
        ssl: { ca: "ca.pem", servername: "kafka" },
        sasl: { mechanism: "plain", username: "u", password: "p" },
      }),
    );
    expect(connectionOptions({ config }, {})).toEqual({
      brokers: ["a:1", "b:2"],
      ssl: { ca: "-----BEGIN CERTIFICATE-----\nCA\n", servername: "kafka" },
      sasl: { mechanism: "plain", username: "u", password: "p" },
    });
    expect(connectionOptions({ config, brokers: "c:3" }, {}).brokers).toEqual(["c:3"]);
  });

  it("read the token of a file at each login", async () => {
    const { sasl } = connectionOptions({ brokers: "a:1", "sasl-mechanism": "oauthbearer", "sasl-token-file": token }, {});
    if (sasl?.mechanism !== "oauthbearer") throw new Error("It is another mechanism");
    expect(await sasl.oauthBearerProvider()).toEqual({ value: "first" });
    file("token", "second\n");
    expect(await sasl.oauthBearerProvider()).toEqual({ value: "second" });
  });

  const refused: readonly (readonly [what: string, given: Parameters<typeof connectionOptions>[0], message: RegExp])[] = [
    ["a file that is not there", { config: "nowhere.json" }, /^File 'nowhere.json' of --config cannot be read \(ENOENT\)/],
    [
      "a file that is no JSON",
      { config: file("broken.json", '{"sasl": {"password": "hunter2"') },
      /^File '.*broken.json' of --config is no JSON/,
    ],
    ["a file that holds no object", { config: file("list.json", "[]") }, /^File '.*list.json' of --config holds no object/],
    [
      "a name that is misspelt",
      { config: file("typo.json", '{"broker": "a:1"}') },
      /has 'broker', which is no option of a connection: did you mean 'brokers'/,
    ],
    [
      "a name that pollutes",
      { config: file("proto.json", '{"__proto__": {"brokers": "a:1"}}') },
      /has '__proto__', which is no option of a connection/,
    ],
    ["a certificate without its key", { brokers: "a:1", "ssl-cert": ca }, /^A client certificate needs its private key/],
    ["a key without its certificate", { brokers: "a:1", "ssl-key": key }, /^A client certificate needs its private key/],
    ["a user without a mechanism", { brokers: "a:1", "sasl-username": "me" }, /^Option --sasl-username needs --sasl-mechanism/],
    [
      "a mechanism without a password",
      { brokers: "a:1", "sasl-mechanism": "plain", "sasl-username": "me" },
      /^Mechanism plain needs a user and a password/,
    ],
    ["oauthbearer without a token", { brokers: "a:1", "sasl-mechanism": "oauthbearer" }, /^Mechanism oauthbearer needs a token/],
  ];
  for (const [what, given, message] of refused)
    it(`are refused for ${what}, without showing what the file holds`, () => {
      let told = "";
      try {
        connectionOptions(given, {});
      } catch (error) {
        told = (error as Error).message;
      }
      expect(told).toMatch(message);
      expect(told).not.toContain("hunter2");
    });
});

describe("diff", () => {
  const words = topic("words", { key: text, value: text });
  const described = (step: string) => topology("words", ({ from }) => from(words).keyBy().count(step).toStream().print()).describe("json");

  it("says of each change what it takes, and ends with a code of failure when that is more than a start", async () => {
    const [old, same, next] = [
      file("old.json", described("count")),
      file("same.json", described("count")),
      file("next.json", described("n")),
    ];
    expect(await call(["diff", old, same])).toEqual({ code: 0, out: "safe\n", err: "" });
    const { code, out } = await call(["diff", old, next]);
    expect(code).toBe(1);
    expect(out).toMatch(/^needs migration {2}store count: .*\nsafe {13}store n: .*\nneeds migration\n$/);
    expect(JSON.parse((await call(["diff", old, next, "--json"])).out)).toMatchObject({ verdict: "needs migration" });
  });

  it("wants two files that can be read", async () => {
    expect(await call(["diff", "one"])).toMatchObject({ code: 2, err: expect.stringContaining("Give two files") });
    expect(await call(["diff", "one", "two"])).toMatchObject({ code: 2, err: expect.stringContaining("Cannot read 'one'") });
  });
});
