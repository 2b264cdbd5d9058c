import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "@jest/globals";
import { chance } from "../../../examples/fraud-detection/chance.ts";
import { generate } from "../../../examples/fraud-detection/generate.ts";
import { type Account, accountIdOf, eventTimeOf, type Line, type Transaction } from "../../../examples/fraud-detection/model.ts";
import { ledger } from "../../../examples/fraud-detection/planted.ts";
import { inhabit, partitionOf } from "../../../examples/fraud-detection/world.ts";
import { expectedAlerts } from "./checker.ts";

const partitions = 4;
const minute = 60_000;
const hour = 60 * minute;
const seeds = Array.from({ length: 20 }, (_, i) => i + 1);

const transactionsOf = (lines: readonly Line[]): Transaction[] =>
  lines.flatMap((line) => ("transaction" in line ? [line.transaction] : []));
const accountsOf = (lines: readonly Line[]): Account[] => lines.flatMap((line) => ("account" in line ? [line.account] : []));
const partitionsOfAccounts = new Map<string, number>();
const partition = (line: Line): number => {
  const accountId = accountIdOf(line);
  const known = partitionsOfAccounts.get(accountId) ?? partitionOf(accountId);
  partitionsOfAccounts.set(accountId, known);
  return known;
};

const grouped = <T>(values: Iterable<T>, by: (value: T) => string): Map<string, T[]> => {
  const groups = new Map<string, T[]>();
  for (const value of values) {
    const group = groups.get(by(value));
    if (group === undefined) groups.set(by(value), [value]);
    else group.push(value);
  }
  return groups;
};

/** How far each line is behind the newest one before it in its topic and partition. */
const lags = (lines: readonly Line[]): { line: Line; lag: number }[] => {
  const newest = new Map<string, number>();
  return lines.map((line) => {
    const where = `${"account" in line ? "accounts" : "transactions"}/${partition(line)}`;
    const before = newest.get(where) ?? Number.NEGATIVE_INFINITY;
    newest.set(where, Math.max(before, eventTimeOf(line)));
    return { line, lag: before - eventTimeOf(line) };
  });
};

/** The sorted event times of each partition. */
const timesByPartition = (lines: readonly Line[]): number[][] => {
  const times: number[][] = Array.from({ length: partitions }, () => []);
  for (const line of lines) times[partition(line)].push(eventTimeOf(line));
  return times.map((ofOne) => ofOne.sort((a, b) => a - b));
};

/** The longest time between two neighbours. */
const widest = (sorted: readonly number[]): number => sorted.slice(1).reduce((gap, time, i) => Math.max(gap, time - sorted[i]), 0);

/** Cards' transactions in event-time order. */
const cards = (transactions: readonly Transaction[]): Transaction[][] =>
  [...grouped(transactions, (tx) => tx.cardId).values()].map((ofCard) =>
    ofCard.sort((a, b) => a.timestamp - b.timestamp || (a.transactionId < b.transactionId ? -1 : 1)),
  );

const large = (tx: Transaction): boolean => tx.amount > 1000;
const small = (tx: Transaction): boolean => tx.amount < 10;
const medium = (tx: Transaction): boolean => !large(tx) && !small(tx);

