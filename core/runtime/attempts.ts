import { type DecodeError, type MillraceError, reason, type StepError, TaskTimeoutError } from "../errors.ts";
import type { StepState } from "../state/step_state.ts";
import type { AroundTimer } from "../state/timer_service.ts";
import { afterRetries, deadLetterRecord, ErrorHandling } from "./error_handling.ts";
import type { SubtopologyPlan } from "./plan.ts";
import type { Staging } from "./staging.ts";
import type { TaskEnvironment } from "./task_environment.ts";
import type { TaskInput } from "./task_input.ts";

export interface AttemptsOptions {
  readonly plan: SubtopologyPlan;
  readonly states: ReadonlyMap<string, StepState>;
  readonly staging: Staging;
  readonly environment: TaskEnvironment;
  /** How long a record may wait for something outside (a registry) before the task gives up. */
  readonly taskTimeoutMs: number;
}

/**
 * What one task tries, a record or a timer at a time, and what becomes of it when it fails. State and outputs of an attempt stand behind a mark, so that a failed one leaves nothing: then the policy of the step decides, whether it is tried again, left out,
 * sent to a dead-letter topic, or stops the instance. Where no policy may forgive there are no marks, and an attempt costs nothing.
 */
export class Attempts {
  /** False when every policy is `fail`: then `begin` and `keep` need not be called, and a failure is thrown on. */
  readonly mayForgive: boolean;
  readonly #options: AttemptsOptions;
  readonly #errors: ErrorHandling;
  /** By the monotonic clock: before this moment no record is taken, since one has failed and is to be tried again; and the order is kept. */
  recordsAtMs: number = Number.NEGATIVE_INFINITY;
  /** The same for a timer that has failed: before this moment nothing goes on at all. */
  timersAtMs: number = Number.NEGATIVE_INFINITY;
  #timerAttempts = 0;
  /** What came of something that a failed record waited for. */
  #failure: unknown;

  constructor(options: AttemptsOptions) {
    this.#options = options;
    this.#errors = new ErrorHandling(options.plan);
    this.mayForgive = this.#errors.mayForgive;
  }

