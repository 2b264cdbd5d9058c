import { type ByteWriter, shareBytes } from "../serde/byte_writer.ts";
import { columnPrefix, prefixEnd, readScope, writeScope } from "./address.ts";
import { DueTimers } from "./due_timers.ts";
import { heldBytes } from "./held_bytes.ts";
import type { NamespaceKey, Scoped } from "./scope_map.ts";
import type { MapKey, StepState, Table } from "./step_state.ts";
import { putSortable, readSortable } from "./sub_key.ts";

/** Called with key (and namespace) of the state set to the timer's. */
export type TimerHandler = (timestamp: number) => void;

/**
 * Runs one timer: `fire` takes it away and calls its handler; `leaveOut` takes it away and lets go of what only its handler would have let go of, or of nothing else ("alone"). When neither is done, or what was done is taken back, it
 * comes first again.
 */
export type AroundTimer = (fire: () => void, leaveOut: (what: "with-what-it-held" | "alone") => void) => void;

export interface TimerOptions {
  /** The timers belong to key and namespace. @default false */
  readonly namespaced?: boolean;
  /** Called in the handler's place for a timer that is left out, since its handler has failed: lets go of what waited for it, and emits nothing. */
  readonly leftOut?: TimerHandler;
}

class Timer implements Scoped {
  readonly timestamp: number;
  readonly mapKey: MapKey;
  readonly namespaceKey: NamespaceKey;
  readonly key: unknown;
  readonly namespace: unknown;
  dirty = false;
  live = false;
  stored: boolean;

  constructor(timestamp: number, state: StepState, namespaced: boolean, stored: boolean) {
    this.timestamp = timestamp;
    this.mapKey = state.mapKey;
    this.namespaceKey = namespaced ? state.namespaceKey : undefined;
    this.key = state.key;
    this.namespace = namespaced ? state.namespace : undefined;
    this.stored = stored;
  }
}

const noValue = new Uint8Array(0);

/**
 * Timers of one domain, at most one per key (and namespace) and timestamp. They fire in the order of their timestamps; equal timestamps in the order in which their keys set their first, and after a restore in the order of
 * their keys' bytes. A timer is gone before its handler runs, in the same overlay as what the handler does.
 */
export class TimerService implements Table {
  readonly #state: StepState;
  readonly #prefix: Uint8Array;
  readonly #handler: TimerHandler;
  readonly #leftOut: TimerHandler | undefined;
  readonly #namespaced: boolean;
  /** Live timers by timestamp, then by key. Every timestamp that is in here is in the heap; the heap may hold others, which nobody waits for any more. */
  readonly #times = new Map<number, DueTimers<Timer>>();
  readonly #heap: number[] = [];
  #dirty: Timer[] = [];
  #loaded = false;
  #live = 0;

  constructor(state: StepState, column: string, handler: TimerHandler, { namespaced = false, leftOut }: TimerOptions) {
    this.#state = state;
    this.#prefix = columnPrefix(column);
    this.#handler = handler;
    this.#leftOut = leftOut;
    this.#namespaced = namespaced;
  }

