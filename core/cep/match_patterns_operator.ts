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
import { type MatchTime, matchTime, unlessLate } from "./match_time.ts";
import { Matcher } from "./matcher.ts";
import type { PatternData } from "./pattern_data.ts";
import { type ReadPattern, readPattern, readToldPattern } from "./read_pattern.ts";
import { hasBegun, type Runs, runsCodec } from "./runs.ts";

/** How patterns that change are looked for. T is an event. */
export interface MatchPatternsOptions<in T> {
  /** The order of events with equal timestamps, as for `Array.sort`. @default the order in which they arrive */
  readonly order?: (a: T, b: T) => number;
  /**
   * "event": events are put in the order of their timestamps when the watermark has passed them, and a pattern takes effect at the time of its record. "processing": events are taken as they come, and a pattern takes effect
   * when it comes, at the time of the Clock.
   * @default "event"
   */
  readonly time?: "event" | "processing";
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
 * Looks for the pattern that a control stream has told last. Inputs: events, patterns (in every task).
 *
 * In event time a pattern takes effect at the time of its record: an event is looked at by the version with the latest time that is not after the event's own, whenever either of them arrives. What comes behind the watermark
 * takes effect at the watermark. Both stand in the state. In processing time an event is looked at by the version that was told last. Partial matches of an earlier version go on with that version, or end, as the new one
 * says; the version is forgotten when it has none left in this task.
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
  readonly #time: MatchTime;
  readonly #isInEventTime: boolean;
  readonly #told: MapState<string, readonly Told[]>;
  /** How many keys have partial matches of a version; without an entry none has. Counted, since only a walk through all keys could tell otherwise. */
  readonly #keys: MapState<number, number>;
  /** By version of the pattern. */
  readonly #runs: MapTable<number, Runs>;
  readonly #arrivals: Arrivals<unknown>;
  readonly #buffer: MatchBuffer<unknown>;
  readonly #timers: TimerService;
  /** What was read of the state, which may be taken back. */
  #active: readonly Active[] = [];
  #activeFrom: readonly Told[] | undefined;
  #isMuted = false;

  constructor(context: OperatorContext, { serde, nullKey = false, order, time = "event" }: MatchPatternsOptions<any> & MatchSettings) {
    const { state } = context;
    const events = valueCodec<unknown>(serde);
    this.#context = context;
    this.#order = order;
    this.#time = matchTime(time, context);
    this.#isInEventTime = time === "event";
    const spec = { patterns: broadcastState<string, readonly Told[]>(), keys: broadcastState<number, number>() };
    const { patterns, keys } = openBroadcast(spec, context, { prefix: "b:" }).writable;
    this.#told = patterns;
    this.#keys = keys;
    this.#runs = state.map("c:runs", numberSubKey, runsCodec);
    this.#arrivals = new Arrivals(state, "c:arrivals", events);
    this.#buffer = new MatchBuffer(state, events);
    const { delay } = this.#time;
    this.#timers = this.#time.timers((at) => this.#onTime(at - delay), { leftOut: (at) => this.#leaveOut(at - delay) });
    this.events = keyed(
      context,
      { nullKey },
      this.#isInEventTime
        ? unlessLate(context, (event, timestamp) => this.#wait(event, timestamp))
        : order === undefined
          ? (event) => this.#atOnce(event)
          : (event) => this.#wait(event, context.processingTime()),
    );
    this.patterns = (data, { timestamp }) => this.#tell(data as PatternData, timestamp);
  }

  // ---------------------------------------------------------------- patterns

  #tell(data: PatternData, timestamp: number): void {
    const { version, drops } = readToldPattern(data);
    const told = this.#told.get(patternsKey) ?? [];
    const last = told.at(-1);
    if (last !== undefined && version <= last.data.version) {
      if (version === last.data.version && JSON.stringify(data) === JSON.stringify(last.data)) return;
      throw new StepError(`Cannot use the pattern: version is ${version}, and ${last.data.version} is in use: give a higher one`);
    }
    const earliest = this.#isInEventTime ? Math.max(timestamp, this.#context.watermark()) : this.#time.now();
    const from = Math.max(earliest, last?.from ?? Number.NEGATIVE_INFINITY);
    if (drops) this.#endAt(from);
    this.#told.set(patternsKey, [...told, { from, data }]);
    this.#forget();
  }

