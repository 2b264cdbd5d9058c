import type { Duration } from "../duration.ts";
import type { Automaton } from "./automaton.ts";
import { compilePattern } from "./compile_pattern.ts";
import { newPattern, writtenPattern } from "./pattern_builder.ts";
import type { PatternSpec } from "./pattern_spec.ts";

/** What a step of a loop holds in the match: all its events, in order. */
export type Loop<T> = readonly (T extends readonly (infer E)[] ? E : Exclude<T, undefined>)[];
/** What an optional step holds in the match. An optional loop is an empty array when nothing was taken. */
export type Opt<T> = T extends readonly unknown[] ? T : T | undefined;

/** What a match holds when the steps L repeat. */
export type Looped<M, L> = { readonly [P in keyof M]: P extends L ? Loop<M[P]> : M[P] };
/** What a match holds when the steps L may be left out. */
export type Optioned<M, L> = { readonly [P in keyof M]: P extends L ? Opt<M[P]> : M[P] };

/** All that this partial match has taken, by the names of the steps: those around a group too, and what a group took in earlier rounds. */
export type TakenSoFar<T> = Readonly<Record<string, readonly T[]>>;

/** How a loop goes on after its first event (or its first round, when a group repeats). */
export interface LoopOptions<T, M> {
  /** An event that the loop can take is not left to the steps behind. Not for groups. @default false */
  readonly greedy?: boolean;
  /** Nothing may come between two rounds. @default false: what does not fit is skipped */
  readonly consecutive?: boolean;
  /** Events that fit may be left out too, so that every combination is a match. @default false */
  readonly combinations?: boolean;
  /** Ends the loop: an event for which it is true is not taken, and the loop takes nothing behind it. Only for loops without upper bound. */
  readonly until?: (event: T, soFar: M, taken: TakenSoFar<T>) => boolean;
  /** Each round but the last begins less than this after the event before it. */
  readonly within?: Duration;
}

/** What can be added to a pattern. Each call gives a new pattern. */
export interface PatternTail<out T, out M> {
  /** The very next event of the key. */
  next<N extends string>(
    name: N,
    where?: (event: T, soFar: M & { readonly [P in N]: readonly T[] }, taken: TakenSoFar<T>) => boolean,
  ): Pattern<T, M & { readonly [P in N]: T }, N>;
  next<G, L extends keyof G>(group: (start: PatternStart<T>) => Pattern<T, G, L>): Pattern<T, M & G, keyof G>;
  /** The next event that fits; others in between are skipped. */
  followedBy<N extends string>(
    name: N,
    where?: (event: T, soFar: M & { readonly [P in N]: readonly T[] }, taken: TakenSoFar<T>) => boolean,
  ): Pattern<T, M & { readonly [P in N]: T }, N>;
  followedBy<G, L extends keyof G>(group: (start: PatternStart<T>) => Pattern<T, G, L>): Pattern<T, M & G, keyof G>;
  /** Any later event that fits: one match for each. */
  followedByAny<N extends string>(
    name: N,
    where?: (event: T, soFar: M & { readonly [P in N]: readonly T[] }, taken: TakenSoFar<T>) => boolean,
  ): Pattern<T, M & { readonly [P in N]: T }, N>;
  followedByAny<G, L extends keyof G>(group: (start: PatternStart<T>) => Pattern<T, G, L>): Pattern<T, M & G, keyof G>;
  /** The very next event must not fit; behind a loop, as long as the loop may be left there. */
  notNext(name: string, where?: (event: T, soFar: M, taken: TakenSoFar<T>) => boolean): PatternTail<T, M>;
  /**
   * No such event up to the step behind; behind a loop, none between its rounds either. As the last step: none within the time of the pattern, and the match comes when that has passed.
   */
  notFollowedBy(name: string, where?: (event: T, soFar: M, taken: TakenSoFar<T>) => boolean): PatternTail<T, M>;
  /**
   * "first-and-last": the last event comes less than `time` after the first; the smallest counts when several steps say it, but that of the last step of a group does not count. "neighbours": the event of the step just added comes less than
   * `time` after the event before it.
   * @param between Defaults to "first-and-last".
   */
  within(time: Duration, between?: "first-and-last" | "neighbours"): PatternTail<T, M>;
  /** Only a type: what a match holds. */
  readonly matched?: M;
}

/** A pattern whose last step can be repeated or made optional. */
export interface Pattern<out T, out M, in out L extends PropertyKey> extends PatternTail<T, M> {
  oneOrMore(options?: LoopOptions<T, Looped<M, L>>): Pattern<T, Looped<M, L>, L>;
  /** Exactly so often. */
  times(n: number, options?: LoopOptions<T, Looped<M, L>>): Pattern<T, Looped<M, L>, L>;
  /** From `min` to `max` times; without `max` there is no upper bound. */
  times(n: { readonly min: number; readonly max?: number }, options?: LoopOptions<T, Looped<M, L>>): Pattern<T, Looped<M, L>, L>;
  /** The step (or the group) may be left out. */
  optional(): Pattern<T, Optioned<M, L>, L>;
}

/** How a pattern, or a group in it, begins. */
export interface PatternStart<out T> {
  begin<N extends string>(
    name: N,
    where?: (event: T, soFar: { readonly [P in N]: readonly T[] }, taken: TakenSoFar<T>) => boolean,
  ): Pattern<T, { readonly [P in N]: T }, N>;
  begin<G, L extends keyof G>(group: (start: PatternStart<T>) => Pattern<T, G, L>): Pattern<T, G, keyof G>;
}

/** A pattern that is complete and checked: what it says, and the automaton that looks for it. Immutable; holds no state. */
export interface BuiltPattern<out T, out M> {
  readonly spec: PatternSpec;
  readonly automaton: Automaton;
  /** What tells two patterns apart, apart from their conditions, for `describe` and for the check of a changed topology. */
  readonly parameters: Readonly<Record<string, string | number | boolean>>;
  /** Only types. */
  readonly event?: T;
  readonly matched?: M;
}

/**
 * The pattern that the function describes, compiled.
 *
 * A condition that declares one parameter is called with the event alone; one that declares two also gets what this partial match has taken so far: the steps before with the types they have in the match, and the
 * events of its own step as an array; a third one has the events of all steps. Conditions have no effects: how often they are called is not said.
 *
 * Throws TopologyError PATTERN_INVALID when such a pattern cannot be.
 */
export const buildPattern = <T, M>(pattern: (start: PatternStart<T>) => PatternTail<T, M>): BuiltPattern<T, M> => {
  const spec = writtenPattern(pattern(newPattern<T>()));
  const automaton = compilePattern(spec);
  return {
    spec,
    automaton,
    parameters: { steps: spec.text, ...(Number.isFinite(automaton.withinMs) ? { within: automaton.withinMs } : {}) },
  };
};
