import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { committedBatches } from "../../../core/log/committed_batches.ts";
import { MemoryCursor } from "../../../core/log/memory_cursor.ts";
import { type FetchedBatches, PartitionLog } from "../../../core/log/partition_log.ts";
import { RecordColumns } from "../../../core/log/record_columns.ts";
import { topicSettings } from "../../../core/log/topic_settings.ts";
import type { Isolation } from "../../../core/ports/log.ts";
import { VirtualClock } from "../../../core/time_source/mod.ts";

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const text = (raw: Uint8Array | null | undefined): string | null => (raw ? new TextDecoder().decode(raw) : null);

/** What a record of the model is: its offset, key and value, and whose transaction it belongs to. */
interface Row {
  readonly offset: number;
  readonly key: string;
  readonly value: string | null;
  readonly producer: number;
  readonly transaction: number;
}

/** The simplest log that could be right: a list of rows, a list of open transactions, a set of aborted ones. */
class Model {
  rows: Row[] = [];
  end = 0;
  start = 0;
  private transactions = 0;
  private readonly batches: { readonly from: number; readonly to: number }[] = [];
  private readonly open = new Map<number, { readonly id: number; readonly first: number }>();
  private readonly aborted = new Set<number>();

  append(producer: number, transactional: boolean, records: readonly (readonly [string, string | null])[]): void {
    let transaction = -1;
    if (transactional) {
      const known = this.open.get(producer) ?? { id: this.transactions++, first: this.end };
      this.open.set(producer, known);
      transaction = known.id;
    }
    this.batches.push({ from: this.end, to: this.end + records.length });
    for (const [key, value] of records) this.rows.push({ offset: this.end++, key, value, producer, transaction });
  }

  finish(producer: number, marker: "commit" | "abort"): void {
    const known = this.open.get(producer);
    if (known !== undefined && marker === "abort") this.aborted.add(known.id);
    this.open.delete(producer);
    this.end++;
  }

  get stable(): number {
    const first = Math.min(this.end, ...[...this.open.values()].map((one) => one.first));
    // A transaction that has lost its beginning stands where the batch begins in which the log does.
    return first >= this.start ? first : (this.batches.find(({ from, to }) => from <= this.start && this.start < to)?.from ?? this.start);
  }

  visible(isolation: Isolation, from: number): Row[] {
    const committed = isolation === "read-committed";
    return this.rows.filter(
      (row) => row.offset >= Math.max(from, this.start) && (!committed || (row.offset < this.stable && !this.aborted.has(row.transaction))),
    );
  }

  /** What must be left of the records below the last stable offset: the newest committed one of each key. */
  compact(): void {
    const newest = new Map<string, number>();
    for (const row of this.visible("read-committed", 0)) newest.set(row.key, row.offset);
    this.rows = this.rows.filter((row) => row.offset >= this.stable || (newest.get(row.key) === row.offset && row.offset >= this.start));
  }
}

const record = fc.tuple(
  fc.constantFrom("a", "b", "c", "\0\0\0\0", ""),
  fc.option(fc.constantFrom("1", "22", "x".repeat(300)), { nil: null }),
);
const step = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant("append" as const),
      producer: fc.nat(3),
      records: fc.array(record, { minLength: 1, maxLength: 5 }),
    }),
  },
  { weight: 3, arbitrary: fc.record({ kind: fc.constantFrom("commit" as const, "abort" as const), producer: fc.nat(2) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("delete" as const), part: fc.double({ min: 0, max: 1, noNaN: true }) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("compact" as const) }) },
);

/** Follows the positions from an offset on, checks that each fetch moves on, and gives what a reader sees. */
const read = (
  log: PartitionLog,
  isolation: Isolation,
  from: number,
  maxBytes: number,
): (readonly [number, string | null, string | null])[] => {
  const seen: (readonly [number, string | null, string | null])[] = [];
  for (let offset = from; offset < log.end(isolation); ) {
    const fetched: FetchedBatches = log.fetch(offset, isolation, maxBytes, true);
    const batches = committedBatches(fetched.batches, fetched.aborted);
    const firstFrom = batches[0] === fetched.batches[0] ? fetched.firstFrom : (batches[0]?.from ?? 0);
    const last = batches.at(-1);
    const lastTo = last === fetched.batches.at(-1) ? fetched.lastTo : (last?.to ?? 0);
    const cursor = new MemoryCursor({ batches, firstFrom, lastTo });
    while (cursor.next()) {
      expect(cursor.offset).toBeGreaterThanOrEqual(offset);
      expect(cursor.offset).toBeLessThan(fetched.nextOffset);
      expect(cursor.timestamp).toBe(cursor.offset);
      seen.push([cursor.offset, text(cursor.key()), text(cursor.value())]);
    }
    expect(fetched.nextOffset).toBeGreaterThan(offset);
    offset = fetched.nextOffset;
  }
  return seen;
};