describe("the fraud example's generator", () => {
  it("gives the same lines for the same seed, and others for another seed", () => {
    expect([...generate({ transactions: 500, seed: 7 })]).toEqual([...generate({ transactions: 500, seed: 7 })]);
    expect([...generate({ transactions: 500, seed: 7 })]).not.toEqual([...generate({ transactions: 500, seed: 8 })]);
    expect([...generate({ transactions: 500, seed: 7 })]).not.toEqual([...generate({ transactions: 500, seed: 7 + 2 ** 32 })]);
  });

  it.each([0, 1, 2, 7, 100, 1234])("gives exactly as many transactions as asked for: %d", (transactions) => {
    for (const seed of seeds)
      expect({ seed, transactions: transactionsOf([...generate({ transactions, seed })]).length }).toEqual({ seed, transactions });
  });

  it("goes on without end when no number is given", () => {
    const endless = generate({ seed: 3 });
    const ids = new Set<string>();
    let versions = 0;
    while (ids.size < 60_000) {
      const { value, done } = endless.next();
      if (done) throw new Error("the generator ended");
      if ("transaction" in value) ids.add(value.transaction.transactionId);
      else versions++;
    }
    expect(versions).toBeGreaterThan(1000);
  });

  it("prints the same lines when it is run as a program", () => {
    const data = (...args: string[]) =>
      spawnSync(process.execPath, [fileURLToPath(new URL("../../../examples/fraud-detection/data.ts", import.meta.url)), ...args], {
        encoding: "utf8",
      });
    const printed = data("--transactions", "3000", "--seed", "11");
    expect(printed.stdout).toBe([...generate({ transactions: 3000, seed: 11 })].map((line) => `${JSON.stringify(line)}\n`).join(""));
    expect(printed).toMatchObject({ status: 0, stderr: "" });
    expect(data("--sede", "11")).toMatchObject({
      status: 2,
      stdout: "",
      stderr: "Unknown option --sede: did you mean --seed? See --help\n",
    });
    expect(data("--help").stdout).toContain("--transactions N");
  });

  it("begins at the event time that is asked for", () => {
    const times = timesByPartition([...generate({ transactions: 100, seed: 1, start: 5 * hour })]).flat();
    expect(Math.min(...times)).toBeGreaterThanOrEqual(5 * hour - minute);
    expect(Math.min(...times)).toBeLessThan(5 * hour);
  });
});

