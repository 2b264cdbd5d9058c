import { type BaseOffsets, type CommittedOffset, noHeaders, partitionId } from "../ports/log.ts";
import type { Store } from "../ports/store.ts";
import { type KeyCodec, StepState } from "../state/step_state.ts";
import { Attempts } from "./attempts.ts";
import type { Bootstrap } from "./bootstrap.ts";
import { Changelogs } from "./changelogs.ts";
import { finishedRecord } from "./control_topic.ts";
import { InputTimes } from "./input_times.ts";
import { decodeOffsetMetadata, encodeOffsetMetadata } from "./offset_metadata.ts";
import { OperatorChain } from "./operator_chain.ts";
import type { SubtopologyPlan } from "./plan.ts";
import type { Pending, SealedTask, Task } from "./sealed_task.ts";
import { Staging } from "./staging.ts";
import type { TaskEnvironment } from "./task_environment.ts";
import type { InputPosition, TaskInput } from "./task_input.ts";
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
  /** Where inputs are read to their end before the others. */
  readonly bootstrap: Bootstrap | undefined;
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
  readonly #staging: Staging;
  readonly #changelogs: Changelogs;
  readonly #positions: Map<string, InputPosition>;
  #states!: ReadonlyMap<string, StepState>;
  #inputs!: readonly TaskInput[];
  #attempts!: Attempts;
  #chain!: OperatorChain;
  #times!: InputTimes;
  #reports!: WatermarkReports;
  #streamTime = Number.NEGATIVE_INFINITY;
  #reportsAfter: TimeReport[] = [];
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
    this.#changelogs = new Changelogs(plan, partition, environment);
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
    let bytes = this.#staging.keptBytes;
    for (const state of this.#states.values()) bytes += state.changedBytes + state.sealedBytes;
    return bytes;
  }

  get cachedBytes(): number {
    let bytes = 0;
    for (const state of this.#states.values()) bytes += state.cachedBytes;
    return bytes;
  }

  evict(keepBytes: number): void {
    const { cachedBytes } = this;
    if (cachedBytes <= keepBytes) return;
    for (const state of this.#states.values()) state.evict((state.cachedBytes / cachedBytes) * keepBytes);
  }

  get pending(): Pending | undefined {
    return this.#chain.pending;
  }

  *stateBytes(): IterableIterator<readonly [string, number]> {
    for (const [store, state] of this.#states) yield [store, state.heldBytes];
  }

  #open(): void {
    const { plan, partition, stores, taskTimeoutMs } = this.#options;
    const environment = this.#environment;
    this.#inputs = this.#options.inputsAt(this.#positions);
    this.#states = new Map([...stores].map(([name, { store, keys }]) => [name, new StepState(store, keys)]));
    this.#streamTime = Math.max(...this.#inputs.map((input) => input.streamTime), Number.NEGATIVE_INFINITY);
    this.#attempts = new Attempts({
      plan,
      partition,
      inputs: this.#inputs,
      states: this.#states,
      staging: this.#staging,
      environment,
      taskTimeoutMs,
    });
    this.#chain = new OperatorChain({
      plan,
      partition,
      partitions: environment.tasksOf(plan.id),
      clock: environment.clock,
      counters: environment.counters,
      states: this.#states,
      streamTime: () => this.#streamTime,
      requestCommit: () => environment.requestCommit(),
      skipsCall: (error) => this.#attempts.skipsCall(error),
      wake: () => environment.wake(),
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
    // What is read again says nothing of how far time has come.
    const speaking = this.#inputs.filter((input) => input.plan.kind !== "retry");
    this.#times = new InputTimes({ plan, partition, inputs: speaking, time: this.#chain.time, environment });
    this.#reports = new WatermarkReports({ subtopology: plan.id, partition, chain: this.#chain, times: this.#times, environment });
    this.#reportsAfter = [];
    this.#finishedSaid = false;
    this.#lastSaid = "";
    this.#chain.open();
    const [first] = this.#inputs;
    this.#chain.time.restore((first && this.#positions.get(first.id)?.joined) ?? []);
    this.#times.tell();
  }

  // ---------------------------------------------------------------- work

  process(goOn: () => boolean): boolean {
    let did = false;
    const attempts = this.#attempts;
    const { clock } = this.#environment;
    const nowMs = clock.monotonic();
    if (nowMs < attempts.timersAtMs) return false;
    for (const now = clock.now(); ; ) {
      if (this.#chain.time.advancing) {
        did = true;
        if (!this.#advance(goOn)) return true;
      }
      if (this.#chain.nextWake() > now) break;
      did = true;
      if (!this.#chain.doDue(now, attempts.untilTimerFails(goOn), attempts.around)) return true;
    }
    if (nowMs < attempts.waitsUntilMs) return did;
    let input: TaskInput | undefined;
    try {
      for (;;) {
        if (this.#chain.isFull || this.#waitsForAnswers) return did;
        input = this.#lowest(nowMs);
        if (input === undefined) {
          if (this.#settleEnds(goOn)) did = true;
          // Who reads what this task writes waits for its end, and need not wait for the interval as well.
          if (this.#isToSayFinished) this.#environment.requestCommit();
          return did;
        }
        did = true;
        if (!this.#take(input, nowMs)) return true;
        if (this.#chain.time.advancing && !this.#advance(goOn)) return true;
        if (!goOn()) return true;
      }
    } catch (thrown) {
      attempts.noteStop(input, thrown);
      throw thrown;
    }
  }

  tick(): void {
    // An advance that was interrupted is finished first: a step must not see what comes of a later watermark before its timers up to the earlier one have fired.
    if (this.#chain.time.advancing || this.#environment.clock.monotonic() < this.#attempts.timersAtMs) return;
    this.#chain.onPeriod();
    this.#times.tick();
  }

  catchUp(goOn: () => boolean): void {
    this.tick();
    if (this.#chain.time.advancing && this.#environment.clock.monotonic() >= this.#attempts.timersAtMs) this.#advance(goOn);
  }

  nextWakeMs(): number {
    const { clock } = this.#environment;
    const nowMs = clock.monotonic();
    // In whole milliseconds: a smaller rest would be lost in a number as large as the Clock's, and the wait would be none.
    const moment = (atMs: number): number => clock.now() + Math.ceil(atMs - nowMs);
    const { recordsAtMs, timersAtMs } = this.#attempts;
    if (nowMs < timersAtMs) return moment(timersAtMs);
    const next = this.#chain.nextWake();
    return nowMs < recordsAtMs ? Math.min(next, moment(recordsAtMs)) : next;
  }

  /** There is no room for another record like those that wait for something outside. */
  get #waitsForAnswers(): boolean {
    const { pending } = this.#chain;
    if (pending === undefined || pending.records === 0) return false;
    return pending.bytes + pending.bytes / pending.records > this.#environment.pendingBytesMax();
  }

  /** The input whose head has the lowest timestamp, of those that have one. */
  #lowest(nowMs: number): TaskInput | undefined {
    const inputs = this.#inputs;
    if (inputs.length === 1) {
      if (inputs[0]!.load(nowMs)) return inputs[0];
      this.#attempts.notReadable(inputs[0]!, nowMs);
      return undefined;
    }
    let lowest: TaskInput | undefined;
    for (const input of this.#options.bootstrap?.first(inputs) ?? inputs) {
      if (!input.load(nowMs)) this.#attempts.notReadable(input, nowMs);
      else if (lowest === undefined || input.headTimestamp < lowest.headTimestamp) lowest = input;
    }
    return lowest;
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
    const attempts = this.#attempts;
    if (!attempts.mayForgive) {
      if (head.kind === "error") throw head.error;
      this.#handle(input);
      return true;
    }
    if (attempts.follows(input)) return true;
    const streamTime = this.#streamTime;
    const inputStreamTime = input.streamTime;
    const concerned = attempts.concerned(input);
    attempts.begin();
    try {
      if (head.kind === "error") throw head.error;
      this.#handle(input);
      if (concerned !== undefined) attempts.succeeded(input, concerned);
      attempts.keep();
      return true;
    } catch (thrown) {
      this.#streamTime = streamTime;
      input.streamTime = inputStreamTime;
      return attempts.recordFailed(input, thrown, nowMs);
    }
  }

  #handle(input: TaskInput): void {
    const head = input.head!;
    if (head.kind !== "record") return;
    const { value, record } = head;
    const { timestamp } = record;
    if (timestamp > this.#streamTime) this.#streamTime = timestamp;
    if (timestamp > input.streamTime) input.streamTime = timestamp;
    this.#chain.entries[input.plan.retryOf ?? input.index]!(value, record);
    this.#chain.afterRecord();
    input.consume();
    this.#times.onRecord(input, value, timestamp);
  }

  #advance(goOn: () => boolean): boolean {
    if (!this.#chain.time.advance(this.#attempts.untilTimerFails(goOn), this.#attempts.around)) return false;
    this.#times.advanced();
    return true;
  }

  /** The inputs are empty: those that have reached their end say so. */
  #settleEnds(goOn: () => boolean): boolean {
    if (!this.#times.settleEnds()) return false;
    this.#advance(goOn);
    return true;
  }

  get #isToSayFinished(): boolean {
    return !this.#finishedSaid && this.#times.finished && !this.#chain.time.advancing && this.#chain.isFinished;
  }

  // ---------------------------------------------------------------- commit

  seal(tag: string, lastly = false): SealedTask | undefined {
    const environment = this.#environment;
    this.#chain.beforeCommit(tag);
    const finished = this.#isToSayFinished;
    const reports = this.#reports.collect();
    if (finished) reports.push({ topic: environment.controlTopic, partition: 0, ...finishedRecord(this.id), headers: noHeaders });
    // Within a transaction what is said of time stands behind the records it speaks for. Without one it is said when their offsets are safe: else records that are read again would be late behind it.
    if (environment.guarantee === "at-least-once") this.#reportsAfter.push(...reports);
    else this.#report(reports);
    const changed =
      this.#staging.written > 0 ||
      this.#reportsAfter.length > 0 ||
      this.#changelogs.isBehind ||
      [...this.#allStates()].some(([, state]) => state.hasChanges);
    const { joined } = this.#chain.time;
    const said = this.#inputs.map((input) => `${input.position},${input.doneWatermark}`).join() + joined.join();
    // Without commits of offsets the last one says them all.
    if (!changed && said === this.#lastSaid && !(lastly && environment.guarantee === "none")) return undefined;
    this.#lastSaid = said;
    if (finished) this.#finishedSaid = true;
    const changelog = this.#changelogs.seal(this.#allStates());
    this.#staging.sealed();
    const offsets: CommittedOffset[] = this.#inputs.map((input, i) => ({
      topic: input.topic,
      partition: input.partition,
      offset: input.position,
      metadata: encodeOffsetMetadata(
        input.doneWatermark,
        input.streamTime,
        tag,
        input.stops !== undefined && input.stops.offset >= input.position ? input.stops : undefined,
        i === 0 ? joined : undefined,
      ),
    }));
    return { offsets, changelog, finished };
  }

  committed(sealed: SealedTask, bases: BaseOffsets): void {
    const offsetOf = (index: number): number | undefined => {
      const input = this.#inputs.find((one) => one.index === index);
      return sealed.offsets.find(({ topic }) => topic === input?.topic)?.offset;
    };
    this.#changelogs.committed(this.#allStates(), sealed, bases, offsetOf);
    for (const offset of sealed.offsets) this.#positions.set(partitionId(offset.topic, offset.partition), decodeOffsetMetadata(offset));
    if (sealed.finished) this.#finishedCommitted = true;
  }

  /** Those of the steps, and what is known of the time of internal topics. */
  *#allStates(): IterableIterator<readonly [store: string, state: StepState]> {
    yield* this.#states;
    for (const { plan, vector } of this.#inputs) if (vector !== undefined) yield [timeStore(plan.topic.name), vector.state];
  }

  afterCommit(): void {
    if (this.#finishedCommitted && this.#reportsAfter.length > 0) this.#environment.requestCommit();
    this.#report(this.#reportsAfter.splice(0));
  }

  #report(reports: readonly TimeReport[]): void {
    const now = this.#environment.clock.now();
    for (const { topic, partition, key, value, headers } of reports) this.#staging.write(topic, partition, key, value, now, headers);
  }

  rollback(): void {
    this.#changelogs.takenBack(this.#allStates());
    this.#staging.drop();
    this.#chain.close();
    this.#open();
  }

  /** A task that is idle and holds nothing has no say. */
  get watermark(): number | undefined {
    return this.#times.allIdle && !this.#chain.time.holds() ? undefined : this.#times.watermark;
  }

  get hasTables(): boolean {
    return this.#options.bootstrap?.isOver((id) => this.#positions.get(id)?.offset ?? 0) ?? true;
  }

  get standsStill(): boolean {
    return this.#attempts.standsStill;
  }

  get putOff(): { readonly waiting: number; readonly keys: number } | undefined {
    return this.#attempts.putOff;
  }

  committedOffset(input: TaskInput): number {
    return this.#positions.get(input.id)?.offset ?? 0;
  }

  stateOf(store: string): StepState | undefined {
    return this.#states.get(store);
  }

  hold(): void {
    this.#staging.hold();
  }

  release(): void {
    this.#staging.release();
  }

  async close(): Promise<void> {
    this.#chain.close();
    await this.#options.close();
  }
}

/** The store that holds what the writers of a repartition topic have said of their event time. */
export const timeStore = (topic: string): string => `${topic}-time`;
