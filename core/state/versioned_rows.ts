import { readScope } from "./address.ts";
import { writeWith, writing } from "./codecs.ts";
import type { MapTable } from "./map_table.ts";
import { Round } from "./round.ts";
import type { StepState, ValueCodec } from "./step_state.ts";
import { StreamTime } from "./stream_time.ts";
import { numberSubKey } from "./sub_key.ts";

/** What a row was from some moment on. */
export interface Version<out V> {
  readonly value: V;
  /** Since when. */
  readonly timestamp: number;
  /** Until when, exclusive; undefined for the version that holds now. */
  readonly validTo: number | undefined;
}

/** What became of a put: it is the newest version, it is a version of the past that holds until the given time, or it is older than the history reaches and was not kept. */
export type Put = "latest" | "expired" | { readonly validTo: number };

interface Held<out V> {
  readonly value: V | null;
}

/**
 * The rows of a table with their past, as far as the history reaches behind the largest timestamp that was put, over all keys. A version that was put for an earlier time goes to its place in the past (Kafka Streams: versioned key-value
 * stores, KIP-889).
 */
export class VersionedRows<V> {
  readonly #state: StepState;
  readonly #rows: MapTable<number, Held<V>>;
  readonly #time: StreamTime;
  readonly #historyMs: number;
  readonly #round: Round;
  #writes = 0;

  constructor(state: StepState, codec: ValueCodec<V>, historyMs: number) {
    this.#state = state;
    this.#rows = state.map("t:versions", numberSubKey, heldCodec(codec));
    this.#time = new StreamTime(state, "t:time");
    this.#historyMs = historyMs;
    this.#round = new Round(state, "t:versions");
  }

  /** The largest timestamp that was put; -Infinity in the beginning. */
  get streamTime(): number {
    return this.#time.now;
  }

  /** A version of the current key, from that time on; null says that there is no row from then on. */
  put(value: V | null, timestamp: number): Put {
    // Done by who writes: he knows how much there is to do.
    if (this.#writes === 0) this.#state.onCleanUp("t:versions", () => this.#forget());
    const time = this.streamTime;
    if (timestamp < time - this.#historyMs) return "expired";
    this.#time.advance(timestamp);
    this.#writes++;
    this.#rows.set(timestamp, { value });
    const validTo = this.#next(timestamp);
    return validTo === undefined ? "latest" : { validTo };
  }

  /** What holds now. */
  latest(): Version<V> | undefined {
    return this.#at(Number.POSITIVE_INFINITY);
  }

  /** What held at that time; nothing where the history does not reach so far, unless it still holds. */
  asOf(timestamp: number): Version<V> | undefined {
    const version = this.#at(timestamp);
    return version?.validTo !== undefined && timestamp < this.streamTime - this.#historyMs ? undefined : version;
  }

  /** Every version that held at some time of the given ones, the oldest first. */
  history(from: number, to: number): readonly Version<V>[] {
    const bound = this.streamTime - this.#historyMs;
    const entries = this.#rows.entries();
    return entries.flatMap(([timestamp, { value }], i): readonly Version<V>[] => {
      const validTo = entries[i + 1]?.[0];
      const holds = timestamp <= to && (validTo === undefined || (validTo > from && validTo > bound));
      return value !== null && holds ? [{ value, timestamp, validTo }] : [];
    });
  }

  /** Every key that has a row now, with it. */
  *all(): IterableIterator<readonly [key: unknown, version: Version<V>]> {
    for (const { key } of [...this.#rows.scopes()]) {
      this.#state.setKey(key);
      const version = this.latest();
      if (version !== undefined) yield [key, version];
    }
  }

  #at(timestamp: number): Version<V> | undefined {
    let since = Number.NEGATIVE_INFINITY;
    let found: Held<V> | undefined;
    let validTo: number | undefined;
    this.#rows.forEach((held, at) => {
      if (at > timestamp) {
        if (validTo === undefined || at < validTo) validTo = at;
      } else if (at >= since) {
        since = at;
        found = held;
      }
    });
    return found === undefined || found.value === null ? undefined : { value: found.value, timestamp: since, validTo };
  }

  #next(timestamp: number): number | undefined {
    let next: number | undefined;
    this.#rows.forEach((_held, at) => {
      if (at > timestamp && (next === undefined || at < next)) next = at;
    });
    return next;
  }

  /** Forgets a piece of what the history has left behind: what others have followed by then, and what says that there is nothing. */
  #forget(): void {
    const bound = this.streamTime - this.#historyMs;
    const writes = this.#writes;
    this.#writes = 0;
    if (!(bound > Number.NEGATIVE_INFINITY)) return;
    let before: string | undefined;
    for (const [bytes] of this.#round.next(writes)) {
      const scope = readScope(this.#state, this.#round.prefix.length, bytes, false);
      const name = String(bytes.subarray(0, scope.rest));
      if (name === before) continue;
      before = name;
      this.#state.setKey(scope.key);
      const old = this.#rows.entries().filter(([since]) => since <= bound);
      old.forEach(([since, { value }], i) => {
        if (i < old.length - 1 || value === null) this.#rows.delete(since);
      });
    }
  }
}

const heldCodec = <V>(values: ValueCodec<V>): ValueCodec<Held<V>> =>
  writing(
    (to, { value }) => {
      to.byte(value === null ? 0 : 1);
      if (value !== null) writeWith(values, to, value);
    },
    (bytes) => ({ value: bytes[0] === 0 ? null : values.decode(bytes.subarray(1)) }),
  );
