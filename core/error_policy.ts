import type { Duration } from "./duration.ts";
import { type DecodeError, type ProduceError, reason, type StepError, TopologyError } from "./errors.ts";

/** What happens with a record that cannot be handled. Made by `fail`, `skip`, `retry` and `deadLetter`. */
export type Policy =
  | { readonly kind: "fail"; readonly attempts: number; readonly then: Policy | undefined }
  | { readonly kind: "skip"; readonly scope: "record" | "step" }
  | {
      readonly kind: "retry";
      readonly attempts: number;
      readonly backoff: Duration | ((attempt: number) => Duration);
      readonly then: Policy;
    }
  | {
      readonly kind: "dead-letter";
      readonly topic: string;
      readonly payload: boolean;
      readonly retryAfter: readonly Duration[];
      readonly parkKey: boolean;
    };

/** One policy for everything, or a function that chooses by the error. */
export type ErrorPolicy = Policy | ((error: DecodeError | StepError | ProduceError) => Policy);

/** A supervisor that starts the program again and again is to find out at last that it is this record. */
const stopsMax = 10;

/**
 * The instance stops, the record stays where it is: it is read again at the next start. The default.
 *
 * A record that has stopped instances `attempts` times in a row, over all restarts, is no reason to stop again: then `then` holds. Where that is not said, its task stands still, with everything behind the record, and the others go on; the
 * gauge `stopped_tasks` tells. In a bounded run the instance stops each time.
 * @param options `attempts` defaults to 10; `Infinity` stops each time.
 *
 * @example
 * ```ts
 * import { deadLetter, fail } from "millrace";
 *
 * const patient = fail({ attempts: 3, then: deadLetter("orders-poisonous") });
 * ```
 */
export const fail = (options: { readonly attempts?: number; readonly then?: Policy } = {}): Policy => {
  const { attempts = stopsMax, then } = options;
  if (attempts !== Number.POSITIVE_INFINITY) checkCount("fail", "attempts", attempts);
  return { kind: "fail", attempts, then };
};

/**
 * The record is left out, with everything that it had changed so far; the counter `skipped_records` says how many.
 * @param options With `scope: "step"` only the call that failed is left out: what the step has kept until then stays, and the other steps go on with the record, as in Kafka Streams. The counter is `skipped_calls`.
 */
export const skip = (options: { readonly scope?: "record" | "step" } = {}): Policy => ({ kind: "skip", scope: options.scope ?? "record" });

/**
 * The record is taken back to its beginning, state and outputs included, and handled again after the backoff, so many times; other records of the same task wait meanwhile, so the order is kept.
 * @param options `backoff` defaults to none, `then` to `fail()`.
 */
export const retry = (options: {
  readonly attempts: number;
  readonly backoff?: Duration | ((attempt: number) => Duration);
  readonly then?: Policy;
}): Policy => {
  checkCount("retry", "attempts", options.attempts);
  const { backoff = 0 as Duration } = options;
  if (typeof backoff !== "function") checkDuration("retry", "backoff", backoff);
  return { kind: "retry", attempts: options.attempts, backoff, then: options.then ?? fail() };
};

/**
 * The record goes to that topic as it came, key and value unchanged, with headers that say what went wrong (`millrace.error.class`, `.code`, `.message`, `.step`, `.topic`, `.partition`, `.offset`), in the same transaction as everything else.
 * @param options With `payload: false` the value is left out.
 *
 * `retryAfter` has the record tried again before: after each of these times it is read again from an internal topic, while others go on; event time does not wait for it. It is not for a policy that is a function, since the topics have to be there
 * before.
 *
 * With `parkKey` the order per key is kept: as long as a record waits or lies in the dead-letter topic, later ones of its key and input follow it there untried. The key is free again when all have come back, by `millrace dlq replay`, and were handled.
 *
 * @example
 * ```ts
 * import { deadLetter, minutes, seconds } from "millrace";
 *
 * const patient = deadLetter("orders-refused", { retryAfter: [seconds(10), minutes(5)], parkKey: true });
 * ```
 */
export const deadLetter = (
  topic: string,
  options: { readonly payload?: boolean; readonly retryAfter?: readonly Duration[]; readonly parkKey?: boolean } = {},
): Policy => {
  const { payload = true, retryAfter = [], parkKey = false } = options;
  for (const delay of retryAfter) checkDuration("deadLetter", "retryAfter", delay);
  if (parkKey && !payload)
    throw new TopologyError(
      "OPTION_INVALID",
      `deadLetter("${topic}") has parkKey and payload: false, so what is parked could never come back: leave one of them out`,
    );
  return { kind: "dead-letter", topic, payload, retryAfter, parkKey };
};

/** Every policy that can come of one, itself included. Empty for a function: what it gives is not known before. */
export const policiesIn = (policy: ErrorPolicy | undefined): readonly Policy[] => {
  if (policy === undefined || typeof policy === "function") return [];
  return policy.kind === "retry" || policy.kind === "fail" ? [policy, ...policiesIn(policy.then)] : [policy];
};

/** Asks a policy, and refuses what a function must not give. */
export const choose = (policy: ErrorPolicy, error: DecodeError | StepError | ProduceError): Policy => {
  if (typeof policy !== "function") return policy;
  const { step, topic, partition, offset } = error;
  const broken = (what: string): TopologyError =>
    new TopologyError(
      "OPTION_INVALID",
      `The function that is the error policy of step '${step}' ${what}, for the error: ${error.message}`,
      {
        ...{ step, topic, partition, offset },
        cause: error,
      },
    );
  let chosen: Policy | undefined;
  try {
    chosen = policy(error);
  } catch (thrown) {
    throw broken(`threw: ${reason(thrown)}`);
  }
  if (chosen === undefined || chosen === null) throw broken("gave nothing: return fail() for what is not forgiven");
  for (const one of policiesIn(chosen))
    if (one.kind === "dead-letter" && (one.retryAfter.length > 0 || one.parkKey))
      throw broken(
        `gave deadLetter("${one.topic}") with ${one.parkKey ? "parkKey" : "retryAfter"}, whose topics have to be there before the start: make that policy the step's own, and no function`,
      );
  return chosen;
};

const checkCount = (policy: string, option: string, value: number): void => {
  if (!(Number.isInteger(value) && value >= 1))
    throw new TopologyError("OPTION_INVALID", `The ${option} of ${policy}() are ${String(value)}: give a whole number above 0`);
};

const checkDuration = (policy: string, option: string, value: number): void => {
  if (!(Number.isFinite(value) && value >= 0))
    throw new TopologyError(
      "OPTION_INVALID",
      `The ${option} of ${policy}() is ${String(value)} ms: give a duration that is not negative, such as seconds(10)`,
    );
};
