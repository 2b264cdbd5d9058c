import { ProduceError, reason } from "../errors.ts";
import type { Push } from "../operators/operator.ts";
import { partitionForKey } from "../partitioner.ts";
import type { RawHeaders } from "../ports/log.ts";
import type { RecordMeta } from "../record.ts";
import { ByteWriter } from "../serde/byte_writer.ts";
import { writesInPlace } from "../serde/in_place.ts";
import { className } from "../serde/shown.ts";
import type { OutputPlan } from "./plan.ts";
import { fittingBytes, noLimits, refusal, type TopicLimits } from "./topic_limits.ts";

/** Where encoded records go: into the worker's outbox, at once or when the record they belong to is through. Key and value are the caller's again afterwards. */
export interface Outlet {
  write(topic: string, partition: number, key: Uint8Array | null, value: Uint8Array | null, timestamp: number, headers: RawHeaders): void;
}

/** Where records are written that the outlet copies before the next one comes: no array is made for them. Nothing in between can lead here again, since steps write one after the other. */
const keyWriter = new ByteWriter();
const valueWriter = new ByteWriter();

/** So many records without a key go to one partition before the next one's turn: enough for the batches to be worth their header. */
const stickyRecords = 256;

/** The edge from a step to a topic: takes a record, encodes it, chooses the partition. */
export class TopicWriter {
  readonly plan: OutputPlan;
  readonly topic: string;
  readonly partitions: number;
  readonly #step: string;
  readonly #outlet: Outlet;
  readonly #now: () => number;
  readonly #nullKeyDropped: () => void;
  readonly #limits: TopicLimits;
  /** Key and value together: what is no larger fits for certain. */
  readonly #fittingBytes: number;
  /** Timestamps between these fit for certain. */
  #latest: number;
  readonly #earliest: number;
  readonly #keyInPlace: boolean;
  readonly #valueInPlace: boolean;
  #turn: number;

  constructor(options: {
    readonly plan: OutputPlan;
    readonly step: string;
    readonly topic: string;
    readonly partitions: number;
    /** @default whatever the log takes */
    readonly limits?: TopicLimits;
    readonly task: number;
    readonly outlet: Outlet;
    readonly now: () => number;
    readonly nullKeyDropped: () => void;
  }) {
    this.plan = options.plan;
    this.topic = options.topic;
    this.partitions = options.partitions;
    this.#step = options.step;
    this.#outlet = options.outlet;
    this.#now = options.now;
    this.#nullKeyDropped = options.nullKeyDropped;
    this.#turn = options.task * stickyRecords;
    this.#keyInPlace = writesInPlace(options.plan.key);
    this.#valueInPlace = writesInPlace(options.plan.value);
    this.#limits = options.limits ?? noLimits;
    this.#fittingBytes = fittingBytes(this.#limits);
    this.#latest = this.#now() + this.#limits.aheadMaxMs;
    this.#earliest = this.#limits.behindMaxMs === Number.POSITIVE_INFINITY ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY;
  }

  readonly push: Push = (value, record) => {
    const { plan } = this;
    const key = plan.rekey === undefined ? record.key : plan.rekey(value, record);
    if (key == null && plan.dropNullKeys) return this.#nullKeyDropped();
    const keyBytes = key == null ? null : this.#encode("key", key);
    const valueBytes = value === null && plan.nullDeletes ? null : this.#encode("value", value);
    // A result of an endless window has no moment of its own; it is sent with the present one.
    const timestamp = Number.isFinite(record.timestamp) ? record.timestamp : this.#now();
    this.#check(keyBytes, valueBytes, timestamp, record.rawHeaders);
    const chosen = this.#partition(value, record, keyBytes);
    if (typeof chosen === "number") return this.#outlet.write(this.topic, chosen, keyBytes, valueBytes, timestamp, record.rawHeaders);
    for (const partition of chosen) this.#outlet.write(this.topic, partition, keyBytes, valueBytes, timestamp, record.rawHeaders);
  };

  get allPartitions(): readonly number[] {
    return Array.from({ length: this.partitions }, (_, partition) => partition);
  }

  /** Refuses what the log would: there the whole commit would fail, here the record's policy decides. */
  #check(key: Uint8Array | null, value: Uint8Array | null, timestamp: number, headers: RawHeaders): void {
    let bytes = (key === null ? 0 : key.length) + (value === null ? 0 : value.length);
    // An upper bound: a letter of a name has at most three bytes, and lengths at most five.
    if (headers.length > 0) for (const [name, content] of headers) bytes += 3 * name.length + 10 + (content === null ? 0 : content.length);
    if (bytes <= this.#fittingBytes && timestamp <= this.#latest && timestamp >= this.#earliest && (key !== null || !this.#limits.needsKey))
      return;
    const nowMs = this.#now();
    this.#latest = nowMs + this.#limits.aheadMaxMs;
    const why = refusal(this.#limits, this.topic, { key, value, timestamp, headers }, nowMs);
    if (why !== undefined) throw new ProduceError("RECORD_REFUSED", why, { step: this.#step, topic: this.topic });
  }

  #partition(value: unknown, record: RecordMeta, keyBytes: Uint8Array | null): number | readonly number[] {
    const { partition } = this.plan;
    if (partition === "single" || this.partitions === 1) return 0;
    if (partition === "broadcast") return this.allPartitions;
    if (partition === "round-robin") return this.#turn++ % this.partitions;
    if (partition === "key")
      return keyBytes === null ? Math.floor(this.#turn++ / stickyRecords) % this.partitions : partitionForKey(keyBytes, this.partitions);
    const chosen = partition(value, record, this.partitions);
    if (chosen === "all") return this.allPartitions;
    for (const one of typeof chosen === "number" ? [chosen] : chosen)
      if (!Number.isInteger(one) || one < 0 || one >= this.partitions)
        throw new ProduceError(
          "RECORD_REFUSED",
          `The partition function of step '${this.#step}' gave ${one}: topic '${this.topic}' has partitions 0 to ${this.partitions - 1}`,
          { step: this.#step, topic: this.topic },
        );
    return chosen;
  }

  #encode(where: "key" | "value", what: unknown): Uint8Array {
    const serde = where === "key" ? this.plan.key : this.plan.value;
    let bytes: unknown;
    try {
      if (where === "key" ? this.#keyInPlace : this.#valueInPlace) {
        const to = where === "key" ? keyWriter : valueWriter;
        to.begin();
        serde.write!(to, what);
        return to.lend();
      }
      bytes = serde.serialize(what, this.topic);
    } catch (thrown) {
      const promise = typeof (what as { readonly then?: unknown } | null | undefined)?.then === "function";
      const why = promise
        ? "it is a promise, and steps are synchronous: wait for it in a sink, or before the record comes in"
        : reason(thrown);
      throw new ProduceError("ENCODE_FAILED", `Cannot write the ${where} for topic '${this.topic}': ${why}`, {
        step: this.#step,
        topic: this.topic,
        cause: thrown,
      });
    }
    if (bytes instanceof Uint8Array) return bytes;
    throw new ProduceError(
      "ENCODE_FAILED",
      `The serde of topic '${this.topic}' gave ${typeof bytes === "object" && bytes !== null ? className(bytes) : String(bytes === null ? null : typeof bytes)} for the ${where}: serialize has to return a Uint8Array`,
      { step: this.#step, topic: this.topic },
    );
  }
}
