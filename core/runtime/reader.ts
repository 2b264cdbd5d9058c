import { ConfigurationError, DecodeError, FatalError } from "../errors.ts";
import { type Fetched, type Fetcher, type FetchPosition, LogError, partitionId, type TopicPartition } from "../ports/log.ts";
import { Alignment } from "../time/alignment.ts";
import type { Application } from "./application.ts";
import type { Task } from "./sealed_task.ts";
import type { SiblingWatermarks } from "./sibling_watermarks.ts";
import type { PauseReason, TaskInput } from "./task_input.ts";

export interface ReaderOptions {
  readonly application: Application;
  readonly siblings: SiblingWatermarks;
  readonly tasks: () => Iterable<Task>;
  /** Too much waits in internal topics: no more is to come from sources. */
  readonly isCongested: () => boolean;
  readonly wake: () => void;
}

interface OffsetRange {
  readonly earliest: number;
  readonly latest: number;
  /** By the group; undefined when it has committed nothing there. */
  readonly committed: number | undefined;
}

const pollMs = 200;
/** What one partition may hold at most, however few there are: two fetches, one of which is handled while the other is under way. */
const partitionBytesMax = 2 << 20;
const astrayMs = 500;

/**
 * Keeps the inputs of all tasks filled, each up to its bound, and follows the control topic and, while some task is idle, what its siblings say. One poll is always under way; what it brings is handed over between slices.
 */
export class Reader {
  readonly #options: ReaderOptions;
  readonly #fetcher: Fetcher;
  readonly #arrived: Fetched[] = [];
  #polling: ReadonlyMap<string, number> | undefined;
  #error: unknown;
  #closed = false;
  /** Inputs whose end is being asked for, to tell idleness from an open transaction. */
  readonly #asking = new Set<string>();
  /** Partitions whose position lies outside of them, until it is set right. */
  readonly #astray = new Set<string>();
  /** Positions behind which others have committed, and since when that is known. */
  readonly #overtaken = new Map<string, { readonly offset: number; readonly sinceMs: number }>();
  paused = false;
  #checkedMs = Number.POSITIVE_INFINITY;

  constructor(options: ReaderOptions) {
    this.#options = options;
    const { log, settings } = options.application;
    this.#fetcher = log.fetcher({ isolation: "read-committed", partitionBytes: partitionBytesMax / 2, totalBytes: settings.fetchBytes });
  }

