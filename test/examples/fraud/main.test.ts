import { spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { generate } from "../../../examples/fraud-detection/generate.ts";
import { linesOf } from "../../../examples/fraud-detection/input.ts";
import type { Line } from "../../../examples/fraud-detection/model.ts";
import { expectedAlerts } from "./checker.ts";

interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
  readonly tookMs: number;
}

/** Runs the example as a user does, to its end. */
const fraud = (...args: readonly string[]): Promise<Ended> =>
  new Promise((resolve) => {
    const beganMs = performance.now();
    const child = spawn(process.execPath, ["examples/fraud-detection/main.ts", ...args], { stdio: ["ignore", "pipe", "pipe"] });
    let [stdout, stderr] = ["", ""];
    child.stdout.on("data", (data: Buffer) => {
      stdout += data.toString();
    });
    child.stderr.on("data", (data: Buffer) => {
      stderr += data.toString();
    });
    child.on("close", (code) => resolve({ code, stdout, stderr, tookMs: performance.now() - beganMs }));
  });

const account = { accountId: "a", holder: "h", tier: "gold", country: "DE", since: 1 };
const transaction = {
  transactionId: "t",
  accountId: "a",
  cardId: "c",
  merchant: "m",
  amount: 1.5,
  currency: "EUR",
  timestamp: 1_700_000_000_000,
};
let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "fraud-"));
});
afterAll(() => rmSync(folder, { recursive: true }));
let files = 0;
const file = (...lines: readonly (string | object)[]): string => {
  const path = join(folder, `lines-${files++}.jsonl`);
  writeFileSync(path, lines.map((line) => `${typeof line === "string" ? line : JSON.stringify(line)}\n`).join(""));
  return path;
};

/** One paragraph for a person: no stack, nothing on the standard output, and the exit code that means "mend this and start again". */
const expectRefusal = (ended: Ended, message: RegExp): void => {
  expect(ended.stderr).toMatch(message);
  expect(ended.stderr.trimEnd().split("\n")).toHaveLength(1);
  expect(ended.stderr).not.toMatch(/^\s+at /m);
  expect([ended.code, ended.stdout]).toEqual([2, ""]);
};

describe("the fraud example, started with something that cannot be", () => {
  const mistakes: readonly (readonly [what: string, args: () => readonly string[], message: RegExp])[] = [
    [
      "an option that does not exist",
      () => ["--transaction", "10"],
      /^Unknown option --transaction: did you mean --transactions\? See --help/,
    ],
    [
      "an input file that does not exist",
      () => ["--input", join(folder, "missing.jsonl"), "--json"],
      /^Cannot read '.*missing\.jsonl': ENOENT/,
    ],
    ["a folder for an input file", () => ["--input", folder, "--json"], /^Cannot read '.*': EISDIR/],
    [
      "an input file with a line that is no JSON",
      () => ["--input", file({ account }, { transaction }, "{broken"), "--json"],
      /^Cannot use line 3 of '.*\.jsonl': it is not JSON/,
    ],
    [
      "a broker where none is",
      () => ["--brokers", "127.0.0.1:1", "--transactions", "10", "--json"],
      /^Cannot reach broker 127\.0\.0\.1:1 \(.*ECONNREFUSED.*\): check the address and that the broker runs$/m,
    ],
    [
      "a broker whose name nobody knows",
      () => ["--brokers", "nowhere.invalid:9092", "--transactions", "10", "--json"],
      /^Cannot reach broker nowhere\.invalid:9092 \(.*\): check the address/,
    ],
  ];
  it.each(mistakes)("(%s) says so in one paragraph and ends with 2, within ten seconds", async (_what, args, message) => {
    const ended = await fraud(...args());
    expectRefusal(ended, message);
    expect(ended.tookMs).toBeLessThan(10_000);
  });
});

describe("lines of an input file that cannot be used", () => {
  const mistakes: readonly (readonly [what: string, lines: readonly (string | object)[], message: RegExp])[] = [
    [
      "of another kind",
      [{ account }, "", { payment: {} }],
      /^Cannot use line 3 of '.*': it is neither \{"account":\{\.\.\.\}\} nor \{"transaction":\{\.\.\.\}\}$/,
    ],
    ["that is no object", ["7"], /^Cannot use line 1 of '.*': it is neither/],
    ["that is null", ["null"], /^Cannot use line 1 of '.*': it is neither/],
    ["with a transaction that is none", [{ transaction: 7 }], /^Cannot use line 1 of '.*': its transaction is 7, an object is needed$/],
    [
      "that lacks a field",
      [{ transaction: { ...transaction, cardId: undefined } }],
      /^Cannot use line 1 of '.*': field 'cardId' of its transaction is missing, a string is needed$/,
    ],
    [
      "with an amount in quotes",
      [{ account }, { transaction: { ...transaction, amount: "12" } }],
      /^Cannot use line 2 of '.*': field 'amount' of its transaction is "12", a number is needed$/,
    ],
    [
      "with a fraction of a millisecond",
      [{ account: { ...account, since: 1.5 } }],
      /^Cannot use line 1 of '.*': field 'since' of its account is 1\.5, a whole number of milliseconds is needed$/,
    ],
  ];
  it.each(mistakes)("(one %s) are named with the file, the line and what is needed", async (_what, lines, message) => {
    const reading = async (): Promise<void> => {
      for await (const line of linesOf(file(...lines))) expect(line).toEqual({ account });
    };
    await expect(reading()).rejects.toMatchObject({
      name: "ConfigurationError",
      code: "OPTION_INVALID",
      message: expect.stringMatching(message),
    });
  });
});

describe("the fraud example over the lines of a file", () => {
  const lines: readonly Line[] = [...generate({ transactions: 1000, seed: 3 })];
  const sorted = (text: string): readonly string[] =>
    text
      .split("\n")
      .filter((line) => line !== "")
      .sort();
  const expected = (input: readonly Line[]): readonly string[] => [...expectedAlerts(input)].map((alert) => JSON.stringify(alert)).sort();

  it("prints the checker's alerts and nothing else, and ends with 0", async () => {
    const ended = await fraud("--input", file(...lines), "--json");
    expect(sorted(ended.stdout)).toEqual(expected(lines));
    expect([ended.code, ended.stderr]).toEqual([0, ""]);
  });

  it("sees no more than what it is given: a prefix gives the prefix's alerts", async () => {
    const prefix = lines.slice(0, 700);
    const ended = await fraud("--input", file(...prefix), "--json");
    expect(sorted(ended.stdout)).toEqual(expected(prefix));
    expect(expected(prefix)).not.toEqual(expected(lines));
  });

  it("finds nothing in an empty file, and ends with 0", async () => {
    expect(await fraud("--input", file(), "--json")).toMatchObject({ code: 0, stdout: "", stderr: "" });
  });
});
