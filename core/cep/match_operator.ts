import { keyed } from "../operators/keyed.ts";
import type { OperatorContext, OperatorFactory, Push } from "../operators/operator.ts";
import { RecordMeta } from "../record.ts";
import { Arrivals } from "../state/arrivals.ts";
import { valueCodec } from "../state/codecs.ts";
import type { TimerService } from "../state/timer_service.ts";
import type { ValueTable } from "../state/value_table.ts";
import type { AfterMatch } from "./after_match.ts";
import { MatchBuffer } from "./match_buffer.ts";
import { afterMatch, type MatchOptions, type MatchSettings } from "./match_options.ts";
import { type MatchTime, matchTime, unlessLate } from "./match_time.ts";
import { Matcher } from "./matcher.ts";
import type { BuiltPattern } from "./pattern.ts";
import { type Runs, runsCodec } from "./runs.ts";

/**
 * Looks for a pattern in the events of each key. Matches go to the main output with the timestamp of the event that made them complete (or of the event or watermark that said that they are), partial matches whose time
 * was up to "timedOut" with the time when it was, late events to "late"; the counter `late_records` counts these. Needs a store.
 *
 * Throws TopologyError PATTERN_INVALID when the options name a step that the pattern does not take.
 */
export const matchOperator = <T, M>(
  pattern: BuiltPattern<T, M>,
  options: MatchOptions<T, keyof M> & MatchSettings = {},
): OperatorFactory => {
  const after = afterMatch(pattern.spec, options.skip);
  return (context) => {
    const step = new MatchStep(context, pattern, options, after);
    return { inputs: [step.input] };
  };
};

/**
 * One step in one task. An event waits under its timestamp until time has come there, with a timer; then it is shown to the runs of its key. One more timer of the key stands where the first of its runs ends by time.
 */
class MatchStep {
  readonly input: Push;
  readonly #context: OperatorContext;
  readonly #time: MatchTime;
  readonly #order: ((a: any, b: any) => number) | undefined;
  readonly #matcher: Matcher<unknown>;
  readonly #runs: ValueTable<Runs>;
  readonly #arrivals: Arrivals<unknown>;
  readonly #timers: TimerService;
  readonly #withinMs: number;
  /** A match may become complete by time alone. */
  readonly #endsByTime: boolean;
  /** What comes of the runs now is not given out. */
  #isMuted = false;

  constructor(
    context: OperatorContext,
    { spec, automaton }: BuiltPattern<any, any>,
    options: MatchOptions<any, any> & MatchSettings,
    after: AfterMatch,
  ) {
    const { state, emit } = context;
    const { order, time = "event", serde, nullKey = false } = options;
    const events = valueCodec<unknown>(serde);
    const timedOut = context.side("timedOut");
    this.#context = context;
    this.#time = matchTime(time, context);
    this.#order = order;
    this.#withinMs = automaton.withinMs;
    this.#endsByTime = automaton.states.some(({ kind }) => kind === "pending");
    this.#runs = state.value("c:runs", runsCodec);
    this.#arrivals = new Arrivals(state, "c:arrivals", events);
    this.#matcher = new Matcher({
      spec,
      automaton,
      after,
      buffer: new MatchBuffer(state, events),
      onMatch: (match, timestamp) => {
        if (!this.#isMuted) emit(match, RecordMeta.ofTime(state.key, timestamp));
      },
      onTimeout: context.sideIsRead("timedOut")
        ? (partial, timestamp) => {
            if (!this.#isMuted) timedOut(partial, RecordMeta.ofTime(state.key, timestamp));
          }
        : undefined,
    });
    const { delay } = this.#time;
    this.#timers = this.#time.timers((at) => this.#onTime(at - delay), { leftOut: (at) => this.#leaveOut(at - delay) });
    this.input = keyed(
      context,
      { nullKey },
      time === "event"
        ? unlessLate(context, (event, timestamp) => this.#wait(event, timestamp))
        : order === undefined
          ? this.#atOnce()
          : (event) => this.#wait(event, context.processingTime()),
    );
  }

  #atOnce(): Push {
    return (event) => {
      const now = this.#context.processingTime();
      const before = this.#runs.get() ?? this.#matcher.none;
      this.#keep(before, this.#take(this.#matcher.advance(before, now), event, now), now);
    };
  }

