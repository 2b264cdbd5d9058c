import type { LedgerEntry } from "./ledger.ts";
import { type Counted, groupOf, type WindowCount, windowMs } from "./names.ts";

/** A committed record as another program than ours has read it. */
export interface Line {
  readonly partition: number;
  readonly offset: number;
  readonly timestamp: number;
  readonly key: string;
  readonly value: string;
}

export interface Evidence {
  readonly ledger: readonly LedgerEntry[];
  readonly orders: readonly Line[];
  readonly counts: readonly Line[];
  readonly totals: readonly Line[];
  readonly windows: readonly Line[];
  readonly late: readonly Line[];
}

/** What is wrong, each as a sentence. */
export interface Verdict {
  /** Orders in the input: what everything else is measured by. */
  readonly records: number;
  /** Orders that came too late for their window, as they may when an attempt of the feeder that was given up arrived after all. */
  readonly late: number;
  readonly windows: number;
  readonly lost: readonly string[];
  readonly duplicated: readonly string[];
  readonly outOfOrder: readonly string[];
}

/**
 * Compares what came out with what should have, by a model of its own that uses nothing of the library: every order once in each output, per key with the counts
 * 1, 2, 3 and so on, in the order of the input; and every window with as many orders as fell into it.
 */
export const verdict = (evidence: Evidence): Verdict => new Judge(evidence).judge();

class Judge {
  readonly #evidence: Evidence;
  readonly #orders = new Map<string, Line>();
  readonly #lost: string[] = [];
  readonly #duplicated: string[] = [];
  readonly #outOfOrder: string[] = [];

  constructor(evidence: Evidence) {
    this.#evidence = evidence;
  }

  judge(): Verdict {
    const { ledger, orders, counts, totals, windows, late } = this.#evidence;
    for (const order of orders) this.#orders.set(place(order.partition, order.offset), order);
    this.#checkInput(ledger, orders);
    this.#checkCounts("counts", counts, (account) => account);
    this.#checkCounts("totals", totals, groupOf);
    const excused = this.#checkLate(late);
    const expected = this.#checkWindows(windows, excused);
    return {
      records: orders.length,
      late: excused.size,
      windows: expected,
      lost: this.#lost,
      duplicated: this.#duplicated,
      outOfOrder: this.#outOfOrder,
    };
  }