  begin(): void {
    for (const state of this.#options.states.values()) state.mark();
    this.#options.staging.mark();
  }

  keep(): void {
    for (const state of this.#options.states.values()) state.keep();
    this.#options.staging.keep();
  }

  /** Before this moment of the monotonic clock nothing is tried. Throws when what a failed record waits for will not come. */
  get waitsUntilMs(): number {
    if (this.#failure !== undefined) throw this.#failure;
    return this.recordsAtMs;
  }

  /** Takes the attempt at the head of the input back and does what the policy says; false when it is tried again later. Throws when nothing is forgiven. */
  recordFailed(input: TaskInput, thrown: unknown, nowMs: number): boolean {
    this.#takeBack();
    const policy = this.#errors.policyFor(thrown);
    if (policy === undefined) throw thrown;
    const decision = afterRetries(policy, input.attempts);
    const { counters, logger } = this.#options.environment;
    const error = thrown as DecodeError | StepError;
    if ("retryInMs" in decision) {
      input.attempts++;
      this.recordsAtMs = nowMs + decision.retryInMs;
      counters.counter("retried_records", { step: error.step ?? "" }).add();
      return decision.retryInMs === 0;
    }
    const { then } = decision;
    if (then.kind === "fail") throw thrown;
    if (then.kind === "dead-letter") {
      if (!this.#options.environment.canWrite(then.topic)) return this.#lookUp(then.topic, error.step);
      this.#deadLetter(then, input, error);
    }
    counters.counter(then.kind === "skip" ? "skipped_records" : "dead_letter_records", { step: error.step ?? "" }).add();
    logger.log("warn", `A record was ${then.kind === "skip" ? "skipped" : `sent to '${then.topic}'`}`, {
      code: error.code,
      step: error.step,
      topic: input.topic,
      partition: input.partition,
      offset: input.raw().offset,
      reason: error.message,
    });
    input.consume();
    return true;
  }

  /** What an input waits for that has nothing at its head: told once, and for so long as `taskTimeout` allows. */
  notReadable(input: TaskInput, nowMs: number): void {
    const { unprepared, plan, topic, partition, position: offset } = input;
    if (unprepared === undefined) return;
    const { taskTimeoutMs, environment } = this.#options;
    const place = { step: plan.step, topic, partition, offset };
    if (!unprepared.told) {
      unprepared.told = true;
      const why = reason(unprepared.error);
      environment.logger.log("warn", "A record waits for what is needed to read it, and is tried again until taskTimeout", {
        ...place,
        reason: why,
      });
    }
    if (nowMs - unprepared.sinceMs > taskTimeoutMs)
      throw new TaskTimeoutError(
        "REGISTRY_UNREACHABLE",
        `What is needed to read ${input.id} at offset ${offset} could not be fetched for ${taskTimeoutMs} ms: check the schema registry`,
        { ...place, cause: unprepared.error },
      );
  }

  /** How timers are run; undefined where every failure is fatal, since then nothing has to be taken back. */
  get around(): AroundTimer | undefined {
    return this.mayForgive ? this.#timer : undefined;
  }

  /** Also stops behind a timer that has failed and is to be tried again later. */
  untilTimerFails(goOn: () => boolean): () => boolean {
    if (!this.mayForgive) return goOn;
    const { clock } = this.#options.environment;
    return () => goOn() && clock.monotonic() >= this.timersAtMs;
  }

  /**
   * Runs a timer so that what it did can be taken back, itself included: until it is tried again it waits in the state as any other, so that nothing is lost when the task goes to another instance meanwhile. A timer has no record to send anywhere: it is
   * retried, left out or fatal.
   */
  readonly #timer: AroundTimer = (fire, leaveOut) => {
    this.begin();
    try {
      fire();
      this.keep();
      this.#timerAttempts = 0;
    } catch (thrown) {
      this.#takeBack();
      const policy = this.#errors.policyFor(thrown);
      if (policy === undefined) throw thrown;
      const decision = afterRetries(policy, this.#timerAttempts);
      const { clock, counters, logger } = this.#options.environment;
      const { step, code, message } = thrown as MillraceError;
      if ("retryInMs" in decision) {
        this.#timerAttempts++;
        this.timersAtMs = clock.monotonic() + decision.retryInMs;
        counters.counter("retried_timers", { step: step ?? "" }).add();
        return;
      }
      this.#timerAttempts = 0;
      if (decision.then.kind === "fail") throw thrown;
      this.#leaveOut(leaveOut);
      counters.counter("skipped_timers", { step: step ?? "" }).add();
      logger.log("warn", "A timer was left out", { code, step, reason: message });
    }
  };

  /** What waited for the timer goes with it, unless the very step fails at that as well. */
  #leaveOut(leaveOut: Parameters<AroundTimer>[1]): void {
    this.begin();
    try {
      leaveOut("with-what-it-held");
      this.keep();
    } catch {
      this.#takeBack();
      leaveOut("alone");
    }
  }

  #takeBack(): void {
    for (const state of this.#options.states.values()) state.rollback();
    this.#options.staging.rollback();
  }

  /** The topic was named a moment ago, by a policy that is a function. The record is tried again when it is known. */
  #lookUp(topic: string, step: string | undefined): false {
    const { environment } = this.#options;
    this.recordsAtMs = Number.POSITIVE_INFINITY;
    environment
      .lookUp(topic, step)
      .then(
        () => {
          this.recordsAtMs = Number.NEGATIVE_INFINITY;
        },
        (error: unknown) => {
          this.#failure = error;
        },
      )
      .finally(() => environment.wake());
    return false;
  }

  #deadLetter(policy: { readonly topic: string; readonly payload: boolean }, input: TaskInput, error: MillraceError): void {
    const { environment, staging } = this.#options;
    const { topic } = policy;
    const record = { topic: input.topic, partition: input.partition, ...input.raw() };
    const limits = environment.limitsOf(topic);
    const { key, value, timestamp, headers } = deadLetterRecord(policy, error, record, limits, environment.clock.now());
    staging.write(topic, input.partition % environment.partitionsOf(topic), key, value, timestamp, headers);
  }
}
