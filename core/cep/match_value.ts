import type { Taken } from "./match_buffer.ts";
import type { PatternSpec, Predicate, Shape } from "./pattern_spec.ts";

/** The match as the user gets it: every step under its name, in the order of the pattern. */
export const fullMatch = ({ steps }: PatternSpec, path: readonly Taken<unknown>[]): Record<string, unknown> => {
  const match: Record<string, unknown> = {};
  for (let step = 0; step < steps.length; step++) match[steps[step]!.name] = shown(path, step, steps[step]!.shape);
  return match;
};

/** What a partial match has when its time is up: the steps that have taken something. */
export const partialMatch = ({ steps }: PatternSpec, path: readonly Taken<unknown>[]): Record<string, unknown> => {
  const match: Record<string, unknown> = {};
  for (let step = 0; step < steps.length; step++)
    if (path.some((taken) => taken.step === step)) match[steps[step]!.name] = shown(path, step, steps[step]!.shape);
  return match;
};

/** What a condition is shown of the partial match. */
export const soFar = ({ steps }: PatternSpec, { sees }: Predicate, path: readonly Taken<unknown>[]): Record<string, unknown> => {
  const match: Record<string, unknown> = {};
  for (const { step, shape } of sees) match[steps[step]!.name] = shown(path, step, shape);
  return match;
};

/** All that each step has taken, also in earlier rounds of a group; steps that have taken nothing are empty. */
export const takenSoFar = ({ steps }: PatternSpec, path: readonly Taken<unknown>[]): Record<string, unknown> => {
  const taken: Record<string, unknown> = {};
  for (let step = 0; step < steps.length; step++) taken[steps[step]!.name] = shown(path, step, "loop");
  return taken;
};

/** One event where one is expected: in a group that repeats that is the one of this round. */
const shown = (path: readonly Taken<unknown>[], step: number, shape: Shape): unknown => {
  if (shape === "loop") {
    const events: unknown[] = [];
    for (const taken of path) if (taken.step === step) events.push(taken.event);
    return events;
  }
  for (let i = path.length - 1; i >= 0; i--) if (path[i]!.step === step) return path[i]!.event;
  return undefined;
};
