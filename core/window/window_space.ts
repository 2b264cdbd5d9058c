import type { ByteWriter } from "../serde/byte_writer.ts";
import { numberSubKey, putSortable, readSortable, type SubKey, writeSortable } from "../state/sub_key.ts";
import { SessionWindow } from "./session_window.ts";
import type { MergingWindow, Window } from "./window.ts";

/**
 * How the windows of an assigner are known inside the engine: by something small of type N, which is what state is addressed with. Windows of one
 * size are known by their start alone, a number, so that a record finds its panes without making an object or a string.
 */
export interface WindowSpace<in out N, out W extends Window> {
  readonly codec: SubKey<N>;
  window(known: N): W;
  maxTimestamp(known: N): number;
}

/** Both bounds, in the order of the starts. */
const bounds = {
  encode: ({ start, end }: Window): Uint8Array => {
    const bytes = new Uint8Array(16);
    writeSortable(bytes, 0, start);
    writeSortable(bytes, 8, end);
    return bytes;
  },
  write: (to: ByteWriter, { start, end }: Window): void => {
    putSortable(to, start);
    putSortable(to, end);
  },
  compare: (a: Window, b: Window): number => a.start - b.start || a.end - b.end,
};

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
  codec: {
    ...bounds,
    decode: (bytes) => ({ start: readSortable(bytes, 0), end: readSortable(bytes, 8) }),
    mapKey: ({ start, end }) => `${start}:${end}`,
  },
  window: (known) => known,
  maxTimestamp: (known) => known.end - 1,
};

/** The same for windows that merge. */
export const mergingSpace: WindowSpace<SessionWindow, MergingWindow> = {
  codec: {
    ...bounds,
    decode: (bytes) => new SessionWindow(readSortable(bytes, 0), readSortable(bytes, 8)),
    mapKey: (known) => known.name,
  },
  window: (known) => known,
  maxTimestamp: (known) => known.end - 1,
};
