import type { Duration } from "./duration.ts";
import type { DecodeError, ProduceError, StepError } from "./errors.ts";

/** What happens with a record that cannot be handled. Made by `fail`, `skip`, `retry` and `deadLetter`. */
export type Policy =
  | { readonly kind: "fail" }
  | { readonly kind: "skip" }
  | {
      readonly kind: "retry";
      readonly attempts: number;
      readonly backoff: Duration | ((attempt: number) => Duration);
      readonly then: Policy;
    }
  | { readonly kind: "dead-letter"; readonly topic: string; readonly payload: boolean };

/** One policy for everything, or a function that chooses by the error. */
export type ErrorPolicy = Policy | ((error: DecodeError | StepError | ProduceError) => Policy);

/** The instance stops, the record stays where it is: it is read again at the next start. The default. */
export const fail = (): Policy => ({ kind: "fail" });

/** The record is left out, with everything that it had changed so far; the counter `skipped_records` says how many. */
export const skip = (): Policy => ({ kind: "skip" });

/**
 * The record is taken back to its beginning, state and outputs included, and handled again after the backoff, so many times; other records of the same task wait meanwhile, so the order is kept.
 * @param options `backoff` defaults to none, `then` to `fail()`.
 */
export const retry = (options: {
  readonly attempts: number;
  readonly backoff?: Duration | ((attempt: number) => Duration);
  readonly then?: Policy;
}): Policy => ({
  kind: "retry",
  attempts: options.attempts,
  backoff: options.backoff ?? (0 as Duration),
  then: options.then ?? fail(),
});

/**
 * The record goes to that topic as it came, key and value unchanged, with headers that say what went wrong (`millrace.error.class`, `.code`, `.message`, `.step`, `.topic`, `.partition`, `.offset`), in the same transaction as everything else.
 * @param options With `payload: false` the value is left out.
 */
export const deadLetter = (topic: string, options: { readonly payload?: boolean } = {}): Policy => ({
  kind: "dead-letter",
  topic,
  payload: options.payload ?? true,
});
