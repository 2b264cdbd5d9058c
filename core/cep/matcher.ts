import { type AfterMatch, endedBy } from "./after_match.ts";
import type { Automaton, Clauses, Edge } from "./automaton.ts";
import { compareRuns, keep, pop, push } from "./earliest_first.ts";
import { compareEventIds, type EventId } from "./event_id.ts";
import type { MatchBuffer, Taken } from "./match_buffer.ts";
import { fullMatch, partialMatch, soFar } from "./match_value.ts";
import type { PatternSpec } from "./pattern_spec.ts";
import { type BegunRun, hasBegun, nothingBegun, type Run, type Runs } from "./runs.ts";
import { below, branch } from "./version.ts";

export interface MatcherOptions<T> {
  readonly spec: PatternSpec;
  readonly automaton: Automaton;
  readonly buffer: MatchBuffer<T>;
  readonly after: AfterMatch;
  readonly onMatch: (match: Record<string, unknown>, timestamp: number) => void;
  /** Gets what a partial match had when its time was up, and when that was; undefined when nobody wants to know. */
  readonly onTimeout: ((partial: Record<string, unknown>, timestamp: number) => void) | undefined;
}

/**
 * Runs the automaton of a pattern over the events of one key at a time (Agrawal et al., SIGMOD 2008, as Flink's NFA does it). What outlives a call stands in `Runs` and in the match buffer; the fields below serve the
 * call that is under way, which sets them anew.
 */
export class Matcher<T> {
  /** Of a key that nothing is stored for. */
  readonly none: Runs;
  readonly #options: MatcherOptions<T>;
  readonly #withinMs: number;
  #event!: T;
  #timestamp = 0;
  #last: EventId | undefined;
  /** The id of the event, from the moment when it is taken. */
  #id: EventId | undefined;
  /** Who looks at the event. */
  #run!: Run;
  #path: readonly Taken<T>[] | undefined;
  /** What is known of the predicates for this run and event: 0 nothing, 1 true, 2 false. */
  readonly #known: Uint8Array;
  #asked = false;
  /** Where the event leads from the state of the run. */
  readonly #edges: Edge[] = [];
  /** The event must not come now. */
  #stopped = false;
  readonly #states: number[] = [];

  constructor(options: MatcherOptions<T>) {
    this.#options = options;
    this.#withinMs = options.spec.withinMs ?? Number.POSITIVE_INFINITY;
    this.none = nothingBegun(options.automaton.start);
    this.#known = new Uint8Array(options.spec.predicates.length);
  }

