import { createRequire } from "node:module";
import { gzipSync } from "node:zlib";
import { describe, expect, it } from "@jest/globals";
import * as fc from "fast-check";
import { LogError } from "../../../core/ports/log.ts";
import { batchField } from "../../../node/kafka/batch_format.ts";
import { scanBatches } from "../../../node/kafka/batch_scan.ts";
import { compressor, decompressor } from "../../../node/kafka/compression.ts";
import { splitBatch } from "../../../node/kafka/split_batch.ts";
import { built, bytes, cursor, marker, type Plain, pool, readAll, stored, value, withChecksum } from "./support.ts";

const header = fc.tuple(fc.string({ unit: "grapheme", maxLength: 20 }), fc.option(fc.uint8Array({ maxLength: 40 })));
const timestamp = fc.oneof(
  fc.integer({ min: -1, max: 2 ** 31 }),
  fc.integer({ min: -1, max: 2 ** 46 }),
  fc.constantFrom(-1, 0, 2 ** 46, 1_700_000_000_000),
);
const record: fc.Arbitrary<Plain> = fc.record({
  key: fc.option(fc.uint8Array({ maxLength: 200 })),
  value: fc.option(fc.uint8Array({ maxLength: 300 })),
  timestamp,
  headers: fc.array(header, { maxLength: 4 }),
});
const records = fc.array(record, { minLength: 1, maxLength: 150 });

/** kafkajs' own codec, written by other people from the same specification. */
const require = createRequire(import.meta.url);
const KafkajsDecoder = require("kafkajs/src/protocol/decoder");
const kafkajsDecode = require("kafkajs/src/protocol/recordBatch/v0/decoder") as (
  decoder: unknown,
) => Promise<{ firstOffset: string; records: KafkajsRecord[] }>;
const kafkajs = require("kafkajs/src/protocol/recordBatch/v0") as { RecordBatch(options: object): Promise<{ buffer: Buffer }> };
const kafkajsRecord = require("kafkajs/src/protocol/recordBatch/record/v0") as (options: object) => unknown;

interface KafkajsRecord {
  readonly offset: string;
  readonly timestamp: string;
  readonly key: Buffer | null;
  readonly value: Buffer | null;
  readonly headers: Record<string, unknown>;
}

