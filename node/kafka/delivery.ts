import { type Clock, sleep } from "../../core/ports/clock.ts";
import { LogError, partitionId } from "../../core/ports/log.ts";
import type { BatchBuilder } from "./batch_builder.ts";
import type { BrokerConnection } from "./broker_connection.ts";
import { errorNumber, isLeaderChange } from "./error_codes.ts";
import type { PartitionBatches } from "./kafka_outbox.ts";
import type { RefusalPlace } from "./missing_right.ts";
import { type ProducePart, type ProduceResult, produce } from "./requests/produce.ts";

export interface DeliveryContext {
  readonly clock: Clock;
  readonly transactionalId: string | null;
  readonly produceVersion: number;
  readonly brokerTimeoutMs: number;
  /** How long a batch may go on failing for reasons that may pass. */
  readonly retryForMs: number;
  leaderOf(topic: string, partition: number): Promise<number>;
  leader(topic: string, partition: number): number | undefined;
  forgetLeader(topic: string, partition: number): void;
  connect(nodeId: number): Promise<BrokerConnection>;
  /** Ends the connections that were made; what is under way fails. */
  hangUp(): void;
  refusal(number: number, what: string, detail: string | null, place: RefusalPlace): LogError;
  /** Gives the batch its place in the producer's sequence; asked once per batch. */
  stamp(topic: string, partition: number, batch: BatchBuilder): Buffer;
  /** So many records were written. */
  written(topic: string, partition: number, count: number): void;
  /** Two batches in place of one that was too large. */
  split(topic: string, batch: BatchBuilder, bytes: Buffer): Promise<readonly BatchBuilder[]>;
}

/**
 * Brings the batches of one send to their partitions. Partitions do not wait for each other, but each has at most one batch under way, and a batch that may or
 * may not have arrived is sent again byte for byte with the same sequence: the broker then knows it again. With two batches of a partition under way a lost answer
 * could lose one record and double another.
 */
export class Delivery {
  readonly #context: DeliveryContext;
  readonly #lanes: Lane[];
  readonly #baseOffsets = new Map<string, number>();
  #underWay = 0;
  #failure: unknown;
  #settled: (() => void) | undefined;

