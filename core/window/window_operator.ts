import type { Operator, OperatorContext, OperatorFactory, Push } from "../operators/operator.ts";
import type { RecordMeta } from "../record.ts";
import type { StepState } from "../state/step_state.ts";
import type { Assign, WindowClock } from "./assigner.ts";
import type { Contents } from "./contents.ts";
import { MergingWindows } from "./merging_windows.ts";
import { PaneFunction } from "./pane_function.ts";
import { PaneTimers } from "./pane_timers.ts";
import { revisingWindows } from "./revising_windows.ts";
import { Shared } from "./shared.ts";
import { fires, type OpenTrigger, purges, type Verdict } from "./trigger.ts";
import type { MergingWindow } from "./window.ts";
import { openContents, paneCall, planRevision, planWindow, type WindowPlan, type WindowSpec } from "./window_spec.ts";

export type { WindowContents, WindowSpec } from "./window_spec.ts";

/**
 * The step behind `window(...)`: puts records into the panes of their key, evaluates a pane when its trigger says so, and lets go of it when its end
 * and the allowed lateness have passed. Records that are too late go to the side output "late" and are counted, records without a key are dropped and
 * counted. The semantics are Flink's (WindowOperator, EvictingWindowOperator).
 *
 * Where results are revised instead, the windows are the rows of a table, and go by stream time: that is Kafka Streams' way (revising_windows.ts).
 *
 * Windows that do not merge go the same way as those that do: each is then the one it has been merged into, and holds its own contents.
 *
 * @throws TopologyError (WINDOW_INVALID) when parts of the spec do not go together.
 */
export const windowOperator = (spec: WindowSpec): OperatorFactory => {
  if (spec.revision !== undefined) {
    const plan = planRevision(spec, spec.revision);
    return (context) => revisingWindows(context, plan);
  }
  const plan = planWindow(spec);
  return (context) => new WindowOperator(context, plan);
};

class WindowOperator implements Operator {
  readonly inputs: readonly Push[] = [(value, record) => this.#onRecord(value, record)];
  readonly #context: OperatorContext;
  readonly #state: StepState;
  readonly #time: WindowClock;
  readonly #latenessMs: number;
  readonly #single: boolean;
  readonly #assign: Assign<unknown>;
  readonly #timers: PaneTimers;
  readonly #trigger: OpenTrigger<unknown>;
  readonly #contents: Contents;
  readonly #shared: Shared<unknown> | undefined;
  readonly #merging: MergingWindows | undefined;
  readonly #function: PaneFunction;
  /**
   * What the trigger does with a record depends on the pane being there only: it has set its timer for the first one, and while the pane is there, that
   * timer is.
   */
  readonly #firstOnly: boolean;
  readonly #late: Push;

  constructor(context: OperatorContext, plan: WindowPlan) {
    const { assigner, trigger, latenessMs } = plan;
    const { space, time } = assigner;
    const { state } = context;
    state.useNamespaces(space.codec);
    this.#context = context;
    this.#state = state;
    this.#time = time;
    this.#latenessMs = latenessMs;
    this.#single = plan.single;
    this.#assign = assigner.open();
    this.#timers = new PaneTimers(
      context,
      { space, time, latenessMs },
      (domain, timestamp) => this.#onTimer(domain, timestamp),
      (domain, timestamp) => this.#leaveOut(domain, timestamp),
    );
    this.#trigger = trigger.open(this.#timers.place("w:trigger"));
    this.#contents = openContents(context, plan);
    this.#shared = this.#contents instanceof Shared ? this.#contents : undefined;
    const forget = assigner.renewing ? (held: unknown) => this.#contents.clear(held) : undefined;
    this.#merging = assigner.merging ? new MergingWindows(context, space.codec, forget) : undefined;
    this.#function = new PaneFunction(context, space, paneCall(plan.contents));
    this.#firstOnly = trigger.onlyAtEnd === time && (time === "processing" || latenessMs === 0);
    this.#late = context.side("late");
  }

