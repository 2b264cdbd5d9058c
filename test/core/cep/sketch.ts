import { type BuiltPattern, buildPattern } from "../../../core/cep/pattern.ts";
import { millis } from "../../../core/duration.ts";

/** A small event: conditions look for letters; `n` is its place in the input. */
export interface Seen {
  readonly letter: string;
  readonly n: number;
  readonly time: number;
}

export type SketchBetween = "nothing" | "others" | "anything";

export interface SketchLoop {
  readonly min: number;
  readonly max: number;
  readonly between: SketchBetween;
  readonly until: string | undefined;
  readonly greedy: boolean;
}

export interface SketchTake {
  readonly kind: "take";
  readonly follow: "next" | "followedBy" | "followedByAny";
  /** Undefined: any event. */
  readonly letter: string | undefined;
  /** The condition also asks how much it is shown of the partial match. */
  readonly counts: boolean;
  readonly optional: boolean;
  readonly loop: SketchLoop | undefined;
  /** The event before it is less than this away. */
  readonly neighboursMs: number | undefined;
}

export interface SketchNot {
  readonly kind: "not";
  readonly follow: "notNext" | "notFollowedBy";
  readonly letter: string;
  readonly neighboursMs: number | undefined;
}

export interface SketchGroup {
  readonly kind: "group";
  readonly follow: "next" | "followedBy" | "followedByAny";
  readonly items: readonly SketchItem[];
  readonly optional: boolean;
  readonly loop: SketchLoop | undefined;
}

export type SketchItem = SketchTake | SketchNot | SketchGroup;

/** A pattern as data that both the builder and the naive matcher read. Its first item begins it, whatever that says. */
export interface Sketch {
  readonly items: readonly SketchItem[];
  readonly withinMs: number | undefined;
}

/** What the condition of a step says of an event when it is shown so many events. */
export const fits = (item: SketchTake, event: Seen, shown: number): boolean =>
  (item.letter === undefined || item.letter === event.letter) && (!item.counts || (event.n + shown) % 3 !== 0);

/** The pattern that the sketch stands for. Its steps are called s0, s1, ... in the order in which they are written, groups counted. */
export const builtSketch = ({ items, withinMs }: Sketch): BuiltPattern<Seen, Record<string, unknown>> => {
  let step = 0;
  // A sketch has no types of its own, so the builder is used without them.
  const write = (start: any, parts: readonly SketchItem[]): any => {
    let pattern = start;
    for (const [i, item] of parts.entries()) {
      const name = `s${step++}`;
      if (item.kind === "not") {
        pattern = pattern[item.follow](name, (event: Seen) => event.letter === item.letter);
        if (item.neighboursMs !== undefined) pattern = pattern.within(item.neighboursMs, "neighbours");
        continue;
      }
      const follow = i === 0 ? "begin" : item.follow;
      if (item.kind === "group") pattern = pattern[follow]((inner: unknown) => write(inner, item.items));
      else if (item.counts)
        pattern = pattern[follow](name, (event: Seen, soFar: object) =>
          fits(
            item,
            event,
            Object.values(soFar)
              .flat()
              .filter((taken) => taken !== undefined).length,
          ),
        );
      else if (item.letter !== undefined) pattern = pattern[follow](name, (event: Seen) => fits(item, event, 0));
      else pattern = pattern[follow](name);
      if (item.loop !== undefined) pattern = repeat(pattern, item.loop);
      if (item.optional) pattern = pattern.optional();
      if (item.kind === "take" && item.neighboursMs !== undefined) pattern = pattern.within(item.neighboursMs, "neighbours");
    }
    return pattern;
  };
  return buildPattern<Seen, any>((start) => {
    const pattern = write(start, items);
    return withinMs === undefined ? pattern : pattern.within(millis(withinMs));
  });
};

const repeat = (pattern: any, { min, max, between, until, greedy }: SketchLoop): any =>
  pattern.times(min === max ? min : max === Number.POSITIVE_INFINITY ? { min } : { min, max }, {
    consecutive: between === "nothing",
    combinations: between === "anything",
    greedy,
    ...(until === undefined ? {} : { until: (event: Seen) => event.letter === until }),
  });

/** A match of a sketch as text: which event each step took, in the order of the events. */
export const shownMatch = (match: unknown): string =>
  Object.entries(match as Record<string, Seen | readonly Seen[] | undefined>)
    .flatMap(([step, taken]) => (taken === undefined ? [] : [taken].flat()).map((event) => [step, (event as Seen).n] as const))
    .sort(([, a], [, b]) => a - b)
    .map(([step, n]) => `${step}:${n}`)
    .join(" ");
