import { type CommittedOffset, partitionId } from "../../core/ports/log.ts";
import type { RecordMeta } from "../../core/record.ts";
import type { TopicRef } from "../../core/runtime/plan.ts";

/** What a step has done on its own: sent results on, with the records that they belong to, or let event time pass. */
export interface OwnDoing {
  readonly results: readonly (readonly [value: unknown, record: RecordMeta])[];
  /** How far event time has come behind the step, where that has changed. */
  readonly passed?: number;
  /** The record that a policy has left out, since there was no result for it. */
  readonly leftOut?: { readonly topic?: string | undefined; readonly partition?: number | undefined; readonly offset?: number | undefined };
}

/** What a root has sent towards a topic, as the topic would show it. */
export interface Effect {
  readonly topic: TopicRef;
  readonly key: string;
  readonly value: string;
}

/** One thing that set a task off: a record that came in, a timer, a watermark that reached a step, something that a step does on its own, a commit. What follows from it follows synchronously. */
export type TaskEvent =
  | {
      readonly kind: "record";
      readonly input: number;
      readonly value: unknown;
      readonly record: RecordMeta;
      /** A policy may put records of this input off: then the position has passed one long before it is handled. */
      readonly mayBePutOff: boolean;
      times?: number;
    }
  | {
      readonly kind: "timer";
      readonly step: string;
      readonly domain: "event" | "processing";
      readonly timestamp: number;
      readonly watermark: number;
      /** Whose it is: timers of one moment have no order that a restart would keep. */
      readonly key: unknown;
      readonly namespace: unknown;
      /** Its handler had failed before, and a policy says to go on. */
      readonly leftOut: boolean;
      times?: number;
    }
  | { readonly kind: "watermark"; readonly step: string; readonly watermark: number; times?: number }
  /** The step was asked whether time has come on. */
  | { readonly kind: "period"; readonly step: string; readonly monotonicMs: number; times?: number }
  /** The step was called at a moment of the Clock. */
  | { readonly kind: "clock"; readonly step: string; readonly now: number; times?: number }
  | { readonly kind: "work"; readonly step: string; did: OwnDoing; times?: number }
  | { readonly kind: "commit"; times?: number };

/** A stretch of a task's life that was committed as a whole, by a process of one version of the program. */
export interface Stretch {
  readonly version: number;
  /** What did it: another one where the task was opened anew in between. */
  readonly run: TaskRun;
  readonly events: readonly TaskEvent[];
}

/** What one opening of a task has done, until what is not committed is taken back or the process is gone. */
export class TaskRun {
  readonly task: string;
  readonly version: number;
  readonly #events: TaskEvent[] = [];
  readonly #violated: (what: string) => void;
  /** Only where commits cannot be replayed, since they repeat each other. */
  readonly #effects = new Map<TaskEvent, Effect[]>();
  /** What is behind this index is not committed. */
  #committed = 0;
  /** Of the root that is under way. */
  #mark = 0;
  readonly watermarks: number[] = [];
  /** How far event time has come at each step, by its name; and behind those that say it themselves. */
  readonly heard: Map<string, number> = new Map();
  readonly said: Map<string, () => number> = new Map();
  /** Where event time stood when the first record of an input came in, by the input's partition; until its first commit. */
  readonly first: Map<string, number> = new Map();
  /** Nothing of it is committed yet. */
  isNew = true;
  /** By the Clock: when its steps were made. */
  openedAt = 0;

  readonly #onEffect: (effect: Effect) => void;
  readonly #onBegin: (event: TaskEvent) => void;

  constructor(
    task: string,
    version: number,
    {
      violated,
      onEffect,
      onBegin,
    }: {
      readonly violated: (what: string) => void;
      readonly onEffect: (effect: Effect) => void;
      readonly onBegin: (event: TaskEvent) => void;
    },
  ) {
    this.task = task;
    this.version = version;
    this.#violated = violated;
    this.#onEffect = onEffect;
    this.#onBegin = onBegin;
  }

  begin(event: TaskEvent): void {
    if (event.kind === "record") {
      const id = partitionId(event.record.topic, event.record.partition);
      if (!this.first.has(id)) this.first.set(id, this.watermarks[event.input] ?? Number.NEGATIVE_INFINITY);
    }
    this.#mark = this.#events.length;
    this.#events.push(event);
    this.#onBegin(event);
  }

  /** Of the root that is under way. */
  effect(effect: Effect): void {
    this.#onEffect(effect);
    const event = this.#events.at(-1);
    if (event === undefined) return;
    const effects = this.#effects.get(event) ?? [];
    this.#effects.set(event, effects);
    effects.push(effect);
  }

  effectsOf(event: TaskEvent): readonly Effect[] {
    return this.#effects.get(event) ?? [];
  }

  /** Does a root, or a part of one: when it fails, the root is taken back. */
  within(root: () => void): void {
    try {
      root();
    } catch (thrown) {
      this.#events.length = this.#mark;
      throw thrown;
    }
  }

  /** The moment of the Clock that the functions of this root are shown: one, however often they ask. */
  time(nowMs: number): number {
    const event = this.#events.at(-1);
    return event === undefined ? nowMs : (event.times ??= nowMs);
  }

  inputWatermark(input: number, watermark: number): void {
    if (watermark < (this.watermarks[input] ?? Number.NEGATIVE_INFINITY))
      this.#violated(`I8: the watermark of input ${input} of task ${this.task} fell from ${this.watermarks[input]} to ${watermark}`);
    this.watermarks[input] = watermark;
  }

