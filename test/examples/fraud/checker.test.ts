import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { generate } from "../../../examples/fraud-detection/generate.ts";
import type { Account, Line, Transaction } from "../../../examples/fraud-detection/model.ts";
import { expectedAlerts } from "./checker.ts";

const second = 1000;
const minute = 60 * second;
const hour = 60 * minute;
/** A window border: a multiple of every window's size. */
const t0 = 1000 * hour;

let numbered = 0;
const pay = (timestamp: number, amount: number, more: Partial<Transaction> = {}): Line => ({
  transaction: {
    transactionId: `t${String(++numbered).padStart(6, "0")}`,
    accountId: "A",
    cardId: "C",
    merchant: "M",
    amount,
    currency: "EUR",
    timestamp,
    ...more,
  },
});
const account = (since: number, tier: string, more: Partial<Account> = {}): Line => ({
  account: { accountId: "A", holder: "H", tier, country: "AT", since, ...more },
});

/** The windowEnds of the alerts, in minutes after t0, by kind. */
const ends = (lines: Line[], kind: "velocity" | "card-test"): number[] =>
  expectedAlerts(lines)
    .filter((alert) => alert.kind === kind)
    .map((alert) => (alert.windowEnd - t0) / minute)
    .sort((a, b) => a - b);

describe("the fraud checker on velocity", () => {
  it("gives an alert for every window of 30 minutes that holds three payments over 1000", () => {
    const lines = [
      pay(t0 + 7 * minute, 1500, { cardId: "C1" }),
      pay(t0 + 11 * minute, 1000.01, { cardId: "C2" }),
      pay(t0 + 21 * minute, 2000, { cardId: "C1" }),
    ];
    // Windows end every five minutes; those that begin at -5, 0 and 5 hold 7, 11 and 21.
    expect(ends(lines, "velocity")).toEqual([25, 30, 35]);
  });

  it("says who, when, which and how much", () => {
    const lines = [
      account(t0 - hour, "gold", { country: "PL" }),
      pay(t0 + 29 * minute, 1500.1, { transactionId: "z" }),
      pay(t0, 1000.29, { transactionId: "y" }),
      pay(t0 + 20 * minute, 1001.13, { transactionId: "x" }),
    ];
    expect(JSON.stringify(expectedAlerts(lines))).toBe(
      `[{"id":"velocity:A@${t0 + 30 * minute}","alertId":"velocity:A","kind":"velocity","windowEnd":${t0 + 30 * minute},"timestamp":${t0 + 30 * minute - 1},` +
        `"occurrences":1,"accountId":"A","tier":"gold","country":"PL","transactionIds":["y","x","z"],"totalCents":350152}]`,
    );
  });

  it("counts neither two payments nor amounts of exactly 1000", () => {
    expect(expectedAlerts([pay(t0, 1500), pay(t0 + 1, 1500)])).toEqual([]);
    expect(expectedAlerts([pay(t0, 1500), pay(t0 + 1, 1500), pay(t0 + 2, 1000)])).toEqual([]);
  });

  it("takes the first millisecond of a window but not its end", () => {
    expect(ends([pay(t0, 1500), pay(t0 + minute, 1500), pay(t0 + 30 * minute - 1, 1500)], "velocity")).toEqual([30]);
    expect(ends([pay(t0, 1500), pay(t0 + minute, 1500), pay(t0 + 30 * minute, 1500)], "velocity")).toEqual([]);
  });

  it("finds nothing when no aligned window holds all three, though they are less than 30 minutes apart", () => {
    expect(expectedAlerts([pay(t0 - 1, 1500), pay(t0, 1500), pay(t0 + 25 * minute, 1500)])).toEqual([]);
    expect(ends([pay(t0 - 1, 1500), pay(t0, 1500), pay(t0 + 25 * minute - 1, 1500)], "velocity")).toEqual([25]);
  });

  it("adds up per account, over all its cards and no other's", () => {
    const three = (ids: string[]) => ids.map((accountId, i) => pay(t0 + i, 1500, { accountId, cardId: `${accountId}${i}` }));
    expect(expectedAlerts(three(["A", "A", "B"]))).toEqual([]);
    expect(ends(three(["A", "A", "A"]), "velocity")).toEqual([5, 10, 15, 20, 25, 30]);
  });

  it("orders ids of the same time by UTF-16 code units and takes tier and country from the last", () => {
    // A locale would put "a" before "B"; code points would put the emoji, U+1F600, after U+FF5E, code units put its surrogates before.
    const ids = ["\u{ff5e}", "a", "\u{1f600}", "B"];
    const [alert] = expectedAlerts([
      account(t0, "basic"),
      ...ids.map((transactionId) => pay(t0 + 1, 1500, { transactionId })),
      account(t0 + 2, "gold"),
    ]);
    expect(alert.transactionIds).toEqual(["B", "a", "\u{1f600}", "\u{ff5e}"]);
    expect(alert.tier).toBe("basic");
    const changed = expectedAlerts([account(t0, "basic"), pay(t0, 1500), account(t0 + 1, "gold"), pay(t0 + 1, 1500), pay(t0 + 1, 1500)]);
    expect(changed.map((one) => one.tier)).toEqual(Array(6).fill("gold"));
  });

  it("uses the last payment of each window for tier and country, not the last of all", () => {
    const lines = [account(t0, "basic"), account(t0 + 27 * minute, "gold"), ...[0, 1, 2, 27].map((m) => pay(t0 + m * minute, 1500))];
    expect(expectedAlerts(lines).map((alert) => [(alert.windowEnd - t0) / minute, alert.transactionIds.length, alert.tier])).toEqual([
      [5, 3, "basic"],
      [10, 3, "basic"],
      [15, 3, "basic"],
      [20, 3, "basic"],
      [25, 3, "basic"],
      [30, 4, "gold"],
    ]);
  });

  it("rounds each amount to cents before it adds", () => {
    const [alert] = expectedAlerts([pay(t0, 1000.004), pay(t0, 1000.004), pay(t0, 1000.004)]);
    expect(alert.totalCents).toBe(300_000);
    // In binary a hundred times 1024.09 is a little less than 102409.
    const [exact] = expectedAlerts([pay(t0, 1024.09), pay(t0, 1024.09), pay(t0, 1024.09)]);
    expect(exact.totalCents).toBe(307_227);
  });

  it("works before 1970 and at 1970", () => {
    expect(
      ends(
        [-1, 0, 1].map((ms) => pay(ms, 1500)),
        "velocity",
      ).map((m) => m + t0 / minute),
    ).toEqual([5, 10, 15, 20, 25]);
    expect(
      ends(
        [-3, -2, -1].map((ms) => pay(ms, 1500)),
        "velocity",
      ).map((m) => m + t0 / minute),
    ).toEqual([0, 5, 10, 15, 20, 25]);
  });
});

