import { valueCodec } from "../state/codecs.ts";
import type { StepState } from "../state/step_state.ts";
import type { ValueTable } from "../state/value_table.ts";
import type { PutOff } from "./put_off.ts";

/** Where a record is read again, by the place among the retry topics, and when. */
export interface Turn extends Pick<PutOff, "atMs" | "delayMs"> {
  readonly level: number;
}

/** How things stand with a key of which a record was put off, or lies in a dead-letter topic. */
interface Parked {
  /** Places in the queue of those that are put off: the one whose turn it is, and the next that is free. They are handled strictly in this order. */
  readonly head: number;
  readonly next: number;
  /** So many lie in the dead-letter topic. */
  readonly dead: number;
  /** Where and when the head is tried again: those behind it follow it there. */
  readonly turn: Turn;
  readonly topic: string;
  /** The replay in which a record of the key has failed: those behind it in that replay are not tried either. */
  readonly failedReplay?: string;
}

/** What is to be done with a record before it is tried. */
export type Standing =
  | { readonly kind: "free" }
  /** An earlier record of its key is put off: it follows, to that level and moment. */
  | { readonly kind: "behind"; readonly turn: Turn; readonly place: number }
  /** An earlier record of its key lies in that dead-letter topic: it follows. */
  | { readonly kind: "dead"; readonly topic: string };

/** A record as this sees it. */
export interface ParkedRecord {
  /** Where it was read first; the same for each time that it is read again. */
  readonly origin: string;
  readonly key: Uint8Array | null;
  /** Present when it comes from a retry topic. */
  readonly putOff: PutOff | undefined;
  /** The replay of dead letters that it comes from. */
  readonly replay: string | undefined;
}

/** What a record that has failed has to do with the order of its key. */
export type Outcome =
  | { readonly kind: "put-off"; readonly turn: Turn; readonly topic: string }
  | { readonly kind: "dead"; readonly topic: string };

const free: Standing = { kind: "free" };
/** Of a key whose first record was not put off. */
const atOnce: Turn = { level: 0, atMs: 0, delayMs: 0 };

/**
 * The records of one input that are put off, and the keys whose order is kept meanwhile. Part of the task's state, so it moves in the same commit as the records.
 *
 * Of a key only the head of its queue is tried. What is behind it goes round, through the topic in which the head waits, and so comes after it; when the head has ended in the dead-letter topic, all that follows ends there, in its turn. A key is free when
 * its queue is empty and as many of its records have been replayed as are dead.
 */
export class ParkedKeys {
  readonly #state: StepState;
  readonly #waiting: ValueTable<number>;
  /** By their origins: what is counted, so that one that comes twice is not counted twice. */
  readonly #origins: ValueTable<true>;
  readonly #keys: ValueTable<Parked>;
  readonly #parked: ValueTable<number>;

  constructor(state: StepState) {
    this.#state = state;
    this.#waiting = state.value("waiting", valueCodec<number>());
    this.#origins = state.value("origins", valueCodec<true>());
    this.#parked = state.value("parked", valueCodec<number>());
    this.#keys = state.value("keys", valueCodec<Parked>());
  }

  /** How many records are in the retry topics of this input. */
  get waiting(): number {
    return this.#total(this.#waiting);
  }

  /** How many keys are not free. */
  get parked(): number {
    return this.#total(this.#parked);
  }

