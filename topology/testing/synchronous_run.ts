import type { Clock } from "../../core/ports/clock.ts";
import { partitionId } from "../../core/ports/log.ts";
import { silent } from "../../core/ports/logger.ts";
import { Counters } from "../../core/runtime/counters.ts";
import { InputChecks } from "../../core/runtime/input_checks.ts";
import { type PatternTopics, patternInputs, withTopics } from "../../core/runtime/pattern_topics.ts";
import type { InputPlan, Plan, StorePlan, SubtopologyPlan, TopicRef } from "../../core/runtime/plan.ts";
import { StreamTask, timeStore } from "../../core/runtime/stream_task.ts";
import type { TaskEnvironment } from "../../core/runtime/task_environment.ts";
import { type InputPosition, TaskInput } from "../../core/runtime/task_input.ts";
import { noLimits } from "../../core/runtime/topic_limits.ts";
import { UpstreamVector } from "../../core/runtime/upstream_vector.ts";
import { writersOf } from "../../core/runtime/writers_of.ts";
import { MemoryStore } from "../../core/state/memory_store.ts";
import { CollectingOutbox, OneRecord, type RawRecord } from "./one_record.ts";

/** What one store of the topology holds, after the last commit. */
export interface HeldStore {
  readonly plan: StorePlan;
  readonly base: MemoryStore;
}

/** A clock that stands where it is put. */
class HandClock implements Clock {
  at: number;
  constructor(at: number) {
    this.at = at;
  }
  now(): number {
    return this.at;
  }
  monotonic(): number {
    return this.at;
  }
  after(): { cancel(): void } {
    return { cancel: () => {} };
  }
  yield(): Promise<void> {
    return Promise.resolve();
  }
}

/**
 * Runs the tasks of a plan one record at a time, without a log: what a task writes goes at once where it is read. Every topic has one partition. The record with the lowest timestamp goes first, over all tasks, and is committed before the next
 * one is taken.
 */
export class SynchronousRun {
  readonly counters: Counters = new Counters();
  readonly stores: Map<string, HeldStore> = new Map();
  /** What went to topics that are not the topology's own, and to changelogs, in the order in which it was written. */
  readonly written: Map<string, RawRecord[]> = new Map();
  readonly #plan: Plan;
  readonly #clock: HandClock;
  readonly #environmentOfTasks: TaskEnvironment;
  /** What tasks know of the time of internal topics. */
  readonly #times = new Map<string, MemoryStore>();
  readonly #offsets = new Map<string, number>();
  /** Those that match a pattern are known as soon as the test writes them. */
  #matching: PatternTopics;
  #tasks: readonly StreamTask[];
  #outbox = new CollectingOutbox();

  constructor(plan: Plan, startAtMs: number) {
    this.#plan = plan;
    this.#clock = new HandClock(startAtMs);
    this.#environmentOfTasks = this.#environment();
    this.#matching = new Map(patternInputs(plan).map(({ topic }) => [topic.name, []]));
    this.#tasks = this.#openAll(new Map());
  }

  /** Whether some task reads that topic, by its name or because it matches a pattern. */
  knows(topic: string): boolean {
    if (this.#tasks.some(({ inputs }) => inputs.some((input) => input.topic === topic))) return true;
    const input = patternInputs(this.#plan).find(({ topic: { pattern } }) => pattern.expression.test(topic));
    if (input === undefined) return false;
    const { name } = input.topic;
    this.#matching = new Map([...this.#matching, [name, [...this.#matching.get(name)!, topic].sort()]]);
    // Everything is committed: the tasks go on where they are, with one input more.
    this.#tasks = this.#openAll(
      new Map(
        this.#tasks.flatMap((task) =>
          task.inputs.map(({ id, position: offset, doneWatermark: watermark, streamTime }) => [id, { offset, watermark, streamTime }]),
        ),
      ),
    );
    return true;
  }

  get now(): number {
    return this.#clock.at;
  }

  /** Writes a record to a topic and runs until nothing is left to do. */
  pipe(record: RawRecord): void {
    this.#offer(record);
    this.#settle();
  }

  /** Lets the clock go on at once, and fires what is due by then. */
  advance(byMs: number): void {
    this.#clock.at += byMs;
    for (const task of this.#tasks) {
      task.process(always);
      this.#commit(task, undefined);
    }
    this.#settle();
  }

  /** Every task begins anew from what it has committed. */
  restart(): void {
    for (const task of this.#tasks) task.rollback();
  }

  #settle(): void {
    for (let task = this.#next(); task !== undefined; task = this.#next()) {
      const input = lowest(task, this.#clock.at)!;
      const timestamp = input.head?.kind === "record" ? input.head.record.timestamp : undefined;
      task.process(once);
      task.catchUp(always);
      this.#commit(task, timestamp);
    }
  }

  /** The task whose next record has the lowest timestamp. */
  #next(): StreamTask | undefined {
    let next: StreamTask | undefined;
    let least = Number.POSITIVE_INFINITY;
    for (const task of this.#tasks) {
      const input = lowest(task, this.#clock.at);
      if (input === undefined || (next !== undefined && input.headTimestamp >= least)) continue;
      next = task;
      least = input.headTimestamp;
    }
    return next;
  }

  /** @param timestamp of the record behind what is committed: a changelog without times of its own has that. */
  #commit(task: StreamTask, timestamp: number | undefined): void {
    const sealed = task.seal("");
    const { written } = this.#outbox;
    this.#outbox = new CollectingOutbox();
    if (sealed !== undefined) {
      const bases = new Map([...sealed.changelog.keys()].map((id) => [id, 0]));
      task.committed(sealed, bases);
      task.afterCommit();
    }
    for (const record of written) {
      if (record.topic.endsWith(changelogSuffix)) this.#keep({ ...record, timestamp: timestamp ?? record.timestamp });
      else {
        if (!record.topic.startsWith(internalPrefix)) this.#keep(record);
        this.#offer(record);
      }
    }
  }

