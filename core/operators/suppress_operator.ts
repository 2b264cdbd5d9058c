import { StepError } from "../errors.ts";
import type { RecordMeta } from "../record.ts";
import { StreamTime } from "../state/stream_time.ts";
import { numberSubKey } from "../state/sub_key.ts";
import { type TimeKey, timeKey } from "../state/time_key.ts";
import { beforeOf, Change } from "./change.ts";
import { type HeldChange, heldChange, heldChangeCodec, heldChangeMeta } from "./held_change.ts";
import { keyed } from "./keyed.ts";
import type { OperatorFactory } from "./operator.ts";

/** How long the changes of a table are held back. */
export interface Suppression {
  /** By which time: the end of the row's window, or the timestamp of the first change that is held. */
  readonly time: (key: any, record: RecordMeta) => number;
  /** A row is let go when the clock has come so far behind its time. */
  readonly afterMs: number;
  /** Deletions are of no interest, since a row is told once and for all. */
  readonly final: boolean;
  readonly clock: "stream-time" | "watermark" | "wall-clock";
  /** A row is let go when it has been held so long by the wall clock, whatever the clock above says. */
  readonly atLatestMs: number | undefined;
  readonly recordsMax: number;
  readonly bytesMax: number;
  readonly whenFull: "emit-early" | "fail";
  /** Somebody behind asks what was there before. */
  readonly before: boolean;
}

/**
 * Holds the changes of a table back until their time has come, and then sends the last of each row: the order is that of the times, equal ones by the bytes of the keys. A row keeps the place of its first change. What the buffer has no
 * room for is sent early, the first in order first, or ends the run (Kafka Streams: KTableSuppressProcessor).
 */
export const suppressOperator =
  (options: Suppression): OperatorFactory =>
  (context) => {
    const { state, emit } = context;
    const { afterMs, clock, atLatestMs } = options;
    const buffer = state.ordered<TimeKey, HeldChange>("s:held", timeKey, heldChangeCodec);
    const places = state.value<number>("s:place", numberSubKey);
    const time = new StreamTime(state);
    const bounded = options.bytesMax !== Number.POSITIVE_INFINITY;
    // What is held back is counted anew when the operator is made, and from then on with each change.
    let bytes: number | undefined;

    const sizeOf = (held: HeldChange): number => heldChangeCodec.encode(held).length;
    const held = (): number => (bytes ??= buffer.from(undefined).reduce((sum, [, change]) => sum + sizeOf(change), 0));
    const grow = (by: number): void => {
      if (!bounded) return;
      const before = held();
      state.journal?.push(() => {
        bytes = before;
      });
      bytes = before + by;
    };
    const address = (place: number, key: unknown): TimeKey => ({ time: place, rank: 0, key: state.keys.encode(key).slice(), number: 0 });

    const release = (at: TimeKey, change: HeldChange): void => {
      state.setKey(change.key);
      buffer.delete(at);
      places.clear();
      if (bounded) grow(-sizeOf(change));
      if (change.value === null && options.final) return;
      const record = heldChangeMeta(change);
      emit(change.value, options.before ? new Change(record, record.timestamp, change.before) : record);
    };
    const releaseUpTo = (now: number): void => {
      for (let first = buffer.first(); first !== undefined && first[0].time + afterMs <= now; first = buffer.first()) release(...first);
    };
    const isFull = (): boolean => buffer.size > options.recordsMax || (bounded && held() > options.bytesMax);

    const waits = clock === "wall-clock" ? afterMs : atLatestMs;
    const timers =
      waits === undefined
        ? undefined
        : context.processingTimers(() => {
            const place = places.get();
            if (place === undefined) return;
            const at = address(place, state.key);
            const change = buffer.get(at);
            if (change !== undefined) release(at, change);
          });

    return {
      inputs: [
        keyed(context, {}, (value, record) => {
          const now = time.advance(record.timestamp);
          const { key } = record;
          let place = places.get();
          const isNew = place === undefined;
          place ??= options.time(key, record);
          const at = address(place, key);
          const known = isNew ? undefined : buffer.get(at);
          // What was there before the last change, as Kafka Streams tells it: not what was told last.
          const change = heldChange(value ?? null, record, beforeOf(record));
          buffer.set(at, change);
          if (bounded) grow(sizeOf(change) - (known === undefined ? 0 : sizeOf(known)));
          if (isNew) {
            places.set(place);
            timers?.set(context.processingTime() + waits!);
          }
          if (clock === "stream-time") releaseUpTo(now);
          if (!isFull()) return;
          if (options.whenFull === "fail")
            throw new StepError(
              `The buffer of '${context.step}' is full: it holds ${buffer.size} rows of at most ${options.recordsMax}${bounded ? `, and ${held()} bytes of at most ${options.bytesMax}` : ""}; make it larger, or let it emit early`,
              { step: context.step },
            );
          for (let first = buffer.first(); first !== undefined && isFull(); first = buffer.first()) release(...first);
        }),
      ],
      ...(clock === "watermark" ? { onWatermark: releaseUpTo, holds: () => buffer.size > 0 } : {}),
    };
  };
