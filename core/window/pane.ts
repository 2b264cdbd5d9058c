import type { Out } from "../operators/process_function.ts";
import type { SideSpec, Sides } from "../operators/side_output.ts";
import type { Opened, StateSpec } from "../state/descriptors.ts";
import type { Window } from "./window.ts";

/** One key in one window, at the moment when it is evaluated. */
export interface Pane<out K, out W extends Window> {
  readonly key: K;
  readonly window: W;
  /** What the results are time-stamped with: the last millisecond of the window. */
  readonly timestamp: number;
  readonly watermark: number;
  readonly processingTime: number;
}

/**
 * A window function with state. `state` lasts as long as the key, `windowState` as long as the window; it is cleared with the window, after `clear`
 * was called. Session windows have none, as their bounds change while they merge.
 */
export interface PaneProcess<V, K, W extends Window, S extends StateSpec, P extends StateSpec, O extends SideSpec, R> {
  readonly state?: S;
  readonly windowState?: P;
  readonly side?: O;
  onPane(values: V, pane: Pane<K, W> & { readonly state: Opened<S>; readonly windowState: Opened<P>; readonly side: Sides<O> }): Out<R>;
  /** The window is let go of: its end and the allowed lateness have passed. */
  clear?(pane: Pane<K, W> & { readonly windowState: Opened<P> }): void;
}
