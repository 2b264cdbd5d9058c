import type { MapKey } from "../state/step_state.ts";
import type { Slices } from "./assigner.ts";

/** What a key's slices come to in one block, as far as it has been put together. */
interface Memory<A> {
  /** Where the block ends. */
  readonly end: number;
  /** The first slice that was looked at. */
  readonly from: number;
  /** By slice, from the first of the block: it and all behind it, up to the block's end. */
  readonly toEnd: readonly (A | undefined)[];
  /** The slices from the block's end up to `until`. */
  beyond: A | undefined;
  until: number;
}

/** So many accumulators are remembered at most, of all keys together; then all are forgotten. */
const rememberedMax = 1_000_000;

/**
 * Puts the slices of windows together, each of which is as long as the one before and begins a slice later, with few steps for each: time is cut into blocks as
 * long as a window, so that a window is the end of one block and the beginning of the next; the former is found for all windows of a block at once, the latter
 * grows by a slice with each window. (van Herk, "A fast algorithm for local minimum and maximum filters", 1992.) What comes out does not depend on what is
 * remembered, to the last digit.
 */
export class Spans<A> {
  readonly #slices: Slices;
  readonly #part: (slice: number) => A | undefined;
  readonly #both: (a: A, b: A) => A;
  readonly #memories = new Map<MapKey, Memory<A>>();
  #remembered = 0;

  /** @param part the accumulator of a slice, of the current key */
  constructor(slices: Slices, part: (slice: number) => A | undefined, both: (a: A, b: A) => A) {
    this.#slices = slices;
    this.#part = part;
    this.#both = both;
  }

  /** What the window that begins there comes to; undefined when there is nothing. `remember`: what was put together is good for later windows. */
  over(key: MapKey, start: number, remember: boolean): A | undefined {
    const { size, every, offset } = this.#slices;
    const end = Math.floor((start - offset) / size) * size + offset + size;
    let memory = this.#memories.get(key);
    if (memory === undefined || memory.end !== end || start < memory.from || memory.until > start + size) {
      memory = this.#block(start, end);
      if (remember) this.#remember(key, memory);
    } else if (!remember) memory = { ...memory };
    for (; memory.until < start + size; memory.until += every) memory.beyond = this.#join(memory.beyond, this.#part(memory.until));
    return this.#join(memory.toEnd[(start - end + size) / every], memory.beyond);
  }

  /** The slice of the key has changed: what it is in has to be put together anew. */
  changed(key: MapKey, slice: number): void {
    const memory = this.#memories.get(key);
    if (memory !== undefined && slice >= memory.from && slice < memory.until) this.forget(key);
  }

  /** The key has no slices any more. */
  forget(key: MapKey): void {
    this.#remembered -= this.#memories.get(key)?.toEnd.length ?? 0;
    this.#memories.delete(key);
  }

  #block(start: number, end: number): Memory<A> {
    const { size, every } = this.#slices;
    const toEnd = new Array<A | undefined>(size / every).fill(undefined);
    let all: A | undefined;
    for (let slice = end - every, place = toEnd.length - 1; slice >= start; slice -= every, place--) {
      const part = this.#part(slice);
      all = part === undefined ? all : all === undefined ? part : this.#both(part, all);
      toEnd[place] = all;
    }
    return { end, from: start, toEnd, beyond: undefined, until: end };
  }

  #remember(key: MapKey, memory: Memory<A>): void {
    this.#remembered += memory.toEnd.length - (this.#memories.get(key)?.toEnd.length ?? 0);
    if (this.#remembered > rememberedMax) {
      this.#memories.clear();
      this.#remembered = memory.toEnd.length;
    }
    this.#memories.set(key, memory);
  }

  #join(a: A | undefined, b: A | undefined): A | undefined {
    if (a === undefined) return b;
    return b === undefined ? a : this.#both(a, b);
  }
}
