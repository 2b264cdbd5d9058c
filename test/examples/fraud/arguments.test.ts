import { describe, expect, it } from "@jest/globals";
import { type FraudOptions, fraudArguments } from "../../../examples/fraud-detection/arguments.ts";

const run = (...args: string[]): FraudOptions => {
  const parsed = fraudArguments(args);
  if (parsed.kind !== "run") throw new Error(`${args.join(" ")} gave ${JSON.stringify(parsed)}`);
  return parsed.options;
};
const refusal = (...args: string[]): string => {
  const parsed = fraudArguments(args);
  if (parsed.kind !== "refused") throw new Error(`${args.join(" ")} gave ${JSON.stringify(parsed)}`);
  return parsed.message;
};

describe("the command line of the fraud example", () => {
  it("has defaults for an embedded run that shows itself", () => {
    expect(run()).toEqual({ speed: 360, forever: false, seed: 1, json: false, produce: false, prefix: "" });
  });

  it("takes every option, with a space or an equals sign", () => {
    expect(run("--transactions", "20000", "--seed=7", "--json", "--speed", "0.5")).toMatchObject({
      transactions: 20_000,
      seed: 7,
      json: true,
      speed: 0.5,
    });
    expect(run("--input", "a file=.jsonl")).toMatchObject({ input: "a file=.jsonl" });
    expect(run("--input=-x")).toMatchObject({ input: "-x" });
    expect(run("--forever")).toMatchObject({ forever: true });
    expect(
      run(
        "--brokers",
        "a:9092,[::1]:9093",
        "--registry",
        "http://r:8081",
        "--search",
        "https://s",
        "--produce",
        "--prefix",
        "t-1.",
        "--session-timeout",
        "6000",
      ),
    ).toMatchObject({
      brokers: "a:9092,[::1]:9093",
      registry: "http://r:8081",
      search: "https://s",
      produce: true,
      prefix: "t-1.",
      sessionTimeoutMs: 6000,
    });
  });

  it("lets the last of several equal options count", () => {
    expect(run("--seed", "1", "--seed", "2").seed).toBe(2);
  });

  it("refuses an unknown option and names the nearest one", () => {
    expect(refusal("--sede", "3")).toBe("Unknown option --sede: did you mean --seed? See --help");
    expect(refusal("--transaction=3")).toBe("Unknown option --transaction: did you mean --transactions? See --help");
    expect(refusal("--sessiontimeout", "3")).toBe("Unknown option --sessiontimeout: did you mean --session-timeout? See --help");
    expect(refusal("--qwertyuiop")).toBe("Unknown option --qwertyuiop: see --help");
    expect(refusal("--constructor")).toMatch(/^Unknown option --constructor/);
    expect(refusal("--__proto__=1")).toMatch(/^Unknown option --__proto__/);
    expect(refusal("file.jsonl")).toBe("Unexpected argument 'file.jsonl': options begin with two dashes, see --help");
    expect(refusal("-h")).toBe("Unexpected argument '-h': options begin with two dashes, see --help");
  });

  it("refuses a missing value, a value too many and one that cannot be", () => {
    expect(refusal("--seed")).toBe("Option --seed needs a value: --seed S");
    expect(refusal("--seed", "--json")).toBe("Option --seed needs a value: --seed S");
    expect(refusal("--seed=")).toBe("Option --seed needs a value: --seed S");
    expect(refusal("--json=yes")).toBe("Option --json takes no value: leave out '=yes'");
    for (const text of ["x", "-1", "1.5", "2e4", "99999999999999999999", "0x10", ""])
      expect(refusal(`--transactions=${text}`)).toMatch(/^Option --transactions (cannot be|needs a value)/);
    for (const text of ["0", "-1", "NaN", "Infinity", "1x"])
      expect(refusal(`--speed=${text}`)).toBe(`Option --speed cannot be '${text}' as it is not a number above zero`);
    for (const text of ["localhost", ":9092", "a:b", "a:1,", "http://a:9092"])
      expect(refusal("--brokers", text)).toMatch(/is not HOST:PORT/);
    expect(refusal("--brokers", "a:1", "--search", "localhost:9200")).toMatch(/begins with http/);
    expect(refusal("--prefix", "a b")).toMatch(/^Option --prefix cannot be 'a b'/);
  });

  it("refuses options that exclude each other or say nothing alone", () => {
    expect(refusal("--input", "f", "--transactions", "3")).toMatch(/--input and --transactions exclude each other/);
    expect(refusal("--forever", "--transactions", "3")).toMatch(/exclude each other/);
    expect(refusal("--forever", "--input", "f")).toMatch(/exclude each other/);
    for (const option of [["--registry", "http://r"], ["--search", "http://s"], ["--produce"], ["--session-timeout", "6000"]]) {
      expect(refusal(...option)).toContain("add --brokers HOST:PORT");
    }
    expect(run("--brokers", "a:1", "--prefix", "T1-").prefix).toBe("T1-");
    expect(refusal("--brokers", "a:1", "--search", "http://s", "--prefix", "T1-")).toContain("no capitals");
  });

  it("explains every option when asked, whatever else is there", () => {
    const help = fraudArguments(["--nonsense", "--help"]);
    if (help.kind !== "help") throw new Error(`--help gave ${help.kind}`);
    for (const option of [
      "speed X",
      "forever",
      "seed S",
      "transactions N",
      "input FILE",
      "json",
      "brokers HOST:PORT",
      "registry URL",
      "search URL",
      "produce",
      "prefix P",
      "session-timeout MS",
      "help",
    ]) {
      expect(help.text).toContain(`  --${option} `);
    }
    expect(help.text.split("\n").filter((line) => line.length > 120)).toEqual([]);
  });
});
