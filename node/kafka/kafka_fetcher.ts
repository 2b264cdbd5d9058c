import type { Clock, Timeout } from "../../core/ports/clock.ts";
import { type Fetched, type Fetcher, type FetcherOptions, type FetchPosition, LogError, partitionId } from "../../core/ports/log.ts";
import type { Cluster } from "./cluster.ts";
import type { Decompress } from "./compression.ts";
import type { ConnectionSet } from "./connection_set.ts";
import { errorNumber, isLeaderChange } from "./error_codes.ts";
import { fetchedError, fetchedRecords } from "./fetched.ts";
import { type FetchResult, fetch } from "./requests/fetch.ts";
import { listOffsets, listOffsetsAt } from "./requests/offsets.ts";

/**
 * Reads by long polls, one or two under way per broker: a second one serves partitions that are wanted again while the first one waits for others. What arrives
 * while no poll waits, or more than one poll may give, is kept for the next one, but only as long as the position is the one that is wanted.
 */
export class KafkaFetcher implements Fetcher {
  readonly #cluster: Cluster;
  readonly #clock: Clock;
  readonly #options: Required<FetcherOptions>;
  readonly #decompress: Decompress;
  readonly #connections: ConnectionSet;
  /** What the last poll asked for. */
  #wanted: ReadonlyMap<string, FetchPosition> = new Map();
  #poll: PendingPoll | undefined;
  readonly #lanes = new Set<Lane>();
  readonly #kept = new Map<string, Fetched>();
  #keptBytes = 0;
  /** When each partition last gave something, in requests: those that waited longest are asked for first. */
  readonly #served = new Map<string, number>();
  #turn = 0;
  /** Partitions that failed for a passing reason are left alone until then. */
  readonly #pausedUntil = new Map<string, number>();
  readonly #failures = new Map<number, number>();
  /** Since when nobody knows the topic or partition. */
  readonly #unknownSince = new Map<string, number>();
  #refreshing = false;
  #retryTimer: Timeout | undefined;
  #fatal: LogError | undefined;
  #closed = false;

  constructor(cluster: Cluster, options: FetcherOptions, decompress: Decompress) {
    this.#cluster = cluster;
    this.#clock = cluster.clock;
    this.#options = { partitionBytes: 1 << 20, totalBytes: 4 << 20, ...options };
    this.#decompress = decompress;
    this.#connections = cluster.connections();
  }

