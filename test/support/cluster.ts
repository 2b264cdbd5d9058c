import * as E from "fp-ts/lib/Either.js";
import { type MemoryLog, type MemoryLogOptions, memoryLog } from "../../core/log/mod.ts";
import { partitionForKey } from "../../core/partitioner.ts";
import { type Log, noHeaders, partitionId, type RawHeaders } from "../../core/ports/log.ts";
import type { StartedApp } from "../../core/runtime/app.ts";
import type { Serde } from "../../core/serde/serde.ts";
import { seededRandom } from "../../core/time_source/seeded_random.ts";
import { VirtualClock } from "../../core/time_source/virtual_clock.ts";
import { runOn } from "../../topology/run.ts";
import type { RunOptions } from "../../topology/run_options.ts";
import type { Topology } from "../../topology/topology.ts";

interface TestTopic<K, V> {
  readonly name: string;
  readonly key: Serde<K>;
  readonly value: Serde<V>;
}

export interface Read<K, V> {
  readonly key: K | null;
  readonly value: V | null;
  readonly timestamp: number;
  readonly partition: number;
  readonly offset: number;
}

/** A whole cluster in one process on virtual time: a log, and instances of an application that come and go. */
export class Cluster {
  readonly clock: VirtualClock;
  readonly memory: MemoryLog;
  readonly log: Log;
  readonly apps: StartedApp[] = [];
  readonly warnings: string[] = [];
  readonly #seed: number;

  constructor(options: Partial<MemoryLogOptions> & { readonly seed?: number } = {}) {
    this.#seed = options.seed ?? 1;
    this.clock = new VirtualClock();
    this.memory = memoryLog({ clock: this.clock, random: seededRandom(this.#seed), ...options });
    this.log = this.memory.connect();
  }

  async create(
    topic: string,
    partitions: number,
    config: Readonly<Record<string, string>> = { "message.timestamp.after.max.ms": "9223372036854775807" },
  ): Promise<void> {
    await this.drive(this.log.admin.create([{ topic, partitions, replication: -1, config }]));
  }

  /** Writes records at once; the partition follows from the key, or is given. */
  async produce<K, V>(
    topic: TestTopic<K, V>,
    records: readonly {
      readonly key: K | null;
      readonly value: V | null;
      readonly timestamp?: number;
      readonly partition?: number;
      readonly headers?: RawHeaders;
    }[],
  ): Promise<void> {
    const partitions = (await this.drive(this.log.admin.describe([topic.name]))).get(topic.name)!.partitions;
    const outbox = this.log.outbox();
    for (const { key, value, timestamp, partition, headers = noHeaders } of records) {
      const keyBytes = key === null ? null : topic.key.serialize(key, topic.name);
      outbox.append(
        topic.name,
        partition ?? (keyBytes === null ? 0 : partitionForKey(keyBytes, partitions)),
        keyBytes,
        value === null ? null : topic.value.serialize(value, topic.name),
        timestamp ?? this.clock.now(),
        headers,
      );
    }
    const producer = await this.drive(this.log.producer({ transactionalId: null, transactionTimeoutMs: 60_000 }));
    await this.drive(producer.send(outbox));
    await producer.close();
  }

  /** Everything committed, partition by partition. */
  async read<K, V>(topic: TestTopic<K, V>): Promise<readonly Read<K, V>[]> {
    const partitions = (await this.drive(this.log.admin.describe([topic.name]))).get(topic.name)!.partitions;
    const out: Read<K, V>[] = [];
    for (let partition = 0; partition < partitions; partition++) {
      const at = { topic: topic.name, partition };
      const id = partitionId(topic.name, partition);
      const end = (await this.drive(this.log.admin.offsets([at], "latest", "read-committed"))).get(id)!;
      let offset = (await this.drive(this.log.admin.offsets([at], "earliest", "read-committed"))).get(id)!;
      const fetcher = this.log.fetcher({ isolation: "read-committed" });
      while (offset < end) {
        for (const fetched of await this.drive(fetcher.poll([{ ...at, offset }], 0))) {
          if (fetched.error !== undefined) throw fetched.error;
          const { records } = fetched;
          while (records.next()) {
            const [key, value] = [records.key(), records.value()];
            out.push({
              key: key === null ? null : right(topic.key.deserialize(key, topic.name)),
              value: value === null ? null : right(topic.value.deserialize(value, topic.name)),
              timestamp: records.timestamp,
              partition,
              offset: records.offset,
            });
          }
          offset = fetched.nextOffset;
        }
      }
      await fetcher.close();
    }
    return out;
  }

  async start(topology: Topology, options: RunOptions = {}): Promise<StartedApp> {
    const app = await this.drive(
      runOn(
        topology,
        {
          clock: this.clock,
          random: seededRandom(this.#seed * 1000 + this.apps.length),
          logger: {
            log: (level, message, fields) =>
              void ((level === "warn" || level === "error") && this.warnings.push(`${message} ${JSON.stringify(fields ?? {})}`)),
          },
          ...options,
        },
        { log: options.log ?? this.memory.connect(), ownsLog: true, createTopics: true },
      ),
    );
    this.apps.push(app);
    return app;
  }

  /** Lets time pass until the promise settles. */
  async drive<T>(promise: Promise<T>, limitMs = 600_000): Promise<T> {
    let settled = false;
    const watched = promise.finally(() => {
      settled = true;
    });
    watched.catch(() => {});
    await this.clock.advance(0);
    for (let passed = 0; !settled && passed < limitMs; passed += 10) await this.clock.advance(10);
    if (!settled) throw new Error(`Nothing came of it in ${limitMs} ms of virtual time; ${this.warnings.slice(-5).join("\n")}`);
    return promise;
  }

  async finished(limitMs = 3_600_000): Promise<void> {
    await this.drive(Promise.all(this.apps.map((app) => app.finished)), limitMs);
  }

  async close(): Promise<void> {
    for (const app of this.apps) await this.drive(app.close());
  }
}

const right = <T>(decoded: E.Either<Error, T>): T => {
  if (E.isLeft(decoded)) throw decoded.left;
  return decoded.right;
};
