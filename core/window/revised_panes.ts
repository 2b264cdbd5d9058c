import type { Serde } from "../serde/serde.ts";
import { readScope } from "../state/address.ts";
import { valueCodec } from "../state/codecs.ts";
import type { MapTable } from "../state/map_table.ts";
import { Round } from "../state/round.ts";
import { Stamped, stampedCodec } from "../state/stamped.ts";
import type { StepState } from "../state/step_state.ts";
import { StreamTime } from "../state/stream_time.ts";
import { numberSubKey } from "../state/sub_key.ts";
import type { Revision } from "./revision.ts";

/** How far behind the newest window one may begin that can still be seen: windows that speak at their end are seen a millisecond longer, as in Kafka Streams. */
export const keptMs = (retentionMs: number, { name }: Pick<Revision, "name">): number => (name === "close" ? retentionMs : retentionMs - 1);

/**
 * The accumulators of windows of one size that are revised: per key by the window's start, each with its timestamp. What began so long before the newest window as the retention says is no longer there (Kafka Streams: window store).
 */
export class RevisedPanes<A> {
  readonly #panes: MapTable<number, Stamped<A>>;
  readonly #newest: StreamTime;
  readonly #keptMs: number;
  readonly #state: StepState;
  readonly #hides: boolean;
  #writes = 0;

  /** @param keptMs a window that begins so long before the newest one is the last that can be seen, unless `cached` */
  constructor(state: StepState, serde: Serde<A> | undefined, keptMs: number, cached: boolean) {
    this.#state = state;
    this.#keptMs = keptMs;
    this.#hides = !cached;
    this.#panes = state.map("r:panes", numberSubKey, stampedCodec(valueCodec(serde)));
    this.#newest = new StreamTime(state, "r:newest");
  }

  /** Lets go of what nobody can see any more, a piece at each commit. Asked for by the step that owns the state. */
  cleanUp(): void {
    const round = new Round(this.#state, "r:panes");
    this.#state.onCleanUp("r:panes", () => {
      const writes = this.#writes;
      this.#writes = 0;
      for (const [bytes] of round.next(writes)) {
        const { key, rest } = readScope(this.#state, round.prefix.length, bytes, false);
        const start = numberSubKey.decode(bytes.subarray(rest));
        if (start >= this.#newest.now - this.#keptMs - slackMs) continue;
        this.#state.setKey(key);
        this.#panes.delete(start);
      }
    });
  }

  get(start: number): Stamped<A> | undefined {
    return start < this.#from ? undefined : this.#panes.get(start);
  }

  set(start: number, accumulator: A | null | undefined, timestamp: number): void {
    this.#newest.advance(start);
    this.#writes++;
    if (accumulator === null || accumulator === undefined) this.#panes.delete(start);
    else this.#panes.set(start, new Stamped(timestamp, accumulator));
  }

  /** Those of the current key that begin in between, both included, the earliest first. */
  between(from: number, to: number): readonly (readonly [start: number, pane: Stamped<A>])[] {
    const first = Math.max(from, this.#from);
    return this.#panes.entries().filter(([start]) => start >= first && start <= to);
  }

  /** Of every key, in no order. */
  *all(): IterableIterator<readonly [key: unknown, start: number, pane: Stamped<A>]> {
    for (const { key } of [...this.#panes.scopes()]) {
      this.#state.setKey(key);
      for (const [start, pane] of this.between(Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY)) yield [key, start, pane];
    }
  }

  get #from(): number {
    return this.#hides ? this.#newest.now - this.#keptMs : Number.NEGATIVE_INFINITY;
  }
}

/** One session of a key: from its first record to its last one, both included. */
export interface Session<A> {
  readonly start: number;
  readonly last: number;
  readonly accumulator: A;
}

/** What cannot be seen any more is kept for so much longer, so that little is done for it. */
const slackMs = 60_000;

/** The sessions of each key. */
export class RevisedSessions<A> {
  readonly #sessions: MapTable<number, readonly [last: number, accumulator: A]>;
  readonly #newest: StreamTime;
  readonly #retentionMs: number;
  readonly #state: StepState;
  readonly #hides: boolean;
  #writes = 0;

  /** @param retentionMs a session that ends so long before the newest one can no longer be seen, unless `cached` */
  constructor(state: StepState, serde: Serde<A> | undefined, retentionMs: number, cached: boolean) {
    this.#state = state;
    this.#hides = !cached;
    const stamped = stampedCodec(valueCodec(serde));
    this.#sessions = state.map("r:sessions", numberSubKey, {
      encode: ([last, accumulator]) => stamped.encode(new Stamped(last, accumulator)),
      decode: (bytes) => {
        const { at, value } = stamped.decode(bytes);
        return [at, value];
      },
    });
    this.#newest = new StreamTime(state, "r:newest");
    this.#retentionMs = retentionMs;
  }

  cleanUp(): void {
    const round = new Round(this.#state, "r:sessions");
    this.#state.onCleanUp("r:sessions", () => {
      const writes = this.#writes;
      this.#writes = 0;
      const bound = this.#newest.now - this.#retentionMs - slackMs;
      for (const [bytes] of round.next(writes)) {
        const { key, rest } = readScope(this.#state, round.prefix.length, bytes, false);
        this.#state.setKey(key);
        const start = numberSubKey.decode(bytes.subarray(rest));
        const session = this.#sessions.get(start);
        if (session !== undefined && session[0] < bound) this.#sessions.delete(start);
      }
    });
  }

  /** Of the current key. Two sessions never begin at one time. */
  get(start: number): Session<A> | undefined {
    const session = this.#sessions.get(start);
    return session === undefined || session[0] < this.#from ? undefined : { start, last: session[0], accumulator: session[1] };
  }

  /** Whether it is still within the retention, which nobody else asks of sessions that are held back until the commit. */
  isKept({ last }: Session<A>): boolean {
    return last > this.#newest.now - this.#retentionMs;
  }

  /** The same even if it can no longer be seen: a session is told when it is over, which is later. */
  closed(start: number): Session<A> | undefined {
    const session = this.#sessions.get(start);
    return session === undefined ? undefined : { start, last: session[0], accumulator: session[1] };
  }

  set({ start, last, accumulator }: Session<A>): void {
    this.#newest.advance(last);
    this.#writes++;
    this.#sessions.set(start, [last, accumulator]);
  }

  delete(start: number): void {
    this.#writes++;
    this.#sessions.delete(start);
  }

  /** Deletes one that nobody had before, or has any more: others are that much older by it, as by one that is kept. */
  forget({ start, last }: Omit<Session<A>, "accumulator">): void {
    this.#newest.advance(last);
    this.delete(start);
  }

  /** Those of the current key that end not before one time and begin not after another, by their ends. */
  between(endFrom: number, startTo: number): readonly Session<A>[] {
    const found: Session<A>[] = [];
    const first = Math.max(endFrom, this.#from);
    for (const [start, [last, accumulator]] of this.#sessions.entries())
      if (last >= first && start <= startTo) found.push({ start, last, accumulator });
    return found.sort((a, b) => a.last - b.last || a.start - b.start);
  }

  *all(): IterableIterator<readonly [key: unknown, session: Session<A>]> {
    for (const { key } of [...this.#sessions.scopes()]) {
      this.#state.setKey(key);
      for (const session of this.between(Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY)) yield [key, session];
    }
  }

  get #from(): number {
    return this.#hides ? this.#newest.now - this.#retentionMs + 1 : Number.NEGATIVE_INFINITY;
  }
}