describe("the fraud checker on card tests", () => {
  it("gives an alert for a payment under 10 and next on the card one over 1000", () => {
    const lines = [
      account(t0, "silver", { country: "DK" }),
      pay(t0 + minute, 9.99, { transactionId: "s" }),
      pay(t0 + 3 * minute, 1000.01, { transactionId: "l" }),
    ];
    expect(JSON.stringify(expectedAlerts(lines))).toBe(
      `[{"id":"card-test:C@${t0 + 5 * minute}","alertId":"card-test:C","kind":"card-test","windowEnd":${t0 + 5 * minute},"timestamp":${t0 + 3 * minute},` +
        `"occurrences":1,"accountId":"A","cardId":"C","tier":"silver","country":"DK","transactionIds":["s","l"]}]`,
    );
  });

  it("wants less than five minutes between them", () => {
    expect(ends([pay(t0, 5), pay(t0 + 5 * minute - 1, 1500)], "card-test")).toEqual([5]);
    expect(ends([pay(t0, 5), pay(t0 + 5 * minute, 1500)], "card-test")).toEqual([]);
  });

  it("takes 10 for not small and 1000 for not large", () => {
    expect(expectedAlerts([pay(t0, 10), pay(t0 + 1, 1500)])).toEqual([]);
    expect(expectedAlerts([pay(t0, 5), pay(t0 + 1, 1000)])).toEqual([]);
  });

  it("wants nothing in between on the same card, and does not care about other cards", () => {
    expect(expectedAlerts([pay(t0, 5), pay(t0 + 1, 50), pay(t0 + 2, 1500)])).toEqual([]);
    expect(ends([pay(t0, 5), pay(t0 + 1, 50, { cardId: "D" }), pay(t0 + 2, 1500)], "card-test")).toEqual([5]);
    expect(expectedAlerts([pay(t0, 5), pay(t0 + 2, 1500, { cardId: "D" })])).toEqual([]);
  });

  it("begins again after a second small one, and after a match", () => {
    expect(
      expectedAlerts([
        pay(t0, 5, { transactionId: "1" }),
        pay(t0 + 1, 6, { transactionId: "2" }),
        pay(t0 + 2, 1500, { transactionId: "3" }),
      ]).map((alert) => alert.transactionIds),
    ).toEqual([["2", "3"]]);
    expect(expectedAlerts([pay(t0, 5), pay(t0 + 1, 1500), pay(t0 + 2, 1500)]).map((alert) => alert.occurrences)).toEqual([1]);
  });

  it("goes by event time, whatever the order of arrival", () => {
    expect(ends([pay(t0 + 2, 1500), pay(t0, 5)], "card-test")).toEqual([5]);
    expect(expectedAlerts([pay(t0 + 2, 5), pay(t0, 1500)])).toEqual([]);
  });

  it("orders payments of the same time by their ids", () => {
    expect(ends([pay(t0, 1500, { transactionId: "b" }), pay(t0, 5, { transactionId: "a" })], "card-test")).toEqual([5]);
    expect(expectedAlerts([pay(t0, 1500, { transactionId: "a" }), pay(t0, 5, { transactionId: "b" })])).toEqual([]);
    expect(ends([pay(t0, 1500, { transactionId: "a" }), pay(t0, 5, { transactionId: "B" })], "card-test")).toEqual([5]);
    expect(ends([pay(t0, 1500, { transactionId: "\u{ff5e}" }), pay(t0, 5, { transactionId: "\u{1f600}" })], "card-test")).toEqual([5]);
  });
});

