import { ProduceError, TopologyError } from "../../core/errors.ts";
import { noHeaders } from "../../core/ports/log.ts";
import { type DraftHeaders, draftHeaders } from "../../core/record.ts";
import type { Topic } from "../topic.ts";
import type { SynchronousRun } from "./synchronous_run.ts";

/** What a record has beside its value. */
export interface InputMeta<K> {
  /** @default null */
  readonly key?: K | null;
  /** @default the time of the input topic, which begins with the wall clock */
  readonly timestamp?: number;
  readonly headers?: DraftHeaders;
}

/** A topic that a test writes. */
export interface TestInput<K, V> {
  /** Writes a record and runs the topology until it is handled; null is Kafka's null. Throws what ends the run. */
  pipeInput(value: V | null, at?: InputMeta<K>): void;
  /** The same with bytes as they are, readable or not. */
  pipeRaw(key: Uint8Array | null, value: Uint8Array | null, at?: Omit<InputMeta<K>, "key">): void;
  /** Lets the time of the topic go on: that of records which have none of their own. */
  advanceTime(byMs: number): void;
}

export const openTestInput = <K, V>(
  run: SynchronousRun,
  topology: string,
  topic: Topic<K, V>,
  options: { readonly startAt?: number; readonly autoAdvance?: number },
): TestInput<K, V> => {
  if (!run.knows(topic.name))
    throw new TopologyError("TOPIC_MISSING", `Topology '${topology}' does not read topic '${topic.name}': check its name`, {
      topic: topic.name,
    });
  let now = options.startAt ?? run.now;
  const pipeRaw: TestInput<K, V>["pipeRaw"] = (key, value, at = {}) => {
    const { timestamp = now, headers } = at;
    now += options.autoAdvance ?? 0;
    run.pipe({ topic: topic.name, key, value, timestamp, headers: draftHeaders(headers, noHeaders) });
  };
  return {
    pipeRaw,
    pipeInput: (value, at = {}) => {
      const { key = null } = at;
      const encode = (what: unknown, serde: { serialize(value: any, topic: string): Uint8Array }): Uint8Array | null => {
        if (what === null) return null;
        const bytes = serde.serialize(what, topic.name);
        if (bytes instanceof Uint8Array) return bytes;
        throw new ProduceError("ENCODE_FAILED", `The serde of topic '${topic.name}' gave no bytes: serialize has to return a Uint8Array`);
      };
      pipeRaw(encode(key, topic.key), encode(value, topic.value), at);
    },
    advanceTime: (byMs) => {
      now += byMs;
    },
  };
};
