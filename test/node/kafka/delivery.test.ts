import { describe, expect, it } from "@jest/globals";
import * as fc from "fast-check";
import type { Clock } from "../../../core/ports/clock.ts";
import { LogError } from "../../../core/ports/log.ts";
import type { BatchBuilder } from "../../../node/kafka/batch_builder.ts";
import { BatchLimits } from "../../../node/kafka/batch_limits.ts";
import type { BrokerConnection } from "../../../node/kafka/broker_connection.ts";
import { decompressor } from "../../../node/kafka/compression.ts";
import { Delivery } from "../../../node/kafka/delivery.ts";
import { brokerError } from "../../../node/kafka/error_codes.ts";
import { KafkaOutbox } from "../../../node/kafka/kafka_outbox.ts";
import type { WireRequest } from "../../../node/kafka/request.ts";
import type { ProduceResult } from "../../../node/kafka/requests/produce.ts";
import { splitBatch } from "../../../node/kafka/split_batch.ts";
import { WireReader } from "../../../node/kafka/wire_reader.ts";
import { bytes, cursor, pool, readAll } from "./support.ts";

/** Time that passes at once, in the order in which it was waited for. */
const hastyClock = (): Clock => {
  let now = 0;
  return {
    now: () => now,
    monotonic: () => now,
    after: (delayMs, callback) => {
      let cancelled = false;
      setImmediate(() => {
        now += delayMs;
        if (!cancelled) callback();
      });
      return {
        cancel: () => {
          cancelled = true;
        },
      };
    },
    yield: () => new Promise((resolve) => setImmediate(resolve)),
  };
};

type Mishap = "lost request" | "lost answer" | "not leader" | "not enough replicas" | undefined;

/** Brokers that keep what they are sent as real ones do: in order by sequence, and a batch that they had last not a second time. */
class Brokers {
  readonly clock = hastyClock();
  readonly log = new Map<number, { readonly values: string[]; next: number; last: { sequence: number; base: number } | undefined }>();
  readonly leaders: number[];
  readonly #mishaps: Mishap[];
  readonly #underWay = new Set<number>();
  readonly sequences = new Map<number, number>();
  mostUnderWay = 0;
  hungUp = 0;
  batchBytesMax = Number.POSITIVE_INFINITY;

  constructor(partitions: number, mishaps: Mishap[] = []) {
    this.leaders = Array.from({ length: partitions }, (_, partition) => partition % 2);
    this.#mishaps = mishaps;
    for (let partition = 0; partition < partitions; partition++) this.log.set(partition, { values: [], next: 0, last: undefined });
  }

  values(partition: number): string[] {
    return this.log.get(partition)!.values;
  }

  deliver(outbox: KafkaOutbox, retryForMs = 10_000): Promise<Map<string, number>> {
    const limits = new BatchLimits(1 << 20);
    return new Delivery(
      {
        clock: this.clock,
        transactionalId: null,
        produceVersion: 8,
        brokerTimeoutMs: 1_000,
        retryForMs,
        leader: (_topic, partition) => this.leaders[partition],
        leaderOf: async (_topic, partition) => this.leaders[partition]!,
        forgetLeader: () => {},
        connect: async (nodeId) =>
          ({ send: (request: WireRequest<unknown>) => this.#answer(nodeId, request) }) as unknown as BrokerConnection,
        refusal: brokerError,
        hangUp: () => {
          this.hungUp++;
        },
        stamp: (_topic: string, partition: number, batch: BatchBuilder) => batch.stamp(1n, 0, this.sequences.get(partition) ?? 0, false),
        written: (_topic, partition, count) => this.sequences.set(partition, (this.sequences.get(partition) ?? 0) + count),
        split: async (topic, batch, whole) => {
          limits.refused(topic, whole.length);
          return splitBatch(whole, batch.count, pool, decompressor(1 << 20));
        },
      },
      outbox.partitions,
    ).run();
  }

  async #answer(nodeId: number, request: WireRequest<unknown>): Promise<unknown> {
    const parts = readProduce(Buffer.concat(request.body));
    for (const { partition } of parts) {
      expect(this.#underWay.has(partition)).toBe(false);
      this.#underWay.add(partition);
    }
    this.mostUnderWay = Math.max(this.mostUnderWay, this.#underWay.size);
    await this.clock.yield();
    const mishap = this.#mishaps.shift();
    const end = (): void => parts.forEach(({ partition }) => void this.#underWay.delete(partition));
    if (mishap === "lost request") {
      end();
      throw new LogError("CONNECTION_CLOSED", "indefinite", "The connection ended");
    }
    const results: ProduceResult[] = parts.map(({ partition, batch }) => {
      const result = { topic: "t", partition, baseOffset: -1, detail: null };
      if (mishap === "not leader") this.leaders[partition] = 1 - nodeId;
      if (mishap === "not leader") return { ...result, error: 6 };
      if (mishap === "not enough replicas") return { ...result, error: 19 };
      if (batch.length > this.batchBytesMax) return { ...result, error: 10 };
      return { ...result, ...this.#append(partition, batch) };
    });
    end();
    if (mishap === "lost answer") throw new LogError("CONNECTION_CLOSED", "indefinite", "The connection ended");
    return results;
  }

  #append(partition: number, batch: Buffer): { readonly error: number; readonly baseOffset: number } {
    const log = this.log.get(partition)!;
    const sequence = batch.readInt32BE(53);
    if (log.last !== undefined && sequence === log.last.sequence) return { error: 0, baseOffset: log.last.base };
    if (sequence !== log.next) return { error: 45, baseOffset: -1 };
    const base = log.values.length;
    for (const { value } of readAll(cursor(batch))) log.values.push(new TextDecoder().decode(value!));
    log.last = { sequence, base };
    log.next = log.values.length;
    return { error: 0, baseOffset: base };
  }
}

const readProduce = (body: Buffer): { readonly partition: number; readonly batch: Buffer }[] => {
  const reader = new WireReader(body);
  reader.nullableString();
  reader.int16();
  reader.int32();
  return reader
    .array(() => {
      reader.string();
      return reader.array(() => ({ partition: reader.int32(), batch: reader.byteArray()! }));
    })
    .flat();
};

const outboxOf = (values: readonly (readonly [partition: number, value: string])[], batchBytes = 1 << 20): KafkaOutbox => {
  const outbox = new KafkaOutbox(pool, new BatchLimits(batchBytes));
  for (const [partition, value] of values) outbox.append("t", partition, null, bytes(value), 0, []);
  return outbox;
};

const numbered = (count: number, partitions: number): [number, string][] =>
  Array.from({ length: count }, (_, i) => [i % partitions, `value ${i}`]);
const of = (values: readonly (readonly [number, string])[], partition: number): string[] =>
  values.filter(([own]) => own === partition).map(([, value]) => value);

const mishap = fc.constantFrom<Mishap>("lost request", "lost answer", "not leader", "not enough replicas", undefined, undefined);

describe("a delivery", () => {
  it("brings every record once and in order, whatever is lost on the way, with one batch per partition under way", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 120 }),
        fc.integer({ min: 1, max: 5 }),
        fc.integer({ min: 80, max: 2_000 }),
        fc.array(mishap, { maxLength: 25 }),
        async (count, partitions, batchBytes, mishaps) => {
          const values = numbered(count, partitions);
          const brokers = new Brokers(partitions, [...mishaps]);
          const bases = await brokers.deliver(outboxOf(values, batchBytes));
          for (let partition = 0; partition < partitions; partition++) {
            expect(brokers.values(partition)).toEqual(of(values, partition));
            if (of(values, partition).length > 0) expect(bases.get(`t/${partition}`)).toBe(0);
          }
        },
      ),
    );
  });