  /** Sees to it that what has no time of its own ends when it is dropped, also of a key of which nothing comes any more. */
  #endAt(from: number): void {
    const lasting = this.#patterns().filter(({ matcher }) => matcher.withinMs === Number.POSITIVE_INFINITY);
    if (!lasting.some(({ version }) => this.#keys.has(version))) return;
    for (const { key } of [...this.#runs.scopes()]) {
      this.#context.state.setKey(key);
      if (lasting.some(({ version }) => this.#runs.has(version))) this.#setTimer(from);
    }
  }

  /** Forgets the versions that begin nothing any more and have nothing left that was begun. */
  #forget(): void {
    const told = this.#told.get(patternsKey);
    if (told === undefined || told.length === 1) return;
    // Events from this time on are still to be looked at: those that wait have a timer, and those that come are behind the watermark otherwise.
    const time = this.#isInEventTime ? Math.min(this.#timers.next(), this.#context.watermark() + 1) : Number.POSITIVE_INFINITY;
    const needed: Told[] = [];
    for (const [i, one] of told.entries()) {
      const { version, onChange } = one.data;
      const next = told[i + 1];
      // One that ends what earlier ones have begun is known as long as they are.
      const ends = onChange === "drop" && needed.length > 0;
      if (next === undefined || next.from > time || this.#keys.has(version) || ends) needed.push(one);
    }
    if (needed.length < told.length) this.#told.set(patternsKey, needed);
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

  #atOnce(event: unknown): void {
    const now = this.#time.now();
    this.#advance(now);
    this.#take(event, now);
    this.#forget();
  }

  #wait(event: unknown, timestamp: number): void {
    this.#arrivals.add(timestamp, event, this.#setTimer(timestamp));
  }

  /** Time has come to this timestamp: events wait here, or a run that began so long ago ends, or both. */
  #onTime(timestamp: number): void {
    const events = this.#arrivals.isEmpty() ? [] : this.#arrivals.take(timestamp);
    if (events.length > 1 && this.#order !== undefined) events.sort(this.#order);
    this.#advance(timestamp);
    for (const event of events) this.#take(event, timestamp);
    if (!this.#runs.isEmpty()) {
      // An event that waits, and is due, says first what has ended by then.
      const now = this.#time.now();
      const earliest = this.#arrivals.earliest();
      if (earliest === undefined || earliest + this.#time.delay > now) this.#advance(now);
    }
    this.#forget();
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
    const current = this.#isInEventTime ? patterns.findLast(({ from }) => from <= timestamp) : patterns.at(-1);
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
      this.#keep(version, runs, after, matcher);
      if (active !== current || matcher.takenAs === undefined) continue;
      const upAt = Math.min(timestamp + matcher.withinMs, droppedAt(patterns, active));
      if (upAt < Number.POSITIVE_INFINITY) this.#setTimer(upAt);
    }
  }

  /** Ends what has ended by this time: by a time of its own, or as a later version has said. */
  #advance(now: number): void {
    if (this.#runs.isEmpty()) return;
    const patterns = this.#patterns();
    for (const active of patterns) {
      const { matcher, version } = active;
      const runs = this.#runs.get(version);
      if (runs === undefined) continue;
      const endsAt = droppedAt(patterns, active);
      const left = matcher.advance(runs, Math.min(now, endsAt));
      this.#keep(version, runs, endsAt <= now ? matcher.drop(left) : left, matcher);
    }
  }

  #keep(version: number, before: Runs | undefined, runs: Runs, { none }: Matcher<unknown>): void {
    if (runs === before) return;
    const isOver = runs === none || (runs.complete.length === 0 && !runs.open.some(hasBegun));
    if (!isOver) this.#runs.set(version, runs);
    else if (before !== undefined) this.#runs.delete(version);
    if (isOver === (before === undefined)) return;
    const keys = (this.#keys.get(version) ?? 0) + (isOver ? -1 : 1);
    if (keys === 0) this.#keys.delete(version);
    else this.#keys.set(version, keys);
  }

  /** False when it is set already. */
  #setTimer(timestamp: number): boolean {
    return this.#timers.set(timestamp + this.#time.delay);
  }
}

/** When a later version ends the partial matches of this one; Infinity: none does. */
const droppedAt = (patterns: readonly Active[], active: Active): number =>
  patterns.find(({ drops, version }) => drops && version > active.version)?.from ?? Number.POSITIVE_INFINITY;