  #keep(record: RawRecord): void {
    const before = this.written.get(record.topic);
    if (before === undefined) this.written.set(record.topic, [record]);
    else before.push(record);
  }

  /** Gives the record to every task that reads its topic. */
  #offer(record: RawRecord): void {
    const { topic } = record;
    const offset = this.#offsets.get(topic) ?? 0;
    this.#offsets.set(topic, offset + 1);
    for (const task of this.#tasks)
      for (const input of task.inputs)
        if (input.topic === topic)
          input.offer({
            topic,
            partition: 0,
            offset,
            records: new OneRecord(record, offset),
            nextOffset: offset + 1,
            lastStableOffset: offset + 1,
            highWatermark: offset + 1,
            logStartOffset: 0,
            bytes: 0,
          });
  }

  /** A sub-topology of which no topic is known yet has no task. */
  #openAll(positions: ReadonlyMap<string, InputPosition>): readonly StreamTask[] {
    const plan = withTopics(this.#plan, this.#matching);
    return plan.subtopologies.flatMap((subtopology) =>
      subtopology.sink === undefined && subtopology.inputs.length > 0 ? [this.#open(plan, subtopology, positions)] : [],
    );
  }

  #open(plan: Plan, subtopology: SubtopologyPlan, positions: ReadonlyMap<string, InputPosition>): StreamTask {
    const stores = new Map(
      subtopology.nodes.flatMap(({ store }) => {
        if (store === undefined) return [];
        const base = this.stores.get(store.name)?.base ?? new MemoryStore();
        this.stores.set(store.name, { plan: store, base });
        return [[store.name, { store: base, keys: store.keys }] as const];
      }),
    );
    const times = this.#times;
    const vectorOf = (input: InputPlan): UpstreamVector | undefined => {
      if (input.kind !== "repartition") return undefined;
      const name = timeStore(input.topic.name);
      if (!times.has(name)) times.set(name, new MemoryStore());
      const vector = new UpstreamVector(
        times.get(name)!,
        writersOf(plan, input.topic.name).map(({ id }) => ({ subtopology: id, tasks: 1 })),
      );
      vector.load(true);
      return vector;
    };
    const inputsAt = (positions: ReadonlyMap<string, InputPosition>): readonly TaskInput[] =>
      subtopology.inputs.map((input, index) => {
        const topic = topicName(input.topic);
        const checks = new InputChecks({
          plan: input,
          topic,
          partition: 0,
          partitions: 1,
          clock: this.#clock,
          recordBytesMax: Number.POSITIVE_INFINITY,
          bounded: true,
        });
        return new TaskInput(index, input, topic, 0, positions.get(partitionId(topic, 0)) ?? fresh, vectorOf(input), checks);
      });
    return new StreamTask({
      bootstrap: undefined,
      plan: subtopology,
      partition: 0,
      inputsAt,
      positions,
      stores,
      environment: this.#environmentOfTasks,
      taskTimeoutMs: Number.POSITIVE_INFINITY,
      close: async () => {},
    });
  }

  #environment(): TaskEnvironment {
    return {
      clock: this.#clock,
      logger: silent,
      counters: this.counters,
      guarantee: "exactly-once",
      bounded: true,
      watermarkIntervalMs: 0,
      siblingsMatter: false,
      outbox: () => this.#outbox,
      topicName,
      partitionsOf: () => 1,
      limitsOf: () => noLimits,
      canWrite: () => true,
      lookUp: async () => {},
      tasksOf: () => 1,
      controlTopic: `${internalPrefix}control`,
      watermarksTopic: `${internalPrefix}watermarks`,
      changelogTopic: changelogTopic,
      generation: () => 1,
      requestCommit: () => {},
      deadLettered: () => {},
      pendingBytesMax: () => Number.POSITIVE_INFINITY,
      wake: () => {},
      siblingWatermark: () => undefined,
    };
  }
}

const fresh: InputPosition = { offset: 0, watermark: Number.NEGATIVE_INFINITY, streamTime: Number.NEGATIVE_INFINITY };

/** No topic of the user's can begin like this: a slash is not allowed in a name. */
const internalPrefix = "internal/";
const changelogSuffix = "/changelog";
export const changelogTopic = (store: string): string => `${internalPrefix}${store}${changelogSuffix}`;

const topicName = ({ name, internal }: TopicRef): string => (internal ? `${internalPrefix}${name}` : name);

const lowest = (task: StreamTask, nowMs: number): TaskInput | undefined => {
  let lowest: TaskInput | undefined;
  for (const input of task.inputs)
    if (input.load(nowMs) && (lowest === undefined || input.headTimestamp < lowest.headTimestamp)) lowest = input;
  return lowest;
};

const always = (): boolean => true;
const once = (): boolean => false;
