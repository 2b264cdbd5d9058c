import type { ErrorPolicy, Policy } from "../error_policy.ts";
import { DecodeError, type MillraceError, ProduceError, reason, StepError, TopologyError } from "../errors.ts";
import type { RawHeaders } from "../ports/log.ts";
import type { SubtopologyPlan } from "./plan.ts";
import { refusal, type TopicLimits } from "./topic_limits.ts";

/** Which policy stands for an error, in one sub-topology: that of the step that failed, or of the input whose record does not decode. */
export class ErrorHandling {
  readonly #steps: ReadonlyMap<string, ErrorPolicy>;
  /** False when every policy is `fail`: then no record needs a mark to go back to. */
  readonly mayForgive: boolean;

  constructor(plan: SubtopologyPlan) {
    this.#steps = new Map([
      ...plan.inputs.map((input) => [input.step, input.onError] as const),
      ...plan.nodes.map((node) => [node.step, node.onError] as const),
    ]);
    this.mayForgive = [...this.#steps.values()].some((policy) => typeof policy === "function" || policy.kind !== "fail");
  }

  /** Undefined for what no policy is asked about: broken promises of the library, faults of the log. */
  policyFor(error: unknown): Policy | undefined {
    if (!(error instanceof DecodeError || error instanceof StepError || error instanceof ProduceError)) return undefined;
    const policy = error.step === undefined ? undefined : this.#steps.get(error.step);
    if (policy === undefined) return { kind: "fail" };
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
    return chosen;
  }
}

const encoder = new TextEncoder();

interface RawRecord {
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
  readonly key: Uint8Array | null;
  readonly value: Uint8Array | null;
  readonly timestamp: number;
  readonly headers: RawHeaders;
}

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
    ["millrace.error.class", error.name],
    ["millrace.error.code", error.code],
    ["millrace.error.message", error.message],
    ["millrace.error.step", error.step ?? ""],
    ["millrace.error.topic", topic],
    ["millrace.error.partition", String(partition)],
    ["millrace.error.offset", String(offset)],
  ];
  const headers: RawHeaders = [...record.headers, ...cause.map(([name, text]) => [name, encoder.encode(text)] as const)];
  const value = policy.payload ? record.value : null;
  // The timestamp may be what is wrong with the record.
  const aheadMs = record.timestamp - nowMs;
  const timestamp = record.timestamp >= 0 && aheadMs <= limits.aheadMaxMs && -aheadMs <= limits.behindMaxMs ? record.timestamp : nowMs;
  const why = refusal(limits, policy.topic, { key, value, timestamp, headers }, nowMs);
  if (why === undefined) return { key, value, timestamp, headers };
  throw new ProduceError(
    "RECORD_REFUSED",
    `A record cannot go to its dead-letter topic, deadLetter(topic, { payload: false }) would leave its value out. ${why}`,
    { step: error.step, topic, partition, offset, cause: error },
  );
};

/** How many times a policy tries before it does something else, and what that is. */
export const afterRetries = (
  policy: Policy,
  attempts: number,
): { readonly retryInMs: number } | { readonly then: Exclude<Policy, { readonly kind: "retry" }> } => {
  if (policy.kind !== "retry") return { then: policy };
  if (attempts < policy.attempts)
    return { retryInMs: typeof policy.backoff === "function" ? policy.backoff(attempts + 1) : policy.backoff };
  return afterRetries(policy.then, attempts - policy.attempts);
};