describe("a record batch", () => {
  it("gives back what was appended, for all keys, values, headers and leaps of time", () => {
    fc.assert(
      fc.property(records, fc.nat(2 ** 40), (plain, baseOffset) => {
        const read = readAll(cursor(stored(plain, { baseOffset })));
        expect(read).toEqual(plain.map((one, index) => ({ ...one, offset: baseOffset + index })));
      }),
    );
  });

  for (const codec of ["gzip", "snappy", "lz4", "zstd"] as const) {
    it(`gives back what was appended when it is compressed with ${codec}`, async () => {
      await fc.assert(
        fc.asyncProperty(records, async (plain) => {
          const builder = built(plain);
          const { codec: number, compress } = compressor(codec)!;
          await builder.compress(number, compress);
          const batch = Buffer.from(builder.stamp(5n, 1, 7, false));
          builder.release();
          expect(readAll(cursor(batch))).toEqual(plain.map((one, offset) => ({ ...one, offset })));
        }),
        { numRuns: 30 },
      );
    });
  }

  it("is read by kafkajs as it was written", async () => {
    await fc.assert(
      fc.asyncProperty(records, async (plain) => {
        const batch = stored(plain, { baseOffset: 12 });
        const decoded = await kafkajsDecode(new KafkajsDecoder(Buffer.concat([batch])));
        expect(decoded.records.map(({ offset, timestamp, key, value }) => [Number(offset), Number(timestamp), key, value])).toEqual(
          plain.map(({ timestamp, key, value }, index) => [12 + index, timestamp, key && Buffer.from(key), value && Buffer.from(value)]),
        );
      }),
      { numRuns: 50 },
    );
  });

  it("of kafkajs is read as it was written", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(record, { minLength: 1, maxLength: 40 }), async (plain) => {
        const base = plain[0]!.timestamp;
        const encoded = await kafkajs.RecordBatch({
          firstTimestamp: base,
          maxTimestamp: Math.max(...plain.map((one) => one.timestamp)),
          lastOffsetDelta: plain.length - 1,
          records: plain.map((one, offsetDelta) =>
            kafkajsRecord({
              offsetDelta,
              timestampDelta: one.timestamp - base,
              key: one.key && Buffer.from(one.key),
              value: one.value && Buffer.from(one.value),
              headers: {},
            }),
          ),
        });
        expect(readAll(cursor(Buffer.from(encoded.buffer)))).toEqual(plain.map((one, offset) => ({ ...one, offset, headers: [] })));
      }),
      { numRuns: 50 },
    );
  });

  it("is not accepted with any one byte of its checksummed part changed", () => {
    const batch = stored([value("one"), value("two")]);
    for (let at = batchField.crc; at < batch.length; at++) {
      const changed = Buffer.from(batch);
      changed[at] = changed[at]! ^ 0x10;
      expect(() => readAll(cursor(changed, { topic: "orders", partition: 3 }))).toThrow(
        expect.objectContaining({ code: "CORRUPT_MESSAGE", topic: "orders", partition: 3, offset: 0 }),
      );
    }
  });

  it("whose records do not hold together is refused although its checksum is right", () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 1, maxLength: 60 }), fc.integer({ min: 1, max: 20 }), (garbage, count) => {
        const batch = Buffer.concat([stored([value("x")]).subarray(0, batchField.records), garbage]);
        batch.writeInt32BE(batch.length - 12, batchField.length);
        batch.writeInt32BE(count, batchField.count);
        const reading = cursor(withChecksum(batch));
        try {
          while (reading.next())
            for (const [, content] of reading.headers()) expect(content === null || content.length <= garbage.length).toBe(true);
        } catch (thrown) {
          expect(thrown).toBeInstanceOf(LogError);
          expect((thrown as LogError).code).toBe("CORRUPT_MESSAGE");
        }
      }),
      { numRuns: 2_000 },
    );
  });

  it("keeps views of records apart from later ones", () => {
    const reading = cursor(stored([value("first"), value("second")]));
    reading.next();
    const first = reading.value()!;
    reading.next();
    expect([new TextDecoder().decode(first), new TextDecoder().decode(reading.value()!)]).toEqual(["first", "second"]);
    expect(Object.getPrototypeOf(first)).toBe(Uint8Array.prototype);
  });

  it("whose time the broker chose has one timestamp for all", () => {
    const batch = stored([
      { ...value("a"), timestamp: 5 },
      { ...value("b"), timestamp: 900 },
    ]);
    batch.writeInt16BE(8, batchField.attributes);
    expect(readAll(cursor(withChecksum(batch))).map((one) => one.timestamp)).toEqual([900, 900]);
  });

  it("begins at the offset that was asked for", () => {
    const log = Buffer.concat([stored([value("0"), value("1"), value("2")]), stored([value("3"), value("4")], { baseOffset: 3 })]);
    for (let from = 0; from <= 5; from++)
      expect(readAll(cursor(log, { from })).map((one) => one.offset)).toEqual([0, 1, 2, 3, 4].slice(from));
  });

  it("that was cut short at the end counts as not there", () => {
    const whole = stored([value("whole")]);
    const next = stored([value("next")], { baseOffset: 1 });
    for (let length = 0; length < next.length; length++) {
      const log = Buffer.concat([whole, next.subarray(0, length)]);
      expect(readAll(cursor(log)).map((one) => one.offset)).toEqual([0]);
      expect(scanBatches(log, 0)).toEqual({ nextOffset: 1, bytes: whole.length, fault: undefined });
    }
  });

  it("of an older message format is named as such", () => {
    const old = stored([value("x")]);
    old[batchField.magic] = 1;
    expect(scanBatches(old, 4)).toEqual({ nextOffset: 4, bytes: 0, fault: "message format 1 instead of 2" });
  });

  it("with a length of nothing does not hold the scan up", () => {
    const broken = stored([value("x")]);
    broken.writeInt32BE(-12, batchField.length);
    expect(scanBatches(broken, 0).fault).toBe("a batch length of -12");
  });

  it("that is too large is cut into two with the same records in the same order", () => {
    fc.assert(
      fc.property(fc.array(record, { minLength: 2, maxLength: 60 }), (plain) => {
        const [left, right] = splitBatch(stored(plain), plain.length, pool, decompressor(1 << 20));
        const halves = [left, right].flatMap((half) => readAll(cursor(Buffer.from(half.stamp(1n, 0, 0, false)))));
        expect(halves.map(({ offset: _, ...one }) => one)).toEqual(plain);
        expect(Math.abs(left.count - right.count)).toBeLessThanOrEqual(1);
      }),
    );
  });
});