  /** Shows an event to all runs of the key. Gives the runs afterwards: the same object when nothing has changed, `none` when none is left. */
  take(runs: Runs, event: T, timestamp: number): Runs {
    this.#event = event;
    this.#timestamp = timestamp;
    this.#last = runs.last;
    this.#id = undefined;
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

  /**
   * Ends the runs whose time is up at this time, and gives out the matches that were waiting for that.
   * @param timestamp Of the event or watermark that says so: what is given out here has it.
   */
  advance(runs: Runs, timestamp: number): Runs {
    if (timestamp < this.deadline(runs) && runs.complete.length === 0) return runs;
    const { buffer, automaton, spec, onTimeout } = this.#options;
    const open: Run[] = [];
    const matches: BegunRun[] = [];
    for (const run of runs.open) {
      const upAt = hasBegun(run) ? this.#upAt(run) : Number.POSITIVE_INFINITY;
      if (timestamp < upAt || !hasBegun(run)) push(open, run);
      else if (automaton.states[run.state]!.kind === "pending") push(matches, run);
      else {
        onTimeout?.(partialMatch(spec, buffer.path(run.at, run.version)), upAt);
        buffer.release(run.at, run.version);
      }
    }
    const settled = this.#settle({ ...runs, open }, matches, timestamp);
    return settled.open.length === runs.open.length && settled.complete.length === runs.complete.length ? runs : settled;
  }

  /** When the first of the runs ends by time; Infinity: none does. */
  deadline(runs: Runs): number {
    const [first] = runs.open;
    if (!this.#options.automaton.hasNeighbours)
      return first !== undefined && hasBegun(first) ? first.start[0] + this.#withinMs : Number.POSITIVE_INFINITY;
    let earliest = Number.POSITIVE_INFINITY;
    for (const run of runs.open) if (hasBegun(run)) earliest = Math.min(earliest, this.#upAt(run));
    return earliest;
  }

  #upAt(run: BegunRun): number {
    const { neighboursMs } = this.#options.automaton.states[run.state]!;
    const whole = run.start[0] + this.#withinMs;
    return neighboursMs === undefined ? whole : Math.min(whole, run.at[0] + neighboursMs);
  }

  // ---------------------------------------------------------------- one run and one event

  /** Finds the edges that the event opens from the state of the run, and from those that it proceeds to. */
  #look(run: Run): void {
    this.#run = run;
    this.#path = undefined;
    this.#edges.length = 0;
    this.#stopped = false;
    if (this.#asked) {
      this.#known.fill(0);
      this.#asked = false;
    }
    const { states } = this.#options.automaton;
    const toVisit = this.#states;
    toVisit.length = 0;
    for (let at: number | undefined = run.state; at !== undefined; at = toVisit.pop()) {
      const { edges, neighboursMs } = states[at]!;
      // A run that waits in such a state has ended by now, but one that only gets there with this event has not.
      if (neighboursMs !== undefined && hasBegun(run) && this.#timestamp - run.at[0] >= neighboursMs) continue;
      for (const edge of edges) {
        if (!this.#holds(edge.when)) continue;
        if (edge.action === "proceed" || edge.action === "look") toVisit.push(edge.target);
        else if (edge.action === "stop") this.#stopped = true;
        else if (edge.action === "take" || hasBegun(run)) this.#edges.push(edge);
      }
    }
  }

  #changes(run: Run): boolean {
    const edges = this.#edges;
    if (!hasBegun(run)) return edges.length > 0;
    return this.#stopped || edges.length !== 1 || edges[0]!.action !== "ignore" || edges[0]!.target !== run.state;
  }

  /** Lets the run go all the ways that were found. Where the event must not come, only those are left that it makes complete. */
  #goOn(run: Run, open: Run[], matches: BegunRun[]): void {
    const { buffer, automaton } = this.#options;
    const { final } = automaton;
    const { version } = run;
    const goesOn: Run[] = [];
    let ways = 0;
    let stayAt = -1;
    for (const edge of this.#edges) {
      const on = edge.target !== final && !this.#stopped;
      if (edge.action === "take") {
        const { ends } = automaton.states[edge.target]!;
        if (!on && !ends) continue;
        const label = branch(version, ways++);
        const at = (this.#id ??= buffer.nextId(this.#timestamp, this.#last));
        buffer.take(at, this.#event, edge.step, label, run.at);
        const taken = { at, version: below(label), start: run.start ?? at };
        buffer.use(at, taken.version, on && ends ? 2 : 1);
        if (on) goesOn.push({ state: edge.target, ...taken });
        if (ends) push(matches, { state: final, ...taken });
      } else if (hasBegun(run)) {
        if (!on && edge.target !== final) continue;
        if (edge.target === run.state) {
          stayAt = goesOn.push(run) - 1;
          continue;
        }
        buffer.use(run.at, version, 1);
        const skipped = { ...run, state: edge.target, version: below(branch(version, ways++)) };
        if (on) goesOn.push(skipped);
        else push(matches, skipped);
      }
    }
    // Who stays goes on counting on this level, so it is counted last.
    if (stayAt >= 0) goesOn[stayAt] = { ...run, version: branch(version, ways) };
    else if (hasBegun(run)) buffer.release(run.at, version);
    else goesOn.push({ ...run, version: branch(version, ways) });
    for (const next of goesOn) push(open, next);
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
    const known = this.#known[predicate]!;
    if (known !== 0) return known === 1;
    const { spec, buffer } = this.#options;
    const asked = spec.predicates[predicate]!;
    const { at, version } = this.#run;
    if (asked.sees.length > 0) this.#path ??= at === undefined ? [] : buffer.path(at, version);
    const holds = Boolean(asked.test(this.#event, this.#path === undefined ? undefined : soFar(spec, asked, this.#path)));
    this.#asked = true;
    this.#known[predicate] = holds ? 1 : 2;
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
    while (complete.length > 0 && !(waits && compareRuns(complete[0]!, open[0]!) > 0)) {
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
    return open.length === 1 && complete.length === 0 ? this.none : { ...runs, open, complete };
  }

  #giveOut(match: BegunRun, timestamp: number): ((start: EventId) => boolean) | undefined {
    const { buffer, spec, after, onMatch } = this.#options;
    const path = buffer.path(match.at, match.version);
    const ends = endedBy(after, path);
    buffer.release(match.at, match.version);
    onMatch(fullMatch(spec, path), timestamp);
    return ends;
  }
}

const later = (a: EventId | undefined, b: EventId | undefined): EventId | undefined =>
  a === undefined ? b : b === undefined || compareEventIds(a, b) > 0 ? a : b;
