import type { Timer, Timers } from "../operators/timers.ts";
import { type Opened, openState, type StateSpec } from "../state/descriptors.ts";
import type { OpenTrigger, Trigger, TriggerPlace, Verdict } from "./trigger.ts";
import type { Window } from "./window.ts";

/** What a trigger of one's own sees: state and timers belong to the key and the window. */
export interface TriggerContext<W extends Window, S extends StateSpec> {
  readonly window: W;
  readonly state: Opened<S>;
  readonly timers: Timers;
  readonly watermark: number;
  readonly processingTime: number;
}

/** What it sees when windows have become one. */
export interface MergeContext<W extends Window, S extends StateSpec> extends TriggerContext<W, S> {
  /** Calls the function for each of the windows that are gone, with the state it had: add it up, then set it on the new window. */
  forEachMerged(fn: (state: Opened<S>, window: W) => void): void;
}

/**
 * A trigger of one's own. For use with sessions it needs an `onMerge`. Its state goes with the window; timers that it leaves behind fire for nobody.
 *
 * @example
 * ```ts
 * import { trigger } from "millrace";
 *
 * // At the end, and early whenever a large payment comes.
 * const atOnceIfLarge = trigger<{ amount: number }>({
 *   onRecord(payment, _timestamp, { window, timers }) {
 *     timers.event.set(window.end - 1);
 *     return payment.amount > 1000 ? "fire" : "continue";
 *   },
 *   onTimer: () => "fire",
 * });
 * ```
 */
export const trigger = <V, W extends Window = Window, S extends StateSpec = {}>(spec: {
  /** For descriptions. @default "custom" */
  readonly name?: string;
  readonly state?: S;
  onRecord(value: V, timestamp: number, ctx: TriggerContext<W, S>): Verdict;
  onTimer?(timer: Timer, ctx: TriggerContext<W, S>): Verdict;
  onMerge?(ctx: MergeContext<W, S>): void;
  clear?(ctx: TriggerContext<W, S>): void;
}): Trigger<V, W> => ({
  name: spec.name ?? "custom",
  merges: spec.onMerge !== undefined,
  purges: true,
  open: (place): OpenTrigger<V> => {
    const states = (spec.state ?? {}) as S;
    const state = openState(states, place.context, { namespaced: true, prefix: `${place.column}:` });
    const clearable = keyed(states, state);
    const context = new CurrentPane(place, state);
    return {
      onRecord: (value, timestamp) => spec.onRecord(value, timestamp, context),
      onEventTimer: (timestamp) => spec.onTimer?.({ timestamp, domain: "event" }, context) ?? "continue",
      onProcessingTimer: (timestamp) => spec.onTimer?.({ timestamp, domain: "processing" }, context) ?? "continue",
      onMerge: (from) => spec.onMerge?.(new MergedPane(place, state, from)),
      clear: () => {
        spec.clear?.(context);
        for (const handle of clearable) handle.clear();
      },
    };
  },
});

/** The handles of those pieces of state that belong to the key, and with the namespace to the window. */
export const keyed = (spec: StateSpec, opened: Readonly<Record<string, unknown>>): readonly { clear(): void }[] =>
  Object.keys(spec).flatMap((name) => (spec[name]!.scope === "key" ? [opened[name] as { clear(): void }] : []));

/** One object for all panes: what it says is of the current one. */
class CurrentPane<W extends Window, S extends StateSpec> implements TriggerContext<W, S> {
  readonly state: Opened<S>;
  readonly timers: Timers;
  readonly #place: TriggerPlace<W>;

  constructor(place: TriggerPlace<W>, state: Opened<S>) {
    this.#place = place;
    this.state = state;
    this.timers = {
      event: { set: (timestamp) => place.setEventTimer(checked(timestamp)), delete: place.deleteEventTimer },
      processing: { set: (timestamp) => place.setProcessingTimer(checked(timestamp)), delete: place.deleteProcessingTimer },
    };
  }

  get window(): W {
    return this.#place.window();
  }
  get watermark(): number {
    return this.#place.context.watermark();
  }
  get processingTime(): number {
    return this.#place.context.processingTime();
  }
}

const checked = (timestamp: number): number => {
  if (Number.isNaN(timestamp)) throw new RangeError("A timer cannot be set for NaN: give milliseconds since 1970");
  return timestamp;
};

class MergedPane<W extends Window, S extends StateSpec> extends CurrentPane<W, S> implements MergeContext<W, S> {
  readonly forEachMerged: (fn: (state: Opened<S>, window: W) => void) => void;

  constructor(place: TriggerPlace<W>, opened: Opened<S>, from: readonly unknown[]) {
    super(place, opened);
    const { state } = place.context;
    this.forEachMerged = (fn) => {
      const into = state.namespace;
      for (const window of from) {
        state.setNamespace(window);
        fn(opened, place.window());
      }
      state.setNamespace(into);
    };
  }
}
