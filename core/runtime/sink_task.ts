import { MillraceError, reason, TaskTimeoutError } from "../errors.ts";
import { type BaseOffsets, noHeaders, partitionId } from "../ports/log.ts";
import type { Draft } from "../record.ts";
import { finishedRecord } from "./control_topic.ts";
import { decodeOffsetMetadata, encodeOffsetMetadata } from "./offset_metadata.ts";
import type { SinkPlan } from "./plan.ts";
import type { Pending, SealedTask, Task } from "./sealed_task.ts";
import { timeStore } from "./stream_task.ts";
import type { TaskEnvironment } from "./task_environment.ts";
import type { InputPosition, TaskInput } from "./task_input.ts";
import type { UpstreamTime } from "./watermark_record.ts";

export interface SinkTaskOptions {
  readonly subtopology: number;
  readonly partition: number;
  readonly sink: SinkPlan;
  readonly inputAt: (position: InputPosition) => TaskInput;
  readonly position: InputPosition;
  readonly environment: TaskEnvironment;
  readonly taskTimeoutMs: number;
  readonly close: () => Promise<void>;
}

interface Batch {
  readonly drafts: Draft<unknown, unknown>[];
  readonly times: UpstreamTime[];
  bytes: number;
  end: number;
}

const batchRecords = 1000;
const batchBytesMax = 1 << 20;

/**
 * Hands committed records to a system outside Kafka: takes a batch, writes, waits, and only then counts its offsets as done. A system that is slow or away holds back this task alone. Nothing is lost, nothing aborted is shown; after a crash a batch may be
 * written again.
 */
export class SinkTask implements Task {
  readonly id: string;
  readonly subtopology: number;
  readonly partition: number;
  readonly #options: SinkTaskOptions;
  readonly #environment: TaskEnvironment;
  #input: TaskInput;
  #position: InputPosition;
  #writing: Batch | undefined;
  #abort = new AbortController();
  #failure: unknown;
  #failingSinceMs: number | undefined;
  #attempts = 0;
  #retryAtMs = Number.NEGATIVE_INFINITY;
  /** Since when the writer has not answered; undefined when it is not asked. */
  #askedAtMs: number | undefined;
  /** Next offset that the outside has not confirmed. */
  #done: number;
  #said = "";
  #finishedSaid = false;
  #finishedCommitted = false;

  constructor(options: SinkTaskOptions) {
    this.id = `${options.subtopology}_${options.partition}`;
    this.subtopology = options.subtopology;
    this.partition = options.partition;
    this.#options = options;
    this.#environment = options.environment;
    this.#position = options.position;
    this.#input = options.inputAt(options.position);
    this.#done = options.position.offset;
  }

