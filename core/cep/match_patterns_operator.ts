import { StepError } from "../errors.ts";
import { keyed } from "../operators/keyed.ts";
import type { OperatorContext, OperatorFactory, Push } from "../operators/operator.ts";
import { RecordMeta } from "../record.ts";
import { Arrivals } from "../state/arrivals.ts";
import { valueCodec } from "../state/codecs.ts";
import { broadcastState, openBroadcast } from "../state/descriptors.ts";
import type { MapState } from "../state/handles.ts";
import type { MapTable } from "../state/map_table.ts";
import { numberSubKey } from "../state/sub_key.ts";
import type { TimerService } from "../state/timer_service.ts";
import { compareEventIds, type EventId } from "./event_id.ts";
import { MatchBuffer } from "./match_buffer.ts";
import type { MatchSettings } from "./match_options.ts";
import { Matcher } from "./matcher.ts";
import type { PatternData } from "./pattern_data.ts";
import { type ReadPattern, readPattern, readToldPattern } from "./read_pattern.ts";
import { hasBegun, type Runs, runsCodec } from "./runs.ts";

/** How patterns that change are looked for. T is an event. */
export interface MatchPatternsOptions<in T> {
  /** The order of events with equal timestamps, as for `Array.sort`. @default the order in which they arrive */
  readonly order?: (a: T, b: T) => number;
}

/** A pattern as it was told, and the time of the first events that it looks at. */
interface Told {
  readonly from: number;
  readonly data: PatternData;
}

/** A pattern in use. */
interface Active extends ReadPattern, Told {
  readonly matcher: Matcher<unknown>;
}

/**
 * Looks for the pattern that a control stream has told last, in event time. Inputs: events, patterns (in every task).
 *
 * A pattern takes effect at the time of its record: an event is looked at by the version with the latest time that is not after the event's own, whenever either of them arrives. What comes behind the watermark takes
 * effect at the watermark. Both stand in the state. Partial matches of an earlier version go on with that version, or end, as the new one says.
 */
export const matchPatternsOperator =
  (options: MatchPatternsOptions<any> & MatchSettings = {}): OperatorFactory =>
  (context) => {
    const step = new MatchPatternsStep(context, options);
    return { inputs: [step.events, step.patterns] };
  };

const patternsKey = "told";

/** One step in one task. */
class MatchPatternsStep {
  readonly events: Push;
  readonly patterns: Push;
  readonly #context: OperatorContext;
  readonly #order: ((a: any, b: any) => number) | undefined;
  readonly #told: MapState<string, readonly Told[]>;
  /** By version of the pattern. */
  readonly #runs: MapTable<number, Runs>;
  readonly #arrivals: Arrivals<unknown>;
  readonly #buffer: MatchBuffer<unknown>;
  readonly #timers: TimerService;
  /** What was read of the state, which may be taken back. */
  #active: readonly Active[] = [];
  #activeFrom: readonly Told[] | undefined;
  #isMuted = false;

  constructor(context: OperatorContext, { serde, nullKey = false, order }: MatchPatternsOptions<any> & MatchSettings) {
    const { state } = context;
    const events = valueCodec<unknown>(serde);
    this.#context = context;
    this.#order = order;
    this.#told = openBroadcast({ patterns: broadcastState<string, readonly Told[]>() }, context, { prefix: "b:" }).writable.patterns;
    this.#runs = state.map("c:runs", numberSubKey, runsCodec);
    this.#arrivals = new Arrivals(state, "c:arrivals", events);
    this.#buffer = new MatchBuffer(state, events);
    this.#timers = context.eventTimers((at) => this.#onTime(at), { leftOut: (at) => this.#leaveOut(at) });
    const late = context.side("late");
    this.events = keyed(context, { nullKey }, (event, record) => {
      const { timestamp } = record;
      if (timestamp > context.watermark()) {
        this.#arrivals.add(timestamp, event, this.#timers.set(timestamp));
        return;
      }
      context.count("late_records");
      late(event, record);
    });
    this.patterns = (data, { timestamp }) => this.#tell(data as PatternData, timestamp);
  }

  // ---------------------------------------------------------------- patterns

  #tell(data: PatternData, timestamp: number): void {
    const { version } = readToldPattern(data);
    const told = this.#told.get(patternsKey) ?? [];
    const last = told.at(-1);
    if (last !== undefined && version <= last.data.version) {
      if (version === last.data.version && JSON.stringify(data) === JSON.stringify(last.data)) return;
      throw new StepError(`Cannot use the pattern: version is ${version}, and ${last.data.version} is in use: give a higher one`);
    }
    const from = Math.max(timestamp, this.#context.watermark(), last?.from ?? Number.NEGATIVE_INFINITY);
    this.#told.set(patternsKey, [...this.#inUse(told), { from, data }]);
  }