describe.each(seeds)("20,000 generated transactions with seed %d", (seed) => {
  const planted = ledger();
  const lines = [...generate({ transactions: 20_000, seed, onPlanted: (fraud) => planted.plant(fraud) })];
  const lagging = lags(lines);
  const inTime = lagging.flatMap(({ line, lag }) => (lag <= 10_000 ? [line] : []));
  const late = lagging.flatMap(({ line, lag }) => ("transaction" in line && lag > 10_000 ? [line.transaction] : []));
  const transactions = transactionsOf(lines);
  const accounts = accountsOf(lines);
  const byCard = cards(transactions);
  const alerts = expectedAlerts(lines);

  it("have the fields of the schemas, amounts with two decimals, and ids of their own", () => {
    const strings = (value: object, names: string[]) => names.every((name) => typeof (value as Record<string, unknown>)[name] === "string");
    expect(
      transactions.filter((tx) => Object.keys(tx).join() !== "transactionId,accountId,cardId,merchant,amount,currency,timestamp"),
    ).toEqual([]);
    expect(transactions.filter((tx) => !strings(tx, ["transactionId", "accountId", "cardId", "merchant", "currency"]))).toEqual([]);
    expect(
      transactions.filter((tx) => !Number.isSafeInteger(tx.timestamp) || tx.amount <= 0 || Math.round(tx.amount * 100) / 100 !== tx.amount),
    ).toEqual([]);
    expect(accounts.filter((one) => Object.keys(one).join() !== "accountId,holder,tier,country,since")).toEqual([]);
    expect(accounts.filter((one) => !strings(one, ["accountId", "holder", "tier", "country"]) || !Number.isSafeInteger(one.since))).toEqual(
      [],
    );
    expect(new Set(transactions.map((tx) => tx.transactionId)).size).toBe(20_000);
  });

  it("use each card for one account only", () => {
    expect(byCard.filter((ofCard) => new Set(ofCard.map((tx) => tx.accountId)).size !== 1)).toEqual([]);
    expect(
      Math.max(
        ...[...grouped(transactions, (tx) => tx.accountId).values()].map((ofAccount) => new Set(ofAccount.map((tx) => tx.cardId)).size),
      ),
    ).toBeGreaterThan(1);
  });

  it("arrive out of order by up to ten seconds in every partition, the limit included", () => {
    const behind = lagging.map(({ lag }) => lag).filter((lag) => lag > 0 && lag <= 10_000);
    expect(behind.length).toBeGreaterThan(3000);
    expect(lagging.filter(({ line, lag }) => "account" in line && lag > 10_000)).toEqual([]);
  });

  it("have payments of frauds that are as late as is allowed to the millisecond", () => {
    const barelyInTime = new Set(
      lagging.flatMap(({ line, lag }) => ("transaction" in line && lag === 10_000 ? [line.transaction.transactionId] : [])),
    );
    expect(alerts.filter((alert) => alert.transactionIds.some((id) => barelyInTime.has(id))).length).toBeGreaterThan(5);
  });

  it("have late transactions only on accounts and cards of their own, and with amounts between 10 and 1000", () => {
    expect(late.length).toBeGreaterThan(20);
    expect(late.filter((tx) => tx.amount < 10 || tx.amount > 1000)).toEqual([]);
    const lateAccounts = new Set(late.map((tx) => tx.accountId));
    const lateCards = new Set(late.map((tx) => tx.cardId));
    expect(transactionsOf(inTime).filter((tx) => lateAccounts.has(tx.accountId) || lateCards.has(tx.cardId))).toEqual([]);
  });

  it("give the same alerts when the late ones are left out", () => {
    expect(JSON.stringify(expectedAlerts(inTime))).toBe(JSON.stringify(alerts));
  });

  it("leave one partition empty, one silent from the middle on, and one pausing for an hour", () => {
    const times = timesByPartition(inTime);
    const all = times.flat();
    const end = all.reduce((a, b) => Math.max(a, b));
    const begin = all.reduce((a, b) => Math.min(a, b));
    const stops = (sorted: readonly number[]) => (sorted.length === 0 ? 0 : (sorted[sorted.length - 1] - begin) / (end - begin));

    const empty = times.filter((ofOne) => ofOne.length === 0);
    const silent = times.filter((ofOne) => ofOne.length > 0 && stops(ofOne) < 0.65);
    const pausing = times.filter((ofOne) => widest(ofOne) >= hour);
    const steady = times.filter((ofOne) => stops(ofOne) > 0.85 && widest(ofOne) < 10 * minute);
    expect([empty, silent, pausing, steady].map((ofKind) => ofKind.length)).toEqual([1, 1, 1, 1]);
    expect(stops(silent[0])).toBeGreaterThan(0.35);
    expect(stops(pausing[0])).toBeGreaterThan(0.85);
    expect(widest(pausing[0])).toBeLessThan(hour + 5 * minute);
    expect(widest(silent[0])).toBeLessThan(10 * minute);
  });

  it("say nothing at all in the pause, late transactions included", () => {
    expect(timesByPartition(lines).filter((sorted) => widest(sorted) >= hour).length).toBe(1);
  });

  it("have several versions of most accounts, some exactly at a transaction's time and some a millisecond after", () => {
    const versions = grouped(accounts, (one) => one.accountId);
    const times = new Map(
      [...grouped(transactions, (tx) => tx.accountId)].map(([id, ofAccount]) => [id, new Set(ofAccount.map((tx) => tx.timestamp))]),
    );
    const having = (holds: (one: Account) => boolean) => [...versions.values()].filter((ofAccount) => ofAccount.some(holds)).length;
    expect([...versions.values()].filter((ofAccount) => ofAccount.length >= 3).length).toBeGreaterThan(0.9 * versions.size);
    expect(having((one) => times.get(one.accountId)!.has(one.since))).toBeGreaterThan(0.9 * versions.size);
    expect(having((one) => times.get(one.accountId)!.has(one.since - 1))).toBeGreaterThan(0.9 * versions.size);
    // A version differs from the one before it, or it would not matter which of them is joined.
    expect([...versions.values()].some((ofAccount) => new Set(ofAccount.map((one) => `${one.tier} ${one.country}`)).size > 2)).toBe(true);
  });

  it("have versions with equal since, accounts that open after their first transaction, and transactions of accounts that nobody knows", () => {
    const versions = grouped(accounts, (one) => one.accountId);
    const twins = [...grouped(accounts, (one) => `${one.accountId} ${one.since}`).values()].filter((same) => same.length > 1);
    expect(twins.length).toBeGreaterThan(20);
    expect(twins.filter((same) => same.every((one) => one.tier === same[0].tier))).toEqual([]);
    const unknown = transactions.filter((tx) => !versions.has(tx.accountId));
    expect(unknown.length).toBeGreaterThan(500);
    const tooEarly = transactions.filter((tx) => versions.get(tx.accountId)?.every((one) => one.since > tx.timestamp));
    expect(tooEarly.length).toBeGreaterThan(5);
  });

  it("hold exactly the frauds that were planted, of both kinds", () => {
    for (const alert of alerts) planted.found(alert);
    const comparison = planted.settle(Number.POSITIVE_INFINITY);
    expect(comparison).toMatchObject({ found: comparison.due, missed: [], unplanted: [] });
    expect(comparison.byKind.velocity.due).toBeGreaterThan(10);
    expect(comparison.byKind["card-test"].due).toBeGreaterThan(20);
  });

  it("give alerts with several occurrences, without an account, and with versions that came at the very moment", () => {
    expect(alerts.some((alert) => alert.occurrences > 1)).toBe(true);
    expect(alerts.some((alert) => alert.tier === null && alert.country === null)).toBe(true);
    const byId = new Map(transactions.map((tx) => [tx.transactionId, tx]));
    const since = grouped(accounts, (one) => one.accountId);
    const decided = (after: number) =>
      alerts.filter((alert) =>
        since.get(alert.accountId)?.some((one) => one.since === byId.get(alert.transactionIds.at(-1)!)!.timestamp + after),
      );
    expect(decided(0).length).toBeGreaterThan(3);
    expect(decided(1).length).toBeGreaterThan(3);
  });

  it("hold near misses of every kind", () => {
    const neighbours = byCard.flatMap((ofCard) => ofCard.slice(1).map((second, i) => ({ first: ofCard[i], second })));
    const triples = byCard.flatMap((ofCard) => ofCard.slice(2).map((third, i) => ({ first: ofCard[i], second: ofCard[i + 1], third })));
    expect(
      triples.some(
        ({ first, second, third }) => small(first) && medium(second) && large(third) && third.timestamp - first.timestamp < 5 * minute,
      ),
    ).toBe(true);
    expect(neighbours.some(({ first, second }) => small(first) && large(second) && second.timestamp - first.timestamp === 5 * minute)).toBe(
      true,
    );
    expect(neighbours.some(({ first, second }) => large(first) && small(second) && second.timestamp === first.timestamp)).toBe(true);
    expect(
      neighbours.some(({ first, second }) => first.amount === 10 && large(second) && second.timestamp - first.timestamp < 5 * minute),
    ).toBe(true);
    expect(
      neighbours.some(({ first, second }) => small(first) && second.amount === 1000 && second.timestamp - first.timestamp < 5 * minute),
    ).toBe(true);

    const largeOnes = [...grouped(transactions.filter(large), (tx) => tx.accountId).values()].map((ofAccount) =>
      ofAccount.map((tx) => tx.timestamp).sort((a, b) => a - b),
    );
    const threes = largeOnes.flatMap((times) => times.slice(2).map((third, i) => [times[i], times[i + 1], third]));
    const alone = (times: readonly number[], i: number) =>
      (times[i - 1] ?? Number.NEGATIVE_INFINITY) < times[i] - 30 * minute &&
      (times[i + 2] ?? Number.POSITIVE_INFINITY) > times[i + 1] + 30 * minute;
    expect(
      largeOnes.some((times) => times.some((time, i) => i + 1 < times.length && times[i + 1] - time < 20 * minute && alone(times, i))),
    ).toBe(true);
    expect(
      threes.some(
        ([first, second, third]) => first % (5 * minute) === 5 * minute - 1 && second === first + 1 && third === first + 1 + 25 * minute,
      ),
    ).toBe(true);
    expect(
      threes.some(([first, second, third]) => first % (5 * minute) === 0 && second === third - 1 && third === first + 30 * minute),
    ).toBe(true);
  });
});

describe("the fraud example's customers", () => {
  it("speak in three of four partitions, each of which has latecomers of its own", () => {
    for (const seed of seeds) {
      const world = inhabit(chance(seed), 12, { middle: 10 * hour, pause: 2 * hour });
      const inhabited = (customers: readonly { partition: number }[]) => [...new Set(customers.map((one) => one.partition))].sort();
      expect({ seed, count: inhabited(world.customers).length }).toEqual({ seed, count: 3 });
      expect(inhabited(world.latecomers)).toEqual(inhabited(world.customers));
      for (let one = 0; one < partitions; one++) {
        const speaks = [
          world.speaks(one, 0, hour),
          world.speaks(one, 2 * hour, 2 * hour),
          world.speaks(one, hour, 4 * hour),
          world.speaks(one, 3 * hour, 4 * hour),
          world.speaks(one, 10 * hour, 10 * hour),
        ];
        expect(["11111", "11110", "10011", "00000"]).toContain(speaks.map(Number).join(""));
      }
    }
  });
});
