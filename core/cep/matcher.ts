import { StepError } from "../errors.ts";
import { type AfterMatch, endedBy } from "./after_match.ts";
import type { Automaton, Clauses, Edge } from "./automaton.ts";
import { compareRuns, keep, pop, push } from "./earliest_first.ts";
import { compareEventIds, type EventId } from "./event_id.ts";
import type { MatchBuffer, Taken } from "./match_buffer.ts";
import { fullMatch, partialMatch, soFar, takenSoFar } from "./match_value.ts";
import type { PatternSpec } from "./pattern_spec.ts";
import { type BegunRun, hasBegun, nothingBegun, type Run, type Runs } from "./runs.ts";
import { below, branch, type Version } from "./version.ts";

export interface MatcherOptions<T> {
  readonly spec: PatternSpec;
  readonly automaton: Automaton;
  readonly buffer: MatchBuffer<T>;
  /** Where the counting of versions begins: what tells runs of this pattern from those of others in the same buffer. @default [0] */
  readonly root?: Version;
  readonly after: AfterMatch;
  readonly onMatch: (match: Record<string, unknown>, timestamp: number) => void;
  /** Gets what a partial match had when its time was up, and when that was; undefined when nobody wants to know. */
  readonly onTimeout: ((partial: Record<string, unknown>, timestamp: number) => void) | undefined;
}

export interface SharedIds {
  readonly last: EventId | undefined;
  readonly id: EventId | undefined;
}

/**
 * Runs the automaton of a pattern over the events of one key at a time (Agrawal et al., SIGMOD 2008, as Flink's NFA does it). What outlives a call stands in `Runs` and in the match buffer; the fields below serve the
 * call that is under way, which sets them anew.
 */
export class Matcher<T> {
  /** Of a key that nothing is stored for. */
  readonly none: Runs;
  readonly #options: MatcherOptions<T>;
  /** From the first event of a run to the last; Infinity: for ever. */
  readonly withinMs: number;
  #event!: T;
  #timestamp = 0;
  #last: EventId | undefined;
  /** The id of the event, from the moment when it is taken. */
  #id: EventId | undefined;
  /** Who looks at the event. */
  #run!: Run;
  #path: readonly Taken<T>[] | undefined;
  /** What is known of the predicates for this event: 0 nothing, 1 true, 2 false. */
  readonly #ofEvent: Uint8Array;
  /** And of those that ask what has been taken, for this run and event. */
  readonly #ofRun: Uint8Array;
  #asked = false;
  /** Where the event leads from the state of the run. */
  readonly #edges: Edge[] = [];
  /** The final state that the way found last leads to. */
  #final = 0;
  #begun = false;
  readonly #states: number[] = [];

  constructor(options: MatcherOptions<T>) {
    this.#options = options;
    this.withinMs = options.automaton.withinMs;
    this.none = nothingBegun(options.automaton.start, options.root);
    this.#ofEvent = new Uint8Array(options.spec.predicates.length);
    this.#ofRun = new Uint8Array(options.spec.predicates.length);
  }

  /**
   * Shows an event to all runs of the key. Gives the runs afterwards: the same object when nothing has changed, `none` when none is left.
   * @param shared where the runs of other patterns have the same buffer: the latest event that any of them has taken, and the id of this one if they have
   */
  take(runs: Runs, event: T, timestamp: number, shared: SharedIds = { last: runs.last, id: undefined }): Runs {
    this.#event = event;
    this.#timestamp = timestamp;
    this.#last = shared.last;
    this.#id = shared.id;
    this.#begun = false;
    this.#ofEvent.fill(0);
    this.#options.buffer.begin();
    const matches: BegunRun[] = [];
    // Undefined as long as every run stays what it is, which is what mostly happens. A heap that is built in its own order stays as it is.
    let open: Run[] | undefined;
    for (let i = 0; i < runs.open.length; i++) {
      const run = runs.open[i]!;
      this.#look(run);
      if (!this.#changes(run)) {
        if (open !== undefined) push(open, run);
        continue;
      }
      open ??= runs.open.slice(0, i);
      this.#goOn(run, open, matches);
    }
    if (open === undefined) return runs;
    return this.#settle({ open, complete: runs.complete, last: later(this.#id, runs.last) }, matches, timestamp);
  }

