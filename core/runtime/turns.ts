import type { Clock } from "../ports/clock.ts";
import type { Task } from "./sealed_task.ts";

/** How long tasks work before sockets and timers have their turn. */
const sliceMs = 8;
const recordsPerSlice = 20_000;
/** Short enough that tasks stay together in event time, long enough that choosing costs nothing beside it. */
const recordsPerTurn = 512;
const recordsBetweenTimes = 64;
/** Tasks that read what others here have written have so many turns for one of those that read from outside. */
const readersTurns = 4;
/** A task that has waited for so many turns of its siblings goes before them, wherever it is in event time. */
const missedMax = 16;

/** Called between two records, when so many were handled since the last time: gives after how many to call it again, 0 when tasks have to wait. */
export type Look = (records: number) => number;

/**
 * Whose turn it is.
 *
 * Of the tasks of one sub-topology the one that is furthest behind in event time goes first: what is behind a shuffle waits for the slowest of them, so whoever runs ahead only piles up records that have to
 * wait there, and waiting records are state that is written down. For the same reason sub-topologies that read what others have written go before those, as long as they have something to read.
 */
export class Turns {
  readonly #clock: Clock;
  readonly #look: Look;
  /** How many turns of its siblings a task has let pass although it had something to do, as far as is known. */
  readonly #missed = new WeakMap<Task, number>();
  /** A round is seldom over with the slice: it goes on with this sub-topology, which has had so many turns. */
  #at = 0;
  #turns = 0;

  constructor(clock: Clock, look: Look) {
    this.#clock = clock;
    this.#look = look;
  }

  /** One slice for all tasks; true when there is more to do at once. */
  work(tasks: Iterable<Task>): boolean {
    const groups = groupsOf(tasks);
    const slice = new Slice(this.#clock, this.#look);
    let worked = false;
    for (let idle = 0; idle < groups.length; ) {
      if (this.#at >= groups.length) this.#at = 0;
      const { ready, turns } = groups[this.#at]!;
      if (this.#turns < turns && this.#turn(ready, slice)) {
        this.#turns++;
        worked = true;
        idle = 0;
        if (slice.isOver) break;
      } else {
        if (this.#turns === 0) idle++;
        this.#at++;
        this.#turns = 0;
      }
    }
    return worked;
  }

  /** All tasks before a commit, those as well that have had no turn for a while. */
  catchUp(tasks: Iterable<Task>): void {
    const slice = new Slice(this.#clock, this.#look);
    for (const task of tasks) if (!slice.isOver) task.catchUp(slice.goOn);
  }

  /** A turn for one task of a sub-topology. Those that turn out to have nothing to do leave the list; false when all have. */
  #turn(ready: Task[], slice: Slice): boolean {
    while (ready.length > 0) {
      const at = this.#next(ready);
      const task = ready[at]!;
      // Under load a watermark period holds many turns: what came in the last one need not wait for the end of the period.
      task.tick();
      if (task.process(slice.turn())) {
        for (const one of ready) this.#missed.set(one, one === task ? 0 : this.#missedBy(one) + 1);
        return true;
      }
      ready.splice(at, 1);
    }
    return false;
  }

  #next(ready: readonly Task[]): number {
    let next = 0;
    for (let i = 0; i < ready.length; i++) {
      const missed = this.#missedBy(ready[i]!);
      if (missed >= missedMax) return i;
      const [ours, theirs] = [ready[i]!.streamTime, ready[next]!.streamTime];
      if (ours < theirs || (ours === theirs && missed > this.#missedBy(ready[next]!))) next = i;
    }
    return next;
  }

  #missedBy(task: Task): number {
    return this.#missed.get(task) ?? 0;
  }
}

/** The tasks of one sub-topology that may have something to do. */
interface Group {
  readonly ready: Task[];
  readonly turns: number;
}

/** Readers before writers. */
const groupsOf = (tasks: Iterable<Task>): readonly Group[] => {
  const groups = new Map<number, Group>();
  for (const task of tasks) {
    const group = groups.get(task.subtopology);
    if (group !== undefined) group.ready.push(task);
    else {
      const reads = task.inputs.some(({ plan }) => plan.kind === "repartition" || plan.kind === "sink");
      groups.set(task.subtopology, { ready: [task], turns: reads ? readersTurns : 1 });
    }
  }
  return [...groups].sort(([one], [other]) => other - one).map(([, group]) => group);
};

/** As much work as may be done before sockets and timers have their turn. */
class Slice {
  readonly #clock: Clock;
  readonly #untilMs: number;
  readonly #look: Look;
  #left = recordsPerSlice;
  #turnEndsAt = 0;
  #lookAfter = 1;
  #untilLook = 1;

  constructor(clock: Clock, look: Look) {
    this.#clock = clock;
    this.#look = look;
    this.#untilMs = clock.monotonic() + sliceMs;
  }

  /** Begins a turn; what is given is asked after each record and each timer. */
  turn(): () => boolean {
    this.#turnEndsAt = Math.max(0, this.#left - recordsPerTurn);
    return this.goOn;
  }

  readonly goOn = (): boolean => {
    this.#left--;
    if (--this.#untilLook === 0) {
      this.#lookAfter = this.#untilLook = this.#look(this.#lookAfter);
      if (this.#untilLook === 0) this.#left = 0;
    }
    return this.#left > this.#turnEndsAt && (this.#left % recordsBetweenTimes !== 0 || this.#clock.monotonic() < this.#untilMs);
  };

  get isOver(): boolean {
    return this.#left <= 0 || this.#clock.monotonic() >= this.#untilMs;
  }
}
