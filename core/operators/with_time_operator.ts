import { StepError } from "../errors.ts";
import { type Meta, noTimestamp, type RecordMeta, SourceRecord } from "../record.ts";
import { valueCodec } from "../state/codecs.ts";
import { enterTask } from "../state/task_state.ts";
import { IdlenessTimer } from "../time/idleness_timer.ts";
import { SourceTime } from "../time/source_time.ts";
import type { WatermarkStrategy } from "../time/watermark_strategy.ts";
import type { OperatorFactory } from "./operator.ts";

/** Where event time comes from in the middle of a program. */
export interface WithTime {
  /** Undefined: the timestamp that the record has. */
  readonly timestamp: ((value: any, record: Meta<any> & { readonly partitionTime: number }) => number) | undefined;
  readonly watermarks: WatermarkStrategy<any>;
  readonly idlenessMs: number | undefined;
}

/**
 * Gives records another timestamp, and the steps behind another event time: what the step itself makes of the records. What comes from before is not heard, but for the end of the input (Flink: TimestampsAndWatermarksOperator). How far event time has
 * come is part of the state, so that a restart takes nothing of it back.
 */
export const withTimeOperator =
  ({ timestamp: timestampOf, watermarks, idlenessMs }: WithTime): OperatorFactory =>
  (context) => {
    const { state, step, clock } = context;
    const stored = state.value<readonly [watermark: number, partitionTime: number]>("t:time", valueCodec());
    const idleness = idlenessMs === undefined ? undefined : new IdlenessTimer(idlenessMs);
    let source = new SourceTime(watermarks, noTimestamp);
    let partitionTime = noTimestamp;
    let watermark = noTimestamp;
    let idle = false;

    const raise = (to: number): void => {
      if (to <= watermark) return;
      watermark = to;
      idle = false;
      context.timeMoved();
    };

    const stamped = (value: unknown, record: RecordMeta): RecordMeta => {
      if (timestampOf === undefined) return record;
      const { key, rawHeaders, topic, partition, offset } = record;
      const timestamp = timestampOf(value, new SourceRecord(key, record.timestamp, rawHeaders, topic, partition, offset, partitionTime));
      if (Number.isSafeInteger(timestamp)) return record.withTimestamp(timestamp);
      throw new StepError(
        `Step '${step}' gave a record the timestamp ${String(timestamp)}: it has to be a whole number of milliseconds since 1970`,
        { step, value },
      );
    };

    return {
      inputs: [
        (value, record) => {
          const out = stamped(value, record);
          const { timestamp } = out;
          context.emit(value, out);
          if (timestamp > partitionTime) partitionTime = timestamp;
          idleness?.activity();
          if (source.onRecord(value, timestamp)) raise(source.watermark);
        },
      ],
      time: {
        get watermark() {
          return watermark;
        },
        get idle() {
          return idle;
        },
      },
      open: () => {
        enterTask(state);
        const [before, largest] = stored.get() ?? [noTimestamp, noTimestamp];
        partitionTime = largest;
        source = new SourceTime(watermarks, before);
        if (before > noTimestamp) raise(before);
      },
      onWatermark: (upstream) => {
        if (upstream === Number.POSITIVE_INFINITY) raise(upstream);
      },
      onPeriod: () => {
        if (idleness?.isIdle(clock.monotonic())) {
          if (idle) return;
          idle = true;
          context.timeMoved();
        } else if (source.onPeriod()) raise(source.watermark);
      },
      onCommit: () => {
        enterTask(state);
        const [before, largest] = stored.get() ?? [noTimestamp, noTimestamp];
        if (source.watermark !== before || partitionTime !== largest) stored.set([source.watermark, partitionTime]);
      },
    };
  };
