import { type DecodeError, MillraceError, reason, type StepError, TaskTimeoutError } from "../errors.ts";
import { partitionId } from "../ports/log.ts";
import type { StepState } from "../state/step_state.ts";
import type { AroundTimer } from "../state/timer_service.ts";
import { afterRetries, deadLetterRecord, ErrorHandling, isOfRecord } from "./error_handling.ts";
import { ParkedKeys, type ParkedRecord, type Turn } from "./parked_keys.ts";
import type { SubtopologyPlan } from "./plan.ts";
import { type PutOff, putOffHeaders } from "./put_off.ts";
import type { Staging } from "./staging.ts";
import type { TaskEnvironment } from "./task_environment.ts";
import type { TaskInput } from "./task_input.ts";

export interface AttemptsOptions {
  readonly plan: SubtopologyPlan;
  readonly partition: number;
  readonly inputs: readonly TaskInput[];
  readonly states: ReadonlyMap<string, StepState>;
  readonly staging: Staging;
  readonly environment: TaskEnvironment;
  /** How long a record may wait for something outside (a registry) before the task gives up. */
  readonly taskTimeoutMs: number;
}

type DeadLetter = Extract<ReturnType<typeof afterRetries>, { readonly then: unknown }>["then"] & { readonly kind: "dead-letter" };

/**
 * What one task tries, a record or a timer at a time, and what becomes of it when it fails. State and outputs of an attempt stand behind a mark, so that a failed one leaves nothing: then the policy of the step decides, whether it is tried again, put off, left out,
 * sent to a dead-letter topic, or stops the instance. Where no policy may forgive there are no marks, and an attempt costs nothing.
 */
export class Attempts {
  /** False when every policy is `fail`, and nothing has failed here lately: then `begin` and `keep` need not be called, and a failure is thrown on. */
  readonly mayForgive: boolean;
  readonly #options: AttemptsOptions;
  readonly #errors: ErrorHandling;
  /** By the place of the input. Those of a source and of its retry topics are the same. */
  readonly #parked: readonly (ParkedKeys | undefined)[];
  /** By the monotonic clock: before this moment no record is taken, since one has failed and is to be tried again; and the order is kept. */
  recordsAtMs: number = Number.NEGATIVE_INFINITY;
  /** The same for a timer that has failed: before this moment nothing goes on at all. */
  timersAtMs: number = Number.NEGATIVE_INFINITY;
  /** A record that has stopped too many instances holds this task, and no other. */
  standsStill = false;
  #timerAttempts = 0;
  /** What came of something that a failed record waited for. */
  #failure: unknown;

  constructor(options: AttemptsOptions) {
    const { plan, inputs, states } = options;
    this.#options = options;
    this.#errors = new ErrorHandling(plan);
    this.mayForgive = this.#errors.mayForgive || inputs.some(({ stops }) => stops !== undefined);
    const parked = plan.inputs.map(({ putOff }) => (putOff === undefined ? undefined : new ParkedKeys(states.get(putOff.store)!)));
    this.#parked = plan.inputs.map(({ retryOf }, index) => parked[retryOf ?? index]);
    for (const input of inputs) {
      const waiting = parked[input.index];
      if (waiting !== undefined) input.awaits = () => waiting.waiting > 0;
    }
  }

