import { TopologyError } from "../../core/errors.ts";
import type { Metric } from "../../core/ports/metrics.ts";
import { frozenPlan } from "../../core/runtime/frozen_plan.ts";
import type { Plan } from "../../core/runtime/plan.ts";
import { StepState } from "../../core/state/step_state.ts";
import type { StoreDescriptor } from "../../core/state/stores/store_descriptor.ts";
import type { Topic } from "../topic.ts";
import type { Topology } from "../topology.ts";
import { changelogTopic, SynchronousRun } from "./synchronous_run.ts";
import { openTestInput, type TestInput } from "./test_input.ts";
import { openTestOutput, type TestOutput } from "./test_output.ts";

/** One change of a row, as its changelog has it. */
export interface StoreChange {
  readonly key: unknown;
  /** Null: the row is gone. */
  readonly value: unknown;
  readonly timestamp: number;
}

/** How a test begins. */
export interface TestDriverOptions {
  /** Wall time at the start, milliseconds since 1970. @default 0 */
  readonly startAt?: number;
  /** Whatever a function of the topology is given is frozen, so that one which changes it in place throws there. @default true */
  readonly freezeValues?: boolean;
}

/** Runs a topology by hand. */
export interface TestDriver {
  /** A topic that the topology reads. */
  createInputTopic<K, V>(topic: Topic<K, V>, options?: { readonly startAt?: number; readonly autoAdvance?: number }): TestInput<K, V>;
  /** A topic that the topology writes. */
  createOutputTopic<K, V>(topic: Topic<K, V>): TestOutput<K, V>;
  /** Lets wall time go on, and fires what is due by then. */
  advanceWallClockTime(byMs: number): void;
  /** Lets every task begin anew from what it has committed, as after a crash: what a step remembers outside its state is gone. */
  restart(): void;
  /** What a store holds, to be read: by its descriptor, or by the name of the step that keeps it. */
  store<R>(store: StoreDescriptor<unknown, R>): R;
  store(name: string): any;
  /** The changes that were written to the changelog of a store with one value per key. Of several changes by one record the last one counts. */
  changelog(store: string | StoreDescriptor<unknown, unknown>): readonly StoreChange[];
  /** How many records were left out, for whatever reason: without a key or a value where one is needed, too late, or by an error policy. A shuffle that leaves out records without key does not count, unless it is one for a left or outer join. */
  droppedRecords(): number;
  /** Everything that is counted, by name and step. */
  metrics(): readonly Metric[];
}

/**
 * Runs a topology in this process, by hand: each record that is piped in is handled to the end, through all internal topics, before the call returns. There is no log, no time that passes by itself and nothing to wait for, and the tasks and
 * steps are those of a real run. Every topic has one partition; after each record there is a commit.
 *
 * @example
 * ```ts
 * import { integer, text, topic, topology } from "millrace";
 * import { testDriver } from "millrace/testing";
 *
 * const lines = topic("lines", { key: text, value: text });
 * const counts = topic("counts", { key: text, value: integer });
 * const wordCount = topology("word-count", ({ from }) => {
 *   from(lines).flatMap((line) => line.split(" ")).keyBy((word) => word).count("count").to(counts);
 * });
 *
 * const driver = testDriver(wordCount);
 * driver.createInputTopic(lines).pipeInput("to be or not to be");
 * console.log(driver.createOutputTopic(counts).readMap()); // Map { "to" => 2, "be" => 2, "or" => 1, "not" => 1 }
 * ```
 */
export const testDriver = (topology: Topology, options: TestDriverOptions = {}): TestDriver => {
  const plan = options.freezeValues === false ? topology.plan() : frozenPlan(topology.plan());
  const run = new SynchronousRun(plan, options.startAt ?? 0);
  const shuffles = new Set(
    plan.subtopologies.flatMap(({ nodes }) =>
      nodes.flatMap(({ output, step }) => (output === undefined || isReadByJoin(plan, output.topic.name) ? [] : [step])),
    ),
  );
  const storeOf = (store: string | StoreDescriptor<unknown, unknown>) => {
    const name = typeof store === "string" ? store : store.name;
    const held = run.stores.get(name);
    if (held?.plan.reader !== undefined) return { ...held, reader: held.plan.reader };
    const names = [...run.stores].flatMap(([known, { plan }]) => (plan.reader === undefined ? [] : [known]));
    throw new TopologyError(
      "NAME_INVALID",
      `Topology '${topology.name}' keeps nothing under the name '${name}' that could be read${names.length === 0 ? "" : `: it has ${names.map((known) => `'${known}'`).join(", ")}`}`,
    );
  };
  return {
    createInputTopic: (topic, at = {}) => openTestInput(run, topology.name, topic, at),
    createOutputTopic: (topic) => openTestOutput(run, topic),
    advanceWallClockTime: (byMs) => {
      if (!(byMs >= 0))
        throw new TopologyError("OPTION_INVALID", `Wall time cannot go on by ${byMs} ms: give a duration that is not negative`);
      run.advance(byMs);
    },
    restart: () => run.restart(),
    store: (store: string | StoreDescriptor<unknown, unknown>): any => {
      const { plan, base, reader } = storeOf(store);
      return reader.read(new StepState(base, plan.keys));
    },
    changelog: (store) => {
      const { plan, base, reader } = storeOf(store);
      const state = new StepState(base, plan.keys);
      return (run.written.get(changelogTopic(plan.name)) ?? []).flatMap(({ key, value, timestamp }): readonly StoreChange[] => {
        const change = reader.change?.(state, key!, value);
        return change === undefined ? [] : [{ key: change.key, value: change.value, timestamp: change.timestamp ?? timestamp }];
      });
    },
    droppedRecords: () =>
      [...run.counters].reduce((sum, { name, tags, value }) => {
        const shuffled = name === "dropped_null_key" && shuffles.has(tags["step"]!);
        return dropped.has(name) && !shuffled ? sum + value : sum;
      }, 0),
    metrics: () => [...run.counters],
  };
};

/** A join that also tells of records without partner counts those without key that it has no use for, wherever they are left out. */
const isReadByJoin = ({ subtopologies }: Plan, topic: string): boolean =>
  subtopologies.some(({ inputs, nodes }) =>
    nodes.some(
      ({ kind, inputs: ports }) =>
        joins.has(kind) && ports.some((edges) => edges.some((edge) => "input" in edge && inputs[edge.input]!.topic.name === topic)),
    ),
  );

const joins: ReadonlySet<string> = new Set(["leftJoin", "outerJoin"]);

/** The counters of what is left out. */
const dropped: ReadonlySet<string> = new Set([
  "dropped_null_key",
  "dropped_null_value",
  "late_records",
  "skipped_records",
  "skipped_calls",
  "dead_letter_records",
]);
