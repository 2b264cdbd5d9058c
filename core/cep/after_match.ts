import { StepError } from "../errors.ts";
import { compareEventIds, type EventId } from "./event_id.ts";
import type { Taken } from "./match_buffer.ts";

/** What goes on after a match, by step number where the user gave a name. */
export type AfterMatch = { readonly kind: "none" } | { readonly kind: "to-next" } | { readonly kind: "past-last" } | ToStep;

interface ToStep {
  readonly kind: "to-first" | "to-last";
  readonly step: number;
  readonly name: string;
  readonly orFail: boolean;
}

/**
 * Which partial matches end when this match is given out, by the event they began with; undefined: none.
 * @param paths The ways to the match, of which the first is the match; the others count too.
 */
export const endedBy = (after: AfterMatch, paths: readonly (readonly Taken<unknown>[])[]): ((start: EventId) => boolean) | undefined => {
  if (after.kind === "none") return undefined;
  const ids = paths
    .flat()
    .map(({ id }) => id)
    .sort(compareEventIds);
  switch (after.kind) {
    case "to-next":
      return (start) => compareEventIds(start, ids[0]!) <= 0;
    case "past-last":
      return (start) => compareEventIds(start, ids.at(-1)!) <= 0;
    default: {
      const to: ToStep = after;
      const targets = paths.map((path) => targetIn(to, path)).filter((target) => target !== undefined);
      const target = targets.sort(compareEventIds).at(-1);
      return target && ((start) => compareEventIds(start, target) < 0);
    }
  }
};

const targetIn = ({ kind, step, name, orFail }: ToStep, path: readonly Taken<unknown>[]): EventId | undefined => {
  const ofStep = path.filter((taken) => taken.step === step);
  const target = (kind === "to-first" ? ofStep[0] : ofStep.at(-1))?.id;
  if (!orFail) return target;
  if (target === undefined)
    throw new StepError(
      `Cannot skip to '${name}', as the match has no such event: leave out "orFail", or make the step one that always takes an event`,
    );
  if (path.every(({ id }) => compareEventIds(target, id) <= 0))
    throw new StepError(
      `Cannot skip to '${name}', as the match begins with that event and would be found again: skip to a later step, or leave out "orFail"`,
    );
  return target;
};