  /** For the current key and namespace. Setting it twice is setting it once; false the second time. */
  set(timestamp: number): boolean {
    this.#load();
    if (this.#find(timestamp) !== undefined) return false;
    this.#change(new Timer(timestamp, this.#state, this.#namespaced, false), true);
    return true;
  }

  delete(timestamp: number): void {
    this.#load();
    const timer = this.#find(timestamp);
    if (timer !== undefined) this.#change(timer, false);
  }

  /** The earliest timestamp that has a timer; +Infinity when there is none, or only for the end of the input. */
  next(): number {
    this.#load();
    for (;;) {
      const timestamp = this.#heap[0];
      if (timestamp === undefined) return Number.POSITIVE_INFINITY;
      if (this.#times.has(timestamp)) return timestamp;
      popHeap(this.#heap);
    }
  }

  /**
   * Fires the earliest timer that is not later than `upTo`; false when there is none.
   * @param around runs the timer, and may take back what it did.
   */
  fireNext(upTo: number, around?: AroundTimer): boolean {
    const timestamp = this.next();
    // A timer at +Infinity is one for the end of the input.
    if (timestamp > upTo || this.#live === 0) return false;
    const timer = this.#times.get(timestamp)!.first();
    if (around === undefined) {
      this.#fire(timer);
      return true;
    }
    around(
      () => this.#fire(timer),
      (what) => this.#leaveOut(timer, what),
    );
    // Taken back it stands behind those of its time again, but its turn has come.
    if (timer.live) this.#times.get(timestamp)!.putFirst(timer);
    return true;
  }

  #fire(timer: Timer): void {
    this.#takeAway(timer);
    this.#handler(timer.timestamp);
  }

  #leaveOut(timer: Timer, what: "with-what-it-held" | "alone"): void {
    this.#takeAway(timer);
    if (what === "with-what-it-held") this.#leftOut?.(timer.timestamp);
  }

  /** Sets the state to where the timer was set. */
  #takeAway(timer: Timer): void {
    this.#change(timer, false);
    this.#state.setKey(timer.key);
    if (this.#namespaced) this.#state.setNamespace(timer.namespace);
  }

  get size(): number {
    this.#load();
    return this.#live;
  }

  seal(write: (key: Uint8Array, value: Uint8Array | null) => void): void {
    for (const timer of this.#dirty) {
      if (!timer.dirty) continue;
      timer.dirty = false;
      if (!timer.live && !timer.stored) continue;
      timer.stored = timer.live;
      write(shareBytes(this.#writeAddress, timer), timer.live ? noValue : null);
    }
    this.#dirty = [];
  }

  reset(): void {
    this.#times.clear();
    this.#heap.length = 0;
    this.#dirty = [];
    this.#loaded = false;
    this.#live = 0;
  }

  /** Timers are all held in memory: which is next must be known without asking the store. */
  evict(): void {}

  readonly cached = 0;
  readonly cachedBytes = 0;

  get heldBytes(): number {
    return this.#live * heldBytes.timer;
  }

  get changed(): number {
    return this.#dirty.length;
  }

  #find(timestamp: number): Timer | undefined {
    return this.#times.get(timestamp)?.find(this.#state.mapKey, this.#namespaced ? this.#state.namespaceKey : undefined);
  }

  #load(): void {
    if (this.#loaded) return;
    this.#loaded = true;
    const { key, namespace } = this.#state;
    for (const [bytes] of this.#state.base.range(this.#prefix, prefixEnd(this.#prefix))) {
      const timestamp = readSortable(bytes, this.#prefix.length);
      const scope = readScope(this.#state, this.#prefix.length + 8, bytes, this.#namespaced);
      this.#state.setKey(scope.key);
      this.#state.setNamespace(scope.namespace);
      this.#insert(new Timer(timestamp, this.#state, this.#namespaced, true));
    }
    if (key !== undefined) this.#state.setKey(key);
    this.#state.setNamespace(namespace);
  }

  #insert(timer: Timer): void {
    let due = this.#times.get(timer.timestamp);
    if (due === undefined) {
      due = new DueTimers();
      this.#times.set(timer.timestamp, due);
      pushHeap(this.#heap, timer.timestamp);
    }
    due.add(timer);
    timer.live = true;
    this.#live++;
  }

  #remove(timer: Timer): void {
    const due = this.#times.get(timer.timestamp)!;
    due.remove(timer);
    if (due.isEmpty) this.#times.delete(timer.timestamp);
    timer.live = false;
    this.#live--;
  }

  #change(timer: Timer, live: boolean): void {
    this.#state.journal?.push(() => this.#write(timer, !live));
    this.#write(timer, live);
  }

  #write(timer: Timer, live: boolean): void {
    if (live) this.#insert(timer);
    else this.#remove(timer);
    if (timer.dirty) return;
    timer.dirty = true;
    this.#dirty.push(timer);
    this.#state.changedBytes += heldBytes.timer;
  }

  readonly #writeAddress = (to: ByteWriter, timer: Timer): void => {
    to.append(this.#prefix);
    putSortable(to, timer.timestamp);
    writeScope(to, this.#state, timer.key, this.#namespaced, timer.namespace);
  };
}

const pushHeap = (heap: number[], value: number): void => {
  let at = heap.length;
  heap.push(value);
  while (at > 0) {
    const parent = (at - 1) >> 1;
    if (heap[parent]! <= value) break;
    heap[at] = heap[parent]!;
    at = parent;
  }
  heap[at] = value;
};

const popHeap = (heap: number[]): void => {
  const last = heap.pop()!;
  const { length } = heap;
  if (length === 0) return;
  let at = 0;
  for (;;) {
    let child = 2 * at + 1;
    if (child >= length) break;
    if (child + 1 < length && heap[child + 1]! < heap[child]!) child++;
    if (heap[child]! >= last) break;
    heap[at] = heap[child]!;
    at = child;
  }
  heap[at] = last;
};
