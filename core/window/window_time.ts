import type { OperatorContext } from "../operators/operator.ts";
import type { RecordMeta } from "../record.ts";
import { StreamTime } from "../state/stream_time.ts";

/** By what it is judged whether a window is over. */
export interface WindowTime {
  /** Nothing of this moment, or of an earlier one, is expected any more. */
  readonly now: number;
  /** Sees a record, and gives what time it is then. */
  sees(value: unknown, record: RecordMeta): number;
}

export const watermarkTime = (context: OperatorContext): WindowTime => ({
  get now() {
    return context.watermark();
  },
  sees: () => context.watermark(),
});

/**
 * The largest timestamp that the step has seen, which is state, so that a restart changes no result. Other records of that very moment are still expected (Kafka Streams: stream time).
 *
 * @param ownTimes each of the streams that values are from has a time of its own, so that one which runs ahead makes nothing of the others late (Kafka Streams: a cogroup is one aggregation per stream on one store)
 */
export const streamTime = ({ state }: OperatorContext, ownTimes: boolean): WindowTime => {
  let time = new StreamTime(state);
  const times = new Map<string, StreamTime>();
  const timeOf = (value: unknown): StreamTime => {
    const from = String((value as { readonly from?: unknown } | null)?.from ?? "");
    let known = times.get(from);
    if (known === undefined) times.set(from, (known = new StreamTime(state, `stream-time:${from}`)));
    return known;
  };
  return {
    get now() {
      return time.now - 1;
    },
    sees: (value, record) => {
      if (ownTimes) time = timeOf(value);
      return time.advance(record.timestamp) - 1;
    },
  };
};
