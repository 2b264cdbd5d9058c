import { StepError } from "../errors.ts";
import { compareEventIds, type EventId } from "./event_id.ts";
import type { Taken } from "./match_buffer.ts";

/** What goes on after a match, by step number where the user gave a name. */
export type AfterMatch =
  | { readonly kind: "none" | "to-next" | "past-last" }
  | { readonly kind: "to-first" | "to-last"; readonly step: number; readonly name: string; readonly orFail: boolean };

/** Which partial matches end when this match is given out, by the event they began with; undefined: none. */
export const endedBy = (after: AfterMatch, match: readonly Taken<unknown>[]): ((start: EventId) => boolean) | undefined => {
  const first = match[0]!.id;
  switch (after.kind) {
    case "none":
      return undefined;
    case "to-next":
      return (start) => compareEventIds(start, first) <= 0;
    case "past-last": {
      const last = match.at(-1)!.id;
      return (start) => compareEventIds(start, last) <= 0;
    }
    default: {
      const ofStep = match.filter(({ step }) => step === after.step);
      const target = (after.kind === "to-first" ? ofStep[0] : ofStep.at(-1))?.id;
      if (target === undefined) {
        if (after.orFail)
          throw new StepError(
            `Cannot skip to '${after.name}', as the match has no such event: leave out "orFail", or make the step one that always takes an event`,
          );
        return undefined;
      }
      if (after.orFail && compareEventIds(target, first) === 0)
        throw new StepError(
          `Cannot skip to '${after.name}', as the match begins with that event and would be found again: skip to a later step, or leave out "orFail"`,
        );
      return (start) => compareEventIds(start, target) < 0;
    }
  }
};