  poll(positions: readonly FetchPosition[], maxWaitMs: number): Promise<readonly Fetched[]> {
    if (this.#closed) return Promise.reject(new LogError("CLOSED", "rejected", "Cannot poll a fetcher that was closed"));
    if (this.#poll !== undefined)
      return Promise.reject(
        new LogError("UNKNOWN", "rejected", "Cannot poll while another poll of the same fetcher waits: await it, or wake it"),
      );
    this.#wanted = new Map(positions.map((position) => [partitionId(position.topic, position.partition), position]));
    this.#dropUnwanted();
    return new Promise((resolve, reject) => {
      const now = this.#clock.monotonic();
      this.#poll = {
        resolve,
        reject,
        until: now + maxWaitMs,
        timer: this.#clock.after(maxWaitMs, () => this.#timeIsOver()),
        sent: new Set(),
        hasAsked: false,
      };
      this.#request();
      this.#serve();
    });
  }

  get keptBytes(): number {
    return this.#keptBytes;
  }

  wake(): void {
    if (this.#poll !== undefined) this.#finish(this.#takeReady());
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#retryTimer?.cancel();
    if (this.#poll !== undefined) this.#finish([]);
    this.#kept.clear();
    this.#cluster.release(this.#connections);
  }

  // ---------------------------------------------------------------- answering the poll

  /** Answers the waiting poll when there is something to say. */
  #serve(): void {
    const poll = this.#poll;
    if (poll === undefined) return;
    if (this.#fatal !== undefined) {
      const fatal = this.#fatal;
      this.#fatal = undefined;
      this.#poll = undefined;
      poll.timer.cancel();
      poll.reject(fatal);
      return;
    }
    const ready = this.#takeReady();
    if (ready.length > 0) this.#finish(ready);
    else if (poll.sent.size === 0 && this.#clock.monotonic() >= poll.until - clockToleranceMs) this.#finish([]);
  }

  #finish(answer: readonly Fetched[]): void {
    const poll = this.#poll!;
    this.#poll = undefined;
    poll.timer.cancel();
    poll.resolve(answer);
  }

  /** A poll that asks a broker waits for its answer even when it should not wait at all, but not for a broker that hangs. */
  #timeIsOver(): void {
    const poll = this.#poll;
    if (poll === undefined) return;
    const graceLeft = poll.until + answerGraceMs - this.#clock.monotonic();
    if (poll.sent.size > 0 && graceLeft > 0) poll.timer = this.#clock.after(graceLeft, () => this.#timeIsOver());
    else this.#finish(this.#takeReady());
  }

  #takeReady(): Fetched[] {
    const ready: Fetched[] = [];
    let bytes = 0;
    for (const [id, fetched] of this.#kept) {
      if (this.#wanted.get(id)?.offset !== fetched.offset) continue;
      if (ready.length > 0 && bytes + fetched.bytes > this.#options.totalBytes) continue;
      bytes += fetched.bytes;
      ready.push(fetched);
      this.#discard(id);
    }
    return ready;
  }

  #keep(fetched: Fetched): void {
    const id = partitionId(fetched.topic, fetched.partition);
    const wanted = this.#wanted.get(id);
    if (wanted !== undefined && wanted.offset !== fetched.offset) return;
    this.#discard(id);
    this.#kept.set(id, fetched);
    this.#keptBytes += fetched.bytes;
  }

  #discard(id: string): void {
    this.#keptBytes -= this.#kept.get(id)?.bytes ?? 0;
    this.#kept.delete(id);
  }

  /** What is kept for another position is of no use; what is kept for a partition that is not wanted now may be soon, within a bound. */
  #dropUnwanted(): void {
    for (const [id, fetched] of this.#kept) {
      const wanted = this.#wanted.get(id);
      if (wanted === undefined ? this.#keptBytes > this.#options.totalBytes : wanted.offset !== fetched.offset) this.#discard(id);
    }
  }

  // ---------------------------------------------------------------- asking brokers

