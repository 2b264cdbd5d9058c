/** "take": the event is taken for the step. "ignore": it is skipped. "proceed": nothing is asked for here, the target is asked instead. */
export type Action = "take" | "ignore" | "proceed";

/**
 * A condition over predicates in conjunctive form: every clause has to hold, and a clause holds when one of its literals does. `p + 1` says that predicate p is true, `-(p + 1)` that it is false.
 */
export type Clauses = readonly (readonly number[])[];

export interface Edge {
  readonly action: Action;
  /** Place in `Automaton.states`. */
  readonly target: number;
  /** What is taken is taken for this step, see `PatternSpec.steps`; what must not come has a negative number of its own. Otherwise -1. */
  readonly step: number;
  readonly when: Clauses;
}

/**
 * "final": the match is complete. "pending": it is complete when its time is up. "stop": what must not come has come, the run ends. "nowhere": the end of a greedy loop that leads nowhere; who gets there fails.
 */
export type StateKind = "normal" | "pending" | "final" | "stop" | "nowhere";

export interface State {
  readonly kind: StateKind;
  readonly edges: readonly Edge[];
  /** Proceeds lead from here to the end, if their conditions hold. */
  readonly mayEnd: boolean;
  /** A run that waits here ends so long after the event it took last. */
  readonly neighboursMs: number | undefined;
}

/**
 * What a pattern becomes: a non-deterministic automaton over the events of one key, with the edges of Agrawal, Diao, Gyllstrom, Immerman: Efficient Pattern Matching over Event Streams (SIGMOD 2008), and stops for what must
 * not come.
 */
export interface Automaton {
  readonly states: readonly State[];
  /** Where every event may begin a new run. */
  readonly start: number;
  /** From the first event to the last; Infinity: for ever. */
  readonly withinMs: number;
  /** Some state ends after a time of its own. */
  readonly hasNeighbours: boolean;
  /** Proceeds may lead in a circle, if their conditions hold for one event. */
  readonly hasCircles: boolean;
}