  /** Asked before a record is tried. Counts a record that is to follow. */
  standing({ origin, key, putOff, replay }: ParkedRecord): Standing {
    if (key === null || this.parked === 0) return free;
    const parked = this.#enter(key);
    if (parked === undefined) return free;
    const { head, next, dead, turn, topic } = parked;
    const place = putOff?.place;
    if (place !== undefined) {
      // Without transactions a record may come twice: the second time its turn is over.
      if (place < head) return free;
      if (place > head) return { kind: "behind", turn, place };
      if (dead === 0) return free;
      this.#write({ ...parked, head: head + 1, dead: dead + 1 });
      this.#waits(origin, false);
      return { kind: "dead", topic };
    }
    // Put off by a policy that keeps no order.
    if (putOff !== undefined) return free;
    // One that is replayed is among the dead until it is handled.
    if (replay !== undefined && replay === parked.failedReplay) return { kind: "dead", topic };
    if (next > head) {
      this.#write({ ...parked, next: next + 1, dead: replay === undefined ? dead : Math.max(0, dead - 1) });
      this.#waits(origin, true);
      return { kind: "behind", turn, place: next };
    }
    if (replay !== undefined) return free;
    this.#write({ ...parked, dead: dead + 1 });
    return { kind: "dead", topic };
  }

  /** The record was handled, or left out. */
  done({ origin, key, putOff, replay }: ParkedRecord): void {
    if (putOff !== undefined) this.#waits(origin, false);
    if (key === null || this.parked === 0) return;
    const parked = this.#enter(key);
    if (parked === undefined) return;
    if (putOff?.place !== undefined) this.#write({ ...parked, head: Math.max(parked.head, putOff.place + 1) });
    else if (putOff === undefined && replay !== undefined) this.#write({ ...parked, dead: Math.max(0, parked.dead - 1) });
  }

  /** The record has failed, and is put off or dead now. Gives its place in the queue, where it gets one. */
  failed({ origin, key, putOff, replay }: ParkedRecord, outcome: Outcome, keepsOrder: boolean): number | undefined {
    this.#waits(origin, outcome.kind === "put-off");
    if (key === null) return undefined;
    const place = putOff?.place;
    const { topic } = outcome;
    // Where nothing is known of its queue, which is over or was forgotten, nothing is in front of it: who waited for that would wait for ever.
    const parked = this.#enter(key) ?? { head: place ?? 0, next: place === undefined ? 0 : place + 1, dead: 0, turn: atOnce, topic };
    const { head, next, dead } = parked;
    if (!keepsOrder) {
      // What was put off to keep the order leaves the queue all the same.
      if (place !== undefined) this.#write({ ...parked, head: Math.max(head, place + 1) });
      return undefined;
    }
    const isFresh = putOff === undefined;
    if (outcome.kind === "dead") {
      this.#write({
        ...parked,
        head: place === undefined ? head : Math.max(head, place + 1),
        dead: isFresh && replay !== undefined && dead > 0 ? dead : dead + 1,
        topic,
        ...(replay === undefined ? {} : { failedReplay: replay }),
      });
      return undefined;
    }
    const taken = place ?? next;
    this.#write({
      ...parked,
      next: Math.max(next, taken + 1),
      dead: isFresh && replay !== undefined ? Math.max(0, dead - 1) : dead,
      turn: outcome.turn,
      topic,
    });
    return taken;
  }

  #enter(key: Uint8Array): Parked | undefined {
    // The bytes are lent for this record only.
    this.#state.setKey(key.slice());
    return this.#keys.get();
  }

  /** Of the key that was entered last. */
  #write(after: Parked): void {
    const was = this.#keys.get() !== undefined;
    const is = after.head < after.next || after.dead > 0;
    this.#keys.set(is ? after : undefined);
    if (was !== is) this.#count(this.#parked, is ? 1 : -1);
  }

  /** Without transactions a record may be put off twice, and come back twice: it waits until one of the two is through. */
  #waits(origin: string, is: boolean): void {
    this.#state.setKey(origin);
    if ((this.#origins.get() !== undefined) === is) return;
    this.#origins.set(is ? true : undefined);
    this.#count(this.#waiting, is ? 1 : -1);
  }

  #total(table: ValueTable<number>): number {
    this.#state.setKey(null);
    return table.get() ?? 0;
  }

  #count(table: ValueTable<number>, by: number): void {
    if (by === 0) return;
    const total = this.#total(table) + by;
    table.set(total > 0 ? total : undefined);
  }
}