  /** Sends requests for what is wanted and neither kept nor on its way. */
  #request(): void {
    const poll = this.#poll;
    const now = this.#clock.monotonic();
    // Even a poll that does not wait asks once.
    if (this.#closed || poll === undefined || (poll.hasAsked && now >= poll.until - clockToleranceMs)) return;
    const byLeader = new Map<number, FetchPosition[]>();
    const leaderless: FetchPosition[] = [];
    let nextRetry = Number.POSITIVE_INFINITY;
    for (const [id, position] of this.#wanted) {
      if (this.#kept.has(id) || this.#isUnderWay(id, position.offset)) continue;
      const pausedUntil = this.#pausedUntil.get(id) ?? 0;
      if (pausedUntil > now) {
        nextRetry = Math.min(nextRetry, pausedUntil);
        continue;
      }
      const leader = this.#cluster.leader(position.topic, position.partition);
      if (leader === undefined) {
        leaderless.push(position);
        continue;
      }
      const positions = byLeader.get(leader);
      if (positions === undefined) byLeader.set(leader, [position]);
      else positions.push(position);
    }
    for (const [nodeId, positions] of byLeader) {
      const slot = this.#freeSlot(nodeId);
      if (slot !== undefined) void this.#fetch(nodeId, slot, this.#starvedFirst(positions));
    }
    if (leaderless.length > 0 && !this.#refreshing) void this.#seekLeaders(leaderless);
    if (nextRetry !== Number.POSITIVE_INFINITY) this.#retryAfter(nextRetry - now);
  }

  #isUnderWay(id: string, offset: number): boolean {
    for (const lane of this.#lanes) if (lane.asked.get(id) === offset) return true;
    return false;
  }

  #freeSlot(nodeId: number): number | undefined {
    for (let slot = 0; slot < lanesPerBroker; slot++) {
      let free = true;
      for (const lane of this.#lanes) if (lane.nodeId === nodeId && lane.slot === slot) free = false;
      if (free) return slot;
    }
    return undefined;
  }

  /** A broker fills its answer in the order of the request until it is full. */
  #starvedFirst(positions: FetchPosition[]): FetchPosition[] {
    const servedAt = ({ topic, partition }: FetchPosition): number => this.#served.get(partitionId(topic, partition)) ?? -1;
    return positions.sort((one, other) => servedAt(one) - servedAt(other));
  }

  async #fetch(nodeId: number, slot: number, positions: readonly FetchPosition[]): Promise<void> {
    const asked = new Map(positions.map(({ topic, partition, offset }) => [partitionId(topic, partition), offset]));
    const lane: Lane = { nodeId, slot, asked };
    const poll = this.#poll!;
    this.#lanes.add(lane);
    poll.sent.add(lane);
    poll.hasAsked = true;
    const left = poll.until - this.#clock.monotonic();
    const maxWaitMs = Math.round(Math.max(0, Math.min(left, longPollMsMax)));
    const { isolation, partitionBytes, totalBytes } = this.#options;
    try {
      const connection = await this.#connections.to(nodeId, `fetch-${slot}`);
      const results = await connection.send(fetch(positions, isolation, { maxWaitMs, partitionBytes, totalBytes }));
      this.#failures.delete(nodeId);
      const turn = this.#turn++;
      const outOfRange: FetchResult[] = [];
      for (const result of results) {
        const id = partitionId(result.topic, result.partition);
        const offset = asked.get(id);
        if (offset === undefined) continue;
        if (result.records.length > 0) this.#served.set(id, turn);
        if (result.error === errorNumber.offsetOutOfRange) outOfRange.push(result);
        else this.#take(result, offset);
      }
      if (outOfRange.length > 0) await this.#tellRanges(nodeId, outOfRange, asked);
    } catch (thrown) {
      this.#failed(nodeId, positions, thrown);
    }
    this.#lanes.delete(lane);
    poll.sent.delete(lane);
    if (this.#closed) return;
    this.#serve();
    this.#request();
  }

  #take(result: FetchResult, offset: number): void {
    const { topic, partition, error } = result;
    const id = partitionId(topic, partition);
    if (error === errorNumber.unknownTopicOrPartition || isLeaderChange(error)) {
      this.#cluster.forgetLeader(topic, partition);
      this.#pausedUntil.set(id, this.#clock.monotonic() + leaderPauseMs);
      return;
    }
    this.#unknownSince.delete(id);
    const fetched =
      error === errorNumber.none
        ? fetchedRecords(result, offset, this.#options.isolation, this.#decompress)
        : fetchedError(result, offset, this.#refusal(result, offset));
    if (fetched === undefined) return;
    if (fetched.error?.disposition === "retriable" || fetched.error?.disposition === "indefinite") {
      this.#pausedUntil.set(id, this.#clock.monotonic() + failurePauseMsMax);
      return;
    }
    this.#keep(fetched);
  }

  /** A broker does not say what it has when it refuses an offset, which is just what the reader wants to know. */
  async #tellRanges(nodeId: number, results: readonly FetchResult[], asked: ReadonlyMap<string, number>): Promise<void> {
    const connection = await this.#connections.to(nodeId, "ranges");
    const starts = await connection.send(listOffsets(results, listOffsetsAt.earliest, "read-uncommitted"));
    const ends = await connection.send(listOffsets(results, listOffsetsAt.latest, "read-uncommitted"));
    const stable = await connection.send(listOffsets(results, listOffsetsAt.latest, "read-committed"));
    const find = (list: typeof starts, { topic, partition }: FetchResult): number =>
      list.find((one) => one.topic === topic && one.partition === partition)?.offset ?? -1;
    for (const result of results) {
      const logStartOffset = find(starts, result);
      const highWatermark = find(ends, result);
      const offset = asked.get(partitionId(result.topic, result.partition))!;
      // It may have come into range in between.
      if (offset >= logStartOffset && offset <= highWatermark) continue;
      const known = { ...result, logStartOffset, highWatermark, lastStableOffset: find(stable, result) };
      this.#keep(fetchedError(known, offset, this.#refusal(known, offset)));
    }
  }

  #refusal({ topic, partition, error, logStartOffset, highWatermark }: FetchResult, offset: number): LogError {
    const range = error === errorNumber.offsetOutOfRange ? `it holds ${logStartOffset} to ${highWatermark}` : null;
    return this.#cluster.refusal(error, `Cannot read ${topic}/${partition} at offset ${offset}`, range, {
      topic,
      partition,
      offset,
      needs: "READ",
    });
  }

  #failed(nodeId: number, positions: readonly FetchPosition[], thrown: unknown): void {
    if (this.#closed) return;
    if (!(thrown instanceof LogError) || (thrown.disposition !== "retriable" && thrown.disposition !== "indefinite")) {
      this.#fatal ??= thrown instanceof LogError ? thrown : new LogError("UNKNOWN", "rejected", "Cannot fetch", { cause: thrown });
      return;
    }
    const failures = (this.#failures.get(nodeId) ?? 0) + 1;
    this.#failures.set(nodeId, failures);
    if (failures === noticedFailures)
      this.#cluster.options.logger.log("warn", "Fetching from a broker keeps failing", { broker: nodeId, reason: thrown.message });
    const until = this.#clock.monotonic() + Math.min(failurePauseMsMax, leaderPauseMs * 2 ** (failures - 1));
    for (const { topic, partition } of positions) {
      this.#cluster.forgetLeader(topic, partition);
      this.#pausedUntil.set(partitionId(topic, partition), until);
    }
  }

  async #seekLeaders(positions: readonly FetchPosition[]): Promise<void> {
    this.#refreshing = true;
    try {
      await this.#cluster.refresh(new Set(positions.map(({ topic }) => topic)));
    } catch (thrown) {
      if (thrown instanceof LogError && thrown.disposition === "configuration") this.#fatal ??= thrown;
    }
    this.#refreshing = false;
    const now = this.#clock.monotonic();
    for (const position of positions) {
      const { topic, partition, offset } = position;
      if (this.#cluster.leader(topic, partition) !== undefined) continue;
      const id = partitionId(topic, partition);
      this.#pausedUntil.set(id, now + leaderPauseMs);
      const error = this.#cluster.noLeader(topic, partition);
      if (error.code === "LEADER_NOT_AVAILABLE") continue;
      // A topic that was just created may not be known to every broker yet.
      const since = this.#unknownSince.get(id) ?? now;
      this.#unknownSince.set(id, since);
      if (error.disposition === "retriable" && now - since < unknownTopicPatienceMs) continue;
      this.#unknownSince.delete(id);
      const nothing = { highWatermark: -1, lastStableOffset: -1, logStartOffset: -1 };
      this.#keep(fetchedError({ topic, partition, ...nothing }, offset, error));
    }
    if (this.#closed) return;
    this.#request();
    this.#serve();
  }

  #retryAfter(ms: number): void {
    if (this.#retryTimer !== undefined) return;
    this.#retryTimer = this.#clock.after(ms, () => {
      this.#retryTimer = undefined;
      this.#request();
    });
  }
}

interface Lane {
  readonly nodeId: number;
  readonly slot: number;
  /** Offsets by partition. */
  readonly asked: ReadonlyMap<string, number>;
}

interface PendingPoll {
  resolve(answer: readonly Fetched[]): void;
  reject(error: LogError): void;
  readonly until: number;
  timer: Timeout;
  /** Requests that this poll sent and that are not answered. */
  readonly sent: Set<Lane>;
  hasAsked: boolean;
}

const lanesPerBroker = 2;
/** A longer poll is made of several, so that a connection that died silently is noticed. */
const longPollMsMax = 5_000;
/** A broker's timer may be a little early. */
const clockToleranceMs = 2;
const answerGraceMs = 1_000;
const leaderPauseMs = 50;
const failurePauseMsMax = 1_000;
const noticedFailures = 5;
const unknownTopicPatienceMs = 1_000;
