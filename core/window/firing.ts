import type { OperatorContext, Push } from "../operators/operator.ts";
import type { RecordMeta } from "../record.ts";
import type { StepState } from "../state/step_state.ts";
import type { Assign, WindowClock } from "./assigner.ts";
import { Closing } from "./closing.ts";
import type { PaneContents } from "./contents.ts";
import type { Emission, WindowParts } from "./emission.ts";
import { MergingWindows } from "./merging_windows.ts";
import { PaneFunction } from "./pane_function.ts";
import { PaneTimers } from "./pane_timers.ts";
import { fires, type OpenTrigger, purges, type Verdict } from "./trigger.ts";
import type { MergingWindow } from "./window.ts";
import { type FiringPlan, openContents, paneCall } from "./window_spec.ts";
import { type WindowTime, watermarkTime } from "./window_time.ts";

/**
 * Windows that are evaluated when their trigger says so, and let go of when their end and the allowed lateness have passed. Event time is the watermark.
 */
export const firing = (context: OperatorContext, plan: FiringPlan): WindowParts => new Firing(context, plan);

class Firing implements Emission, WindowParts {
  readonly assign: Assign<unknown>;
  readonly time: WindowTime;
  readonly closing: Closing;
  readonly merging: MergingWindows | undefined;
  readonly contents: PaneContents;
  readonly emission: Emission = this;
  readonly #context: OperatorContext;
  readonly #state: StepState;
  readonly #timers: PaneTimers;
  readonly #trigger: OpenTrigger<unknown>;
  readonly #function: PaneFunction;
  /**
   * What the trigger does with a record depends on the pane being there only: it has set its timer for the first one, and while the pane is there, that
   * timer is.
   */
  readonly #firstOnly: boolean;
  readonly #late: Push;

  constructor(context: OperatorContext, plan: FiringPlan) {
    const { assigner, trigger, latenessMs } = plan;
    const { space, time } = assigner;
    const { state } = context;
    state.useNamespaces(space.codec);
    this.#context = context;
    this.#state = state;
    this.assign = assigner.open();
    this.time = watermarkTime(context);
    this.closing = new Closing(space, time, latenessMs);
    this.#timers = new PaneTimers(
      context,
      space,
      this.closing,
      (domain, timestamp) => this.#onTimer(domain, timestamp),
      (domain, timestamp) => this.#leaveOut(domain, timestamp),
    );
    this.#trigger = trigger.open(this.#timers.place("w:trigger"));
    this.contents = openContents(context, plan);
    const forget = assigner.renewing ? (held: unknown) => this.contents.clear(held) : undefined;
    this.merging = assigner.merging ? new MergingWindows(context, space.codec, forget) : undefined;
    this.#function = new PaneFunction(context, space, paneCall(plan.contents));
    this.#firstOnly = trigger.onlyAtEnd === time && (time === "processing" || latenessMs === 0);
    this.#late = context.side("late");
  }

  /** The trigger sees the record. */
  added(window: unknown, value: unknown, { timestamp }: RecordMeta, isFirst: boolean): void {
    if (this.#firstOnly && !isFirst) return;
    this.#state.setNamespace(window);
    this.#act(window, this.#trigger.onRecord(value, timestamp));
    this.#state.setNamespace(window);
    if (isFirst || this.merging !== undefined || this.#timers.isSilent) this.#timers.setRelease();
  }

  merged(window: unknown, from: readonly unknown[]): void {
    this.#state.setNamespace(window);
    this.#trigger.onMerge(from);
    for (const before of from) {
      this.#state.setNamespace(before);
      this.#timers.letGo(() => this.#trigger.clear());
      this.#timers.deleteRelease();
    }
  }

  /** A record that no window takes may have none, or be late. */
  done(value: unknown, record: RecordMeta, belongs: boolean, now: number): void {
    const { time, latenessMs } = this.closing;
    if (belongs || time !== "event" || !(record.timestamp + latenessMs <= now)) return;
    this.#context.count("late_records");
    this.#late(value, record);
  }

  #onTimer(domain: WindowClock, timestamp: number): void {
    if (this.#isStray(domain, timestamp)) return;
    const window = this.#state.namespace;
    const isRelease = this.#timers.isRelease(domain, timestamp);
    this.contents.settle?.();
    if (!isRelease || !this.#timers.isSilent) this.#act(window, this.#ask(domain, timestamp));
    if (isRelease) this.#release(window);
  }

  /** The pane is not evaluated, as its function has failed, but the trigger goes on, and a pane whose time is over goes. */
  #leaveOut(domain: WindowClock, timestamp: number): void {
    if (this.#isStray(domain, timestamp)) return;
    const window = this.#state.namespace;
    if (this.#timers.isRelease(domain, timestamp)) return this.#release(window);
    if (purges(this.#ask(domain, timestamp))) this.contents.clear(this.#held(window));
  }

  /** A timer that a trigger has left behind, of a pane that is no more. */
  #isStray(domain: WindowClock, timestamp: number): boolean {
    const window = this.#state.namespace;
    if (this.merging !== undefined && !this.merging.has(window as MergingWindow)) return true;
    if (this.#timers.isRelease(domain, timestamp)) return false;
    return this.closing.isOver(window, domain === "event" ? timestamp - 1 : this.time.now);
  }

  #ask(domain: WindowClock, timestamp: number): Verdict {
    return domain === "event" ? this.#trigger.onEventTimer(timestamp) : this.#trigger.onProcessingTimer(timestamp);
  }

  #act(window: unknown, verdict: Verdict): void {
    if (verdict === "continue") return;
    const held = this.#held(window);
    if (fires(verdict)) {
      this.contents.evaluate(held, window, (input) => {
        this.#state.setNamespace(window);
        this.#function.speak(input);
      });
    }
    if (purges(verdict)) this.contents.clear(held);
  }

  /** Everything of the pane goes: contents, the trigger's state and timers, the state of the function. */
  #release(window: unknown): void {
    this.contents.clear(this.#held(window));
    this.#state.setNamespace(window);
    this.#timers.letGo(() => this.#trigger.clear());
    this.#function.clear();
    this.merging?.remove(window as MergingWindow);
  }

  #held(window: unknown): unknown {
    return this.merging === undefined ? window : this.merging.held(window as MergingWindow);
  }
}
