import { type DecodeError, type MillraceError, reason, type StepError, TaskTimeoutError } from "../errors.ts";
import { type BaseOffsets, type CommittedOffset, noHeaders, partitionId } from "../ports/log.ts";
import type { Store } from "../ports/store.ts";
import { type KeyCodec, StepState } from "../state/step_state.ts";
import type { AroundTimer } from "../state/timer_service.ts";
import { finishedRecord } from "./control_topic.ts";
import { afterRetries, deadLetterRecord, ErrorHandling } from "./error_handling.ts";
import { InputTimes } from "./input_times.ts";
import { decodeOffsetMetadata, encodeOffsetMetadata } from "./offset_metadata.ts";
import { OperatorChain } from "./operator_chain.ts";
import type { SubtopologyPlan } from "./plan.ts";
import type { SealedTask, Task } from "./sealed_task.ts";
import { Staging } from "./staging.ts";
import type { TaskEnvironment } from "./task_environment.ts";
import type { InputPosition, TaskInput } from "./task_input.ts";
import { refuseTooLarge } from "./topic_limits.ts";
import { TopicWriter } from "./topic_writer.ts";
import { type TimeReport, WatermarkReports } from "./watermark_reports.ts";

/** What a task is opened with: inputs at their committed positions, stores restored. */
export interface StreamTaskOptions {
  readonly plan: SubtopologyPlan;
  readonly partition: number;
  /** Makes the inputs at these positions, by their ids. */
  readonly inputsAt: (positions: ReadonlyMap<string, InputPosition>) => readonly TaskInput[];
  readonly positions: ReadonlyMap<string, InputPosition>;
  /** Of the steps, restored, by name. */
  readonly stores: ReadonlyMap<string, { readonly store: Store; readonly keys: KeyCodec }>;
  readonly environment: TaskEnvironment;
  /** How long a record may wait for something outside (a registry) before the task gives up. */
  readonly taskTimeoutMs: number;
  readonly close: () => Promise<void>;
}

/**
 * Runs the steps of one sub-topology for one partition. A record goes through synchronously: decode, timestamp, steps, outbox; the input with the lowest timestamp comes first. Watermarks advance between records, and an advance may be
 * interrupted between two timers.
 */
export class StreamTask implements Task {
  readonly id: string;
  readonly subtopology: number;
  readonly partition: number;
  readonly #options: StreamTaskOptions;
  readonly #environment: TaskEnvironment;
  readonly #errors: ErrorHandling;
  readonly #staging: Staging;
  readonly #positions: Map<string, InputPosition>;
  #states!: ReadonlyMap<string, StepState>;
  #inputs!: readonly TaskInput[];
  #chain!: OperatorChain;
  #times!: InputTimes;
  #reports!: WatermarkReports;
  #streamTime = Number.NEGATIVE_INFINITY;
  #reportsAfter: TimeReport[] = [];
  /** By the monotonic clock: before this moment no record is taken, since one has failed and is to be tried again; and the order is kept. */
  #recordsAtMs = Number.NEGATIVE_INFINITY;
  /** The same for a timer that has failed: before this moment nothing goes on at all. */
  #timersAtMs = Number.NEGATIVE_INFINITY;
  #timerAttempts = 0;
  #finishedSaid = false;
  #finishedCommitted = false;
  #lastSaid = "";

  constructor(options: StreamTaskOptions) {
    const { plan, partition, environment } = options;
    this.id = `${plan.id}_${partition}`;
    this.subtopology = plan.id;
    this.partition = partition;
    this.#options = options;
    this.#environment = environment;
    this.#errors = new ErrorHandling(plan);
    this.#staging = new Staging(() => environment.outbox());
    this.#positions = new Map(options.positions);
    this.#open();
  }

  get inputs(): readonly TaskInput[] {
    return this.#inputs;
  }

  get finished(): boolean {
    return this.#finishedCommitted;
  }

  get streamTime(): number {
    return this.#streamTime;
  }