  /** What was acknowledged has to be there, and what is there has to have been written. */
  #checkInput(ledger: readonly LedgerEntry[], orders: readonly Line[]): void {
    const acknowledged = new Set<string>();
    const doubtful = new Set<string>();
    for (const entry of ledger) {
      const name = `${entry.account} ${entry.value}`;
      if (entry.kind === "doubtful") {
        doubtful.add(name);
        continue;
      }
      const at = place(entry.partition, entry.offset);
      acknowledged.add(at);
      const found = this.#orders.get(at);
      if (found === undefined || `${found.key} ${found.value}` !== name)
        this.#lost.push(`orders ${at}: the brokers have acknowledged ${name} there, and hold ${found?.value ?? "nothing"}`);
    }
    for (const { partition, offset, key, value } of orders)
      if (!acknowledged.has(place(partition, offset)) && !doubtful.has(`${key} ${value}`))
        this.#duplicated.push(`orders ${place(partition, offset)}: nobody has written ${key} ${value}`);
  }

  #checkCounts(topic: string, lines: readonly Line[], keyOf: (account: string) => string): void {
    const seen = new Set<string>();
    const perKey = new Map<string, number>();
    const lastOffsets = new Map<string, number>();
    for (const { partition, offset, key, value } of inOrder(lines)) {
      const { account, from, n } = JSON.parse(value) as Counted;
      const where = `${topic} ${place(partition, offset)}`;
      const origin = place(...from);
      if (seen.has(origin)) this.#duplicated.push(`${where}: order ${origin} of ${account} comes once more, as number ${n} of ${key}`);
      seen.add(origin);
      if (this.#orders.get(origin)?.key !== account || key !== keyOf(account))
        this.#duplicated.push(`${where}: there is no order ${origin} of ${account} for ${key}`);
      const before = perKey.get(key) ?? 0;
      if (n > before + 1) this.#lost.push(`${where}: ${key} goes from ${before} to ${n}`);
      if (n <= before) this.#duplicated.push(`${where}: ${key} goes from ${before} back to ${n}`);
      perKey.set(key, Math.max(before, n));
      // All orders of an account are in one partition, so their offsets say which was first.
      const last = lastOffsets.get(account) ?? -1;
      if (from[1] < last) this.#outOfOrder.push(`${where}: order ${origin} of ${account} comes after the one at ${last}`);
      lastOffsets.set(account, Math.max(last, from[1]));
    }
    for (const [origin, { key }] of this.#orders) if (!seen.has(origin)) this.#lost.push(`${topic}: order ${origin} of ${key} is missing`);
  }

  /** An order is rightly late only when an earlier one of its own partition is so far ahead that the window was over. Gives those that are missing in windows. */
  #checkLate(late: readonly Line[]): ReadonlySet<string> {
    const largestBefore = new Map<string, number>();
    const largest = new Map<number, number>();
    for (const { partition, offset, timestamp } of inOrder(this.#evidence.orders)) {
      const before = largest.get(partition) ?? Number.NEGATIVE_INFINITY;
      largestBefore.set(place(partition, offset), before);
      largest.set(partition, Math.max(before, timestamp));
    }
    const excused = new Set<string>();
    for (const { partition, offset, value } of late) {
      const origin = place(...(JSON.parse(value) as Counted).from);
      const order = this.#orders.get(origin);
      const where = `late ${place(partition, offset)}`;
      if (excused.has(origin)) this.#duplicated.push(`${where}: order ${origin} comes once more`);
      else if (order === undefined) this.#duplicated.push(`${where}: there is no order ${origin}`);
      else if (largestBefore.get(origin)! < windowStart(order.timestamp) + windowMs)
        this.#lost.push(`${where}: order ${origin} was in time for its window, and is called late`);
      excused.add(origin);
    }
    return excused;
  }

  #checkWindows(lines: readonly Line[], excused: ReadonlySet<string>): number {
    const expected = new Map<string, number>();
    const last = this.#evidence.orders.reduce((latest, { timestamp }) => Math.max(latest, windowStart(timestamp)), 0);
    for (const [origin, { key, timestamp }] of this.#orders) {
      // The window of the orders that close all others stays open itself.
      const start = windowStart(timestamp);
      if (start === last || excused.has(origin)) continue;
      const id = `${groupOf(key)} from ${start}`;
      expected.set(id, (expected.get(id) ?? 0) + 1);
    }
    const found = new Set<string>();
    for (const { partition, offset, value } of lines) {
      const { group, start, n } = JSON.parse(value) as WindowCount;
      const id = `${group} from ${start}`;
      const where = `windows ${place(partition, offset)}`;
      const right = expected.get(id) ?? 0;
      if (found.has(id)) this.#duplicated.push(`${where}: the window of ${id} speaks once more`);
      if (n < right) this.#lost.push(`${where}: the window of ${id} has ${n} of ${right} orders`);
      if (n > right) this.#duplicated.push(`${where}: the window of ${id} has ${n} orders instead of ${right}`);
      found.add(id);
    }
    for (const [id, n] of expected) if (!found.has(id)) this.#lost.push(`windows: the window of ${id} with ${n} orders is missing`);
    return expected.size;
  }
}

const place = (partition: number, offset: number): string => `${partition}/${offset}`;
const windowStart = (timestamp: number): number => timestamp - (timestamp % windowMs);
const inOrder = (lines: readonly Line[]): readonly Line[] =>
  lines.toSorted((one, other) => one.partition - other.partition || one.offset - other.offset);