describe("the fraud checker on accounts", () => {
  const tierAt = (...versions: Line[]) =>
    expectedAlerts([...versions, pay(t0 - 1, 5), pay(t0, 1500)]).map(({ tier, country }) => [tier, country]);

  it("joins the newest version that is not later than the large payment", () => {
    expect(tierAt(account(t0 - 10, "basic"), account(t0, "gold"))).toEqual([["gold", "AT"]]);
    expect(tierAt(account(t0 - 10, "basic"), account(t0 + 1, "gold"))).toEqual([["basic", "AT"]]);
    expect(tierAt(account(t0, "gold"), account(t0 - 10, "basic"))).toEqual([["gold", "AT"]]);
  });

  it("joins the later arrived of two with equal since", () => {
    expect(tierAt(account(t0 - 10, "basic"), account(t0 - 10, "gold"))).toEqual([["gold", "AT"]]);
    expect(tierAt(account(t0 - 10, "gold"), account(t0 - 20, "silver"), account(t0 - 10, "basic"))).toEqual([["basic", "AT"]]);
  });

  it("says null when there is none, or none yet", () => {
    expect(tierAt()).toEqual([[null, null]]);
    expect(tierAt(account(t0 + 1, "gold"))).toEqual([[null, null]]);
    expect(tierAt(account(t0 - 1, "gold", { accountId: "B" }))).toEqual([[null, null]]);
  });
});

describe("the fraud checker on windows of alerts", () => {
  const test = (at: number, small: string, large: string): Line[] => [
    pay(at, 5, { transactionId: small }),
    pay(at, 1500, { transactionId: large }),
  ];

  it("gives the first of five minutes and counts the others", () => {
    const lines = [
      ...test(t0 + 10, "x", "y"),
      ...test(t0 + 20, "c", "d"),
      ...test(t0 + 5 * minute - 1, "e", "f"),
      ...test(t0 + 5 * minute, "g", "h"),
    ];
    expect(
      expectedAlerts(lines)
        .filter(({ kind }) => kind === "card-test")
        .map(({ occurrences, timestamp, transactionIds, windowEnd }) => [
          occurrences,
          timestamp - t0,
          transactionIds.join(""),
          windowEnd - t0,
        ]),
    ).toEqual([
      [3, 10, "xy", 300_000],
      [1, 300_000, "gh", 600_000],
    ]);
  });

  it("takes of equal times the one with the smallest last id", () => {
    const lines = [...test(t0, "c", "d"), ...test(t0, "a", "b")];
    expect(expectedAlerts(lines).map(({ occurrences, transactionIds }) => [occurrences, transactionIds])).toEqual([[2, ["a", "b"]]]);
  });

  it("keeps cards and kinds apart", () => {
    const lines = [pay(t0, 5), pay(t0 + 1, 1500), pay(t0 + 2, 5, { cardId: "D" }), pay(t0 + 3, 1500, { cardId: "D" }), pay(t0 + 4, 1500)];
    expect(
      expectedAlerts(lines)
        .filter((alert) => alert.windowEnd === t0 + 5 * minute)
        .map(({ id }) => id),
    ).toEqual([`card-test:C@${t0 + 5 * minute}`, `card-test:D@${t0 + 5 * minute}`, `velocity:A@${t0 + 5 * minute}`]);
  });
});

describe("the fraud checker", () => {
  it("gives the same alerts for any order of arrival, as long as versions with equal since keep theirs", () => {
    const lines = [...generate({ transactions: 3000, seed: 5 })];
    const alerts = expectedAlerts(lines);
    expect(alerts.length).toBeGreaterThan(10);
    fc.assert(
      fc.property(fc.infiniteStream(fc.nat(1_000_000)), (keys) => {
        const keyed = lines.map((line) => ({ line, key: "account" in line ? 0 : keys.next().value }));
        expect(expectedAlerts(keyed.sort((a, b) => a.key - b.key).map(({ line }) => line))).toEqual(alerts);
      }),
      { numRuns: 10 },
    );
  });

  it("prints sorted JSON lines when it is run on a file", () => {
    const folder = mkdtempSync(join(tmpdir(), "fraud-checker-"));
    try {
      const lines = [...generate({ transactions: 2000, seed: 4 })];
      const file = join(folder, "lines.jsonl");
      writeFileSync(file, `${lines.map((line) => JSON.stringify(line)).join("\n")}\n\n`);
      const printed = execFileSync(process.execPath, [new URL("./checker.ts", import.meta.url).pathname, file], { encoding: "utf8" });
      const expected = expectedAlerts(lines).map((alert) => JSON.stringify(alert));
      expect(expected.length).toBeGreaterThan(5);
      expect(printed).toBe(
        expected
          .sort()
          .map((text) => `${text}\n`)
          .join(""),
      );
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
