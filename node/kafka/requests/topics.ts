import type { TopicSpec } from "../../../core/ports/log.ts";
import { api, type WireRequest } from "../request.ts";
import type { WireReader } from "../wire_reader.ts";
import { WireWriter } from "../wire_writer.ts";

export interface TopicResult {
  readonly topic: string;
  readonly error: number;
  readonly detail: string | null;
}

/** With `onlyCheck` the broker says what it would answer, and makes nothing. */
export const createTopics = (topics: readonly TopicSpec[], brokerTimeoutMs: number, onlyCheck = false): WireRequest<TopicResult[]> => {
  const writer = new WireWriter(true);
  writer.array(topics, ({ topic, partitions, replication, config }) => {
    writer.string(topic).int32(partitions).int16(replication).arrayLength(0);
    writer.array(Object.entries(config), ([name, value]) => writer.string(name).string(value).end());
    writer.end();
  });
  writer.int32(brokerTimeoutMs).boolean(onlyCheck).end();
  return {
    api: api.createTopics,
    flexible: true,
    body: [writer.bytes],
    extraTimeoutMs: brokerTimeoutMs,
    read: (answer, throttle) => {
      throttle(answer.int32());
      return answer.array(() => {
        const result = { topic: answer.string(), error: answer.int16(), detail: answer.nullableString() };
        answer.int32(); // partitions
        answer.int16(); // replication
        answer.array(() => {
          answer.nullableString(); // name and value of a setting
          answer.nullableString();
          answer.boolean(); // read-only
          answer.int8(); // source
          answer.boolean(); // sensitive
          answer.end();
        });
        answer.end();
        return result;
      });
    },
  };
};

export const createPartitions = (topic: string, total: number, brokerTimeoutMs: number): WireRequest<TopicResult[]> => {
  const writer = new WireWriter().arrayLength(1).string(topic).int32(total).nullArray().int32(brokerTimeoutMs).boolean(false);
  return {
    api: api.createPartitions,
    flexible: false,
    body: [writer.bytes],
    extraTimeoutMs: brokerTimeoutMs,
    read: readTopicResults(true),
  };
};

export const deleteTopics = (topics: readonly string[], brokerTimeoutMs: number): WireRequest<TopicResult[]> => {
  const writer = new WireWriter(true);
  writer.array(topics, (topic) => writer.string(topic));
  writer.int32(brokerTimeoutMs).end();
  return { api: api.deleteTopics, flexible: true, body: [writer.bytes], extraTimeoutMs: brokerTimeoutMs, read: readTopicResults(false) };
};

export interface TopicConfig {
  readonly error: number;
  readonly detail: string | null;
  readonly config: ReadonlyMap<string, string>;
}

/** Asks for the settings of a topic or a broker, with those that are defaults. */
export const describeConfigs = (kind: "topic" | "broker", name: string): WireRequest<TopicConfig> => ({
  api: api.describeConfigs,
  flexible: false,
  body: [
    new WireWriter()
      .arrayLength(1)
      .int8(kind === "topic" ? 2 : 4)
      .string(name)
      .nullArray()
      .boolean(false).bytes,
  ],
  read: (answer, throttle) => {
    throttle(answer.int32());
    const [result] = answer.array(() => {
      const head = { error: answer.int16(), detail: answer.nullableString() };
      answer.int8(); // kind and name again
      answer.string();
      const config = new Map<string, string>();
      answer.array(() => {
        const setting = answer.string();
        const value = answer.nullableString();
        if (value !== null) config.set(setting, value);
        answer.boolean(); // read-only
        answer.int8(); // source
        answer.boolean(); // sensitive
        answer.array(() => {
          answer.string(); // another name, its value, its source
          answer.nullableString();
          answer.int8();
        });
      });
      return { ...head, config };
    });
    return result ?? { error: 0, detail: null, config: new Map() };
  },
});

const readTopicResults =
  (withDetail: boolean) =>
  (answer: WireReader, throttle: (ms: number) => void): TopicResult[] => {
    throttle(answer.int32());
    return answer.array(() => {
      const result = { topic: answer.string(), error: answer.int16(), detail: withDetail ? answer.nullableString() : null };
      answer.end();
      return result;
    });
  };