  /** The id of the event that was shown last, if it has been taken. */
  get takenAs(): EventId | undefined {
    return this.#id;
  }

  /** The event that was shown last has begun a run, see `timerAt`. */
  get hasBegun(): boolean {
    return this.#begun;
  }

  /**
   * Ends the runs whose time is up at this time, and gives out the matches that were waiting for that.
   * @param timestamp Of the event or watermark that says so: what is given out here has it.
   */
  advance(runs: Runs, timestamp: number): Runs {
    if (timestamp < this.deadline(runs) && runs.complete.length === 0) return runs;
    const { buffer, automaton, spec, onTimeout } = this.#options;
    buffer.begin();
    const open: Run[] = [];
    const matches: BegunRun[] = [];
    for (const run of runs.open) {
      if (!hasBegun(run)) {
        push(open, run);
        continue;
      }
      const neighboursUpAt = this.#neighboursUpAt(run);
      const upAt = neighboursUpAt <= timestamp && Number.isFinite(neighboursUpAt) ? neighboursUpAt : this.#wholeUpAt(run);
      // At the end of the input, which is at Infinity, nothing ends that has no time.
      if (timestamp < upAt || !Number.isFinite(upAt)) push(open, run);
      else if (automaton.states[run.state]!.kind === "pending") push(matches, run);
      else {
        onTimeout?.(partialMatch(spec, onlyPath(buffer.paths(run.at, run.version))), upAt);
        buffer.release(run.at, run.version);
      }
    }
    const settled = this.#settle({ ...runs, open }, matches, timestamp);
    return settled.open.length === runs.open.length && settled.complete.length === runs.complete.length ? runs : settled;
  }

  /** Ends all runs, without a word. */
  drop(runs: Runs): Runs {
    const { buffer } = this.#options;
    buffer.begin();
    for (const run of [...runs.open, ...runs.complete]) if (hasBegun(run)) buffer.release(run.at, run.version);
    return this.none;
  }

