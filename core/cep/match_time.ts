import type { OperatorContext, Push } from "../operators/operator.ts";
import type { TimerHandler, TimerOptions, TimerService } from "../state/timer_service.ts";

/** Which time a step goes by: that of the events as the watermark tells it, or that of the Clock, where a millisecond has passed when the next one begins. */
export interface MatchTime {
  readonly timers: (handler: TimerHandler, options: TimerOptions) => TimerService;
  readonly now: () => number;
  /** So long after a timestamp its timer fires. */
  readonly delay: number;
}

export const matchTime = (time: "event" | "processing", context: OperatorContext): MatchTime =>
  time === "event"
    ? { timers: (handler, options) => context.eventTimers(handler, options), now: () => context.watermark(), delay: 0 }
    : { timers: (handler, options) => context.processingTimers(handler, options), now: () => context.processingTime(), delay: 1 };

/** Lets an event wait until the watermark has passed it. What comes behind the watermark is late: counted, and sent to the side output "late". */
export const unlessLate = (context: OperatorContext, wait: (event: unknown, timestamp: number) => void): Push => {
  const late = context.side("late");
  return (event, record) => {
    const { timestamp } = record;
    if (timestamp > context.watermark()) return wait(event, timestamp);
    context.count("late_records");
    late(event, record);
  };
};
