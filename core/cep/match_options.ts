import { TopologyError } from "../errors.ts";
import type { Serde } from "../serde/serde.ts";
import type { AfterMatch } from "./after_match.ts";
import type { PatternSpec } from "./pattern_spec.ts";

/** How matches are looked for. T is an event, N the names of the pattern's steps. */
export interface MatchOptions<in T, N> {
  /**
   * Which partial matches end when a match is given out. "none": none do. "to-next": those that began with its first event. "past-last": those that began up to its last event. `toFirst`, `toLast`: those that began before the first
   * or last event that it has of that step. With anything but "none" a match waits until none is open that began before it. `orFail` throws when the match has no event of that step, or begins with it.
   * @default "none"
   */
  readonly skip?:
    | "none"
    | "to-next"
    | "past-last"
    | { readonly toFirst: N; readonly orFail?: boolean }
    | { readonly toLast: N; readonly orFail?: boolean };
  /** The order of events with equal timestamps, as for `Array.sort`. @default the order in which they arrive */
  readonly order?: (a: T, b: T) => number;
  /** "event": events are put in the order of their timestamps when the watermark has passed them. "processing": they are taken as they come, at the time of the Clock. @default "event" */
  readonly time?: "event" | "processing";
}

/** What the runtime adds to the user's options. */
export interface MatchSettings {
  /** How events are written to the store. @default the self-describing serde */
  readonly serde?: Serde<any> | undefined;
  /** Null is a key like any other: so behind `single()`. Otherwise records without key are dropped and counted. @default false */
  readonly nullKey?: boolean | undefined;
}

/** The user's choice with the step that it names. Throws TopologyError PATTERN_INVALID when there is no such step. */
export const afterMatch = (spec: PatternSpec, skip: MatchOptions<any, PropertyKey>["skip"] = "none"): AfterMatch => {
  if (typeof skip === "string") {
    if (skip !== "none" && skip !== "to-next" && skip !== "past-last")
      throw new TopologyError(
        "PATTERN_INVALID",
        `Cannot skip '${String(skip)}' after a match: say "none", "to-next", "past-last", { toFirst } or { toLast }`,
      );
    return { kind: skip } as AfterMatch;
  }
  const [kind, name] = "toFirst" in skip ? (["to-first", skip.toFirst] as const) : (["to-last", skip.toLast] as const);
  const names = spec.items.flatMap((item) => (item.kind === "take" ? spec.steps[item.step]!.name : item.kind === "not" ? item.name : []));
  if (!names.includes(String(name)))
    throw new TopologyError(
      "PATTERN_INVALID",
      `Cannot skip to '${String(name)}', as the pattern has no such step outside of its groups: it has ${names.map((known) => `'${known}'`).join(", ")}`,
    );
  // What must not come has taken nothing, so it is found in no match.
  const step = spec.steps.findIndex((known) => known.name === name);
  return { kind, step, name: String(name), orFail: skip.orFail ?? false };
};

/** What tells two such steps apart, for `describe` and for the check of a changed topology. */
export const matchParameters = (
  pattern: { readonly parameters: Readonly<Record<string, string | number | boolean>> },
  { skip = "none", order, time = "event" }: MatchOptions<any, PropertyKey> = {},
): Readonly<Record<string, string | number | boolean>> => ({
  ...pattern.parameters,
  skip:
    typeof skip === "string"
      ? skip
      : `${"toFirst" in skip ? `to-first ${String(skip.toFirst)}` : `to-last ${String(skip.toLast)}`}${skip.orFail ? " or fail" : ""}`,
  ordered: order !== undefined,
  time,
});
