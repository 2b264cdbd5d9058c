import { TopologyError } from "../errors.ts";
import { RecordMeta } from "../record.ts";
import type { Operator, OperatorContext } from "./operator.ts";
import type { TaskContext } from "./process_function.ts";
import { emitResults } from "./results.ts";
import { type Frame, FrameContext } from "./step_context.ts";

/** A tick for a whole task: by the wall clock, or by the largest timestamp that the task has seen. */
export interface Schedule {
  /** Milliseconds, whole and above zero. */
  readonly every: number;
  readonly by: "stream-time" | "wall-clock";
}

/** What is called at each tick. Results have the tick's time as timestamp, and no key. */
export interface Ticking {
  readonly schedules?: { readonly [name: string]: Schedule } | undefined;
  onSchedule?(now: number, ctx: TaskContext<any, any> & { readonly schedule: string; cancel(): void }): unknown;
}

interface Running extends Schedule {
  readonly name: string;
  next: number;
}

/**
 * Calls a function at regular moments. By stream time the first tick comes with the task's first record, the others stand on a grid of whole intervals since 1970; each is called when the record that brought it is through. By the wall clock
 * the first comes after an interval. Ticks that were missed are one, at the present time (Kafka Streams: punctuation). A schedule that was cancelled runs again when the task is opened anew.
 */
export const schedules = (context: OperatorContext, spec: Ticking, frame: Frame): Partial<Operator> => {
  const { step, emit } = context;
  const running: Running[] = Object.entries(spec.schedules ?? {}).map(([name, { every, by }]) => {
    if (!(Number.isSafeInteger(every) && every > 0))
      throw new TopologyError(
        "OPTION_INVALID",
        `Schedule '${name}' of step '${step}' runs every ${every} ms: give a whole number of milliseconds above 0, such as minutes(1)`,
        { step },
      );
    if (by === "wall-clock") return { name, every, by, next: context.processingTime() + every };
    const seen = context.streamTime();
    return { name, every, by, next: seen === Number.NEGATIVE_INFINITY ? 0 : (Math.floor(seen / every) + 1) * every };
  });
  if (running.length > 0 && spec.onSchedule === undefined)
    throw new TopologyError("TOPOLOGY_INVALID", `Step '${step}' has schedules and nobody waits for them: give it an onSchedule`, { step });
  const run = (by: Schedule["by"], now: number): void => {
    for (const schedule of running) {
      if (schedule.by !== by || schedule.next > now) continue;
      schedule.next += (Math.floor((now - schedule.next) / schedule.every) + 1) * schedule.every;
      const record = RecordMeta.ofTime(null, now);
      frame.record = record;
      const cancel = (): void => {
        schedule.next = Number.POSITIVE_INFINITY;
      };
      emitResults(spec.onSchedule!(now, new ScheduleContext(frame, schedule.name, cancel)), record, emit, step);
    }
  };
  const has = (by: Schedule["by"]): boolean => running.some((schedule) => schedule.by === by);
  return {
    ...(has("stream-time") ? { afterRecord: () => run("stream-time", context.streamTime()) } : {}),
    ...(has("wall-clock")
      ? {
          nextClock: () => Math.min(...running.map(({ by, next }) => (by === "wall-clock" ? next : Number.POSITIVE_INFINITY))),
          onClock: (now: number) => run("wall-clock", now),
        }
      : {}),
  };
};

class ScheduleContext extends FrameContext implements TaskContext<any, any> {
  readonly schedule: string;
  readonly cancel: () => void;

  constructor(frame: Frame, schedule: string, cancel: () => void) {
    super(frame);
    this.schedule = schedule;
    this.cancel = cancel;
  }
}
