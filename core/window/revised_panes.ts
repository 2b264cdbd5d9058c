import type { Serde } from "../serde/serde.ts";
import { readScope } from "../state/address.ts";
import { valueCodec } from "../state/codecs.ts";
import type { MapTable } from "../state/map_table.ts";
import { Round } from "../state/round.ts";
import { Stamped, stampedCodec, stampOf } from "../state/stamped.ts";
import type { StepState } from "../state/step_state.ts";
import { StreamTime } from "../state/stream_time.ts";
import { numberSubKey } from "../state/sub_key.ts";

/** Which windows of a table are kept, and how they are written. */
export interface Kept<A> {
  /** Sessions count by their last record, others by their start. */
  readonly sessions: boolean;
  /** How far behind the newest window one may be that can still be seen. */
  readonly keptMs: number;
  /** What cannot be seen any more is seen all the same, until it is cleaned up. */
  readonly cached: boolean;
  readonly serde: Serde<A> | undefined;
}

/**
 * The accumulators of windows that are revised: per key by the window's start, each with its timestamp, which for a session is that of its last record. What is so long behind the newest window as the retention says is no longer there
 * (Kafka Streams: window store, session store).
 */
export class RevisedPanes<A> {
  readonly #panes: MapTable<number, Stamped<A>>;
  readonly #column: string;
  readonly #newest: StreamTime;
  readonly #state: StepState;
  readonly #kept: Kept<A>;
  #writes = 0;
  /** Nothing that is there is older, so that nobody has to look for what is: by the last round, and by what was written since. A round that begins finds out anew. */
  #oldest = Number.NEGATIVE_INFINITY;
  #oldestOfRound = Number.POSITIVE_INFINITY;

  constructor(state: StepState, kept: Kept<A>) {
    this.#state = state;
    this.#kept = kept;
    this.#column = kept.sessions ? "r:sessions" : "r:panes";
    this.#panes = state.map(this.#column, numberSubKey, stampedCodec(valueCodec(kept.serde)));
    this.#newest = new StreamTime(state, "r:newest");
  }

  /** Lets go of what nobody can see any more, a piece at each commit. Asked for by the step that owns the state. */
  cleanUp(): void {
    const { sessions } = this.#kept;
    const round = new Round(this.#state, this.#column);
    this.#state.onCleanUp(this.#column, () => {
      const bound = this.#from - slackMs;
      if (this.#oldest >= bound) return;
      const writes = this.#writes;
      this.#writes = 0;
      for (const [bytes, value] of round.next(writes)) {
        const start = numberSubKey.decode(bytes.subarray(bytes.length - numberBytes));
        const age = sessions ? stampOf(value) : start;
        if (age >= bound) {
          this.#oldestOfRound = Math.min(this.#oldestOfRound, age);
          continue;
        }
        this.#state.setKey(readScope(this.#state, round.prefix.length, bytes, false).key);
        // The session may have grown since.
        if (sessions && (this.#panes.get(start)?.at ?? bound) >= bound) continue;
        this.#panes.delete(start);
      }
      if (!round.isOver) return;
      this.#oldest = this.#oldestOfRound;
      this.#oldestOfRound = Number.POSITIVE_INFINITY;
    });
  }

  /** Of the current key. Two sessions never begin at one time. */
  get(start: number): Stamped<A> | undefined {
    if (!this.#kept.sessions && !this.#kept.cached && start < this.#from) return undefined;
    const pane = this.#panes.get(start);
    return pane === undefined || !this.#isSeen(start, pane) ? undefined : pane;
  }

  /** The same even if it can no longer be seen. */
  hidden(start: number): Stamped<A> | undefined {
    return this.#panes.get(start);
  }

  /** Whether it is still within the retention, which nobody else asks of what is held back until the commit. */
  isKept(start: number, pane: Stamped<A>): boolean {
    return this.#age(start, pane) >= this.#from;
  }

  /** Without an accumulator it is deleted; others are that much older by it all the same. */
  set(start: number, accumulator: A | null | undefined, at: number): void {
    const age = this.#kept.sessions ? at : start;
    this.#newest.advance(age);
    if (accumulator === null || accumulator === undefined) return this.delete(start);
    this.#writes++;
    if (age < this.#oldest) this.#oldest = age;
    if (age < this.#oldestOfRound) this.#oldestOfRound = age;
    this.#panes.set(start, new Stamped(at, accumulator));
  }

  delete(start: number): void {
    this.#writes++;
    this.#panes.delete(start);
  }

  /** Those of the current key for which that holds: by their starts, sessions by their ends. */
  where(holds: (start: number, at: number) => boolean): readonly (readonly [start: number, pane: Stamped<A>])[] {
    const found = this.#panes.entries().filter(([start, pane]) => this.#isSeen(start, pane) && holds(start, pane.at));
    return this.#kept.sessions ? found.sort(([a, { at }], [b, other]) => at - other.at || a - b) : found;
  }

  /** Of every key, in no order. */
  *all(): IterableIterator<readonly [key: unknown, start: number, pane: Stamped<A>]> {
    for (const { key } of [...this.#panes.scopes()]) {
      this.#state.setKey(key);
      for (const [start, pane] of this.where(() => true)) yield [key, start, pane];
    }
  }

  get #from(): number {
    return this.#newest.now - this.#kept.keptMs;
  }
  #isSeen(start: number, pane: Stamped<A>): boolean {
    return this.#kept.cached || this.isKept(start, pane);
  }
  #age(start: number, pane: Stamped<A>): number {
    return this.#kept.sessions ? pane.at : start;
  }
}

/** What cannot be seen any more is kept for so much longer, so that little is done for it. */
const slackMs = 60_000;

/** What the start of a window takes at the end of an entry's address. */
const numberBytes = 8;