  #wait(event: unknown, timestamp: number): void {
    this.#arrivals.add(timestamp, event, this.#setTimer(timestamp));
  }

  /** Time has come to this timestamp: events wait here, or a run that began so long ago ends, or both. */
  #onTime(timestamp: number): void {
    const matcher = this.#matcher;
    const before = this.#runs.get() ?? matcher.none;
    let runs = before;
    const events = this.#arrivals.isEmpty() ? [] : this.#arrivals.take(timestamp);
    if (events.length > 0) {
      runs = matcher.advance(runs, timestamp);
      if (events.length > 1 && this.#order !== undefined) events.sort(this.#order);
      for (const event of events) runs = this.#take(runs, event, timestamp);
    }
    const reached = this.#reached(runs, timestamp);
    this.#keep(before, reached === undefined ? runs : matcher.advance(runs, reached), timestamp);
  }

  /**
   * How far time has come for these runs: as far as it was told; undefined when an event waits that is due, and says first what has ended by its time. Where every run has a timer and nothing is given out with the time of
   * who notices, nobody sees the difference, and the events need not be looked through.
   */
  #reached(runs: Runs, timestamp: number): number | undefined {
    if (runs.complete.length === 0 && !this.#endsByTime && !this.#needsAllTimers(runs)) return timestamp;
    const now = this.#time.now();
    if (runs.complete.length === 0 && this.#matcher.deadline(runs) > now) return undefined;
    const earliest = this.#arrivals.earliest();
    return earliest === undefined || earliest + this.#time.delay > now ? now : undefined;
  }

  #take(runs: Runs, event: unknown, timestamp: number): Runs {
    const after = this.#matcher.take(runs, event, timestamp);
    if (this.#matcher.hasBegun && this.#withinMs < Number.POSITIVE_INFINITY && this.#needsAllTimers(after))
      this.#setTimer(timestamp + this.#withinMs);
    return after;
  }

  /** The events of this timestamp are passed over, and the runs that it ends go without a word: a condition has failed, or a step behind. */
  #leaveOut(timestamp: number): void {
    this.#arrivals.take(timestamp);
    const before = this.#runs.get() ?? this.#matcher.none;
    this.#isMuted = true;
    try {
      this.#keep(before, this.#matcher.advance(before, timestamp), timestamp);
    } finally {
      this.#isMuted = false;
    }
  }

  /** Writes what has changed, and moves the timer to where the first run now ends by time. */
  #keep(before: Runs, runs: Runs, timestamp: number): void {
    if (runs === before) return;
    this.#runs.set(runs === this.#matcher.none ? undefined : runs);
    const was = this.#matcher.timerAt(before);
    const is = this.#matcher.timerAt(runs);
    if (was === is) return;
    // An event that waits at that timestamp has the same timer.
    if (was > timestamp && was < Number.POSITIVE_INFINITY && !this.#needsAllTimers(runs))
      if (this.#arrivals.isEmpty() || !this.#arrivals.has(was)) this.#timers.delete(was + this.#time.delay);
    if (is < Number.POSITIVE_INFINITY) this.#setTimer(is);
  }

  /** Whether timers stay when their runs are over: others may end then. In processing time that is so as a timer fires a millisecond late. */
  #needsAllTimers(runs: Runs): boolean {
    return this.#time.delay > 0 || this.#matcher.needsAllTimers(runs);
  }

  /** False when it is set already: for an event that waits at that timestamp, or for a run that ends there. */
  #setTimer(timestamp: number): boolean {
    return this.#timers.set(timestamp + this.#time.delay);
  }
}