describe("read-committed", () => {
  const zero = new Uint8Array(4);
  const a = (text: string, baseOffset: number): Buffer => stored([value(text, zero)], { baseOffset, producerId: 1n, transactional: true });
  const b = (text: string, baseOffset: number): Buffer => stored([value(text, zero)], { baseOffset, producerId: 2n, transactional: true });
  const seen = (log: Buffer, options: Parameters<typeof cursor>[1]): string[] =>
    readAll(cursor(log, options)).map((one) => new TextDecoder().decode(one.value!));

  // Overlapping transactions, listed in the order in which they ended; keys look like those of abort markers.
  const overlapping = Buffer.concat([
    ...[
      a("A0", 0),
      b("B0", 1),
      a("A1", 2),
      b("B1", 3),
      marker(4, 2n, "abort"),
      marker(5, 1n, "abort"),
      a("A2", 6),
      marker(7, 1n, "commit"),
    ],
    ...[b("B2", 8), a("A3", 9), marker(10, 2n, "commit"), marker(11, 1n, "abort")],
  ]);
  const aborted = [
    { producerId: 2n, firstOffset: 1 },
    { producerId: 1n, firstOffset: 0 },
    { producerId: 1n, firstOffset: 9 },
  ];

  it("hides just the aborted transactions of each producer", () => {
    expect(seen(overlapping, { aborted })).toEqual(["A2", "B2"]);
    expect(seen(overlapping, { aborted, isolation: "read-uncommitted" })).toEqual(["A0", "B0", "A1", "B1", "A2", "B2", "A3"]);
  });

  it("hides the same when the answer begins in the middle", () => {
    const batches: Buffer[] = [];
    for (let at = 0; at < overlapping.length; ) {
      const end = at + 12 + overlapping.readInt32BE(at + 8);
      batches.push(overlapping.subarray(at, end));
      at = end;
    }
    for (let from = 0; from < batches.length; from++) {
      // A broker lists the transactions that overlap with what it gives.
      const listed = aborted.filter(({ producerId }, index) => [4, 5, 11][index]! >= from && producerId > 0n);
      const visible = ["A2", "B2"].filter((text) => (text === "A2" ? 6 : 8) >= from);
      expect(seen(Buffer.concat(batches.slice(from)), { from, aborted: listed })).toEqual(visible);
    }
  });

  it("shows what is in no transaction between aborted ones", () => {
    const log = Buffer.concat([a("A0", 0), stored([value("plain")], { baseOffset: 1, producerId: 1n }), marker(2, 1n, "abort")]);
    expect(seen(log, { aborted: [{ producerId: 1n, firstOffset: 0 }] })).toEqual(["plain"]);
  });

  it("moves the position past control batches", () => {
    expect(scanBatches(overlapping, 0).nextOffset).toBe(12);
    expect(scanBatches(marker(41, 1n, "abort"), 41).nextOffset).toBe(42);
  });
});

describe("decompression", () => {
  it("stops at its limit instead of filling the memory", () => {
    const bomb = gzipSync(new Uint8Array(50 << 20));
    const batch = Buffer.concat([stored([value("x")]).subarray(0, batchField.records), bomb]);
    batch.writeInt32BE(batch.length - 12, batchField.length);
    batch.writeInt16BE(1, batchField.attributes);
    const reading = cursor(withChecksum(batch), { topic: "orders", partition: 2, from: 0 });
    expect(() => reading.next()).toThrow(
      expect.objectContaining({ code: "RECORD_LIST_TOO_LARGE", topic: "orders", partition: 2, offset: 0 }),
    );
  });

  it("of bytes that are not what they claim is a corrupt message", () => {
    for (const codec of [1, 2, 3, 4]) {
      const batch = Buffer.concat([
        stored([value("x")]).subarray(0, batchField.records),
        bytes("not compressed at all, whatever the header says"),
      ]);
      batch.writeInt32BE(batch.length - 12, batchField.length);
      batch.writeInt16BE(codec, batchField.attributes);
      expect(() => readAll(cursor(withChecksum(batch)))).toThrow(expect.objectContaining({ code: "CORRUPT_MESSAGE" }));
    }
  });

  it("by a codec that does not exist is refused by its number", () => {
    const batch = stored([value("x")]);
    batch.writeInt16BE(6, batchField.attributes);
    expect(() => readAll(cursor(withChecksum(batch)))).toThrow(/compression type 6/);
  });
});