  /** When the first of the runs ends by time; Infinity: none does. */
  deadline(runs: Runs): number {
    const [first] = runs.open;
    if (!this.#options.automaton.hasNeighbours)
      return first !== undefined && hasBegun(first) ? first.start[0] + this.withinMs : Number.POSITIVE_INFINITY;
    let earliest = Number.POSITIVE_INFINITY;
    for (const run of runs.open) if (hasBegun(run)) earliest = Math.min(earliest, this.#neighboursUpAt(run), this.#wholeUpAt(run));
    return earliest;
  }

  /** Where a timer has to stand for the first run that ends by its time as a whole. Runs that began at time zero or before have none, as in Flink: they end when the key is looked at next. */
  timerAt(runs: Runs): number {
    if (this.withinMs === Number.POSITIVE_INFINITY) return this.withinMs;
    const [first] = runs.open;
    if (first === undefined || !hasBegun(first)) return Number.POSITIVE_INFINITY;
    if (first.start[0] > 0) return this.#wholeUpAt(first);
    let earliest = Number.POSITIVE_INFINITY;
    for (const run of runs.open) if (hasBegun(run) && run.start[0] > 0) earliest = Math.min(earliest, this.#wholeUpAt(run));
    return earliest;
  }

  /** Whether the timers of runs that are over are of use: for runs that end by a time for which there is no timer. */
  needsAllTimers(runs: Runs): boolean {
    const [first] = runs.open;
    return this.#options.automaton.hasNeighbours || (first !== undefined && hasBegun(first) && first.start[0] <= 0);
  }

  #wholeUpAt(run: BegunRun): number {
    return run.start[0] + this.withinMs;
  }

  #neighboursUpAt(run: BegunRun): number {
    return run.at.id[0] + (this.#options.automaton.states[run.state]!.neighboursMs ?? Number.POSITIVE_INFINITY);
  }

  // ---------------------------------------------------------------- one run and one event

  /** Finds the edges that the event opens from the state of the run, and from those that it proceeds to. */
  #look(run: Run): void {
    this.#run = run;
    this.#path = undefined;
    this.#edges.length = 0;
    if (this.#asked) {
      this.#ofRun.fill(0);
      this.#asked = false;
    }
    const { states, hasCircles } = this.#options.automaton;
    let visits = 0;
    const toVisit = this.#states;
    toVisit.length = 0;
    for (let at: number | undefined = run.state; at !== undefined; at = toVisit.pop()) {
      const { edges, kind } = states[at]!;
      if (kind === "nowhere") throw leadsNowhere();
      if (hasCircles && ++visits > visitsMax) throw goesInCircles();
      for (const edge of edges) {
        if (!this.#holds(edge.when)) continue;
        if (edge.action === "proceed") toVisit.push(edge.target);
        else this.#edges.push(edge);
      }
    }
  }

  #changes(run: Run): boolean {
    const edges = this.#edges;
    if (!hasBegun(run)) return edges.some(({ action }) => action === "take");
    return edges.length !== 1 || edges[0]!.action !== "ignore" || edges[0]!.target !== run.state;
  }

  /** Whether nothing more has to come behind this state: the conditions on the way to the end are asked about the event that was just taken. */
  #endsAt(state: number): boolean {
    const { states, hasCircles } = this.#options.automaton;
    if (!states[state]!.mayEnd) return false;
    let visits = 0;
    const toVisit = this.#states;
    toVisit.length = 0;
    for (let at: number | undefined = state; at !== undefined; at = toVisit.pop()) {
      if (hasCircles && ++visits > visitsMax) throw goesInCircles();
      for (const { action, target, when } of states[at]!.edges) {
        if (action !== "proceed" || !this.#holds(when)) continue;
        const { kind } = states[target]!;
        if (kind === "nowhere") throw leadsNowhere();
        if (kind === "final") {
          this.#final = target;
          return true;
        }
        toVisit.push(target);
      }
    }
    return false;
  }

  /**
   * Lets the run go all the ways that were found. Where one of them leads to what must not come, only those are left that make it complete.
   *
   * The ways are counted from the last to the first, takes before what is skipped; who stays goes on counting on this level behind all of them, the others go a level down.
   */
  #goOn(run: Run, open: Run[], matches: BegunRun[]): void {
    const { buffer } = this.#options;
    const { version } = run;
    let takes = 0;
    let skips = 0;
    for (const { action, target } of this.#edges)
      if (action === "take") takes++;
      else if (target !== run.state) skips++;
    const next: Run[] = [];
    const stand = (one: BegunRun): void => {
      next.push(one);
      buffer.use(one.at, one.version);
    };
    const behindTakes = Math.max(0, takes - 1);
    const behindAll = takes + skips === 0 ? 0 : skips + Math.max(1, takes);
    let taking = behindTakes;
    let skipping = skips;
    for (const { action, target, step } of this.#edges) {
      if (action === "take") {
        const id = (this.#id ??= buffer.nextId(this.#timestamp, this.#last));
        const label = branch(version, taking--);
        const taken = { at: { step, id }, version: below(label), start: run.start ?? id };
        buffer.take(taken.at, this.#event, label, run.at);
        stand({ state: target, ...taken });
        if (this.#endsAt(target)) stand({ state: this.#final, ...taken });
      } else if (hasBegun(run))
        stand({
          ...run,
          state: target,
          version: target === run.state ? branch(version, behindAll) : below(branch(version, behindTakes + skipping--)),
        });
    }
    if (hasBegun(run)) buffer.release(run.at, version);
    else next.push({ ...run, version: branch(version, behindAll) });
    this.#sortOut(run, next, open, matches);
  }

  #sortOut(run: Run, next: readonly Run[], open: Run[], matches: BegunRun[]): void {
    const { buffer, automaton } = this.#options;
    const goesOn: Run[] = [];
    let stopped = false;
    for (const one of next) {
      const { kind } = automaton.states[one.state]!;
      if (!hasBegun(run) && hasBegun(one) && one.start[0] > 0) this.#begun = true;
      if (!hasBegun(one)) goesOn.push(one);
      else if (kind === "final") push(matches, one);
      else if (kind === "stop") {
        stopped = true;
        buffer.release(one.at, one.version);
      } else goesOn.push(one);
    }
    if (!stopped) for (const one of goesOn) push(open, one);
    else if (!hasBegun(run))
      throw new StepError(
        "An event has come that must not come before the pattern has begun, as all in front of it may be left out: make a step in front of it required",
      );
    else for (const one of goesOn) if (hasBegun(one)) buffer.release(one.at, one.version);
  }

  #holds(when: Clauses): boolean {
    for (const clause of when) {
      let holds = false;
      for (const literal of clause) if (this.#truth(Math.abs(literal) - 1) === literal > 0) holds = true;
      if (!holds) return false;
    }
    return true;
  }

  #truth(predicate: number): boolean {
    const { spec, buffer } = this.#options;
    const asked = spec.predicates[predicate]!;
    const known = asked.asks ? this.#ofRun : this.#ofEvent;
    if (known[predicate] !== 0) return known[predicate] === 1;
    const { at, version } = this.#run;
    let holds: boolean;
    if (asked.asks) {
      this.#path ??= at === undefined ? [] : onlyPath(buffer.paths(at, version));
      holds = Boolean(asked.test(this.#event, soFar(spec, asked, this.#path), takenSoFar(spec, this.#path)));
      this.#asked = true;
    } else holds = Boolean(asked.test(this.#event, undefined, undefined));
    known[predicate] = holds ? 1 : 2;
    return holds;
  }

  // ---------------------------------------------------------------- matches

  /**
   * Gives out the matches, the earliest first. Where a match may end others it waits until no run is open that began before it, as that might end it; each may end runs and matches that began later.
   */
  #settle(runs: Runs, matches: readonly BegunRun[], timestamp: number): Runs {
    const waits = this.#options.after.kind !== "none";
    let open = runs.open;
    let complete = runs.complete.slice();
    for (const match of matches) push(complete, match);
    while (complete.length > 0 && !(waits && open.length > 0 && compareRuns(complete[0]!, open[0]!) > 0)) {
      const ends = this.#giveOut(pop(complete)!, timestamp);
      if (ends === undefined) continue;
      const goesOn = (run: Run): boolean => {
        if (!hasBegun(run) || !ends(run.start)) return true;
        this.#options.buffer.release(run.at, run.version);
        return false;
      };
      open = keep(open, goesOn);
      complete = keep(complete, goesOn);
    }
    return open.length === 1 && !hasBegun(open[0]!) && complete.length === 0 ? this.none : { ...runs, open, complete };
  }

  #giveOut(match: BegunRun, timestamp: number): ((start: EventId) => boolean) | undefined {
    const { buffer, spec, after, onMatch } = this.#options;
    const paths = buffer.paths(match.at, match.version);
    const [path] = paths;
    if (path === undefined)
      throw new StepError("Cannot tell what a match has taken, as another one has given it up: make fewer steps optional");
    const ends = endedBy(after, paths);
    buffer.release(match.at, match.version);
    onMatch(fullMatch(spec, path), timestamp);
    return ends;
  }
}

// The conditions of a circle hold for one event as often as they are asked, so who has come by so often never ends.
const visitsMax = 10_000;

const goesInCircles = (): StepError =>
  new StepError("A group repeats without taking an event, as everything in it may be left out: let one of its steps take an event");

const leadsNowhere = (): StepError =>
  new StepError('A greedy loop with "until" has ended that may be left out, behind what must not come: leave out one of the three');

const onlyPath = <T>(paths: readonly (readonly Taken<T>[])[]): readonly Taken<T>[] => {
  if (paths.length > 1)
    throw new StepError(
      "Cannot tell apart two partial matches that have taken the same event for the same step: make fewer steps optional",
    );
  return paths[0] ?? [];
};

const later = (a: EventId | undefined, b: EventId | undefined): EventId | undefined =>
  a === undefined ? b : b === undefined || compareEventIds(a, b) > 0 ? a : b;