  constructor(context: DeliveryContext, partitions: readonly PartitionBatches[]) {
    this.#context = context;
    this.#lanes = partitions.map(({ topic, partition, batches }) => ({
      topic,
      partition,
      queue: [...batches],
      bytes: undefined,
      busy: false,
      failingSince: undefined,
      pauseMs: firstPauseMs,
    }));
  }

  /** Resolves with the first offset of each partition when all is written. When it rejects, nothing is under way any more on our side. */
  async run(): Promise<Map<string, number>> {
    if (this.#lanes.length === 0) return this.#baseOffsets;
    await new Promise<void>((resolve) => {
      this.#settled = resolve;
      this.#pump();
    });
    if (this.#failure !== undefined) throw this.#failure;
    return this.#baseOffsets;
  }

  /** Sends the next batch of every partition that has nothing under way, in requests of a bounded size, one or more per broker. */
  #pump(): void {
    if (this.#failure === undefined) {
      const byLeader = new Map<number, Lane[]>();
      for (const lane of this.#lanes) {
        if (lane.busy || lane.queue.length === 0) continue;
        lane.busy = true;
        const leader = this.#context.leader(lane.topic, lane.partition);
        if (leader === undefined) {
          this.#track(this.#seekLeader(lane));
          continue;
        }
        const lanes = byLeader.get(leader);
        if (lanes === undefined) byLeader.set(leader, [lane]);
        else lanes.push(lane);
      }
      for (const [leader, lanes] of byLeader) for (const group of inRequests(lanes)) this.#track(this.#send(leader, group));
    }
    if (this.#underWay === 0) this.#settled?.();
  }

  #track(work: Promise<void>): void {
    this.#underWay++;
    work
      .catch((thrown) => {
        if (this.#failure !== undefined) return;
        this.#failure = thrown;
        // Nobody waits for the other answers any more, and their memory is to be free again.
        this.#context.hangUp();
      })
      .then(() => {
        this.#underWay--;
        this.#pump();
      });
  }

  async #seekLeader(lane: Lane): Promise<void> {
    try {
      await this.#context.leaderOf(lane.topic, lane.partition);
      lane.busy = false;
    } catch (thrown) {
      await this.#again([lane], thrown);
    }
  }

  async #send(leader: number, lanes: readonly Lane[]): Promise<void> {
    const context = this.#context;
    const parts: ProducePart[] = lanes.map((lane) => {
      lane.bytes ??= context.stamp(lane.topic, lane.partition, lane.queue[0]!);
      return { topic: lane.topic, partition: lane.partition, batch: lane.bytes };
    });
    let results: readonly ProduceResult[];
    try {
      const connection = await context.connect(leader);
      results = await connection.send(produce(context.transactionalId, parts, context.brokerTimeoutMs, context.produceVersion));
    } catch (thrown) {
      for (const { topic, partition } of lanes) context.forgetLeader(topic, partition);
      return this.#again(lanes, thrown);
    }
    const answers = new Map(results.map((result) => [partitionId(result.topic, result.partition), result]));
    for (const lane of lanes) {
      const refusal = this.#settle(lane, answers.get(partitionId(lane.topic, lane.partition)));
      if (refusal !== undefined) this.#track(this.#again([lane], refusal));
    }
  }

  /** Takes note of what became of a batch. Gives the error of one that is to be sent again. */
  #settle(lane: Lane, result: ProduceResult | undefined): LogError | undefined {
    const { topic, partition } = lane;
    const batch = lane.queue[0]!;
    const id = partitionId(topic, partition);
    if (result === undefined) throw new LogError("UNKNOWN", "indefinite", `The broker did not answer for ${id}`, { topic, partition });
    if (result.error === errorNumber.none) {
      if (!this.#baseOffsets.has(id)) this.#baseOffsets.set(id, result.baseOffset);
      this.#context.written(topic, partition, batch.count);
      lane.queue.shift();
      lane.bytes = undefined;
      lane.busy = false;
      lane.failingSince = undefined;
      lane.pauseMs = firstPauseMs;
      return undefined;
    }
    if (tooLarge.has(result.error) && batch.count > 1) {
      this.#track(this.#split(lane, batch));
      return undefined;
    }
    const what = batch.count === 1 ? `a record of ${batch.bytes} bytes` : `${batch.count} records of ${batch.bytes} bytes`;
    const error = this.#context.refusal(result.error, `Cannot write ${what} to ${id}`, result.detail, { topic, partition, needs: "WRITE" });
    if (!sentAgain.has(result.error)) throw error;
    if (isLeaderChange(result.error)) this.#context.forgetLeader(topic, partition);
    return error;
  }

  async #split(lane: Lane, batch: BatchBuilder): Promise<void> {
    lane.queue.splice(0, 1, ...(await this.#context.split(lane.topic, batch, lane.bytes!)));
    lane.bytes = undefined;
    lane.busy = false;
  }

  /** Lets partitions try again after a pause, as long as the reason may pass and the time allows. */
  async #again(lanes: readonly Lane[], thrown: unknown): Promise<void> {
    if (!(thrown instanceof LogError) || !mayPass(thrown)) throw thrown;
    const { clock, retryForMs } = this.#context;
    const now = clock.monotonic();
    let pauseMs = 0;
    for (const lane of lanes) {
      lane.failingSince ??= now;
      if (now - lane.failingSince > retryForMs) {
        // Other batches of the same send may be written: only a new epoch can tell what is visible.
        throw new LogError(thrown.code, "indefinite", `${thrown.message}; gave up after ${retryForMs} ms`, { ...thrown, cause: thrown });
      }
      pauseMs = Math.max(pauseMs, lane.pauseMs);
      lane.pauseMs = Math.min(lane.pauseMs * 2, lastPauseMs);
    }
    await sleep(clock, pauseMs);
    for (const lane of lanes) lane.busy = false;
  }
}

/** One partition's batches: the first of the queue is the one under way. */
interface Lane {
  readonly topic: string;
  readonly partition: number;
  readonly queue: BatchBuilder[];
  /** The stamped bytes of the first batch, once it was sent. */
  bytes: Buffer | undefined;
  busy: boolean;
  failingSince: number | undefined;
  pauseMs: number;
}

/** Cuts the lanes of one broker into requests; one at least in each. */
const inRequests = function* (lanes: readonly Lane[]): Generator<readonly Lane[]> {
  let group: Lane[] = [];
  let bytes = 0;
  for (const lane of lanes) {
    const size = lane.queue[0]!.bytes;
    if (group.length > 0 && bytes + size > requestBytesMax) {
      yield group;
      group = [];
      bytes = 0;
    }
    group.push(lane);
    bytes += size;
  }
  if (group.length > 0) yield group;
};

const mayPass = (error: LogError): boolean => error.disposition === "retriable" || sentAgainCodes.has(error.code);

/** A broker handles a connection's requests one by one: several of a moderate size let it answer the first while the others travel. */
const requestBytesMax = 1 << 20;
const firstPauseMs = 1;
const lastPauseMs = 100;

const tooLarge: ReadonlySet<number> = new Set([errorNumber.messageTooLarge, errorNumber.recordListTooLarge]);

/** Refusals that may pass, and answers after which the same bytes do no harm: the broker knows a batch again by its sequence. */
const sentAgain: ReadonlySet<number> = new Set([2, 3, 5, 6, 7, 8, 9, 13, 14, 15, 16, 19, 20, 51, 56, 72, 74, 75, 103]);
const sentAgainCodes: ReadonlySet<string> = new Set(["CONNECTION_CLOSED", "REQUEST_TIMED_OUT", "CORRUPT_MESSAGE", "NOT_ENOUGH_REPLICAS"]);