  get length(): number {
    return this.#events.length;
  }

  /** Everything up to there is committed; gives what is so for the first time. */
  commit(upTo: number): readonly TaskEvent[] {
    const events = this.#events.slice(this.#committed, upTo);
    this.#committed = Math.max(this.#committed, upTo);
    return events;
  }
}

interface Seal {
  readonly run: TaskRun;
  readonly upTo: number;
}

/** What each task has done and committed, in the order of its commits, whoever ran it. */
export class History {
  /** Commits are one sequence, in which each record stands once. Otherwise they may repeat each other, and what each root has sent is noted. */
  readonly isSerial: boolean;
  readonly committed: Map<string, Stretch[]> = new Map();
  /** Offsets of records that went through, by sub-topology, number of the input and `partitionId`. */
  readonly entered: Map<string, Set<number>> = new Map();
  /** All that was ever sent, also in vain, where that is noted. */
  readonly sent: Effect[] = [];
  /** The offsets of all records that any task has ever begun with, also in vain, where effects are noted: named as in `entered`. */
  readonly begun: Map<string, Set<number>> = new Map();
  /** What was written to systems outside, by the name of the sink. */
  readonly outside: Map<string, Set<string>> = new Map();
  readonly #seals = new Map<string, Seal[]>();
  readonly #violated: (what: string) => void;

  constructor(isSerial: boolean, violated: (what: string) => void) {
    this.isSerial = isSerial;
    this.#violated = violated;
  }

  openRun(task: string, version: number): TaskRun {
    const onBegin = (event: TaskEvent): void => {
      if (this.isSerial || event.kind !== "record") return;
      const { topic, partition, offset } = event.record;
      note(this.begun, enteredAt(subtopologyOf(task), event.input, topic, partition), offset);
    };
    return new TaskRun(task, version, { violated: this.#violated, onEffect: (effect) => void this.sent.push(effect), onBegin });
  }

  sealed(run: TaskRun, commit: string): void {
    const seals = this.#seals.get(commit) ?? [];
    this.#seals.set(commit, seals);
    seals.push({ run, upTo: run.length });
  }

  /**
   * The log has taken a commit: what was sealed under its name has happened.
   * @param before positions, and watermarks beside them, that were committed until then
   */
  happened(
    commit: string,
    offsets: readonly CommittedOffset[],
    before: { readonly positions: ReadonlyMap<string, number>; readonly watermarks: ReadonlyMap<string, number> },
  ): void {
    const seals = this.#seals.get(commit);
    if (seals === undefined) return;
    this.#seals.delete(commit);
    const after = new Map(offsets.map((one) => [partitionId(one.topic, one.partition), one.offset]));
    for (const { run, upTo } of seals) {
      const events = run.commit(upTo);
      if (events.length === 0) continue;
      if (this.isSerial) this.#checkRestored(run, before.watermarks);
      let stretches = this.committed.get(run.task);
      if (stretches === undefined) this.committed.set(run.task, (stretches = []));
      stretches.push({ version: run.version, run, events });
      for (const event of events) if (event.kind === "record") this.#enter(run.task, event, before.positions, after);
    }
  }

  wroteOutside(sink: string, what: string): void {
    const written = this.outside.get(sink) ?? new Set();
    this.outside.set(sink, written);
    written.add(what);
  }

  #checkRestored(run: TaskRun, committed: ReadonlyMap<string, number>): void {
    for (const [id, watermark] of run.first) {
      const until = committed.get(id) ?? Number.NEGATIVE_INFINITY;
      if (run.isNew && watermark < until)
        this.#violated(`I8: task ${run.task} took records of ${id} at watermark ${watermark}, although ${until} was committed`);
    }
    run.isNew = false;
  }

  #enter(
    task: string,
    { input, record, mayBePutOff }: TaskEvent & { readonly kind: "record" },
    before: ReadonlyMap<string, number>,
    after: ReadonlyMap<string, number>,
  ): void {
    const { topic, partition, offset } = record;
    const id = partitionId(topic, partition);
    const isNew = note(this.entered, enteredAt(subtopologyOf(task), input, topic, partition), offset);
    if (!this.isSerial) return;
    if (!isNew) this.#violated(`I2: offset ${offset} of ${id} is covered by two commits of task ${task}`);
    if (mayBePutOff) return;
    const from = before.get(id) ?? 0;
    const to = after.get(id);
    if (offset < from) this.#violated(`I2: offset ${offset} of ${id} was handled although ${from} was committed`);
    if (to === undefined || offset >= to)
      this.#violated(`I2: offset ${offset} of ${id} was handled and not committed: the position is ${to}`);
  }
}

const subtopologyOf = (task: string): number => Number(task.split("_", 1)[0]);

/** False when the offset was noted before. */
const note = (places: Map<string, Set<number>>, place: string, offset: number): boolean => {
  const offsets = places.get(place) ?? new Set();
  places.set(place, offsets);
  const isNew = !offsets.has(offset);
  offsets.add(offset);
  return isNew;
};

/** The name of an input's partition in `entered`. */
export const enteredAt = (subtopology: number, input: number, topic: string, partition: number): string =>
  `${subtopology} ${input} ${partitionId(topic, partition)}`;
