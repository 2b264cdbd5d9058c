import { describe, expect, it } from "@jest/globals";
import { accountName, accounts, type Counted, groupOf, partitionOf, partitions, windowMs } from "./names.ts";
import { type Evidence, type Line, verdict } from "./verdict.ts";

/** What a run without faults gives: an order each 100 ms, from all accounts in turn, and at the end one per partition that closes all windows. */
const clean = (orders = 600): Evidence => {
  const offsets = new Map<number, number>();
  const next = (partition: number): number => {
    const offset = offsets.get(partition) ?? 0;
    offsets.set(partition, offset + 1);
    return offset;
  };
  const input: Line[] = Array.from({ length: orders + partitions }, (_, i) => {
    const account = accountName(i < orders ? i % accounts : i - orders);
    const partition = partitionOf(account);
    return { partition, offset: next(partition), timestamp: i < orders ? i * 100 : orders * 200, key: account, value: String(i) };
  });
  const counted = (keyOf: (account: string) => string): Line[] => {
    const seen = new Map<string, number>();
    return input.map(({ partition, offset, timestamp, key }, i) => {
      const n = (seen.get(keyOf(key)) ?? 0) + 1;
      seen.set(keyOf(key), n);
      const value: Counted = { account: key, from: [partition, offset], n };
      return { partition: 0, offset: i, timestamp, key: keyOf(key), value: JSON.stringify(value) };
    });
  };
  const perWindow = new Map<string, { group: string; start: number; n: number }>();
  for (const { key, timestamp } of input.slice(0, orders)) {
    const [group, start] = [groupOf(key), timestamp - (timestamp % windowMs)];
    const window = perWindow.get(`${group} ${start}`) ?? { group, start, n: 0 };
    perWindow.set(`${group} ${start}`, { ...window, n: window.n + 1 });
  }
  return {
    ledger: input.map(({ partition, offset, key, value }) => ({
      kind: "acknowledged",
      account: key,
      value: Number(value),
      partition,
      offset,
    })),
    orders: input,
    counts: counted((account) => account),
    totals: counted(groupOf),
    windows: [...perWindow.values()].map((window, offset) => ({
      partition: 0,
      offset,
      timestamp: window.start,
      key: window.group,
      value: JSON.stringify(window),
    })),
    late: [],
  };
};

const without = (lines: readonly Line[], index: number): readonly Line[] => lines.filter((_, i) => i !== index);
const renumbered = (lines: readonly Line[]): readonly Line[] => lines.map((line, offset) => ({ ...line, offset }));
const sizes = (evidence: Evidence) => {
  const { lost, duplicated, outOfOrder } = verdict(evidence);
  return { lost: lost.length, duplicated: duplicated.length, outOfOrder: outOfOrder.length };
};
const right = { lost: 0, duplicated: 0, outOfOrder: 0 };

describe("the verdict on a run", () => {
  const evidence = clean();

  it("finds nothing wrong with a clean run, and says how much it has looked at", () => {
    expect(verdict(evidence)).toEqual({ records: 606, late: 0, windows: 84, lost: [], duplicated: [], outOfOrder: [] });
  });

  it("misses an order that was acknowledged and is not in the input", () => {
    const ledger = [
      ...evidence.ledger,
      { kind: "acknowledged", account: accountName(1), value: 999_999, partition: 1, offset: 700 } as const,
    ];
    expect(verdict({ ...evidence, ledger }).lost).toEqual([expect.stringContaining("orders 1/700")]);
  });

  it("takes an order of which the feeder does not know whether it arrived either way, and none of which it knows nothing", () => {
    const [, ...known] = evidence.ledger;
    const doubtful = { kind: "doubtful", account: accountName(0), value: 0 } as const;
    expect(sizes({ ...evidence, ledger: [doubtful, ...known] })).toEqual(right);
    expect(sizes({ ...evidence, ledger: [...evidence.ledger, { ...doubtful, value: 888_888 }] })).toEqual(right);
    expect(sizes({ ...evidence, ledger: known })).toEqual({ ...right, duplicated: 1 });
  });

  it("sees a lost output, also by the gap that it leaves in the counts of its key", () => {
    expect(sizes({ ...evidence, counts: without(evidence.counts, 7) })).toEqual({ ...right, lost: 2 });
    expect(sizes({ ...evidence, totals: without(evidence.totals, 7) })).toEqual({ ...right, lost: 2 });
  });

  it("sees an output that comes once more, also by the count that is not new", () => {
    const counts = renumbered([...evidence.counts.slice(0, 9), evidence.counts[8]!, ...evidence.counts.slice(9)]);
    expect(sizes({ ...evidence, counts })).toEqual({ ...right, duplicated: 2 });
  });

  it("sees state that was lost, though every order has its output", () => {
    const counts = evidence.counts.map((line, i) => {
      const value = JSON.parse(line.value) as Counted;
      return i === 300 ? { ...line, value: JSON.stringify({ ...value, n: 1 }) } : line;
    });
    const found = sizes({ ...evidence, counts });
    expect(found.lost + found.duplicated).toBeGreaterThan(0);
  });

  it("sees orders of one account that have changed places", () => {
    const counts = evidence.counts.map((line) => ({ ...line, value: JSON.parse(line.value) as Counted }));
    const [first, second] = [counts[5]!, counts[5 + accounts]!];
    const [one, other] = [first.value.from, second.value.from];
    first.value = { ...first.value, from: other };
    second.value = { ...second.value, from: one };
    const swapped = counts.map((line) => ({ ...line, value: JSON.stringify(line.value) }));
    expect(sizes({ ...evidence, counts: swapped })).toEqual({ ...right, outOfOrder: 1 });
  });

  it("sees a window that is missing, speaks twice, or counts wrongly", () => {
    expect(sizes({ ...evidence, windows: without(evidence.windows, 3) })).toEqual({ ...right, lost: 1 });
    expect(sizes({ ...evidence, windows: renumbered([...evidence.windows, evidence.windows[3]!]) })).toEqual({ ...right, duplicated: 1 });
    const more = evidence.windows.map((line, i) => (i === 3 ? { ...line, value: line.value.replace(/"n":\d+/, '"n":1') } : line));
    expect(sizes({ ...evidence, windows: more }).lost).toBe(1);
  });

  it("excuses a late order only when its partition was that far", () => {
    const order = evidence.orders[100]!;
    const late: Line = {
      ...order,
      key: groupOf(order.key),
      value: JSON.stringify({ account: order.key, from: [order.partition, order.offset], n: 1 }),
    };
    expect(verdict({ ...evidence, late: [late] }).lost).toEqual([expect.stringContaining("was in time for its window")]);
  });
});
