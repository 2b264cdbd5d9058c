import type { ErrorPolicy, Policy } from "../error_policy.ts";
import { DecodeError, type MillraceError, ProduceError, StepError } from "../errors.ts";
import type { RawHeaders } from "../ports/log.ts";
import type { SubtopologyPlan } from "./plan.ts";

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
    return typeof policy === "function" ? policy(error) : policy;
  }
}

const encoder = new TextEncoder();

/** The cause, as headers of the record in its dead-letter topic. No stack: it may name files and values. */
export const deadLetterHeaders = (
  error: MillraceError,
  place: { readonly topic: string; readonly partition: number; readonly offset: number },
  before: RawHeaders,
): RawHeaders => [
  ...before,
  ...(
    [
      ["millrace.error.class", error.name],
      ["millrace.error.code", error.code],
      ["millrace.error.message", error.message],
      ["millrace.error.step", error.step ?? ""],
      ["millrace.error.topic", place.topic],
      ["millrace.error.partition", String(place.partition)],
      ["millrace.error.offset", String(place.offset)],
    ] as const
  ).map(([name, value]) => [name, encoder.encode(value)] as const),
];

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
