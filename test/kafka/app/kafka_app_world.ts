import * as E from "fp-ts/lib/Either.js";
import { partitionForKey } from "../../../core/partitioner.ts";
import { type Log, noHeaders } from "../../../core/ports/log.ts";
import { kafkaLog } from "../../../node/kafka/kafka_log.ts";
import type { KafkaOptions } from "../../../node/kafka/kafka_options.ts";
import { runOn } from "../../../topology/run.ts";
import type { AppWorld, Instance, WorldRecord, WorldTopic } from "../../app_scenarios/app_world.ts";
import { suite, unique } from "../support/kafka_suite.ts";

const lookEveryMs = 50;
/** A machine may be slow; a scenario that holds needs a few seconds. */
const patienceMs = 60_000;
const anyTime = { "message.timestamp.after.max.ms": "9223372036854775807", "retention.ms": "-1" };

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** The broker that the tests share, on the wall's time. */
export const kafkaAppWorld = async (options: Partial<KafkaOptions> = {}): Promise<AppWorld> => {
  const connect = (): Promise<Log> => kafkaLog({ brokers: suite.brokers, clientId: unique("app"), ...options });
  const log = await connect();
  const apps: Instance[] = [];
  const warnings: string[] = [];
  const partitionsOf = async (topic: string): Promise<number> => (await log.admin.describe([topic])).get(topic)!.partitions;
  return {
    log,
    unitMs: 100,
    sessionMs: 6000,
    now: () => Date.now(),
    unique,
    create: (topic, partitions) => log.admin.create([{ topic, partitions, replication: -1, config: anyTime }]),
    async produce(topic, records) {
      const partitions = await partitionsOf(topic.name);
      const outbox = log.outbox();
      for (const { key = null, value = null, timestamp = Date.now(), partition, headers = noHeaders } of records) {
        const keyBytes = key === null ? null : topic.key.serialize(key, topic.name);
        const valueBytes = value === null ? null : topic.value.serialize(value, topic.name);
        const to = partition ?? (keyBytes === null ? 0 : partitionForKey(keyBytes, partitions));
        outbox.append(topic.name, to, keyBytes, valueBytes, timestamp, headers);
      }
      const producer = await log.producer({ transactionalId: null, transactionTimeoutMs: 60_000 });
      await producer.send(outbox);
      await producer.close();
    },
    read: async (topic) => readCommitted(log, topic, await partitionsOf(topic.name)),
    async start(topology, runOptions = {}) {
      const app = await runOn(
        topology,
        {
          logger: {
            log: (level, message, fields) =>
              void ((level === "warn" || level === "error") && warnings.push(`${message} ${JSON.stringify(fields ?? {})}`)),
          },
          ...runOptions,
        },
        { log: await connect(), ownsLog: true },
      );
      apps.push(app);
      return app;
    },
    settled: (promise) => promise,
    pass: sleep,
    async until(what, look) {
      const beganMs = performance.now();
      for (;;) {
        const value = await look();
        const waitedMs = performance.now() - beganMs;
        if (value !== undefined) return { value, waitedMs };
        if (waitedMs > patienceMs) throw new Error(`In ${patienceMs} ms it never came to this: ${what}; ${warnings.slice(-5).join("\n")}`);
        await sleep(lookEveryMs);
      }
    },
    async close() {
      await Promise.all(apps.map((app) => app.close()));
      await log.close();
    },
  };
};

const readCommitted = async <K, V>(log: Log, topic: WorldTopic<K, V>, partitions: number): Promise<readonly WorldRecord<K, V>[]> => {
  const all = Array.from({ length: partitions }, (_, partition) => ({ topic: topic.name, partition }));
  const ends = await log.admin.offsets(all, "latest", "read-committed");
  const fetcher = log.fetcher({ isolation: "read-committed" });
  const out: WorldRecord<K, V>[] = [];
  for (const { partition } of all) {
    const end = ends.get(`${topic.name}/${partition}`)!;
    for (let offset = 0; offset < end; )
      for (const fetched of await fetcher.poll([{ topic: topic.name, partition, offset }], 500)) {
        if (fetched.error !== undefined) throw fetched.error;
        const { records } = fetched;
        while (records.next()) {
          const [key, value] = [records.key(), records.value()];
          out.push({
            key: key === null ? null : right(topic.key.deserialize(key, topic.name)),
            value: value === null ? null : right(topic.value.deserialize(value, topic.name)),
            timestamp: records.timestamp,
            partition,
          });
        }
        offset = fetched.nextOffset;
      }
  }
  await fetcher.close();
  return out;
};

const right = <T>(decoded: E.Either<Error, T>): T => {
  if (E.isLeft(decoded)) throw decoded.left;
  return decoded.right;
};
