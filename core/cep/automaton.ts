/**
 * "take": the event is taken for the step. "ignore": it is skipped. "proceed": nothing is asked for here, the target is asked instead. "look": like "proceed", but an event has to come for it. "stop": it must not come, the
 * run ends.
 */
export type Action = "take" | "ignore" | "proceed" | "look" | "stop";

/**
 * A condition over predicates in conjunctive form: every clause has to hold, and a clause holds when one of its literals does. `p + 1` says that predicate p is true, `-(p + 1)` that it is false.
 */
export type Clauses = readonly (readonly number[])[];

export interface Edge {
  readonly action: Action;
  /** Place in `Automaton.states`; of a stop its own state. */
  readonly target: number;
  /** What is taken is taken for this step; otherwise -1. */
  readonly step: number;
  readonly when: Clauses;
}

export interface State {
  /** "final": the match is complete. "pending": it is complete when its time is up. */
  readonly kind: "normal" | "pending" | "final";
  readonly edges: readonly Edge[];
  /** Nothing more has to come: a run that gets here is a match, and may go on. */
  readonly ends: boolean;
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
  readonly final: number;
  /** Some state ends after a time of its own. */
  readonly hasNeighbours: boolean;
  /** A run may be waiting for its time to become a match. */
  readonly hasPending: boolean;
}