  #onRecord(value: unknown, record: RecordMeta): void {
    const context = this.#context;
    const key = this.#single ? null : record.key;
    if ((key === null || key === undefined) && !this.#single) {
      context.count("dropped_null_key");
      return;
    }
    this.#state.setKey(key);
    const { timestamp } = record;
    const watermark = context.watermark();
    const telling = this.#shared === undefined ? undefined : this.#join(this.#shared, value, timestamp);
    if (telling !== undefined) {
      for (const window of telling) this.#show(window, value, timestamp, true);
      return;
    }
    const merging = this.#merging;
    let belongs = false;
    const windows = this.#assign(value, timestamp, context);
    for (let i = 0; i < windows.length; i++) {
      const window = merging === undefined ? windows[i] : this.#merge(merging, windows[i] as MergingWindow);
      if (this.#timers.isPast(window, watermark)) {
        merging?.remove(window as MergingWindow);
        if (belongs) this.#contents.tooLate?.(window);
        continue;
      }
      const isFirst = this.#contents.add(this.#held(window), value, timestamp, !belongs);
      belongs = true;
      if (isFirst || !this.#firstOnly) this.#show(window, value, timestamp, isFirst);
    }
    if (!belongs && this.#time === "event" && timestamp + this.#latenessMs <= watermark) {
      context.count("late_records");
      this.#late(value, record);
    }
  }

  /** The windows that must be told of the record, where they need not be looked at one by one. By the clock no window of the moment has ended before it. */
  #join(shared: Shared<unknown>, value: unknown, timestamp: number): readonly unknown[] | undefined {
    const context = this.#context;
    if (this.#time === "event") return shared.join(value, timestamp, context.watermark());
    return shared.join(value, context.processingTime(), Number.NEGATIVE_INFINITY);
  }

  /** The trigger sees the record. */
  #show(window: unknown, value: unknown, timestamp: number, isFirst: boolean): void {
    this.#state.setNamespace(window);
    this.#act(window, this.#trigger.onRecord(value, timestamp));
    this.#state.setNamespace(window);
    if (isFirst || this.#merging !== undefined || this.#timers.isSilent) this.#timers.setRelease();
  }

  #onTimer(domain: WindowClock, timestamp: number): void {
    if (this.#isStray(domain, timestamp)) return;
    const window = this.#state.namespace;
    const isRelease = this.#timers.isRelease(domain, timestamp);
    this.#shared?.settle();
    if (!isRelease || !this.#timers.isSilent) this.#act(window, this.#ask(domain, timestamp));
    if (isRelease) this.#release(window);
  }

  /** The pane is not evaluated, as its function has failed, but the trigger goes on, and a pane whose time is over goes. */
  #leaveOut(domain: WindowClock, timestamp: number): void {
    if (this.#isStray(domain, timestamp)) return;
    const window = this.#state.namespace;
    if (this.#timers.isRelease(domain, timestamp)) return this.#release(window);
    if (purges(this.#ask(domain, timestamp))) this.#contents.clear(this.#held(window));
  }

  /** A timer that a trigger has left behind, of a pane that is no more. */
  #isStray(domain: WindowClock, timestamp: number): boolean {
    const window = this.#state.namespace;
    if (this.#merging !== undefined && !this.#merging.has(window as MergingWindow)) return true;
    if (this.#timers.isRelease(domain, timestamp)) return false;
    return this.#timers.isPast(window, domain === "event" ? timestamp - 1 : this.#context.watermark());
  }

  #ask(domain: WindowClock, timestamp: number): Verdict {
    return domain === "event" ? this.#trigger.onEventTimer(timestamp) : this.#trigger.onProcessingTimer(timestamp);
  }

  #act(window: unknown, verdict: Verdict): void {
    if (verdict === "continue") return;
    const held = this.#held(window);
    if (fires(verdict)) {
      this.#contents.evaluate(held, window, (input) => {
        this.#state.setNamespace(window);
        this.#function.speak(input);
      });
    }
    if (purges(verdict)) this.#contents.clear(held);
  }

  /** Everything of the pane goes: contents, the trigger's state and timers, the state of the function. */
  #release(window: unknown): void {
    this.#contents.clear(this.#held(window));
    this.#state.setNamespace(window);
    this.#timers.letGo(() => this.#trigger.clear());
    this.#function.clear();
    this.#merging?.remove(window as MergingWindow);
  }

  /** The window of the key that the given one becomes part of. */
  #merge(merging: MergingWindows, added: MergingWindow): MergingWindow {
    return merging.add(added, ({ window, from, held, heldBefore }) => {
      this.#state.setNamespace(window);
      this.#trigger.onMerge(from);
      for (const before of from) {
        this.#state.setNamespace(before);
        this.#timers.letGo(() => this.#trigger.clear());
        this.#timers.deleteRelease();
      }
      this.#contents.merge(held, heldBefore);
    });
  }

  #held(window: unknown): unknown {
    return this.#merging === undefined ? window : this.#merging.held(window as MergingWindow);
  }
}
