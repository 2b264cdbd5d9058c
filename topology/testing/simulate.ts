import * as E from "fp-ts/lib/Either.js";
import type { Plan } from "../../core/runtime/plan.ts";
import type { Decoded } from "../../core/serde/serde.ts";
import type { RunOptions } from "../run_options.ts";
import type { Topic } from "../topic.ts";
import type { Topology } from "../topology.ts";
import { compareWithCalm } from "./compare_with_calm.ts";
import { conditionsOf } from "./conditions.ts";
import type { FaultCounts } from "./faults.ts";
import { withFedTopics } from "./fed_topics.ts";
import type { Feed } from "./feed.ts";
import { live } from "./live.ts";
import { type LogRecord, readTopic } from "./log_reading.ts";
import { checkFeeds, interleaved } from "./setting.ts";
import { type Account, judge, nothing } from "./verdict.ts";
import { World } from "./world.ts";

/** What a simulation is told. */
export interface SimulationOptions {
  /** Decides everything that is left to chance: the same seed gives the same run, in every runtime. */
  readonly seed: number;
  /** What is written into the input topics, while instances come and go. */
  readonly input: readonly Feed[];
  /** So many instances as a rule. @default 2 */
  readonly instances?: number;
  /** Of input topics that do not say it themselves. @default 3 */
  readonly partitions?: number;
  /** About how many faults of each family. @default the seed chooses families and numbers */
  readonly faults?: FaultCounts;
  /** A compatible next version of the program, to which instances are changed one by one. */
  readonly upgrade?: Topology;
  /** Options of the instances; what concerns clock, log, stores and chance is the simulation's. `freezeValues` is true unless this says otherwise. */
  readonly run?: Omit<RunOptions, "clock" | "log" | "random" | "stores" | "mode" | "feed" | "awaitFeed">;
  /** Only these of the faults that a run had, by the names in `faults` of its report: how a failure is reduced to what it needs. */
  readonly only?: ReadonlySet<string>;
}

/** A record that was read at the end of a simulation. */
export interface SimulatedRecord<out K, out V> {
  readonly key: K;
  readonly value: V;
  readonly timestamp: number;
  readonly partition: number;
  readonly offset: number;
}

/** What a simulation came to. */
export interface SimulationReport {
  readonly seed: number;
  /** Equal for runs in which the same things happened at the same moments. */
  readonly traceHash: string;
  /** Promises that were broken, each as a sentence; empty when everything is as it should be. */
  readonly violations: readonly string[];
  /** The faults that happened, by their names, in their order. */
  readonly faults: readonly string[];
  /** What happened, line by line, with its moment in virtual time. */
  readonly trace: readonly string[];
  readonly account: Account;
  /** Committed records of a topic at the end, partition by partition. */
  read<K, V>(topic: Topic<K, V>): readonly SimulatedRecord<K | null, V | null>[];
}

/**
 * Runs a cluster of instances of a topology in this process, on virtual time, while things go wrong as the seed decides: processes crash and stand still, requests and answers get lost, brokers change roles, clocks jump. Checks during the run and after it that nothing
 * was lost, doubled or reordered and no state is wrong: everything that tasks have committed is done once more in one go without faults, and has to come to the same.
 *
 * Functions of the topology have to be pure but for their state. With `run: { guarantee: "at-least-once" }`, or `"none"`, commits may repeat each other and are not done again; then it is checked that nothing was lost or invented.
 *
 * @example
 * ```ts
 * import { integer, text, topic, topology } from "millrace";
 * import { feed, simulate } from "millrace/testing";
 *
 * const words = topic("words", { key: text, value: text });
 * const counts = topic("counts", { key: text, value: integer });
 * const counting = topology("counting", ({ from }) => from(words).keyBy((word) => word).count("count").to(counts));
 *
 * const { violations } = await simulate(counting, {
 *   seed: 7,
 *   input: [feed(words, ["a", "b", "a"].map((value) => ({ key: value, value })))],
 *   faults: { crash: 2, network: 20 },
 * });
 * console.log(violations); // []
 * ```
 */
export const simulate = async (topology: Topology, options: SimulationOptions): Promise<SimulationReport> => {
  const { seed, instances = 2, partitions = 3, upgrade } = options;
  const versions = (upgrade === undefined ? [topology] : [topology, upgrade]).map((version) => withFedTopics(version, options.input));
  const plans = versions.map((version) => version.plan());
  checkFeeds(plans[0]!, options.input);
  const conditions = conditionsOf(seed, options.faults, {
    upgrades: upgrade !== undefined,
    isBounded: plans.some(hasEnds),
    keeps: options.run?.guarantee !== "none",
  });
  const world = new World({
    seed,
    conditions,
    versions,
    instances,
    input: interleaved(options.input, seed),
    run: options.run ?? {},
    only: options.only,
  });
  const ended = await live(world, plans[0]!, partitions);
  // What an input topic held before it was made anew cannot be accounted for.
  const isKnown = world.refusal === undefined || world.growth !== undefined;
  const account = isKnown ? await world.clock.complete(judge(world, plans)) : nothing;
  if (ended && account.late === 0 && world.guarantee === "exactly-once" && plans.every((plan) => plan.orderFree))
    await compareWithCalm(world, plans[0]!, partitions);
  const topics = new Map<string, readonly LogRecord[]>();
  for (const topic of world.memory.topics()) topics.set(topic, await world.clock.complete(readTopic(world.log, topic)));
  return {
    seed,
    traceHash: world.trace.hash,
    violations: world.violations,
    faults: world.injected,
    trace: world.trace.lines,
    account,
    read: (topic) => (topics.get(topic.name) ?? []).map((record) => decoded(topic, record)),
  };
};

/** One source with an end asks for an end of all. */
const hasEnds = ({ subtopologies }: Plan): boolean =>
  subtopologies.some(({ inputs }) => inputs.some(({ kind, endAt }) => kind === "records" || endAt !== undefined));

const decoded = <K, V>(
  topic: Topic<K, V>,
  { key, value, timestamp, partition, offset }: LogRecord,
): SimulatedRecord<K | null, V | null> => ({
  key: key === null ? null : right(topic.key.deserialize(key, topic.name)),
  value: value === null && topic.value.takesNull !== true ? null : right(topic.value.deserialize(value!, topic.name)),
  timestamp,
  partition,
  offset,
});

const right = <T>(result: Decoded<T>): T => {
  if (E.isLeft(result)) throw result.left;
  return result.right;
};