  /** Before this moment of the monotonic clock no record is tried. Throws when what a failed one waits for will not come. */
  get waitsUntilMs(): number {
    if (this.#failure !== undefined) throw this.#failure;
    return this.recordsAtMs;
  }

  /** Records that wait in retry topics, and keys that are parked; undefined where no policy puts anything off. */
  get putOff(): { readonly waiting: number; readonly keys: number } | undefined {
    const parked = this.#parked.flatMap((one) => one ?? []);
    if (parked.length === 0) return undefined;
    const all = [...new Set(parked)];
    return { waiting: all.reduce((sum, { waiting }) => sum + waiting, 0), keys: all.reduce((sum, one) => sum + one.parked, 0) };
  }

  // ---------------------------------------------------------------- records

  /** True when the head of the input is not to be tried, since an earlier one of its key is parked: then it has gone the same way, or waits for that. */
  follows(input: TaskInput): boolean {
    const parked = this.#parked[input.index];
    if (parked === undefined || parked.parked === 0) return false;
    const standing = parked.standing(this.#record(input));
    if (standing.kind === "free") return false;
    const { counters } = this.#options.environment;
    if (standing.kind === "behind") this.#putOff(input, standing.turn, input.putOff?.tries ?? 0, standing.place);
    else {
      const { topic, partition, offset } = input.raw();
      const behind = new MillraceError(
        "KEY_PARKED",
        `An earlier record of its key lies in dead-letter topic '${standing.topic}': what is behind it follows it there`,
        { step: input.plan.step, topic, partition, offset },
      );
      // Its topic was known when the earlier one went there, perhaps before a restart.
      this.#deadLetter({ topic: standing.topic, payload: true }, input, behind);
    }
    counters.counter("parked_records", { step: input.plan.step }).add();
    input.consume();
    return true;
  }

  begin(): void {
    for (const state of this.#options.states.values()) state.mark();
    this.#options.staging.mark();
  }

  keep(): void {
    for (const state of this.#options.states.values()) state.keep();
    this.#options.staging.keep();
  }

  /** What is to be told to `succeeded` when the head of the input was handled; undefined when there is nothing. Asked before, while the head is there. */
  concerned(input: TaskInput): ParkedRecord | undefined {
    const parked = this.#parked[input.index];
    if (parked === undefined || (input.putOff === undefined && (input.replay === undefined || parked.parked === 0))) return undefined;
    return this.#record(input);
  }

  succeeded(input: TaskInput, record: ParkedRecord): void {
    this.#parked[input.index]!.done(record);
  }

  /** Whether only the call that failed is left out: nothing is taken back then, and the record goes on to other steps. */
  skipsCall(error: StepError): boolean {
    const policy = this.#errors.policyFor(error);
    return policy?.kind === "skip" && policy.scope === "step";
  }

  /** Takes the attempt at the head of the input back and does what the policy says; false when it is tried again later. Throws when nothing is forgiven. */
  recordFailed(input: TaskInput, thrown: unknown, nowMs: number): boolean {
    this.#takeBack();
    const policy = this.#errors.policyFor(thrown);
    if (policy === undefined) throw thrown;
    const stops = input.headStops;
    const decision = afterRetries(policy, input.attempts, stops);
    const { counters, logger, bounded } = this.#options.environment;
    const error = thrown as DecodeError | StepError;
    const tags = { step: error.step ?? "" };
    if ("retryInMs" in decision) {
      input.attempts++;
      this.recordsAtMs = nowMs + decision.retryInMs;
      counters.counter("retried_records", tags).add();
      return decision.retryInMs === 0;
    }
    const { then } = decision;
    if (then.kind === "fail") {
      if (stops < then.attempts || bounded) throw thrown;
      return this.#standStill(input, error);
    }
    let became = "skipped";
    if (then.kind === "dead-letter") {
      const delayMs = this.#delayOf(then, input);
      if (delayMs !== undefined) {
        this.#putOffFailed(then, input, delayMs);
        became = `put off for ${delayMs} ms`;
        counters.counter("put_off_records", tags).add();
      } else {
        if (!this.#options.environment.canWrite(then.topic)) return this.#lookUp(then.topic, error.step);
        this.#deadLetter(then, input, error);
        this.#parked[input.index]?.failed(this.#record(input), { kind: "dead", topic: then.topic }, then.parkKey);
        became = `sent to '${then.topic}'`;
        counters.counter("dead_letter_records", tags).add();
      }
    } else {
      this.#parked[input.index]?.done(this.#record(input));
      counters.counter("skipped_records", tags).add();
    }
    const { topic, partition, offset } = input.raw();
    const { code, step, message } = error;
    logger.log("warn", `A record was ${became}`, { code, step, topic, partition, offset, reason: message });
    input.consume();
    return true;
  }

  /** The instance stops because of the head of this input, if it is the record's fault: to be written down, so that the next one knows. */
  noteStop(input: TaskInput | undefined, thrown: unknown): void {
    const offset = input?.headOffset;
    if (input === undefined || offset === undefined || !isOfRecord(thrown)) return;
    input.stops = { offset, times: input.headStops + 1 };
    input.stopsNoted = true;
  }

  #standStill(input: TaskInput, error: MillraceError): false {
    this.standsStill = true;
    this.recordsAtMs = Number.POSITIVE_INFINITY;
    this.timersAtMs = Number.POSITIVE_INFINITY;
    const { topic, partition, offset } = input.raw();
    const task = `${this.#options.plan.id}_${this.#options.partition}`;
    this.#options.environment.logger.log(
      "error",
      `Task ${task} stands still, with all that is behind this record, which has stopped instances ${input.headStops} times: mend the program, or choose a policy for such records, and start again`,
      { code: error.code, step: error.step, topic, partition, offset, reason: error.message },
    );
    return false;
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

  // ---------------------------------------------------------------- timers

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
      const decision = afterRetries(policy, this.#timerAttempts, 0);
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

  // ---------------------------------------------------------------- where records go

  #takeBack(): void {
    for (const state of this.#options.states.values()) state.rollback();
    this.#options.staging.rollback();
  }

  #record(input: TaskInput): ParkedRecord {
    const { topic, partition, offset, key } = input.raw();
    return { origin: `${partitionId(topic, partition)} ${offset}`, key, putOff: input.putOff, replay: input.replay };
  }

  /** How long the record is put off this time; undefined when it was often enough. */
  #delayOf({ retryAfter }: DeadLetter, input: TaskInput): number | undefined {
    return this.#parked[input.index] === undefined ? undefined : retryAfter[input.putOff?.tries ?? 0];
  }

  #putOffFailed({ parkKey, topic }: DeadLetter, input: TaskInput, delayMs: number): void {
    const tries = (input.putOff?.tries ?? 0) + 1;
    const turn: Turn = { level: tries - 1, atMs: this.#options.environment.clock.now() + delayMs, delayMs };
    const place = this.#parked[input.index]!.failed(this.#record(input), { kind: "put-off", turn, topic }, parkKey);
    this.#putOff(input, turn, tries, place);
  }

  #putOff(input: TaskInput, { level, atMs, delayMs }: Turn, tries: number, place: number | undefined): void {
    const { plan, staging, environment, partition } = this.#options;
    const { retries } = plan.inputs[plan.inputs[input.index]!.retryOf ?? input.index]!.putOff!;
    const to = environment.topicName(plan.inputs[retries[level]!]!.topic);
    const { key, value, headers, ...from } = input.raw();
    const about: PutOff = {
      topic: from.topic,
      partition: from.partition,
      offset: from.offset,
      timestamp: from.timestamp,
      tries,
      atMs,
      delayMs,
      ...(place === undefined ? {} : { place }),
      ...(input.replay === undefined ? {} : { replay: input.replay }),
    };
    // What is wrong with it may be its timestamp, which no topic would take.
    staging.write(to, partition, key, value, Math.max(0, from.timestamp), putOffHeaders(headers, about));
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
    const limits = environment.limitsOf(topic);
    const { key, value, timestamp, headers } = deadLetterRecord(policy, error, input.raw(), limits, environment.clock.now());
    staging.write(topic, input.partition % environment.partitionsOf(topic), key, value, timestamp, headers);
    environment.deadLettered(topic, error);
  }
}