  it("has several partitions under way at once", async () => {
    const brokers = new Brokers(4);
    await brokers.deliver(outboxOf(numbered(400, 4), 500));
    expect(brokers.mostUnderWay).toBe(4);
  });

  it("gives the first offset of each partition, also of the second delivery", async () => {
    const brokers = new Brokers(2);
    await brokers.deliver(outboxOf(numbered(10, 2)));
    expect([...(await brokers.deliver(outboxOf(numbered(4, 2))))].sort()).toEqual([
      ["t/0", 5],
      ["t/1", 5],
    ]);
  });

  it("cuts batches that a broker finds too large until they fit", async () => {
    const values = numbered(300, 1);
    const brokers = new Brokers(1);
    brokers.batchBytesMax = 700;
    await brokers.deliver(outboxOf(values, 5_000));
    expect(brokers.values(0)).toEqual(of(values, 0));
  });

  it("refuses a record that is too large by itself, and says how large", async () => {
    const brokers = new Brokers(1);
    brokers.batchBytesMax = 700;
    await expect(brokers.deliver(outboxOf([[0, "x".repeat(800)]]))).rejects.toMatchObject({
      code: "MESSAGE_TOO_LARGE",
      disposition: "rejected",
      topic: "t",
      partition: 0,
      message: expect.stringMatching(/^Cannot write a record of 8\d\d bytes to t\/0: it is larger than the topic's 'max.message.bytes'/),
    });
    expect(brokers.hungUp).toBe(1);
  });

  it("leaves the outcome open when it has tried for long enough", async () => {
    const brokers = new Brokers(1, Array<Mishap>(10_000).fill("not enough replicas"));
    await expect(brokers.deliver(outboxOf(numbered(3, 1)), 2_000)).rejects.toMatchObject({
      code: "NOT_ENOUGH_REPLICAS",
      disposition: "indefinite",
    });
  });
});

describe("an outbox", () => {
  it("counts what was appended and forgets it when cleared", () => {
    const outbox = outboxOf(numbered(100, 3), 300);
    expect(outbox.records).toBe(100);
    expect(outbox.bytes).toBe(outbox.partitions.flatMap(({ batches }) => batches).reduce((sum, batch) => sum + batch.bytes, 0));
    for (const { batches } of outbox.partitions) for (const batch of batches) expect(batch.bytes).toBeLessThanOrEqual(300);
    outbox.clear();
    expect([outbox.records, outbox.bytes, outbox.partitions.length]).toEqual([0, 0, 0]);
  });

  it("refuses timestamps and partitions that are none", () => {
    const outbox = outboxOf([]);
    expect(() => outbox.append("t", 0, null, null, Number.NaN, [])).toThrow(
      "Cannot write a record with timestamp NaN: whole milliseconds are needed",
    );
    expect(() => outbox.append("t", -1, null, null, 0, [])).toThrow("Cannot write to partition -1 of 't': partitions count from 0");
    expect(() => outbox.append("t", 0.5, null, null, 0, [])).toThrow("Cannot write to partition 0.5 of 't': partitions count from 0");
  });
});
