import type { OperatorContext } from "../operators/operator.ts";
import type { MapTable } from "../state/map_table.ts";
import type { ValueCodec } from "../state/step_state.ts";
import type { SubKey } from "../state/sub_key.ts";
import { inMergeOrder } from "./merge_order.ts";
import { SessionWindow } from "./session_window.ts";
import type { MergingWindow } from "./window.ts";

/**
 * Windows that have become one. `held` is the one among them under which the contents of the new window are found from now on; those of `heldBefore` are
 * to be moved there.
 */
export interface Merge {
  readonly window: MergingWindow;
  readonly from: readonly MergingWindow[];
  readonly held: MergingWindow;
  readonly heldBefore: readonly MergingWindow[];
}

/**
 * The windows of the current key, no two of which touch, each an entry of its own. A window that grows keeps its contents where they are, under the
 * bounds it had in the beginning, so that growing does not copy them. (As Flink's MergingWindowSet.)
 */
export class MergingWindows {
  readonly #windows: MapTable<MergingWindow, MergingWindow>;
  readonly #forget: ((held: MergingWindow) => void) | undefined;

  /** @param forget if given, a window that equals what several have become begins anew; it is told under which window their contents are found */
  constructor({ state }: OperatorContext, codec: SubKey<MergingWindow>, forget?: (held: MergingWindow) => void) {
    this.#forget = forget;
    this.#windows = state.map("w:sessions", codec, boundsCodec(codec));
  }

  /** Adds a window and gives the one that it has become part of. */
  add(added: MergingWindow, onMerge: (merge: Merge) => void): MergingWindow {
    const touching: MergingWindow[] = [];
    let { start, end } = added;
    this.#windows.forEach((_held, window) => {
      if (window.start > added.end || window.end < added.start) return;
      touching.push(window);
      if (window.start < start) start = window.start;
      if (window.end > end) end = window.end;
    });
    const first = touching[0];
    if (first === undefined) {
      this.#windows.set(added, added);
      return added;
    }
    if (touching.length === 1 && first.start === start && first.end === end) {
      if (this.#forget !== undefined && added.start === start && added.end === end) this.#renew(first, this.#forget);
      return first;
    }
    const window = added.start === start && added.end === end ? added : new SessionWindow(start, end);
    const [held, ...heldBefore] = inMergeOrder(touching).map((before) => this.held(before)) as [MergingWindow, ...MergingWindow[]];
    for (const before of touching) this.#windows.delete(before);
    this.#windows.set(window, held);
    onMerge({ window, from: touching, held, heldBefore });
    return window;
  }

  has(window: MergingWindow): boolean {
    return this.#windows.has(window);
  }

  /** Under which window the contents are found. */
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

const boundsCodec = (codec: SubKey<MergingWindow>): ValueCodec<MergingWindow> => ({
  encode: (window) => codec.encode(window),
  decode: (bytes) => codec.decode(bytes),
});