  /** Those that some event or partial match may still need. */
  #inUse(told: readonly Told[]): readonly Told[] {
    const watermark = this.#context.watermark();
    return told.filter(({ data }, i) => {
      const next = told[i + 1];
      return next === undefined || next.from + (data.within ?? Number.POSITIVE_INFINITY) > watermark;
    });
  }

  /** The patterns that were told, the oldest first. */
  #patterns(): readonly Active[] {
    const told = this.#told.get(patternsKey) ?? [];
    if (told === this.#activeFrom) return this.#active;
    const known = new Map(this.#active.map((active) => [active.version, active]));
    this.#activeFrom = told;
    this.#active = told.map(({ from, data }) => {
      const same = known.get(data.version);
      return same?.from === from && JSON.stringify(same.data) === JSON.stringify(data) ? same : this.#activate(from, data);
    });
    return this.#active;
  }

  #activate(from: number, data: PatternData): Active {
    const read = readPattern(data);
    const { pattern, after, version } = read;
    const { state, emit } = this.#context;
    const timedOut = this.#context.side("timedOut");
    const { steps } = pattern.spec;
    const send =
      (to: Push) =>
      (match: Record<string, unknown>, timestamp: number): void => {
        const events = Object.fromEntries(steps.map(({ name }) => [name, match[name] ?? []]));
        if (!this.#isMuted) to({ version, events }, RecordMeta.ofTime(state.key, timestamp));
      };
    const matcher = new Matcher<unknown>({
      spec: { ...pattern.spec, steps: steps.map(({ name }) => ({ name, shape: "loop" })) },
      automaton: pattern.automaton,
      after,
      buffer: this.#buffer,
      root: [version, 0],
      onMatch: send(emit),
      onTimeout: this.#context.sideIsRead("timedOut") ? send(timedOut) : undefined,
    });
    return { ...read, from, data, matcher };
  }

  // ---------------------------------------------------------------- events

  /** Time has come to this timestamp: events wait here, or a run that began so long ago ends, or both. */
  #onTime(timestamp: number): void {
    const events = this.#arrivals.isEmpty() ? [] : this.#arrivals.take(timestamp);
    if (events.length > 1 && this.#order !== undefined) events.sort(this.#order);
    this.#advance(timestamp);
    for (const event of events) this.#take(event, timestamp);
    if (this.#runs.isEmpty()) return;
    // An event that waits, and is due, says first what has ended by then.
    const now = this.#context.watermark();
    const earliest = this.#arrivals.earliest();
    if (earliest === undefined || earliest > now) this.#advance(now);
  }

  #leaveOut(timestamp: number): void {
    this.#arrivals.take(timestamp);
    this.#isMuted = true;
    try {
      this.#advance(timestamp);
    } finally {
      this.#isMuted = false;
    }
  }

  #take(event: unknown, timestamp: number): void {
    const patterns = this.#patterns();
    const current = patterns.findLast(({ from }) => from <= timestamp);
    if (current === undefined) return;
    let last: EventId | undefined;
    const all = patterns.map((active) => ({ active, runs: this.#runs.get(active.version) }));
    for (const { runs } of all)
      if (runs?.last !== undefined && (last === undefined || compareEventIds(runs.last, last) > 0)) last = runs.last;
    let id: EventId | undefined;
    for (const { active, runs } of all) {
      const { matcher, version } = active;
      if (active !== current && runs === undefined) continue;
      const before = runs ?? matcher.none;
      // Only the version of this time begins anything.
      const open = active === current ? before.open : before.open.filter(hasBegun);
      const after = matcher.take(open.length === before.open.length ? before : { ...before, open }, event, timestamp, { last, id });
      id ??= matcher.takenAs;
      this.#keep(version, after, matcher);
      if (active === current && matcher.takenAs !== undefined && matcher.withinMs < Number.POSITIVE_INFINITY)
        this.#timers.set(timestamp + matcher.withinMs);
    }
  }

  /** Ends what has ended by this time: by a time of its own, or as a later version has said. */
  #advance(now: number): void {
    if (this.#runs.isEmpty()) return;
    const patterns = this.#patterns();
    patterns.forEach(({ matcher, version }, i) => {
      const runs = this.#runs.get(version);
      if (runs === undefined) return;
      const droppedAt = patterns.find((later, j) => j > i && later.drops)?.from ?? Number.POSITIVE_INFINITY;
      const left = matcher.advance(runs, Math.min(now, droppedAt));
      this.#keep(version, droppedAt <= now ? matcher.drop(left) : left, matcher);
    });
  }

  #keep(version: number, runs: Runs, { none }: Matcher<unknown>): void {
    const isOver = runs === none || (runs.complete.length === 0 && !runs.open.some(hasBegun));
    if (isOver) this.#runs.delete(version);
    else this.#runs.set(version, runs);
  }
}
