import { readScope } from "../state/address.ts";
import { writeWith, writing } from "../state/codecs.ts";
import type { MapTable } from "../state/map_table.ts";
import { Round } from "../state/round.ts";
import type { StepState, ValueCodec } from "../state/step_state.ts";
import { numberSubKey } from "../state/sub_key.ts";

/** The value of a key from some moment on; null: there is none from then on. */
interface Version<out V> {
  readonly value: V | null;
}

/**
 * What a table's keys were at which time. Versions older than the history are forgotten, but for the newest of them, which still holds at the history's beginning; one that says "none" is forgotten there, too, since no version says the
 * same. What is forgotten is decided by the time that the caller gives, and only carried out later, in pieces: so it does not depend on when commits are.
 */
export class Versions<V> {
  readonly #state: StepState;
  readonly #table: MapTable<number, Version<V>>;
  readonly #historyMs: number;
  readonly #round: Round;
  #writes = 0;
  /** The entry that the last piece ended with: with the one behind it it may be of one key. */
  #before: readonly [Uint8Array, Uint8Array] | undefined;

  constructor(state: StepState, column: string, codec: ValueCodec<V>, historyMs: number) {
    this.#state = state;
    this.#table = state.map(column, numberSubKey, versionCodec(codec));
    this.#historyMs = historyMs;
    this.#round = new Round(state, column);
  }

  /** Of two versions with one time, the later put is what holds. */
  put(since: number, value: V | null): void {
    this.#writes++;
    this.#table.set(since, { value });
  }

  /** The value of the current key at that time; undefined when there was none. */
  at(timestamp: number): V | undefined {
    return this.#newest(timestamp, Number.NEGATIVE_INFINITY);
  }

  /** The same for a time that lies behind the watermark: what the history does not reach is not there. */
  atLate(timestamp: number, watermark: number): V | undefined {
    return this.#newest(timestamp, watermark - this.#historyMs);
  }

  /** Versions are forgotten that others have followed by `bound`. */
  #newest(timestamp: number, bound: number): V | undefined {
    let newest: Version<V> | undefined;
    let newestSince = Number.NEGATIVE_INFINITY;
    let forgotten = false;
    this.#table.forEach((version, since) => {
      if (since > timestamp) forgotten ||= since <= bound;
      else if (since >= newestSince) {
        newest = version;
        newestSince = since;
      }
    });
    return forgotten ? undefined : (newest?.value ?? undefined);
  }

  /** Forgets a piece of what the watermark has left behind. Once per commit, and not while records wait that it has passed. */
  forget(watermark: number): void {
    const bound = watermark - this.#historyMs;
    const writes = this.#writes;
    this.#writes = 0;
    // An endless history, or no time yet.
    if (!(bound > Number.NEGATIVE_INFINITY)) return;
    for (const entry of this.#round.next(writes)) {
      const [bytes, value] = entry;
      const before = this.#before;
      this.#before = entry;
      if (sinceOf(bytes) > bound) continue;
      if (value[0] === noValue || (before !== undefined && ofOneKey(before[0], bytes))) {
        this.#state.setKey(readScope(this.#state, this.#round.prefix.length, bytes, false).key);
        this.#forgetBefore(bound);
      }
    }
  }

  #forgetBefore(bound: number): void {
    const old = this.#table.entries().filter(([since]) => since <= bound);
    old.forEach(([since, { value }], i) => {
      if (i < old.length - 1 || value === null) this.#table.delete(since);
    });
  }
}

/** The end of an entry's address. */
const sinceOf = (bytes: Uint8Array): number => numberSubKey.decode(bytes.subarray(bytes.length - 8));

const ofOneKey = (a: Uint8Array, b: Uint8Array): boolean => {
  if (a.length !== b.length) return false;
  for (let i = a.length - 9; i >= 0; i--) if (a[i] !== b[i]) return false;
  return true;
};

const noValue = 0;

/** A byte that says whether there is a value, and the value. */
const versionCodec = <V>(values: ValueCodec<V>): ValueCodec<Version<V>> =>
  writing(
    (to, { value }) => {
      to.byte(value === null ? noValue : 1);
      if (value !== null) writeWith(values, to, value);
    },
    (bytes) => ({ value: bytes[0] === noValue ? null : values.decode(bytes.subarray(1)) }),
  );
