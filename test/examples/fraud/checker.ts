// Recomputes the alerts of the fraud example from its input lines, without the library and without sharing any code with the example: everything is sorted,
// nothing is streamed, there is no watermark.
//
// It assumes what makes the answer independent of timing:
// - Every account version is there before the watermark passes its `since`, and every transaction before the watermark passes its `timestamp`. A transaction
//   that is late (behind the watermark: more than 10 s older than the newest one before it in its partition) may be in the lines all the same, provided that it
//   shares its card with no transaction that is part of an alert, and that its amount is between 10 and 1000: then it makes no difference whether it is counted.
// - A card belongs to one account.
// The order of the lines matters in one place only: of several versions of an account with equal `since` the later line is the valid one.
import { createReadStream, realpathSync } from "node:fs";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import type { Alert } from "../../../examples/fraud-detection/alert.ts";
import type { Account, Line, Transaction } from "../../../examples/fraud-detection/model.ts";

const minute = 60_000;

interface Paid extends Transaction {
  readonly tier: string | null;
  readonly country: string | null;
}

type Found = Omit<Alert, "id" | "windowEnd" | "occurrences">;

/** The alerts that the example must give for these lines, ordered by id. */
export const expectedAlerts = (lines: Iterable<Line>): Alert[] => {
  const versions = new Map<string, Account[]>();
  const transactions: Transaction[] = [];
  for (const line of lines) {
    if ("account" in line) gather(versions, line.account.accountId, line.account);
    else transactions.push(line.transaction);
  }
  // Sorting is stable, so versions with equal `since` stay in their order of arrival.
  for (const ofAccount of versions.values()) ofAccount.sort((a, b) => a.since - b.since);

  const byAccount = new Map<string, Paid[]>();
  const byCard = new Map<string, Paid[]>();
  for (const transaction of transactions) {
    const account = versionAt(versions.get(transaction.accountId) ?? [], transaction.timestamp);
    const paid = {
      ...transaction,
      tier: account === undefined ? null : account.tier,
      country: account === undefined ? null : account.country,
    };
    gather(byAccount, paid.accountId, paid);
    gather(byCard, paid.cardId, paid);
  }

  const found: Found[] = [];
  for (const payments of byAccount.values()) velocity(payments.sort(inOrder), found);
  for (const payments of byCard.values()) cardTests(payments.sort(inOrder), found);
  return firstPerWindow(found);
};

/** The newest version that is not later than the given time. */
const versionAt = (versions: readonly Account[], time: number): Account | undefined => {
  let low = 0;
  let high = versions.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (versions[middle].since <= time) low = middle + 1;
    else high = middle;
  }
  return versions[low - 1];
};

/** Windows of 30 minutes, one every 5, with at least three payments over 1000. */
const velocity = (payments: readonly Paid[], found: Found[]): void => {
  const windows = new Map<number, Paid[]>();
  for (const paid of payments) {
    if (!(paid.amount > 1000)) continue;
    const newestStart = Math.floor(paid.timestamp / (5 * minute)) * 5 * minute;
    for (let start = newestStart; start + 30 * minute > paid.timestamp; start -= 5 * minute) gather(windows, start + 30 * minute, paid);
  }
  for (const [end, counted] of windows) {
    if (counted.length < 3) continue;
    const last = counted[counted.length - 1];
    let totalCents = 0;
    for (const { amount } of counted) totalCents += Math.round(amount * 100);
    found.push({
      alertId: `velocity:${last.accountId}`,
      kind: "velocity",
      timestamp: end - 1,
      accountId: last.accountId,
      tier: last.tier,
      country: last.country,
      transactionIds: counted.map(({ transactionId }) => transactionId),
      totalCents,
    });
  }
};

/** Pairs of neighbours, the first under 10, the second over 1000 and less than five minutes later. No payment can be in two of them. */
const cardTests = (payments: readonly Paid[], found: Found[]): void => {
  for (let i = 1; i < payments.length; i++) {
    const small = payments[i - 1];
    const large = payments[i];
    if (!(small.amount < 10 && large.amount > 1000 && large.timestamp - small.timestamp < 5 * minute)) continue;
    found.push({
      alertId: `card-test:${large.cardId}`,
      kind: "card-test",
      timestamp: large.timestamp,
      accountId: large.accountId,
      cardId: large.cardId,
      tier: large.tier,
      country: large.country,
      transactionIds: [small.transactionId, large.transactionId],
    });
  }
};

/** The first of each alertId and five minutes, with the number of all. */
const firstPerWindow = (found: readonly Found[]): Alert[] => {
  const windows = new Map<string, Found[]>();
  for (const one of found) gather(windows, `${one.alertId}@${endOfWindow(one.timestamp)}`, one);
  const alerts: Alert[] = [];
  for (const [id, inWindow] of windows) {
    const [first] = inWindow.sort((a, b) => a.timestamp - b.timestamp || compare(a.transactionIds.at(-1)!, b.transactionIds.at(-1)!));
    alerts.push({
      id,
      alertId: first.alertId,
      kind: first.kind,
      windowEnd: endOfWindow(first.timestamp),
      timestamp: first.timestamp,
      occurrences: inWindow.length,
      accountId: first.accountId,
      ...(first.kind === "card-test" ? { cardId: first.cardId! } : {}),
      tier: first.tier,
      country: first.country,
      transactionIds: first.transactionIds,
      ...(first.kind === "velocity" ? { totalCents: first.totalCents! } : {}),
    });
  }
  return alerts.sort((a, b) => compare(a.id, b.id));
};

const endOfWindow = (timestamp: number): number => (Math.floor(timestamp / (5 * minute)) + 1) * 5 * minute;

const inOrder = (a: Transaction, b: Transaction): number => a.timestamp - b.timestamp || compare(a.transactionId, b.transactionId);

/** By UTF-16 code units. */
const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

const gather = <K, V>(into: Map<K, V[]>, key: K, value: V): void => {
  const values = into.get(key);
  if (values === undefined) into.set(key, [value]);
  else values.push(value);
};

/** `node test/examples/fraud/checker.ts FILE` prints the alerts as JSON lines, sorted. */
const main = async (file: string | undefined): Promise<void> => {
  if (file === undefined) throw new Error("Cannot check without lines: give a file of JSON lines as argument, or /dev/stdin");
  const lines: Line[] = [];
  for await (const text of createInterface({ input: createReadStream(file), crlfDelay: Number.POSITIVE_INFINITY })) {
    if (text.trim() !== "") lines.push(JSON.parse(text));
  }
  const printed = expectedAlerts(lines).map((alert) => JSON.stringify(alert));
  process.stdout.write(
    printed
      .sort(compare)
      .map((text) => `${text}\n`)
      .join(""),
  );
};

const started = process.argv[1];
if (started !== undefined && realpathSync(started) === fileURLToPath(import.meta.url)) await main(process.argv[2]);