const newLog = (
  config: Readonly<Record<string, string>>,
  clock = new VirtualClock({ startMs: 0 }),
  compactionBytes = Number.POSITIVE_INFINITY,
) => new PartitionLog("t", 0, topicSettings("t", config), { clock, compactionBytes });

const columnsOf = (records: readonly (readonly [string | null, string | null])[], timestamp: (i: number) => number): RecordColumns => {
  const columns = new RecordColumns(0, 0);
  for (const [i, [key, value]] of records.entries())
    columns.append(key === null ? null : bytes(key), value === null ? null : bytes(value), timestamp(i), []);
  return columns;
};

describe("partition log", () => {
  it("shows from every position what a simple model shows, whatever was appended, committed, aborted, deleted and compacted", () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 30 }), fc.constantFrom(1, 100, 500, 1_000_000), (steps, maxBytes) => {
        const log = newLog({ "cleanup.policy": "compact,delete", "delete.retention.ms": "9223372036854775807" });
        const model = new Model();
        const sequences = [0, 0, 0, 0];
        for (const one of steps) {
          if (one.kind === "append") {
            const { producer, records } = one;
            // The fourth producer is not transactional.
            const transactional = producer < 3;
            const columns = columnsOf(records, (i) => model.end + i);
            const sequence = sequences[producer] ?? 0;
            const base = log.append({
              columns,
              from: 0,
              to: columns.count,
              sequence,
              producerId: producer,
              producerEpoch: 0,
              transactional,
            });
            expect(base).toBe(model.end);
            sequences[producer] = sequence + records.length;
            model.append(producer, transactional, records);
          } else if (one.kind === "delete") {
            const offset = Math.floor(model.end * one.part);
            log.deleteUpTo(offset);
            model.start = Math.max(model.start, offset);
          } else if (one.kind === "compact") {
            log.compact();
            model.compact();
          } else {
            log.appendMarker(one.producer, 0, one.kind);
            model.finish(one.producer, one.kind);
          }
          expect([log.logStartOffset, log.highWatermark, log.lastStableOffset]).toEqual([model.start, model.end, model.stable]);
        }
        const compare = (): void => {
          for (const isolation of ["read-committed", "read-uncommitted"] as const)
            for (let from = model.start; from < model.end; from++)
              expect(read(log, isolation, from, maxBytes)).toEqual(
                model.visible(isolation, from).map((row) => [row.offset, row.key, row.value]),
              );
        };
        compare();
        // What open transactions held back comes to light when they end.
        for (const producer of [0, 1, 2]) {
          log.appendMarker(producer, 0, "commit");
          model.finish(producer, "commit");
        }
        compare();
      }),
      { numRuns: 150 },
    );
  });

  it("answers a repetition of one of the last five batches with its first offset, and refuses an older one", () => {
    const log = newLog({});
    const send = (sequence: number, epoch = 0) => {
      const columns = columnsOf([["k", "v"]], () => 0);
      return log.append({ columns, from: 0, to: 1, sequence, producerId: 9, producerEpoch: epoch, transactional: false });
    };
    for (let sequence = 0; sequence < 7; sequence++) expect(send(sequence)).toBe(sequence);
    expect([2, 3, 4, 5, 6].map((sequence) => send(sequence))).toEqual([2, 3, 4, 5, 6]);
    expect(log.highWatermark).toBe(7);
    expect(() => send(1)).toThrow(expect.objectContaining({ code: "OUT_OF_ORDER_SEQUENCE_NUMBER", disposition: "epoch" }));
    expect(() => send(8)).toThrow(expect.objectContaining({ code: "OUT_OF_ORDER_SEQUENCE_NUMBER" }));
    expect(() => send(7, 1)).toThrow(expect.objectContaining({ code: "OUT_OF_ORDER_SEQUENCE_NUMBER" }));
    expect(send(0, 1)).toBe(7);
    expect(() => send(7, 0)).toThrow(expect.objectContaining({ code: "INVALID_PRODUCER_EPOCH", disposition: "fenced" }));
  });

  it("goes on with sequence 0 after 2147483647", () => {
    const log = newLog({});
    const send = (sequence: number, count: number) =>
      log.append({
        columns: columnsOf(Array(count).fill(["k", "v"]), () => 0),
        from: 0,
        to: count,
        sequence,
        producerId: 1,
        producerEpoch: 0,
        transactional: false,
      });
    send(2 ** 31 - 3, 2);
    expect(send(2 ** 31 - 1, 3)).toBe(2);
    expect(send(2 ** 31 - 1, 3)).toBe(2);
    expect(send(2, 1)).toBe(5);
  });

  it("drops by age whole batches whose records are all too old, but nothing of an open transaction", async () => {
    const clock = new VirtualClock({ startMs: 1_000_000 });
    const log = newLog({ "retention.ms": "60000" }, clock);
    let sequence = 0;
    const send = (producerId: number, transactional: boolean) => {
      const columns = columnsOf([["k", "v"]], () => clock.now());
      log.append({ columns, from: 0, to: 1, sequence: producerId === 1 ? sequence++ : 0, producerId, producerEpoch: 0, transactional });
    };
    for (let i = 0; i < 3; i++) send(1, false);
    await clock.advance(30_000);
    send(2, true);
    await clock.advance(31_000);
    send(1, false);
    expect([log.logStartOffset, log.highWatermark]).toEqual([3, 5]);
    await clock.advance(600_000);
    log.expire(clock.now());
    expect(log.logStartOffset).toBe(3);
    log.appendMarker(2, 0, "commit");
    expect(log.logStartOffset).toBe(5);
  });

  it("holds no more than its retention allows, however much is written", () => {
    const log = newLog({ "retention.bytes": "100000" });
    for (let sequence = 0; sequence < 2_000; sequence++) {
      const columns = columnsOf([["k", "v".repeat(1_000)]], () => sequence);
      log.append({ columns, from: 0, to: 1, sequence, producerId: 1, producerEpoch: 0, transactional: false });
      expect(log.bytes).toBeLessThan(100_000 + 1_200);
    }
    expect(log.logStartOffset).toBeGreaterThan(1_890);
    expect(read(log, "read-uncommitted", log.logStartOffset, 1_000_000).length).toBe(2_000 - log.logStartOffset);
  });

  it("compacts itself when enough was appended, and stays as large as its keys", () => {
    const log = newLog({ "cleanup.policy": "compact" }, undefined, 20_000);
    for (let sequence = 0; sequence < 5_000; sequence++) {
      const columns = columnsOf([[`key ${sequence % 10}`, `${sequence}`.padEnd(100)]], () => 0);
      log.append({ columns, from: 0, to: 1, sequence, producerId: 1, producerEpoch: 0, transactional: false });
      expect(log.bytes).toBeLessThan(25_000);
    }
    const state = new Map<string | null, string | undefined>();
    for (let offset = 0; offset < 5_000; ) {
      const { batches, firstFrom, lastTo, nextOffset } = log.fetch(offset, "read-committed", 1_000_000, true);
      const cursor = new MemoryCursor({ batches, firstFrom, lastTo });
      while (cursor.next()) state.set(text(cursor.key()), text(cursor.value())?.trim());
      offset = nextOffset;
    }
    expect(state).toEqual(new Map(Array.from({ length: 10 }, (_, i) => [`key ${i}`, `${4_990 + i}`])));
  });

  it("keeps a tombstone for delete.retention.ms after it was first compacted", async () => {
    const clock = new VirtualClock({ startMs: 0 });
    const log = newLog({ "cleanup.policy": "compact", "delete.retention.ms": "1000" }, clock);
    const columns = columnsOf(
      [
        ["a", "1"],
        ["b", "2"],
        ["a", null],
      ],
      (i) => i,
    );
    log.append({ columns, from: 0, to: 3, sequence: 0, producerId: 1, producerEpoch: 0, transactional: false });
    const left = () => read(log, "read-committed", 0, 1_000_000).map(([offset, key, value]) => [offset, key, value]);
    log.compact();
    expect(left()).toEqual([
      [1, "b", "2"],
      [2, "a", null],
    ]);
    await clock.advance(999);
    log.compact();
    expect(left()).toEqual([
      [1, "b", "2"],
      [2, "a", null],
    ]);
    await clock.advance(1);
    log.compact();
    expect(left()).toEqual([[1, "b", "2"]]);
    expect(log.fetch(2, "read-committed", 1_000, true)).toMatchObject({ nextOffset: 3, batches: [], highWatermark: 3 });
  });

  it("lets each tombstone go at its own time", async () => {
    const clock = new VirtualClock({ startMs: 0 });
    const log = newLog({ "cleanup.policy": "compact", "delete.retention.ms": "1000" }, clock);
    const offsets = () => read(log, "read-committed", 0, 1_000_000).map(([offset]) => offset);
    for (const [i, key] of ["a", "b"].entries()) {
      const columns = columnsOf([[key, null]], () => i);
      log.append({ columns, from: 0, to: 1, sequence: i, producerId: 1, producerEpoch: 0, transactional: false });
      log.compact();
      await clock.advance(500);
    }
    expect(offsets()).toEqual([0, 1]);
    log.compact();
    expect(offsets()).toEqual([1]);
    await clock.advance(500);
    log.compact();
    expect(offsets()).toEqual([]);
  });

  it("keeps nothing of what lies before the log's start when it compacts", () => {
    const log = newLog({ "cleanup.policy": "compact,delete" });
    const columns = columnsOf(
      ["a", "b", "c"].map((key) => [key, "x".repeat(1_000)]),
      (i) => i,
    );
    log.append({ columns, from: 0, to: 3, sequence: 0, producerId: 1, producerEpoch: 0, transactional: false });
    log.deleteUpTo(2);
    log.compact();
    expect(log.bytes).toBeLessThan(1_200);
    expect(read(log, "read-committed", 2, 10_000).map(([, key]) => key)).toEqual(["c"]);
  });

  it("refuses a record that is too large, wherever it stands in its send", () => {
    const log = newLog({ "max.message.bytes": "1000" });
    for (const values of [
      ["small", "x".repeat(2_000)],
      ["x".repeat(2_000), "small"],
    ]) {
      const columns = columnsOf(
        values.map((value) => ["k", value]),
        () => 0,
      );
      expect(() => log.append({ columns, from: 0, to: 2, sequence: 0, producerId: 1, producerEpoch: 0, transactional: false })).toThrow(
        expect.objectContaining({ code: "MESSAGE_TOO_LARGE", disposition: "rejected", topic: "t", partition: 0 }),
      );
    }
    expect(log.highWatermark).toBe(0);
  });

  it("refuses timestamps too far behind, where the topic says so, but not a missing one", () => {
    const clock = new VirtualClock({ startMs: 1_000_000 });
    const log = newLog({ "message.timestamp.before.max.ms": "1000" }, clock);
    const send = (timestamp: number, sequence: number) =>
      log.append({
        columns: columnsOf([["k", "v"]], () => timestamp),
        from: 0,
        to: 1,
        sequence,
        producerId: 1,
        producerEpoch: 0,
        transactional: false,
      });
    expect(send(999_000, 0)).toBe(0);
    expect(send(-1, 1)).toBe(1);
    expect(() => send(998_999, 2)).toThrow(expect.objectContaining({ code: "INVALID_TIMESTAMP", disposition: "rejected" }));
  });

  it("lets the records go that deleting has passed", () => {
    const log = newLog({});
    for (let round = 0; round < 200; round++) {
      const columns = columnsOf(
        Array.from({ length: 40 }, () => ["k", "v".repeat(1_000)] as const),
        () => 0,
      );
      log.append({ columns, from: 0, to: 40, sequence: round * 40, producerId: 1, producerEpoch: 0, transactional: false });
      log.deleteUpTo(-1);
      expect(log.bytes).toBe(0);
    }
    expect(log.logStartOffset).toBe(8_000);
  });
});
