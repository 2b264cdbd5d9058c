import type { OperatorContext } from "../operators/operator.ts";
import { type Aggregator, resultOf } from "../state/aggregator.ts";
import { valueCodec } from "../state/codecs.ts";
import type { MapTable } from "../state/map_table.ts";
import type { StepState } from "../state/step_state.ts";
import { numberSubKey } from "../state/sub_key.ts";
import type { ValueTable } from "../state/value_table.ts";
import type { Slices, WallClock, WindowClock } from "./assigner.ts";
import type { PaneContents } from "./contents.ts";
import { type Held, heldCodec, heldValue, hold } from "./held.ts";
import { Spans } from "./spans.ts";

/**
 * Accumulators that overlapping windows share. Time is cut into slices as long as the step between two windows; a record goes into the accumulator of its
 * slice alone, however many windows it belongs to, and a window that speaks puts those of its slices together. The slice that begins with a window is in no
 * later one, so it goes when that window goes.
 *
 * It asks for an aggregator to which the order of values means nothing, windows that are whole numbers of steps long, records that come to their newest
 * window first, and a trigger that asks for nothing but one firing at the end.
 */
export class Shared<A> implements PaneContents {
  readonly #state: StepState;
  readonly #aggregator: Aggregator<unknown, A, unknown>;
  readonly #slices: Slices;
  /** What windows follow if not event time. */
  readonly #wall: WallClock | undefined;
  /** Windows that have spoken still take records. */
  readonly #late: boolean;
  /** By the start of the slice. */
  readonly #parts: MapTable<number, Held<A>>;
  /**
   * By the start of the window, of those that have an accumulator of their own: they have spoken and still take records, or were gone and have begun
   * again, so that what their slices held before is not theirs.
   */
  readonly #own: MapTable<number, Held<A>>;
  /** Per key. */
  readonly #marks: ValueTable<Marks>;
  readonly #spans: Spans<Held<A>>;
  /** No record is at hand that may be taken back: what is put together now may be remembered. */
  #settled = false;
  /** Of the record at hand: windows that begin no later know that they have records; and the marks of its key. */
  #told = 0;
  #of: Marks = nothing;

  constructor(context: OperatorContext, aggregator: Aggregator<unknown, A, unknown>, { slices, time }: Sliding, latenessMs: number) {
    const { state } = context;
    this.#wall = time === "processing" ? context : undefined;
    this.#state = state;
    this.#aggregator = aggregator;
    this.#slices = slices;
    this.#late = time === "event" && latenessMs > 0;
    const codec = heldCodec(valueCodec(aggregator.serde));
    this.#parts = state.map("w:parts", numberSubKey, codec);
    this.#own = state.map("w:own", numberSubKey, codec);
    this.#marks = state.value("w:marks", valueCodec<Marks>());
    this.#spans = new Spans<Held<A>>(
      slices,
      (slice) => this.#parts.get(slice),
      (a, b) => hold(aggregator.merge!(heldValue<A>(a), heldValue<A>(b), state.key)),
    );
  }

  share(value: unknown, timestamp: number, now: number): readonly number[] | undefined {
    const { size, every, offset } = this.#slices;
    const at = this.#wall === undefined ? timestamp : this.#wall.processingTime();
    // By the clock no window of the moment has ended before it.
    const passed = this.#wall === undefined ? now : Number.NEGATIVE_INFINITY;
    const slice = Math.floor((at - offset) / every) * every + offset;
    const oldest = slice - size + every;
    if (!(oldest + size - 1 > passed) || (this.#marks.get() ?? nothing)[1] >= oldest) return undefined;
    const part = this.#parts.get(slice);
    const told = part === undefined ? this.#toldBefore(slice) : slice;
    if (told < oldest) return undefined;
    this.#put(slice, part, value);
    if (told === slice) return none;
    const telling: number[] = [];
    for (let window = slice; window > told; window -= every) telling.push(window);
    return telling;
  }

  /** A timer fires: the records before it are done with. */
  settle(): void {
    this.#settled = true;
  }

  add(window: unknown, value: unknown, _timestamp: number, newest: boolean): boolean {
    const start = window as number;
    if (newest) this.#open(start, value);
    const [gone, own] = this.#of;
    if (start <= own) {
      const before = this.#own.get(start);
      if (before !== undefined || start <= gone) {
        this.#own.set(start, this.#with(before, value));
        return before === undefined;
      }
    }
    return start > this.#told;
  }

  evaluate(window: unknown, _actual: unknown, call: (input: unknown) => void): void {
    const start = window as number;
    const [gone, own] = this.#marks.get() ?? nothing;
    let accumulator = start <= own ? this.#own.get(start) : undefined;
    if (accumulator === undefined) {
      accumulator = this.#spans.over(this.#state.mapKey, start, this.#settled);
      if (accumulator === undefined) return;
      if (this.#late) {
        this.#own.set(start, accumulator);
        if (start > own) this.#marks.set([gone, start]);
      }
    }
    call(resultOf(this.#aggregator, heldValue<A>(accumulator)));
  }

  clear(window: unknown): void {
    const start = window as number;
    const [gone, own] = this.#marks.get() ?? nothing;
    if (start <= own) this.#own.delete(start);
    this.#parts.delete(start);
    if (this.#parts.isEmpty()) {
      this.#marks.clear();
      this.#spans.forget(this.#state.mapKey);
    } else this.#marks.set([Math.max(gone, start), Math.max(own, start)]);
  }

  tooLate(window: unknown): void {
    const start = window as number;
    const [gone, own] = this.#marks.get() ?? nothing;
    if (start > gone) this.#marks.set([start, Math.max(own, start)]);
  }

  #open(slice: number, value: unknown): void {
    const part = this.#parts.get(slice);
    this.#told = part === undefined ? this.#toldBefore(slice) : slice;
    this.#of = this.#marks.get() ?? nothing;
    this.#put(slice, part, value);
  }

  /** The last slice before this one has told all windows that both are in; those that begin behind it may know nothing yet. */
  #toldBefore(slice: number): number {
    const { size, every } = this.#slices;
    for (let before = slice - every; before > slice - size; before -= every) if (this.#parts.has(before)) return before;
    return Number.NEGATIVE_INFINITY;
  }

  #put(slice: number, part: Held<A> | undefined, value: unknown): void {
    this.#settled = false;
    this.#spans.changed(this.#state.mapKey, slice);
    this.#parts.set(slice, this.#with(part, value));
  }

  #with(accumulator: Held<A> | undefined, value: unknown): Held<A> {
    const before = accumulator === undefined ? this.#aggregator.init() : heldValue<A>(accumulator);
    return hold(this.#aggregator.add(before, value, this.#state.key));
  }
}

/** What an assigner of such windows says of them. */
interface Sliding {
  readonly slices: Slices;
  readonly time: WindowClock;
}

/** Where the last window began that is gone, and the last that is gone or has an accumulator of its own; nothing once no slice is left. */
type Marks = readonly [gone: number, own: number];

const none: readonly number[] = [];
const nothing: Marks = [Number.NEGATIVE_INFINITY, Number.NEGATIVE_INFINITY];