  /** Hands what has arrived to the inputs that still want it. */
  deliver(): void {
    if (this.#error !== undefined) throw this.#error;
    if (this.#arrived.length === 0) return;
    const inputs = new Map<string, TaskInput>();
    for (const task of this.#options.tasks()) for (const input of task.inputs) inputs.set(input.id, input);
    for (const fetched of this.#arrived.splice(0)) {
      const id = partitionId(fetched.topic, fetched.partition);
      const input = inputs.get(id);
      if (fetched.error !== undefined) this.#failed(fetched.error, fetched, input);
      else if (input !== undefined) {
        if (input.fetchPosition === fetched.offset) input.offer(fetched);
      } else this.#follow(fetched);
    }
  }

  /** Bytes that have come and are not handed over. */
  get undeliveredBytes(): number {
    let bytes = this.#fetcher.keptBytes ?? 0;
    for (const fetched of this.#arrived) bytes += fetched.bytes;
    return bytes;
  }

  /** Begins the next poll, or wakes the one under way when there is more to ask for. */
  request(): void {
    // What has arrived is handed over first: else it would be asked for again.
    if (this.#closed || this.#arrived.length > 0) return;
    const wanted = this.#wanted();
    if (this.#polling !== undefined) {
      for (const position of wanted)
        if (this.#polling.get(partitionId(position.topic, position.partition)) !== position.offset) {
          this.#fetcher.wake();
          return;
        }
      return;
    }
    if (wanted.length === 0) return;
    this.#polling = new Map(wanted.map((one) => [partitionId(one.topic, one.partition), one.offset]));
    const done = (): void => {
      this.#polling = undefined;
      this.#options.wake();
    };
    this.#fetcher.poll(wanted, pollMs).then(
      (fetched) => {
        this.#arrived.push(...fetched);
        this.#noteEnds(wanted, fetched);
        done();
      },
      (error: unknown) => {
        if (!this.#closed) this.#error = error;
        done();
      },
    );
  }

  /** Inputs learn where they end as soon as it is known, whoever has read it. */
  checkEnds(): void {
    const { application, tasks } = this.#options;
    const { bounds } = application.control;
    if (bounds === undefined) return;
    for (const task of tasks()) for (const input of task.inputs) if (input.endOffset === Number.POSITIVE_INFINITY) input.endAt(bounds);
  }

  /** Source partitions at whose end the position has stood for long enough are idle. */
  checkIdleness(nowMs: number): void {
    this.#forgiveStall(nowMs);
    for (const task of this.#options.tasks())
      for (const input of task.inputs) {
        const idlenessMs = input.plan.time?.idlenessMs;
        if (
          idlenessMs === undefined ||
          input.idle ||
          input.finished ||
          input.atEndSinceMs === undefined ||
          nowMs - input.atEndSinceMs < idlenessMs
        )
          continue;
        this.#confirmIdle(input);
      }
  }

  /** While this process stood still, nobody looked: that time is no silence of the partitions. */
  #forgiveStall(nowMs: number): void {
    const { settings, logger } = this.#options.application;
    const { watermarkPeriodMs, heartbeatMs } = settings;
    const sinceMs = nowMs - this.#checkedMs;
    const stalledMs = sinceMs - 2 * watermarkPeriodMs;
    this.#checkedMs = nowMs;
    if (stalledMs <= 0) return;
    if (stalledMs > heartbeatMs)
      logger.log(
        "warn",
        "The event loop stood still for longer than a heartbeat: a function of the program blocks it, or the machine is too busy; after a session of that the group gives the tasks to others",
        { stalledMs: Math.round(sinceMs) },
      );
    for (const task of this.#options.tasks())
      for (const input of task.inputs) if (input.atEndSinceMs !== undefined) input.atEndSinceMs += stalledMs;
  }

  /** Inputs that are too far ahead of their group are not taken from until the others have come up. */
  align(): void {
    const groups = new Map<string, Alignment<TaskInput>>();
    const aligned: { readonly input: TaskInput; readonly group: string; readonly maxDriftMs: number }[] = [];
    for (const task of this.#options.tasks())
      for (const input of task.inputs) {
        const alignment = input.plan.time?.alignment;
        if (alignment === undefined || input.source === undefined) continue;
        aligned.push({ input, ...alignment });
        let group = groups.get(alignment.group);
        if (group === undefined) groups.set(alignment.group, (group = new Alignment()));
        if (!input.idle && !input.finished) group.report(input, input.source.watermark);
      }
    for (const { input, group, maxDriftMs } of aligned) input.heldBack = input.source!.watermark > groups.get(group)!.allowed(maxDriftMs);
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#fetcher.close();
  }

  #wanted(): readonly FetchPosition[] {
    const { application, siblings, tasks } = this.#options;
    const { control } = application;
    const wanted: FetchPosition[] = [];
    let idle = false;
    const nowMs = application.clock.monotonic();
    const inputs = [...tasks()].flatMap((task) => task.inputs);
    const congested = this.#options.isCongested();
    const room = new Room(application.settings.inputBytes, inputs);
    for (const input of inputs) {
      if (input.idle) idle = true;
      input.congested = congested && isSource(input);
      const offset = input.fetchPosition;
      const more = !input.finished && offset < input.endOffset;
      input.pause(more ? this.#pauseOf(input, room) : undefined, nowMs);
      if (!more || input.paused !== undefined) continue;
      wanted.push({ topic: input.topic, partition: input.partition, offset, bytesMax: room.take() });
    }
    if (!this.#closed) wanted.push({ topic: control.topic, partition: 0, offset: control.position });
    if (idle) wanted.push({ topic: application.names.watermarks, partition: 0, offset: siblings.position });
    return this.#astray.size === 0 ? wanted : wanted.filter((one) => !this.#astray.has(partitionId(one.topic, one.partition)));
  }

  #pauseOf(input: TaskInput, room: Room): PauseReason | undefined {
    if (this.paused) return "application";
    if (input.heldBack) return "alignment";
    if (input.congested) return "internal";
    return room.isFor(input) ? undefined : "buffer";
  }

  /** What was asked for and brought nothing stands at its end, as far as is known. */
  #noteEnds(wanted: readonly FetchPosition[], fetched: readonly Fetched[]): void {
    const nowMs = this.#options.application.clock.monotonic();
    const brought = new Set(fetched.map((one) => partitionId(one.topic, one.partition)));
    const asked = new Set(wanted.map((one) => partitionId(one.topic, one.partition)));
    for (const task of this.#options.tasks())
      for (const input of task.inputs) {
        if (!asked.has(input.id) || brought.has(input.id) || !input.isEmpty || input.position < input.knownEnd)
          input.atEndSinceMs = input.isEmpty && input.position >= input.knownEnd ? input.atEndSinceMs : undefined;
        else input.atEndSinceMs ??= nowMs;
      }
  }

  /** Records of a transaction that is still open are not visible, but they are backlog and not silence. */
  #confirmIdle(input: TaskInput): void {
    if (this.#asking.has(input.id)) return;
    this.#asking.add(input.id);
    const { log } = this.#options.application;
    log.admin.offsets([input], "latest", "read-uncommitted").then(
      (ends) => {
        this.#asking.delete(input.id);
        const end = ends.get(input.id) ?? 0;
        input.knownEnd = Math.max(input.knownEnd, end);
        if (input.position >= end && input.atEndSinceMs !== undefined) input.idle = true;
        else input.atEndSinceMs = undefined;
        this.#options.wake();
      },
      () => {
        this.#asking.delete(input.id);
      },
    );
  }

  #follow(fetched: Fetched): void {
    const { application, siblings } = this.#options;
    const { control } = application;
    const { records } = fetched;
    if (fetched.topic === control.topic && fetched.offset === control.position) {
      while (records.next()) control.apply(records.key(), records.value());
      control.position = fetched.nextOffset;
    } else if (fetched.topic === application.names.watermarks && fetched.offset === siblings.position) {
      while (records.next()) siblings.apply(records.key(), records.value());
      siblings.position = fetched.nextOffset;
    }
  }

  #failed(error: LogError, at: Fetched, input: TaskInput | undefined): void {
    const { siblings, application } = this.#options;
    const { control } = application;
    if (error.code === "OFFSET_OUT_OF_RANGE") {
      if (at.topic === control.topic) return this.#askRange(at, ({ earliest }) => void (control.position = earliest));
      if (at.topic === application.names.watermarks) return this.#askRange(at, ({ earliest }) => void (siblings.position = earliest));
      if (input !== undefined && input.fetchPosition === at.offset)
        return this.#askRange(at, (range) => {
          // What was fetched before is handled first; then this error comes again.
          if (input.isEmpty && input.fetchPosition === at.offset) this.#outOfRange(input, at, range, error);
        });
      // An answer to a question that nobody asks any more.
      return;
    }
    if (error.code === "UNKNOWN_TOPIC_OR_PARTITION" && this.#mayGo(at.topic, input)) return this.#leaveAlone(at);
    const place = { topic: at.topic, partition: at.partition, offset: at.offset, cause: error };
    if (error.code === "CORRUPT_MESSAGE" || error.code === "UNSUPPORTED_COMPRESSION_TYPE")
      throw new DecodeError("DECODE_FAILED", error.message, place);
    if (error.code === "UNKNOWN_TOPIC_OR_PARTITION")
      throw new ConfigurationError(
        "TOPIC_MISSING",
        `Topic '${at.topic}' has gone while it was read: create it again, and reset the application if it was created anew`,
        place,
      );
    throw error;
  }

  /** A topic that was read because it matched a pattern may be deleted; an answer may come when it is not read any more. */
  #mayGo(topic: string, input: TaskInput | undefined): boolean {
    const { patterns, control, names } = this.#options.application;
    if (patterns === undefined || topic === control.topic || topic === names.watermarks) return false;
    return input === undefined || input.plan.matches !== undefined;
  }

  /** Not fetched for a while; whether it is gone for good is looked at meanwhile. */
  #leaveAlone(at: TopicPartition): void {
    const { patterns, clock } = this.#options.application;
    const id = partitionId(at.topic, at.partition);
    patterns?.hint();
    this.#astray.add(id);
    clock.after(astrayMs, () => {
      this.#astray.delete(id);
      this.#options.wake();
    });
  }

  /** A position lies outside of its partition: where that begins and ends is not said with the error. Until it is known the partition is not fetched. */
  #askRange(at: TopicPartition, then: (range: OffsetRange) => void): void {
    const id = partitionId(at.topic, at.partition);
    if (this.#astray.has(id)) return;
    this.#astray.add(id);
    const { log, clock, settings, topics } = this.#options.application;
    const { admin } = log;
    const ask = async (): Promise<void> => {
      try {
        // A topic that was made anew has other records under the same offsets: there is nothing to go on with.
        await topics.check([at.topic]);
        const [earliest, latest, committed] = await Promise.all([
          admin.offsets([at], "earliest", "read-committed"),
          admin.offsets([at], "latest", "read-committed"),
          admin.committed(settings.applicationId, [at], { requireStable: false }),
        ]);
        if (!this.#closed) then({ earliest: earliest.get(id) ?? 0, latest: latest.get(id) ?? 0, committed: committed.get(id)?.offset });
      } catch (error) {
        // A broker that is away is asked again, with the next fetch that fails.
        if (!(error instanceof LogError) || error.disposition === "configuration") this.#error ??= error;
      }
      // Where nothing was set right the next answer will be the same: there is no hurry.
      clock.after(astrayMs, () => {
        this.#astray.delete(id);
        this.#options.wake();
      });
      this.#options.wake();
    };
    void ask();
  }

  #outOfRange(input: TaskInput, at: FetchPosition, { earliest, latest, committed }: OffsetRange, cause: LogError): void {
    const { logger, counters, settings } = this.#options.application;
    const place = { topic: at.topic, partition: at.partition, offset: at.offset, cause };
    const range = `the log has ${earliest} to ${latest}`;
    // Without commits of offsets a position may lie before what was deleted from an internal topic: nobody has promised anything.
    const forgetful = settings.guarantee === "none" && input.plan.kind !== "source";
    // Who has committed beyond this position has taken the task over, and has deleted what it is done with. The group is about to tell.
    if (committed !== undefined && committed > at.offset && !this.#isOverdue(input.id, at.offset)) return;
    if (input.plan.kind !== "source" && !forgetful)
      throw new FatalError(
        "OFFSET_OUT_OF_RANGE",
        `Internal topic partition ${input.id} has lost offset ${at.offset} (${range}): was it changed from outside?`,
        place,
      );
    const startAt = forgetful ? "earliest" : input.plan.startAt;
    if (typeof startAt !== "string" || startAt === "none")
      throw new ConfigurationError(
        "OFFSET_OUT_OF_RANGE",
        `Offset ${at.offset} of ${input.id} is not in the log any more (${range}): reset the offsets, or choose startAt "earliest" or "latest"`,
        place,
      );
    counters.counter("offset_resets", { step: input.plan.step }).add();
    logger.log("warn", `Offset ${at.offset} of ${input.id} is not in the log any more (${range}): going on at the ${startAt} one`, {
      topic: at.topic,
      partition: at.partition,
    });
    input.clear();
    input.position = startAt === "earliest" ? earliest : latest;
  }

  /** The group has had the time to tell that a task is another's by now. */
  #isOverdue(id: string, offset: number): boolean {
    const { clock, settings } = this.#options.application;
    const nowMs = clock.monotonic();
    const known = this.#overtaken.get(id);
    if (known?.offset !== offset) this.#overtaken.set(id, { offset, sinceMs: nowMs });
    return known?.offset === offset && nowMs - known.sinceMs > settings.sessionTimeoutMs + settings.rebalanceTimeoutMs;
  }
}

const isSource = ({ plan: { kind } }: TaskInput): boolean => kind === "source" || kind === "records";

/**
 * Who may be asked for more. Each partition has an equal share of the bound; it is paused when more than half of that waits, and a fetch brings up to the other half, so that no share is exceeded.
 */
class Room {
  readonly #shareBytes: number;
  #left: number;

  constructor(bytesMax: number, inputs: readonly TaskInput[]) {
    this.#shareBytes = Math.min(partitionBytesMax, bytesMax / inputs.length);
    this.#left = bytesMax;
    for (const { bufferedBytes } of inputs) this.#left -= bufferedBytes;
  }

  isFor(input: TaskInput): boolean {
    // Who has nothing may always have something: others may wait for just that, such as its event time.
    if (input.isEmpty) return true;
    // The shares were larger while there were fewer partitions.
    return 2 * input.bufferedBytes <= this.#shareBytes && this.#left >= this.#fetchBytes;
  }

  /** What the next fetch may bring. */
  take(): number {
    this.#left -= this.#fetchBytes;
    return this.#fetchBytes;
  }

  get #fetchBytes(): number {
    return Math.max(1, Math.floor(this.#shareBytes / 2));
  }
}
