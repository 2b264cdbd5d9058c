import type { BaseOffsets, CommittedOffset } from "../ports/log.ts";
import type { StepState } from "../state/step_state.ts";
import type { TaskInput } from "./task_input.ts";

/** The part of one task in a commit that is under way. */
export interface SealedTask {
  readonly offsets: readonly CommittedOffset[];
  /** How many changelog records of each partition the outbox holds, by `partitionId`. */
  readonly changelog: ReadonlyMap<string, number>;
  /** The task's last word: every input is at its end. */
  readonly finished: boolean;
}

/** Records that wait for something outside: an answer, a write. By estimate where they are held decoded. */
export interface Pending {
  readonly records: number;
  readonly bytes: number;
}

/** A task as its worker sees it. */
export interface Task {
  readonly id: string;
  readonly subtopology: number;
  readonly partition: number;
  readonly inputs: readonly TaskInput[];
  /** Handles what can be handled until `goOn` says no. True when it did something. Throws what no policy forgives. */
  process(goOn: () => boolean): boolean;
  /** Once per watermark period. */
  tick(): void;
  /** The same before a commit, with all that it makes due: what need not wait any longer need not be written down as waiting. Until `goOn` says no. */
  catchUp(goOn: () => boolean): void;
  /** The moment of the Clock at which the task has something to do on its own; +Infinity when there is none. */
  nextWakeMs(): number;
  /**
   * Closes what was done since the last seal, and writes it to the outbox; undefined when there is nothing to say. Never while the task is held.
   * @param lastly the task may go to another instance after this: where its position is not committed as a rule, it is said now
   */
  seal(tag: string, lastly?: boolean): SealedTask | undefined;
  committed(sealed: SealedTask, bases: BaseOffsets): void;
  /** What is to be said only after the commit: at least once, the watermark that the commit has reached. */
  afterCommit(): void;
  /** Takes back everything that is not committed. */
  rollback(): void;
  /** Writes go to a list of the task's own until it is known whether the task stays. */
  hold(): void;
  release(): void;
  /** What a store of the task holds, with what is not committed; undefined where the task has none of that name. */
  stateOf(store: string): StepState | undefined;
  /** The position of an input that the last commit has reached. */
  committedOffset(input: TaskInput): number;
  /** The largest timestamp of a record so far: how far the task has come in event time, whatever it waits for. */
  readonly streamTime: number;
  /** How far event time has come; undefined where it has no meaning. */
  readonly watermark: number | undefined;
  /** Estimated bytes of what is changed or kept back and not in the log, or not in the stores yet. */
  readonly uncommittedBytes: number;
  /** Estimated bytes of decoded entries that the stores have as well. */
  readonly cachedBytes: number;
  /** Lets go of such entries until they take no more than so many bytes. Between two records. */
  evict(keepBytes: number): void;
  /** Undefined for a task that never waits for something outside. */
  readonly pending: Pending | undefined;
  /** How much memory the state takes, store by store. */
  stateBytes(): Iterable<readonly [store: string, bytes: number]>;
  /** A record that has stopped too many instances holds this task. */
  readonly standsStill: boolean;
  /** The tables of which every task has all have been read, as far as they went when the task was opened. */
  readonly hasTables: boolean;
  /** Records that wait in retry topics, and keys that are parked; undefined where no policy puts anything off. */
  readonly putOff: { readonly waiting: number; readonly keys: number } | undefined;
  /** All inputs are at their end and everything is committed. */
  readonly finished: boolean;
  close(): Promise<void>;
}
