import type { Duration } from "../duration.ts";
import type { Meta } from "../record.ts";
import type { BroadcastSpec, Descriptors, Opened, ReadonlyBroadcast, StateSpec, StoreSpec } from "../state/descriptors.ts";
import type { SideSpec, Sides } from "./side_output.ts";
import type { Timer, Timers } from "./timers.ts";

/** Results of a function: an array, whatever else can be walked, or a generator; nothing for none. They are sent on in their order. */
export type Out<R> = Iterable<R> | void;

/** What a whole task knows; there is no key. */
export interface TaskContext<S extends Descriptors, O extends SideSpec> {
  /** Handles of what the step has declared, bound to the current key. */
  readonly state: Opened<S>;
  /** One function per declared side output. */
  readonly side: Sides<O>;
  /** Of the step's inputs; -Infinity in the beginning, +Infinity when they have ended. */
  readonly watermark: number;
  /** The largest timestamp that the task has seen. */
  readonly streamTime: number;
  /** Wall time. */
  readonly processingTime: number;
  /** Asks for a commit soon, without waiting for the interval. */
  requestCommit(): void;
}

/** The record at hand, and what the task knows. In `onTimer` the timestamp is the timer's, and nothing comes from a topic. */
export interface Context<K, S extends Descriptors, O extends SideSpec> extends TaskContext<S, O>, Meta<K> {}

/** With state and timers of the record's key. */
export interface KeyedContext<K, S extends StateSpec, O extends SideSpec> extends Context<K, S, O> {
  /** Of the current key. Setting one needs an `onTimer`. */
  readonly timers: Timers;
}

/** What is called at regular moments, for a whole task: `schedules: { sweep: { every: minutes(1), by: "wall-clock" } }`. Stores can be reached, state of a key cannot, as there is none. */
export interface Scheduled<S extends Descriptors, O extends SideSpec, R> {
  /** By the wall clock, or by the largest timestamp that the task has seen; ticks that were missed are one. */
  readonly schedules?: { readonly [name: string]: { readonly every: Duration; readonly by: "stream-time" | "wall-clock" } };
  /** Called at each tick; `now` is the time by the schedule's clock. Results have it as timestamp, and no key. */
  onSchedule?(now: number, ctx: TaskContext<S, O> & { readonly schedule: string; cancel(): void }): Out<R>;
}

/**
 * A function with state and timers per key. What `onRecord` gives has the record's key, timestamp and headers; what `onTimer` gives has the timer's key and timestamp, for timers in processing time this is wall time.
 */
export interface Process<V, K, S extends StateSpec, O extends SideSpec, R1, R2, R3 = never> extends Scheduled<S, O, R3> {
  /** What the function keeps. It stands above the functions in the object, so that they know its types. */
  readonly state?: S;
  /** Further ways out, by name: `side: { rejected: output<Order>() }`. */
  readonly side?: O;
  /** Called for each record, in the order of the partition. */
  onRecord(value: V, ctx: KeyedContext<K, S, O>): Out<R1>;
  /** Called for each timer that has come due, with its key. */
  onTimer?(timer: Timer, ctx: KeyedContext<K, S, O>): Out<R2>;
}

/** A function over a stream without keys. */
export interface PlainProcess<V, K, S extends StoreSpec, O extends SideSpec, R1, R3 = never> extends Scheduled<S, O, R3> {
  readonly state?: S;
  readonly side?: O;
  onRecord(value: V, ctx: Context<K, S, O>): Out<R1>;
}

/** Two streams with the same keys, and one state for both. */
export interface Connect<L, R, K, S extends StateSpec, O extends SideSpec, R1, R2, R3> {
  readonly state?: S;
  readonly side?: O;
  onLeft(value: L, ctx: KeyedContext<K, S, O>): Out<R1>;
  onRight(value: R, ctx: KeyedContext<K, S, O>): Out<R2>;
  onTimer?(timer: Timer, ctx: KeyedContext<K, S, O>): Out<R3>;
}

/** A stream without keys, and another that every task reads whole. */
export interface PlainBroadcast<V, B, K, S extends StoreSpec, T extends BroadcastSpec, O extends SideSpec, R1, R2> {
  readonly broadcast: T;
  readonly state?: S;
  readonly side?: O;
  onRecord(value: V, ctx: Context<K, S, O> & { readonly broadcast: ReadonlyBroadcast<T> }): Out<R1>;
  /** Must do the same in every task: then the copies stay the same. Its results have no key. */
  onBroadcast(value: B, ctx: TaskContext<{}, O> & { readonly broadcast: Opened<T> }): Out<R2>;
}

/** A stream with keys, and another that every task reads whole. */
export interface Broadcast<V, B, K, S extends StateSpec, T extends BroadcastSpec, O extends SideSpec, R1, R2, R3> {
  readonly broadcast: T;
  readonly state?: S;
  readonly side?: O;
  onRecord(value: V, ctx: KeyedContext<K, S, O> & { readonly broadcast: ReadonlyBroadcast<T> }): Out<R1>;
  /** Must do the same in every task: then the copies stay the same. Its results have no key. `forEachKey` goes over every key of this task that has state, in no order. */
  onBroadcast(
    value: B,
    ctx: TaskContext<{}, O> & { readonly broadcast: Opened<T>; forEachKey(fn: (key: K, state: Opened<S>) => void): void },
  ): Out<R2>;
  onTimer?(timer: Timer, ctx: KeyedContext<K, S, O> & { readonly broadcast: ReadonlyBroadcast<T> }): Out<R3>;
}
