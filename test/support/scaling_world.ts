import { expect } from "@jest/globals";
import { seconds } from "../../core/duration.ts";
import { partitionForKey } from "../../core/partitioner.ts";
import { partitionId } from "../../core/ports/log.ts";
import type { App } from "../../core/runtime/app.ts";
import { integer } from "../../core/serde/numbers.ts";
import { text } from "../../core/serde/text.ts";
import type { RunOptions } from "../../topology/run_options.ts";
import { topic } from "../../topology/topic.ts";
import { type Topology, topology } from "../../topology/topology.ts";
import { Cluster } from "./cluster.ts";
import { FaultyLink } from "./faulty_link.ts";

const words = topic("words", { key: text, value: text });
const counts = topic("counts", { key: text, value: integer });

/** Counts words by key: one sub-topology, one store. */
export const counting: Topology = topology("counting", ({ from }) => {
  from(words).keyBy().count("count").to(counts);
});

export const partitions = 6;
export const keys: readonly string[] = Array.from({ length: 60 }, (_, i) => `w${i}`);

/** What the group has told an instance last, by task id. */
export interface Told {
  readonly tasks: readonly string[];
  readonly standbys: readonly string[];
  readonly warmups: readonly string[];
}

export interface Instance {
  readonly app: App & { kill(): void };
  readonly link: FaultyLink;
  /** The last word of the group. */
  told: Told;
  /** Changelog records that were missing, over all restores. */
  missing: number;
  /** How often each task was given to this instance anew. */
  readonly opened: Map<string, number>;
}

/** Instances of a job that counts, on virtual time, and what they are given to count. */
export interface ScalingWorld {
  readonly cluster: Cluster;
  say(...words: readonly string[]): Promise<void>;
  start(more?: RunOptions): Promise<Instance>;
  kill(one: Instance): void;
  /** Lets time pass while something is said to every task all the time; gives the longest silence of each, in milliseconds, by task id. */
  flow(forMs: number, during?: () => Promise<void>): Promise<Readonly<Record<string, number>>>;
  expectExact(): Promise<void>;
}

/** One word for each partition. */
const oneEach = Array.from(
  { length: partitions },
  (_, partition) => keys.find((key) => partitionForKey(text.serialize(key, ""), partitions) === partition)!,
);
const stepMs = 100;

export const scalingWorld = async (options: RunOptions = {}, seed = 1): Promise<ScalingWorld> => {
  const cluster = new Cluster({ seed });
  await cluster.create("words", partitions);
  await cluster.create("counts", partitions);
  const said = new Map<string, number>();
  const say = async (...spoken: readonly string[]): Promise<void> => {
    for (const word of spoken) said.set(word, (said.get(word) ?? 0) + 1);
    await cluster.produce(
      words,
      spoken.map((word) => ({ key: word, value: word })),
    );
  };
  const start = async (more: RunOptions = {}): Promise<Instance> => {
    const link = new FaultyLink({ clock: cluster.clock, latencyMs: () => 1 });
    const at = { told: { tasks: [], standbys: [], warmups: [] } as Told, missing: 0, opened: new Map<string, number>() };
    const totals = new Map<string, number>();
    const app = await cluster.start(counting, {
      log: cluster.memory.connect(link),
      group: { sessionTimeout: seconds(6), heartbeat: seconds(2) },
      ...options,
      ...more,
      on: {
        assigned: (assigned) => {
          for (const id of assigned.tasks) if (!at.told.tasks.includes(id)) at.opened.set(id, (at.opened.get(id) ?? 0) + 1);
          at.told = assigned;
        },
        restore: ({ task, total }) => {
          at.missing += total - (totals.get(task) ?? 0);
          totals.set(task, total);
        },
        state: ({ to }) => void (to === "rebalancing" && totals.clear()),
      },
    });
    return Object.assign(at, { app, link });
  };
  const kill = (one: Instance): void => {
    one.link.cut();
    one.app.kill();
  };
  /** Each word has been counted up from one, each number once: nothing is lost and nothing is there twice. */
  const expectExact = async (): Promise<void> => {
    const found = new Map<string, number[]>();
    for (const { key, value } of await cluster.read(counts)) found.set(key!, [...(found.get(key!) ?? []), value!]);
    const shown = [...found].map(([word, numbers]) => [word, numbers.join()]).sort();
    expect(shown).toEqual([...said].map(([word, n]) => [word, Array.from({ length: n }, (_, i) => i + 1).join()]).sort());
  };
  const stableEnds = async (): Promise<readonly number[]> => {
    const at = oneEach.map((_, partition) => ({ topic: "counts", partition }));
    const ends = await cluster.drive(cluster.log.admin.offsets(at, "latest", "read-committed"));
    return at.map(({ topic: name, partition }) => ends.get(partitionId(name, partition)) ?? 0);
  };
  const flow: ScalingWorld["flow"] = async (forMs, during = async () => {}) => {
    let over = false;
    const disturbing = during().finally(() => {
      over = true;
    });
    disturbing.catch(() => {});
    const silent = oneEach.map(() => 0);
    const longest = oneEach.map(() => 0);
    let before = await stableEnds();
    const untilMs = cluster.clock.monotonic() + forMs;
    while (!over || cluster.clock.monotonic() < untilMs) {
      const fromMs = cluster.clock.monotonic();
      await say(...oneEach);
      await cluster.clock.advance(stepMs);
      const now = await stableEnds();
      const passedMs = cluster.clock.monotonic() - fromMs;
      for (const [partition, end] of now.entries()) {
        silent[partition] = end > before[partition]! ? 0 : silent[partition]! + passedMs;
        longest[partition] = Math.max(longest[partition]!, silent[partition]!);
      }
      before = now;
    }
    await disturbing;
    return Object.fromEntries(longest.map((ms, partition) => [`0_${partition}`, ms]));
  };
  return { cluster, say, start, kill, flow, expectExact };
};

export const all = (instances: readonly Instance[], list: keyof Told): readonly string[] =>
  instances.flatMap(({ told }) => told[list]).sort();
export const everyTask: readonly string[] = Array.from({ length: partitions }, (_, partition) => `0_${partition}`);