  get inputs(): readonly TaskInput[] {
    return [this.#input];
  }

  stateOf(): undefined {
    return undefined;
  }

  get finished(): boolean {
    return this.#finishedCommitted;
  }

  readonly uncommittedBytes = 0;
  readonly cachedBytes = 0;
  readonly standsStill = false;
  readonly hasTables = true;
  readonly putOff = undefined;
  readonly watermark = undefined;
  readonly streamTime: number = Number.NEGATIVE_INFINITY;

  process(): boolean {
    if (this.#failure !== undefined) throw this.#failure;
    const nowMs = this.#environment.clock.monotonic();
    if (this.#writing !== undefined) {
      this.#checkPatience(nowMs);
      // A batch whose write has failed waits here for its next try.
      if (nowMs < this.#retryAtMs || this.#retryAtMs === Number.NEGATIVE_INFINITY) return false;
      this.#write(this.#writing);
      return true;
    }
    const batch: Batch = { drafts: [], times: [], bytes: 0, end: this.#input.position };
    const input = this.#input;
    const bytesMax = Math.min(batchBytesMax, this.#environment.pendingBytesMax());
    while (batch.drafts.length < batchRecords && input.load(nowMs)) {
      const { headBytes } = input;
      // One record may always go, however long it is and however little room there is.
      if (batch.drafts.length > 0 && batch.bytes + headBytes > bytesMax) break;
      const head = input.head!;
      if (head.kind === "error") throw head.error;
      if (head.kind === "watermark") batch.times.push(head.time);
      else {
        const { key, timestamp, headers } = head.record;
        batch.drafts.push({ key, value: head.value, timestamp, headers });
        batch.bytes += headBytes;
      }
      input.consume();
    }
    batch.end = input.position;
    if (batch.end === this.#done) {
      // The run waits for the end of this task.
      if (this.#isToSayFinished) this.#environment.requestCommit();
      return false;
    }
    this.#writing = batch;
    if (batch.drafts.length === 0) this.#written(batch);
    else this.#write(batch);
    return true;
  }

  get pending(): Pending {
    return this.#writing === undefined ? { records: 0, bytes: 0 } : { records: this.#writing.drafts.length, bytes: this.#writing.bytes };
  }

  evict(): void {}

  stateBytes(): readonly [] {
    return [];
  }

  tick(): void {}

  catchUp(): void {}

  nextWakeMs(): number {
    const { clock } = this.#environment;
    const { taskTimeoutMs } = this.#options;
    // In whole milliseconds: a smaller rest would be lost in a number as large as the Clock's, and the wait would be none.
    const moment = (atMs: number): number => clock.now() + Math.ceil(atMs - clock.monotonic());
    if (this.#retryAtMs !== Number.NEGATIVE_INFINITY) return moment(this.#retryAtMs);
    return this.#askedAtMs === undefined ? Number.POSITIVE_INFINITY : moment(this.#askedAtMs + taskTimeoutMs + 1);
  }

  seal(tag: string, lastly = false): SealedTask | undefined {
    const environment = this.#environment;
    const vector = this.#input.vector!;
    const finished = this.#isToSayFinished;
    const said = String(this.#done);
    const sayAnyway = lastly && environment.guarantee === "none";
    if (!finished && said === this.#said && !vector.state.hasChanges && !sayAnyway) return undefined;
    this.#said = said;
    const outbox = environment.outbox();
    const now = environment.clock.now();
    const changelog = new Map<string, number>();
    const topic = environment.changelogTopic(timeStore(this.#input.plan.topic.name));
    let records = 0;
    vector.state.seal((key, value) => {
      if (environment.guarantee === "none") return;
      records++;
      outbox.append(topic, this.partition, key, value, now, noHeaders);
    });
    if (records > 0) changelog.set(partitionId(topic, this.partition), records);
    if (finished) {
      this.#finishedSaid = true;
      if (environment.guarantee !== "at-least-once") this.#sayFinished();
    }
    const offsets = [
      {
        topic: this.#input.topic,
        partition: this.#input.partition,
        offset: this.#done,
        metadata: encodeOffsetMetadata(Number.NEGATIVE_INFINITY, this.#input.streamTime, tag),
      },
    ];
    return { offsets, changelog, finished };
  }

  committed(sealed: SealedTask, bases: BaseOffsets): void {
    const [[partition, records] = ["", 0]] = sealed.changelog;
    const base = bases.get(partition);
    this.#input.vector!.state.committed(base === undefined ? undefined : base + records);
    const [offset] = sealed.offsets;
    if (offset !== undefined) this.#position = decodeOffsetMetadata(offset);
    if (!sealed.finished) return;
    this.#finishedCommitted = true;
    // Without a transaction the end is told only when everything before it is safe.
    if (this.#environment.guarantee === "at-least-once") this.#sayFinished();
  }

  afterCommit(): void {}

  rollback(): void {
    this.#abort.abort();
    this.#abort = new AbortController();
    this.#writing = undefined;
    this.#retryAtMs = Number.NEGATIVE_INFINITY;
    this.#askedAtMs = undefined;
    this.#input = this.#options.inputAt(this.#position);
    this.#done = this.#position.offset;
    this.#said = "";
    this.#finishedSaid = false;
  }

  committedOffset(): number {
    return this.#position.offset;
  }

  hold(): void {}

  release(): void {}

  async close(): Promise<void> {
    this.#abort.abort();
    await this.#options.close();
  }

  get #isToSayFinished(): boolean {
    return !this.#finishedSaid && this.#writing === undefined && this.#input.vector!.finished && this.#input.isEmpty;
  }

  #sayFinished(): void {
    const environment = this.#environment;
    const { key, value } = finishedRecord(this.id);
    environment.outbox().append(environment.controlTopic, 0, key, value, environment.clock.now(), noHeaders);
  }

  #write(batch: Batch): void {
    this.#retryAtMs = Number.NEGATIVE_INFINITY;
    this.#askedAtMs = this.#environment.clock.monotonic();
    const { signal } = this.#abort;
    const { writer, name } = this.#options.sink;
    writer.write(batch.drafts, signal).then(
      () => {
        if (signal.aborted) return;
        this.#askedAtMs = undefined;
        this.#failingSinceMs = undefined;
        this.#attempts = 0;
        this.#environment.counters.counter("sink_records", { step: name }).add(batch.drafts.length);
        this.#written(batch);
        this.#environment.wake();
      },
      (error: unknown) => {
        if (signal.aborted) return;
        this.#failed(error);
        this.#environment.wake();
      },
    );
  }

  #written(batch: Batch): void {
    for (const time of batch.times) this.#input.vector!.update(time);
    this.#done = batch.end;
    this.#writing = undefined;
  }

  /** A write that never answers holds its task, and no other; but not for ever. */
  #checkPatience(nowMs: number): void {
    const { taskTimeoutMs, sink } = this.#options;
    if (this.#askedAtMs === undefined || nowMs - this.#askedAtMs <= taskTimeoutMs) return;
    this.#abort.abort();
    throw new TaskTimeoutError(
      "TASK_TIMEOUT",
      `Sink '${sink.name}' has not answered for ${taskTimeoutMs} ms: let its write reject when the system outside is away, or raise taskTimeout`,
      { step: sink.name },
    );
  }

  #failed(error: unknown): void {
    this.#askedAtMs = undefined;
    const nowMs = this.#environment.clock.monotonic();
    const { name } = this.#options.sink;
    this.#failingSinceMs ??= nowMs;
    // What the writer itself calls final is not tried again; that it ran out of patience is not final.
    if (error instanceof MillraceError && !(error instanceof TaskTimeoutError)) this.#failure = error;
    else if (nowMs - this.#failingSinceMs > this.#options.taskTimeoutMs)
      this.#failure = new TaskTimeoutError(
        "TASK_TIMEOUT",
        `Sink '${name}' could not be written for ${this.#options.taskTimeoutMs} ms: ${reason(error)}`,
        { step: name, cause: error },
      );
    else {
      this.#environment.counters.counter("sink_failures", { step: name }).add();
      this.#environment.logger.log("warn", `Sink '${name}' failed and is tried again`, { reason: reason(error) });
      this.#retryAtMs = nowMs + Math.min(100 * 2 ** this.#attempts++, 10_000);
    }
  }
}
