import { TopologyError } from "../errors.ts";
import type { TimerService } from "../state/timer_service.ts";
import type { OperatorContext } from "./operator.ts";

/** Timers of one clock, for the current key. There is at most one per key and timestamp. */
export interface TimerDomain {
  /** Fires when the clock comes to that time; one that lies behind it fires with the next step of the clock. */
  set(timestamp: number): void;
  /** Nothing happens when there is no such timer. */
  delete(timestamp: number): void;
}

/** Event time fires with the watermark, processing time with the wall clock. */
export interface Timers {
  readonly event: TimerDomain;
  readonly processing: TimerDomain;
}

/** A timer that has come due. */
export interface Timer {
  /** What it was set for, not when it fired. */
  readonly timestamp: number;
  readonly domain: "event" | "processing";
}

/** The timers of a step; without a function to call, setting one is refused. */
export const openTimers = (context: OperatorContext, onTimer: ((timer: Timer) => void) | undefined): Timers => {
  if (onTimer === undefined) return { event: refusing(context.step), processing: refusing(context.step) };
  const event = context.eventTimers((timestamp) => onTimer({ timestamp, domain: "event" }));
  const processing = context.processingTimers((timestamp) => onTimer({ timestamp, domain: "processing" }));
  return { event: domain(event), processing: domain(processing) };
};

// Plain functions, so that `const { set } = ctx.timers.event` works.
const domain = (timers: TimerService): TimerDomain => ({
  // Nothing is returned: a function may end with the call, and what it returns are results.
  set: (timestamp) => {
    timers.set(checked(timestamp));
  },
  delete: (timestamp) => timers.delete(timestamp),
});

const checked = (timestamp: number): number => {
  if (Number.isFinite(timestamp)) return timestamp;
  throw new RangeError(`A timer cannot be set for ${String(timestamp)}: give milliseconds since 1970`);
};

const refusing = (step: string): TimerDomain => ({
  set: () => {
    throw new TopologyError("TOPOLOGY_INVALID", `Cannot set a timer in step '${step}' as nobody waits for it: give the step an onTimer`, {
      step,
    });
  },
  delete: () => {},
});
