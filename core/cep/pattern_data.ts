/** A value in a condition: a literal, or an object with one field that says what it is. Times are milliseconds, and paths go into objects by dots. */
export type PatternValue =
  | string
  | number
  | boolean
  | null
  /** Of the event that is looked at. */
  | { readonly field: string }
  /** How many events a step has taken in this partial match. */
  | { readonly count: string }
  /** Over the events that a step has taken in this partial match; without any null, and `sum` 0. */
  | { readonly [A in "first" | "last" | "sum" | "min" | "max" | "average"]?: { readonly step: string; readonly field: string } }
  | { readonly [O in "+" | "-" | "*" | "/"]?: readonly [PatternValue, PatternValue] };

/** A condition as data. Comparing what is missing, or values of two kinds, is false; only `==` and `!=` compare what is no number and no string. */
export type PatternCondition =
  | boolean
  | { readonly [O in "==" | "!=" | "<" | "<=" | ">" | ">="]?: readonly [PatternValue, PatternValue] }
  | { readonly and: readonly PatternCondition[] }
  | { readonly or: readonly PatternCondition[] }
  | { readonly not: PatternCondition };

/** How often a step, or a group, repeats: see `LoopOptions`. */
export interface PatternLoop {
  /** @default 1 */
  readonly min?: number;
  /** @default no upper bound */
  readonly max?: number;
  readonly greedy?: boolean;
  readonly consecutive?: boolean;
  readonly combinations?: boolean;
  readonly until?: PatternCondition;
  readonly within?: number;
}

/** One step of a pattern, or a group of them. */
export interface PatternStep {
  /** @default "begin" for the first, "followedBy" for the others */
  readonly follow?: "begin" | "next" | "followedBy" | "followedByAny" | "notNext" | "notFollowedBy";
  /** Of a step. */
  readonly name?: string;
  /** Of a step: which events fit. @default any */
  readonly where?: PatternCondition;
  /** Of a group. */
  readonly group?: readonly PatternStep[];
  readonly loop?: PatternLoop;
  readonly optional?: boolean;
  /** Less than this after the event before, in milliseconds. */
  readonly within?: number;
}

/** A pattern as data: what a control topic carries for `matchPatterns`. */
export interface PatternData {
  /** Rises with every change. */
  readonly version: number;
  /** What becomes of the partial matches of earlier versions when this one takes effect: they go on until they are complete or their time is up, or end at once. @default "finish" */
  readonly onChange?: "finish" | "drop";
  readonly steps: readonly PatternStep[];
  /** From the first event to the last, in milliseconds. */
  readonly within?: number;
  /** As the option of `match`. @default "none" */
  readonly skip?:
    | "none"
    | "to-next"
    | "past-last"
    | { readonly toFirst: string; readonly orFail?: boolean }
    | { readonly toLast: string; readonly orFail?: boolean };
}

/** What `matchPatterns` finds: the events that each step has taken, by name, and the version of the pattern that they fit. A step that was left out has none. */
export interface PatternMatch<out V> {
  readonly version: number;
  readonly events: Readonly<Record<string, readonly V[]>>;
}
