/** A stretch of time, in milliseconds: `start` belongs to it, `end` does not. */
export interface Window {
  readonly start: number;
  readonly end: number;
}

/** A window that becomes one with another when they touch: a session. */
export interface MergingWindow extends Window {
  readonly merging: true;
}

/** A key in a window: what tells the rows of a windowed table apart. */
export interface Windowed<out K, out W extends Window> {
  readonly key: K;
  readonly window: W;
}

/** The last timestamp that belongs to the window. It is due when the watermark reaches it, and its results carry it (Flink: TimeWindow.maxTimestamp). */
export const maxTimestamp = (window: Window): number => window.end - 1;
