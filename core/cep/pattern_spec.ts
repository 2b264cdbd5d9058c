/** A user's condition. A step without one takes every event. */
export type Condition = (event: any, soFar: any, taken: any) => boolean;

/** How a step stands to the event that was taken before it. */
export type Follow = "begin" | "next" | "followedBy" | "followedByAny";

/** What may stand between the rounds of a loop: nothing, what does not fit, anything. */
export type Between = "nothing" | "others" | "anything";

export interface LoopSpec {
  readonly min: number;
  /** Infinity: no upper bound. */
  readonly max: number;
  readonly between: Between;
  readonly greedy: boolean;
  readonly until: number | undefined;
  readonly withinMs: number | undefined;
}

/** A step that takes an event. */
export interface TakeSpec {
  readonly kind: "take";
  readonly follow: Follow;
  /** Place in `PatternSpec.steps`. */
  readonly step: number;
  /** Place of the condition in `PatternSpec.predicates`; undefined takes every event. */
  readonly where: number | undefined;
  readonly loop: LoopSpec | undefined;
  readonly optional: boolean;
  /** From the first event of the whole pattern to the last. */
  readonly withinMs: number | undefined;
  /** From the event before to the next. */
  readonly neighboursMs: number | undefined;
}

/** A step that must not find an event. */
export interface NotSpec {
  readonly kind: "not";
  readonly follow: "notNext" | "notFollowedBy";
  readonly name: string;
  /** Tells it apart from all others; negative, as it takes nothing. */
  readonly step: number;
  readonly where: number | undefined;
  readonly withinMs: number | undefined;
  readonly neighboursMs: number | undefined;
}

/** Steps that are repeated or left out together. */
export interface GroupSpec {
  readonly kind: "group";
  readonly follow: Follow;
  readonly items: readonly ItemSpec[];
  readonly loop: LoopSpec | undefined;
  readonly optional: boolean;
  readonly withinMs: number | undefined;
  readonly neighboursMs: number | undefined;
}

export type ItemSpec = TakeSpec | NotSpec | GroupSpec;

/** What the match, or the `soFar` of a condition, holds under a name: one event, one or undefined, or an array. */
export type Shape = "one" | "optional" | "loop";

export interface NamedStep {
  readonly name: string;
  readonly shape: Shape;
}

/** A condition and what it is shown. */
export interface Predicate {
  readonly test: Condition;
  /** Whether it asks what has been taken. */
  readonly asks: boolean;
  /** What `soFar` holds: places in `PatternSpec.steps`, each with the shape that it has where the condition stands. */
  readonly sees: readonly { readonly step: number; readonly shape: Shape }[];
}

/** What a pattern says, as data. */
export interface PatternSpec {
  readonly items: readonly ItemSpec[];
  /** The steps that take events, in the order in which they were written, with the shape that they have in the match. */
  readonly steps: readonly NamedStep[];
  readonly predicates: readonly Predicate[];
  /** The pattern in words, without its conditions. */
  readonly text: string;
}
