import { choose, type ErrorPolicy, fail, type Policy } from "../error_policy.ts";
import { DecodeError, type MillraceError, ProduceError, StepError } from "../errors.ts";
import type { RawHeaders } from "../ports/log.ts";
import type { SubtopologyPlan } from "./plan.ts";
import type { RawRecord } from "./task_input.ts";
import { refusal, type TopicLimits } from "./topic_limits.ts";

/** Which policy stands for an error, in one sub-topology: that of the step that failed, or of the input whose record does not decode. */
export class ErrorHandling {
  readonly #steps: ReadonlyMap<string, ErrorPolicy>;
  /** False when every policy is `fail`: then no record needs a mark to go back to. */
  readonly mayForgive: boolean;
  /** What a function of the user's has chosen: asked once for each error, by whoever comes first. */
  readonly #chosen = new WeakMap<object, Policy>();

  constructor(plan: SubtopologyPlan) {
    this.#steps = new Map([
      ...plan.inputs.map((input) => [input.step, input.onError] as const),
      ...plan.nodes.map((node) => [node.step, node.onError] as const),
    ]);
    this.mayForgive = [...this.#steps.values()].some((policy) => typeof policy === "function" || policy.kind !== "fail");
  }

  /** Undefined for what no policy is asked about: broken promises of the library, faults of the log. */
  policyFor(error: unknown): Policy | undefined {
    if (!isOfRecord(error)) return undefined;
    const policy = error.step === undefined ? undefined : this.#steps.get(error.step);
    if (policy === undefined) return fail();
    if (typeof policy !== "function") return policy;
    const chosen = this.#chosen.get(error) ?? choose(policy, error);
    this.#chosen.set(error, chosen);
    return chosen;
  }
}

const encoder = new TextEncoder();

/** Whether an error is that of a record, for which there are policies. */
export const isOfRecord = (error: unknown): error is DecodeError | StepError | ProduceError =>
  error instanceof DecodeError || error instanceof StepError || error instanceof ProduceError;

/** What a record in a dead-letter topic has behind its own headers. */
export const errorHeaders = {
  class: "millrace.error.class",
  code: "millrace.error.code",
  message: "millrace.error.message",
  step: "millrace.error.step",
  topic: "millrace.error.topic",
  partition: "millrace.error.partition",
  offset: "millrace.error.offset",
  /** The record's own timestamp, where the dead-letter topic does not take it. */
  timestamp: "millrace.error.timestamp",
  /** So many bytes had the value that was left out. */
  valueLeftOut: "millrace.error.value-left-out",
} as const;

/**
 * The record as it goes to its dead-letter topic: as it came, with the cause in its headers. No stack: it may name files and values. Throws ProduceError when the topic does not take it: left out in silence it would be lost.
 */
export const deadLetterRecord = (
  policy: { readonly topic: string; readonly payload: boolean },
  error: MillraceError,
  record: RawRecord,
  limits: TopicLimits,
  nowMs: number,
): Pick<RawRecord, "key" | "value" | "timestamp" | "headers"> => {
  const { topic, partition, offset, key } = record;
  const cause: readonly (readonly [string, string])[] = [
    [errorHeaders.class, error.name],
    [errorHeaders.code, error.code],
    [errorHeaders.message, error.message],
    [errorHeaders.step, error.step ?? ""],
    [errorHeaders.topic, topic],
    [errorHeaders.partition, String(partition)],
    [errorHeaders.offset, String(offset)],
  ];
  const value = policy.payload ? record.value : null;
  // The timestamp may be what is wrong with the record.
  const aheadMs = record.timestamp - nowMs;
  const fits = record.timestamp >= 0 && aheadMs <= limits.aheadMaxMs && -aheadMs <= limits.behindMaxMs;
  const timestamp = fits ? record.timestamp : nowMs;
  const more: readonly (readonly [string, string])[] = [
    ...(fits ? [] : [[errorHeaders.timestamp, String(record.timestamp)] as const]),
    ...(policy.payload || record.value === null ? [] : [[errorHeaders.valueLeftOut, String(record.value.length)] as const]),
  ];
  const headers: RawHeaders = [...record.headers, ...[...cause, ...more].map(([name, text]) => [name, encoder.encode(text)] as const)];
  const why = refusal(limits, policy.topic, { key, value, timestamp, headers }, nowMs);
  if (why === undefined) return { key, value, timestamp, headers };
  throw new ProduceError(
    "RECORD_REFUSED",
    `A record cannot go to its dead-letter topic, deadLetter(topic, { payload: false }) would leave its value out. ${why}`,
    { step: error.step, topic, partition, offset, cause: error },
  );
};

/**
 * What a policy says after so many tries: try again, or something else.
 * @param stops how often the record has stopped instances
 */
export const afterRetries = (
  policy: Policy,
  attempts: number,
  stops: number,
): { readonly retryInMs: number } | { readonly then: Exclude<Policy, { readonly kind: "retry" }> } => {
  if (policy.kind === "fail" && policy.then !== undefined && stops >= policy.attempts) return afterRetries(policy.then, attempts, stops);
  if (policy.kind !== "retry") return { then: policy };
  if (attempts < policy.attempts)
    return { retryInMs: typeof policy.backoff === "function" ? policy.backoff(attempts + 1) : policy.backoff };
  return afterRetries(policy.then, attempts - policy.attempts, stops);
};
