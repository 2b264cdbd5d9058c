import { numberSubKey, pairSubKey, type SubKey } from "../state/sub_key.ts";
import type { MergingWindow, Window } from "./window.ts";

/**
 * How the windows of an assigner are known inside the engine: by something small of type N, which is what state is addressed with. Windows of one size are known by their start alone, a number,
 * so that a record finds its panes without making an object or a string.
 */
export interface WindowSpace<in out N, out W extends Window> {
  readonly codec: SubKey<N>;
  window(known: N): W;
  maxTimestamp(known: N): number;
}

/** Windows of one size, known by their start. */
export const fixedSize = (size: number): WindowSpace<number, Window> => ({
  codec: numberSubKey,
  window: (start) => ({ start, end: start + size }),
  maxTimestamp: (start) => start + size - 1,
});

/** The one window that holds everything; known as 0. */
export const everything: WindowSpace<number, Window> = {
  codec: numberSubKey,
  window: () => ({ start: Number.NEGATIVE_INFINITY, end: Number.POSITIVE_INFINITY }),
  maxTimestamp: () => Number.POSITIVE_INFINITY,
};

/** Windows of any size, known by both bounds. */
export const anySize: WindowSpace<Window, Window> = {
  codec: boundsSubKey((start, end) => ({ start, end })),
  window: (known) => known,
  maxTimestamp: (known) => known.end - 1,
};

/** The same for windows that merge. */
export const mergingSpace: WindowSpace<MergingWindow, MergingWindow> = {
  codec: boundsSubKey((start, end) => ({ start, end, merging: true })),
  window: (known) => known,
  maxTimestamp: (known) => known.end - 1,
};

function boundsSubKey<W extends Window>(make: (start: number, end: number) => W): SubKey<W> {
  return {
    encode: ({ start, end }) => pairSubKey.encode([start, end]),
    decode: (bytes) => {
      const [start, end] = pairSubKey.decode(bytes);
      return make(start, end);
    },
    mapKey: ({ start, end }) => `${start}:${end}`,
    compare: (a, b) => a.start - b.start || a.end - b.end,
  };
}
