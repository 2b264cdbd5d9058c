import * as E from "fp-ts/lib/Either.js";
import { TopologyError } from "../../core/errors.ts";
import { type Headers, RecordMeta } from "../../core/record.ts";
import type { Serde } from "../../core/serde/serde.ts";
import type { Topic } from "../topic.ts";
import type { SynchronousRun } from "./synchronous_run.ts";

/** A record that the topology has written. */
export interface OutputRecord<K, V> {
  readonly key: K;
  readonly value: V;
  readonly timestamp: number;
  readonly headers: Headers;
}

/** A topic that a test reads: each call gives what nobody has read of it so far. */
export interface TestOutput<K, V> {
  isEmpty(): boolean;
  /** The next record. Throws when there is none. */
  readRecord(): OutputRecord<K | null, V | null>;
  readRecords(): readonly OutputRecord<K | null, V | null>[];
  readValues(): readonly (V | null)[];
  /** The last value of each key; deleted ones are not there. */
  readMap(): ReadonlyMap<K, V>;
}

export const openTestOutput = <K, V>(run: SynchronousRun, topic: Topic<K, V>): TestOutput<K, V> => {
  let at = 0;
  const all = () => run.written.get(topic.name) ?? [];
  const decode = <T>(serde: Serde<T>, bytes: Uint8Array | null): T | null => {
    if (bytes === null) return null;
    const decoded = serde.deserialize(bytes, topic.name);
    if (E.isLeft(decoded)) throw decoded.left;
    return decoded.right;
  };
  const readRecord = (): OutputRecord<K | null, V | null> => {
    const record = all()[at];
    if (record === undefined)
      throw new TopologyError("TOPIC_MISSING", `Topic '${topic.name}' has no more records: ${at} were written and are read`, {
        topic: topic.name,
      });
    at++;
    const { key, value, timestamp, headers } = record;
    const meta = new RecordMeta(null, timestamp, headers, topic.name, 0, at - 1);
    return { key: decode(topic.key, key), value: decode(topic.value, value), timestamp, headers: meta.headers };
  };
  const readRecords = (): readonly OutputRecord<K | null, V | null>[] => {
    const records: OutputRecord<K | null, V | null>[] = [];
    while (at < all().length) records.push(readRecord());
    return records;
  };
  return {
    isEmpty: () => at >= all().length,
    readRecord,
    readRecords,
    readValues: () => readRecords().map(({ value }) => value),
    readMap: () => {
      const rows = new Map<K, V>();
      const known = new Map<string, K>();
      for (const { key, value } of readRecords()) {
        // Keys that are objects are one key when they are written alike.
        const name = key === null ? "" : String(topic.key.serialize(key, topic.name));
        const same = known.get(name) ?? (key as K);
        known.set(name, same);
        rows.delete(same);
        if (value !== null) rows.set(same, value);
      }
      return rows;
    },
  };
};
