import type { OperatorContext } from "../operators/operator.ts";
import type { MapTable } from "../state/map_table.ts";
import type { ValueCodec } from "../state/step_state.ts";
import type { SubKey } from "../state/sub_key.ts";
import { inMergeOrder } from "./merge_order.ts";
import { SessionWindow } from "./session_window.ts";
import type { MergingWindow } from "./window.ts";

/** The windows of the current key, no two of which touch. */
export interface Merging {
  /** Those which the window touches, in the order in which their contents are put together. */
  touching(added: MergingWindow): readonly MergingWindow[];
  /** A window that has got a record and is still the same does not become another by it. */
  stays(window: MergingWindow): boolean;
  /** The window has become what it is by another that was added: gives under which windows contents are found, first the one that has those of the window from now on. */
  join(merge: Merge, added: MergingWindow): readonly MergingWindow[];
  /** Under which window the contents are found. */
  held(window: MergingWindow): MergingWindow;
}

/** What a window becomes, and of which others; of none when it is new, or stays as it is. */
export interface Merge {
  readonly window: MergingWindow;
  readonly from: readonly MergingWindow[];
}

/** What becomes of a window that is added to those there are. Nothing is changed yet. */
export const mergeOf = (merging: Merging, added: MergingWindow): Merge => {
  const touching = merging.touching(added);
  const [first] = touching;
  if (first === undefined) return { window: added, from: none };
  let { start, end } = added;
  for (const window of touching) {
    if (window.start < start) start = window.start;
    if (window.end > end) end = window.end;
  }
  if (touching.length === 1 && first.start === start && first.end === end && merging.stays(first)) return { window: first, from: none };
  return { window: added.start === start && added.end === end ? added : new SessionWindow(start, end), from: touching };
};

/**
 * Each window is an entry of its own. One that grows keeps its contents where they are, under the bounds it had in the beginning, so that growing does not copy them. (As Flink's MergingWindowSet.)
 */
export class MergingWindows implements Merging {
  readonly #windows: MapTable<MergingWindow, MergingWindow>;
  readonly #forget: ((held: MergingWindow) => void) | undefined;

  /** @param forget if given, a window that equals what several have become begins anew; it is told under which window their contents are found */
  constructor({ state }: OperatorContext, codec: SubKey<MergingWindow>, forget?: (held: MergingWindow) => void) {
    this.#forget = forget;
    this.#windows = state.map("w:sessions", codec, boundsCodec(codec));
  }

  touching(added: MergingWindow): readonly MergingWindow[] {
    let found: MergingWindow[] | undefined;
    this.#windows.forEach((_held, window) => {
      if (window.start > added.end || window.end < added.start) return;
      if (found === undefined) found = [window];
      else found.push(window);
    });
    return found ?? none;
  }

  stays(): boolean {
    return true;
  }

  join({ window, from }: Merge, added: MergingWindow): readonly MergingWindow[] {
    if (from.length === 0) {
      if (window === added) this.#windows.set(added, added);
      else if (this.#forget !== undefined && added.start === window.start && added.end === window.end) this.#renew(window, this.#forget);
      return none;
    }
    const held = inMergeOrder(from).map((before) => this.held(before));
    for (const before of from) this.#windows.delete(before);
    this.#windows.set(window, held[0]!);
    return held;
  }

  has(window: MergingWindow): boolean {
    return this.#windows.has(window);
  }

  held(window: MergingWindow): MergingWindow {
    return this.#windows.get(window) ?? window;
  }

  remove(window: MergingWindow): void {
    this.#windows.delete(window);
  }

  #renew(window: MergingWindow, forget: (held: MergingWindow) => void): void {
    const held = this.held(window);
    if (held.start === window.start && held.end === window.end) return;
    forget(held);
    this.#windows.set(window, window);
  }
}

const none: readonly MergingWindow[] = [];

const boundsCodec = (codec: SubKey<MergingWindow>): ValueCodec<MergingWindow> => ({
  encode: (window) => codec.encode(window),
  decode: (bytes) => codec.decode(bytes),
});