  get uncommittedBytes(): number {
    let bytes = this.#staging.bytes;
    for (const state of this.#states.values()) bytes += state.changedBytes;
    return bytes;
  }

  #open(): void {
    const { plan, partition, stores } = this.#options;
    const environment = this.#environment;
    this.#inputs = this.#options.inputsAt(this.#positions);
    this.#states = new Map([...stores].map(([name, { store, keys }]) => [name, new StepState(store, keys)]));
    this.#streamTime = Math.max(...this.#inputs.map((input) => input.streamTime), Number.NEGATIVE_INFINITY);
    this.#chain = new OperatorChain({
      plan,
      partition,
      partitions: environment.tasksOf(plan.id),
      clock: environment.clock,
      counters: environment.counters,
      states: this.#states,
      streamTime: () => this.#streamTime,
      requestCommit: () => environment.requestCommit(),
      writer: (node) => {
        const topic = environment.topicName(node.output!.topic);
        return new TopicWriter({
          plan: node.output!,
          step: node.step,
          topic,
          partitions: environment.partitionsOf(topic),
          limits: environment.limitsOf(topic),
          task: partition,
          outlet: this.#staging,
          now: () => environment.clock.now(),
          nullKeyDropped: () => environment.counters.counter("dropped_null_key", { step: node.step }).add(),
        });
      },
    });
    this.#times = new InputTimes({ plan, partition, inputs: this.#inputs, time: this.#chain.time, environment });
    this.#reports = new WatermarkReports({ subtopology: plan.id, partition, chain: this.#chain, times: this.#times, environment });
    this.#reportsAfter = [];
    this.#recordsAtMs = Number.NEGATIVE_INFINITY;
    this.#timersAtMs = Number.NEGATIVE_INFINITY;
    this.#timerAttempts = 0;
    this.#finishedSaid = false;
    this.#lastSaid = "";
    this.#chain.open();
    this.#times.tell();
  }

  // ---------------------------------------------------------------- work

  process(goOn: () => boolean): boolean {
    let did = false;
    const { clock } = this.#environment;
    const nowMs = clock.monotonic();
    if (nowMs < this.#timersAtMs) return false;
    if (this.#chain.time.advancing) {
      did = true;
      if (!this.#advance(goOn)) return true;
    }
    const now = clock.now();
    if (this.#chain.nextProcessingTimer() <= now) {
      did = true;
      if (!this.#chain.fireProcessingTimers(now, this.#untilFailure(goOn), this.#around)) return true;
    }
    if (nowMs < this.#recordsAtMs) return did;
    for (;;) {
      const input = this.#lowest(nowMs);
      if (input === undefined) return this.#settleEnds(goOn) || did;
      did = true;
      if (!this.#take(input, nowMs)) return true;
      if (this.#chain.time.advancing && !this.#advance(goOn)) return true;
      if (!goOn()) return true;
    }
  }

  tick(): void {
    // An advance that was interrupted is finished first: a step must not see what comes of a later watermark before its timers up to the earlier one have fired.
    if (this.#chain.time.advancing || this.#environment.clock.monotonic() < this.#timersAtMs) return;
    this.#times.tick();
  }

  catchUp(goOn: () => boolean): void {
    this.tick();
    if (this.#chain.time.advancing && this.#environment.clock.monotonic() >= this.#timersAtMs) this.#advance(goOn);
  }

  nextWakeMs(): number {
    const { clock } = this.#environment;
    const nowMs = clock.monotonic();
    const moment = (atMs: number): number => clock.now() + (atMs - nowMs);
    if (nowMs < this.#timersAtMs) return moment(this.#timersAtMs);
    const next = this.#chain.nextProcessingTimer();
    return nowMs < this.#recordsAtMs ? Math.min(next, moment(this.#recordsAtMs)) : next;
  }

  /** The input whose head has the lowest timestamp, of those that have one. */
  #lowest(nowMs: number): TaskInput | undefined {
    const inputs = this.#inputs;
    if (inputs.length === 1) return inputs[0]!.load(nowMs) ? inputs[0] : this.#checkWaiting(inputs[0]!, nowMs);
    let lowest: TaskInput | undefined;
    for (const input of inputs) {
      if (!input.load(nowMs)) this.#checkWaiting(input, nowMs);
      else if (lowest === undefined || input.headTimestamp < lowest.headTimestamp) lowest = input;
    }
    return lowest;
  }

  #checkWaiting(input: TaskInput, nowMs: number): undefined {
    const { unprepared } = input;
    if (unprepared !== undefined && !unprepared.told) {
      unprepared.told = true;
      this.#environment.logger.log("warn", "A record waits for what is needed to read it, and is tried again until taskTimeout", {
        step: input.plan.step,
        topic: input.topic,
        partition: input.partition,
        offset: input.position,
        reason: reason(unprepared.error),
      });
    }
    if (unprepared !== undefined && nowMs - unprepared.sinceMs > this.#options.taskTimeoutMs)
      throw new TaskTimeoutError(
        "REGISTRY_UNREACHABLE",
        `What is needed to read ${input.id} at offset ${input.position} could not be fetched for ${this.#options.taskTimeoutMs} ms: check the schema registry`,
        {
          topic: input.topic,
          partition: input.partition,
          offset: input.position,
          step: input.plan.step,
          cause: unprepared.error,
        },
      );
    return undefined;
  }

  /** Handles the head of the input; false when it has to wait. */
  #take(input: TaskInput, nowMs: number): boolean {
    const head = input.head!;
    if (head.kind === "watermark") {
      input.vector!.update(head.time);
      input.consume();
      this.#times.changed(input);
      return true;
    }
    if (!this.#errors.mayForgive) {
      if (head.kind === "error") throw head.error;
      this.#handle(input);
      return true;
    }
    const streamTime = this.#streamTime;
    const inputStreamTime = input.streamTime;
    this.#mark();
    try {
      if (head.kind === "error") throw head.error;
      this.#handle(input);
      this.#keep();
      return true;
    } catch (thrown) {
      this.#rollbackRecord();
      this.#streamTime = streamTime;
      input.streamTime = inputStreamTime;
      return this.#forgive(input, thrown, nowMs);
    }
  }

  #handle(input: TaskInput): void {
    const head = input.head!;
    if (head.kind !== "record") return;
    const { value, record } = head;
    const { timestamp } = record;
    if (timestamp > this.#streamTime) this.#streamTime = timestamp;
    if (timestamp > input.streamTime) input.streamTime = timestamp;
    this.#chain.entries[input.index]!(value, record);
    input.consume();
    this.#times.onRecord(input, value, timestamp);
  }

  /** What the policy says of a record that failed; false when it is tried again later. Throws when nothing is forgiven. */
  #forgive(input: TaskInput, thrown: unknown, nowMs: number): boolean {
    const policy = this.#errors.policyFor(thrown);
    if (policy === undefined) throw thrown;
    const decision = afterRetries(policy, input.attempts);
    const { counters } = this.#environment;
    const error = thrown as DecodeError | StepError;
    if ("retryInMs" in decision) {
      input.attempts++;
      this.#recordsAtMs = nowMs + decision.retryInMs;
      counters.counter("retried_records", { step: error.step ?? "" }).add();
      return decision.retryInMs === 0;
    }
    const { then } = decision;
    if (then.kind === "fail") throw thrown;
    if (then.kind === "dead-letter") this.#deadLetter(then, input, error);
    counters.counter(then.kind === "skip" ? "skipped_records" : "dead_letter_records", { step: error.step ?? "" }).add();
    this.#environment.logger.log("warn", `A record was ${then.kind === "skip" ? "skipped" : `sent to '${then.topic}'`}`, {
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

  #deadLetter(policy: { readonly topic: string; readonly payload: boolean }, input: TaskInput, error: MillraceError): void {
    const environment = this.#environment;
    const { topic } = policy;
    const place = { topic: input.topic, partition: input.partition };
    const { key, value, timestamp, headers } = deadLetterRecord(
      policy,
      error,
      { ...place, ...input.raw() },
      environment.limitsOf(topic),
      environment.clock.now(),
    );
    this.#staging.write(topic, input.partition % environment.partitionsOf(topic), key, value, timestamp, headers);
  }

  #advance(goOn: () => boolean): boolean {
    if (!this.#chain.time.advance(this.#untilFailure(goOn), this.#around)) return false;
    this.#times.advanced();
    return true;
  }

  /** Also stops behind a timer that has failed and is to be tried again later. */
  #untilFailure(goOn: () => boolean): () => boolean {
    if (!this.#errors.mayForgive) return goOn;
    const { clock } = this.#environment;
    return () => goOn() && clock.monotonic() >= this.#timersAtMs;
  }

  /**
   * Runs a timer so that what it did can be taken back, itself included: until it is tried again it waits in the state as any other, so that nothing is lost when the task goes to another instance meanwhile. A timer has no record to send anywhere: it is
   * retried, left out or fatal.
   */
  readonly #forgiving = (fire: () => void, leaveOut: () => void): void => {
    this.#mark();
    try {
      fire();
      this.#keep();
      this.#timerAttempts = 0;
    } catch (thrown) {
      this.#rollbackRecord();
      const policy = this.#errors.policyFor(thrown);
      if (policy === undefined) throw thrown;
      const decision = afterRetries(policy, this.#timerAttempts);
      const { clock, counters, logger } = this.#environment;
      const { step, code, message } = thrown as MillraceError;
      if ("retryInMs" in decision) {
        this.#timerAttempts++;
        this.#timersAtMs = clock.monotonic() + decision.retryInMs;
        counters.counter("retried_timers", { step: step ?? "" }).add();
        return;
      }
      this.#timerAttempts = 0;
      if (decision.then.kind === "fail") throw thrown;
      leaveOut();
      counters.counter("skipped_timers", { step: step ?? "" }).add();
      logger.log("warn", "A timer was left out", { code, step, reason: message });
    }
  };

  /** Undefined where every failure is fatal: then nothing has to be taken back. */
  get #around(): AroundTimer | undefined {
    return this.#errors.mayForgive ? this.#forgiving : undefined;
  }

  /** The inputs are empty: those that have reached their end say so. */
  #settleEnds(goOn: () => boolean): boolean {
    if (!this.#times.settleEnds()) return false;
    this.#advance(goOn);
    return true;
  }

  #mark(): void {
    for (const state of this.#states.values()) state.mark();
    this.#staging.mark();
  }

  #keep(): void {
    for (const state of this.#states.values()) state.keep();
    this.#staging.keep();
  }

  #rollbackRecord(): void {
    for (const state of this.#states.values()) state.rollback();
    this.#staging.rollback();
  }

  // ---------------------------------------------------------------- commit

  seal(tag: string, lastly = false): SealedTask | undefined {
    const environment = this.#environment;
    this.#chain.beforeCommit();
    const finished = !this.#finishedSaid && this.#times.finished && !this.#chain.time.advancing;
    const reports = this.#reports.collect();
    if (finished) reports.push({ topic: environment.controlTopic, partition: 0, ...finishedRecord(this.id), headers: noHeaders });
    // Within a transaction what is said of time stands behind the records it speaks for. Without one it is said when their offsets are safe: else records that are read again would be late behind it.
    if (environment.guarantee === "at-least-once") this.#reportsAfter.push(...reports);
    else this.#report(reports);
    const changed =
      this.#staging.written > 0 ||
      this.#reportsAfter.length > 0 ||
      [...this.#states.values()].some((state) => state.hasChanges) ||
      this.#inputs.some((input) => input.vector?.state.hasChanges);
    const said = this.#inputs.map((input) => `${input.position},${input.doneWatermark}`).join();
    // Without commits of offsets the last one says them all.
    if (!changed && said === this.#lastSaid && !(lastly && environment.guarantee === "none")) return undefined;
    this.#lastSaid = said;
    if (finished) this.#finishedSaid = true;
    const changelog = new Map<string, number>();
    const outbox = environment.outbox();
    const now = environment.clock.now();
    const logged = environment.guarantee !== "none";
    const seal = (state: StepState, store: string): void => {
      const topic = environment.changelogTopic(store);
      const limits = environment.limitsOf(topic);
      let records = 0;
      state.seal((key, value) => {
        if (!logged) return;
        records++;
        refuseTooLarge(limits, store, key, value);
        outbox.append(topic, this.partition, key, value, now, noHeaders);
      });
      if (records > 0) changelog.set(partitionId(topic, this.partition), records);
    };
    for (const [store, state] of this.#states) seal(state, store);
    for (const input of this.#inputs) if (input.vector !== undefined) seal(input.vector.state, timeStore(input.plan.topic.name));
    this.#staging.sealed();
    const offsets: CommittedOffset[] = this.#inputs.map((input) => ({
      topic: input.topic,
      partition: input.partition,
      offset: input.position,
      metadata: encodeOffsetMetadata(input.source === undefined ? Number.NEGATIVE_INFINITY : input.doneWatermark, input.streamTime, tag),
    }));
    return { offsets, changelog, finished };
  }

  committed(sealed: SealedTask, bases: BaseOffsets): void {
    const environment = this.#environment;
    const apply = (state: StepState, store: string): void => {
      const partition = partitionId(environment.changelogTopic(store), this.partition);
      const base = bases.get(partition);
      const records = sealed.changelog.get(partition);
      state.committed(base === undefined || records === undefined ? undefined : base + records);
      state.evict(environment.keepCachedPerTable);
    };
    for (const [store, state] of this.#states) apply(state, store);
    for (const input of this.#inputs) if (input.vector !== undefined) apply(input.vector.state, timeStore(input.plan.topic.name));
    for (const offset of sealed.offsets) this.#positions.set(partitionId(offset.topic, offset.partition), decodeOffsetMetadata(offset));
    if (sealed.finished) this.#finishedCommitted = true;
  }

  afterCommit(): void {
    this.#report(this.#reportsAfter.splice(0));
  }

  #report(reports: readonly TimeReport[]): void {
    const now = this.#environment.clock.now();
    for (const { topic, partition, key, value, headers } of reports) this.#staging.write(topic, partition, key, value, now, headers);
  }

  rollback(): void {
    this.#staging.drop();
    this.#open();
  }

  /** A task that is idle and holds nothing has no say. */
  get watermark(): number | undefined {
    return this.#times.allIdle && !this.#chain.time.holds() ? undefined : this.#times.watermark;
  }

  committedOffset(input: TaskInput): number {
    return this.#positions.get(input.id)?.offset ?? 0;
  }

  hold(): void {
    this.#staging.hold();
  }

  release(): void {
    this.#staging.release();
  }

  async close(): Promise<void> {
    await this.#options.close();
  }
}

/** The store that holds what the writers of a repartition topic have said of their event time. */
export const timeStore = (topic: string): string => `${topic}-time`;
