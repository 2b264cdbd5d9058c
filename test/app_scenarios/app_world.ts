import type { Log, RawHeaders } from "../../core/ports/log.ts";
import type { App } from "../../core/runtime/app.ts";
import type { Serde } from "../../core/serde/serde.ts";
import type { RunOptions } from "../../topology/run_options.ts";
import type { Topology } from "../../topology/topology.ts";

/** An instance that a scenario can also bring down as a crash would. */
export type Instance = App & { kill(): void };

export interface WorldTopic<K, V> {
  readonly name: string;
  readonly key: Serde<K>;
  readonly value: Serde<V>;
}

export interface WorldRecord<K, V> {
  readonly key: K | null;
  readonly value: V | null;
  readonly timestamp: number;
  readonly partition: number;
}

/** What is left out is null, of the moment, or follows from the key. */
export interface WrittenRecord<K, V> extends Partial<WorldRecord<K, V>> {
  readonly headers?: RawHeaders;
}

/** What becomes of a promise that took its time. */
export interface Since<T> {
  readonly value: T;
  /** By the world's clock, since the wait began. */
  readonly waitedMs: number;
}

/**
 * Where whole applications run: on the log in memory, where time is virtual and passes as quickly as it can, or on a broker, where it is the wall's. A scenario is written once against this and holds on both; so it waits for what has to
 * come, and never asserts that something came soon.
 */
export interface AppWorld {
  readonly log: Log;
  /** What a scenario takes for one second: sizes, idleness and intervals are multiples of it. */
  readonly unitMs: number;
  /** The shortest session that the log allows. */
  readonly sessionMs: number;
  /** By the clock of the applications. */
  now(): number;
  /** A name that no other scenario uses. */
  unique(name: string): string;
  create(topic: string, partitions: number): Promise<void>;
  produce<K, V>(topic: WorldTopic<K, V>, records: readonly WrittenRecord<K, V>[]): Promise<void>;
  /** Everything committed, partition by partition. */
  read<K, V>(topic: WorldTopic<K, V>): Promise<readonly WorldRecord<K, V>[]>;
  start(topology: Topology, options?: RunOptions): Promise<Instance>;
  /** Lets time pass until it settles. */
  settled<T>(promise: Promise<T>): Promise<T>;
  pass(ms: number): Promise<void>;
  /** Looks again and again until there is something to see. */
  until<T>(what: string, look: () => Promise<T | undefined> | T | undefined): Promise<Since<T>>;
  /** Ends what is still running. */
  close(): Promise<void>;
}

/** The same scenarios on several logs: opens a world for one test and closes it afterwards. */
export type InWorld = (body: (world: AppWorld) => Promise<void>) => () => Promise<void>;

/** Makes a test of a function of a world. */
export const inWorld =
  (open: () => Promise<AppWorld>): InWorld =>
  (body) =>
  async () => {
    const world = await open();
    try {
      await body(world);
    } finally {
      await world.close();
    }
  };

/** A metric of the app by name, added up over all tags. */
export const total = (app: App, name: string): number => {
  let sum = 0;
  for (const metric of app.metrics()) if (metric.name === name) sum += metric.value;
  return sum;
};
