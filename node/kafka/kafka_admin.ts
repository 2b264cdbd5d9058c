import { sleep } from "../../core/ports/clock.ts";
import {
  type CommittedOffset,
  type FetchPosition,
  type GroupMetadata,
  type Isolation,
  type LogAdmin,
  LogError,
  partitionId,
  type TopicDescription,
  type TopicPartition,
  type TopicSpec,
} from "../../core/ports/log.ts";
import type { BrokerConnection } from "./broker_connection.ts";
import type { Cluster } from "./cluster.ts";
import type { ConnectionSet } from "./connection_set.ts";
import { errorNumber, isLeaderChange } from "./error_codes.ts";
import { api, type WireRequest } from "./request.ts";
import { describeTransactions, describeTransactionsApi } from "./requests/describe_transactions.ts";
import type { CoordinatorKind } from "./requests/find_coordinator.ts";
import { metadata, type TopicMetadata } from "./requests/metadata.ts";
import { deleteRecords, listOffsets, listOffsetsAt, offsetCommit, offsetFetch, type PartitionResult } from "./requests/offsets.ts";
import { createPartitions, createTopics, deleteTopics, describeConfigs, type TopicResult } from "./requests/topics.ts";
import { isRetriable, isRetriableOrIndefinite, retry } from "./retry.ts";

/** Topics, offsets and groups from outside. Whatever changes something may be repeated without harm, so passing faults and lost answers are retried. */
export class KafkaAdmin implements LogAdmin {
  readonly #cluster: Cluster;
  readonly #connections: ConnectionSet;

  constructor(cluster: Cluster) {
    this.#cluster = cluster;
    this.#connections = cluster.connections();
  }

  // ---------------------------------------------------------------- topics

  async describe(topics: readonly string[]): Promise<ReadonlyMap<string, TopicDescription>> {
    const described = new Map<string, TopicDescription>();
    if (topics.length === 0) return described;
    for (const found of (await this.#cluster.metadata(topics)).topics) {
      if (found.error === errorNumber.unknownTopicOrPartition || found.error === errorNumber.invalidTopic) continue;
      if (found.error !== errorNumber.none && found.error !== errorNumber.leaderNotAvailable) {
        throw this.#cluster.refusal(found.error, `Cannot describe topic '${found.topic}'`, null, { topic: found.topic });
      }
      described.set(found.topic, { topic: found.topic, topicId: found.topicId, partitions: found.partitions.length });
    }
    return described;
  }

  async list(): Promise<readonly string[]> {
    const { topics } = await this.#cluster.metadata(null);
    return topics.filter(({ internal }) => !internal).map(({ topic }) => topic);
  }

  async create(topics: readonly TopicSpec[]): Promise<void> {
    if (topics.length === 0) return;
    const results = await this.#askController(createTopics(topics, this.#brokerTimeoutMs));
    for (const { topic, error, detail } of results) {
      if (error !== errorNumber.none && error !== errorNumber.topicAlreadyExists)
        throw this.#cluster.refusal(error, `Cannot create topic '${topic}'`, detail, { topic, needs: "CREATE" });
    }
    await this.#until(
      topics.map(({ topic }) => topic),
      isReady,
    );
  }

  async addPartitions(topic: string, total: number): Promise<void> {
    const [result] = await this.#askController(createPartitions(topic, total, this.#brokerTimeoutMs));
    if (result !== undefined && result.error !== errorNumber.none) {
      // The answer to an attempt that succeeded may have been lost, and a program that asks for what is there already has what it wants.
      const present = (await this.describe([topic])).get(topic)?.partitions;
      if (result.error !== errorNumber.invalidPartitions || present !== total) {
        throw this.#cluster.refusal(result.error, `Cannot give topic '${topic}' ${total} partitions`, result.detail, {
          topic,
          needs: "ALTER",
        });
      }
    }
    await this.#until([topic], (found) => isReady(found) && found.partitions.length >= total);
  }

  async delete(topics: readonly string[]): Promise<void> {
    if (topics.length === 0) return;
    for (const { topic, error, detail } of await this.#askController(deleteTopics(topics, this.#brokerTimeoutMs))) {
      if (error !== errorNumber.none && error !== errorNumber.unknownTopicOrPartition)
        throw this.#cluster.refusal(error, `Cannot delete topic '${topic}'`, detail, { topic, needs: "DELETE" });
    }
    await this.#until(topics, ({ error }) => error === errorNumber.unknownTopicOrPartition);
  }

  async config(topic: string): Promise<ReadonlyMap<string, string>> {
    const { error, detail, config } = await this.#patiently(() => this.#cluster.ask(describeConfigs("topic", topic)));
    if (error !== errorNumber.none)
      throw this.#cluster.refusal(error, `Cannot read the settings of topic '${topic}'`, detail, { topic, needs: "DESCRIBE_CONFIGS" });
    return config;
  }

  async brokers(): Promise<number> {
    await this.#cluster.metadata([]);
    return this.#cluster.nodeIds.length;
  }

  // ---------------------------------------------------------------- positions

  async offsets(
    partitions: readonly TopicPartition[],
    at: "earliest" | "latest" | { readonly timestamp: number },
    isolation: Isolation,
  ): Promise<ReadonlyMap<string, number>> {
    const timestamp = typeof at === "string" ? listOffsetsAt[at] : at.timestamp;
    const found = new Map<string, number>();
    const note = ({ topic, partition, offset }: PartitionResult & { readonly offset: number }): void => {
      found.set(partitionId(topic, partition), offset);
    };
    await this.#perLeader(partitions, "read the offsets of", "READ", (ofLeader) => listOffsets(ofLeader, timestamp, isolation), note);
    // No record is as young as the timestamp: the end it is.
    const open = partitions.filter(({ topic, partition }) => found.get(partitionId(topic, partition)) === -1);
    await this.#perLeader(open, "read the offsets of", "READ", (ofLeader) => listOffsets(ofLeader, listOffsetsAt.latest, isolation), note);
    return found;
  }

  async deleteRecords(offsets: readonly FetchPosition[]): Promise<void> {
    await this.#perLeader(
      offsets,
      "delete records of",
      "DELETE",
      (ofLeader) => deleteRecords(ofLeader, this.#brokerTimeoutMs),
      () => {},
    );
  }

  // ---------------------------------------------------------------- groups

  async committed(
    groupId: string,
    partitions: readonly TopicPartition[],
    options: { readonly requireStable: boolean; readonly timeoutMs?: number },
  ): Promise<ReadonlyMap<string, CommittedOffset>> {
    const committed = new Map<string, CommittedOffset>();
    if (partitions.length === 0) return committed;
    const results = await this.#askCoordinator(
      "group",
      groupId,
      async (send) => {
        const results = await send(offsetFetch(groupId, partitions, options.requireStable));
        for (const { topic, partition, error } of results) {
          if (error !== errorNumber.none)
            throw this.#cluster.refusal(error, `Cannot read the offset of ${topic}/${partition} in group '${groupId}'`, null, {
              topic,
              partition,
              group: groupId,
              needs: "READ",
            });
        }
        return results;
      },
      options.timeoutMs ?? this.#cluster.options.retryForMs,
    );
    for (const { topic, partition, offset, metadata } of results) {
      if (offset >= 0) committed.set(partitionId(topic, partition), { topic, partition, offset, metadata });
    }
    return committed;
  }

  async commitOffsets(groupId: string, offsets: readonly CommittedOffset[], group?: GroupMetadata): Promise<void> {
    if (offsets.length === 0) return;
    await this.#askCoordinator(
      "group",
      groupId,
      async (send) => {
        for (const { topic, partition, error } of await send(offsetCommit(groupId, offsets, group))) {
          if (error !== errorNumber.none)
            throw this.#cluster.refusal(error, `Cannot commit the offset of ${topic}/${partition} for group '${groupId}'`, null, {
              topic,
              partition,
              group: groupId,
              needs: "READ",
            });
        }
      },
      this.#cluster.options.retryForMs,
    );
  }

  /** Brokers before 3.0 cannot say. */
  async transactionStates(transactionalIds: readonly string[]): Promise<ReadonlyMap<string, "open" | "none" | "unknown">> {
    const states = await Promise.all(
      transactionalIds.map(async (id) => {
        const described = await this.#askCoordinator(
          "transaction",
          id,
          async (send, connection) =>
            connection.speaks(describeTransactionsApi, describeTransactionsApi.version)
              ? send(describeTransactions([id]))
              : new Map<string, string>(),
          this.#cluster.options.retryForMs,
        );
        const state = described.get(id);
        return [id, state === undefined ? "unknown" : state === "Ongoing" ? "open" : "none"] as const;
      }),
    );
    return new Map(states);
  }

  // ---------------------------------------------------------------- whom to ask

  get #brokerTimeoutMs(): number {
    return this.#cluster.options.requestTimeoutMs;
  }

  #patiently<Answer>(attempt: () => Promise<Answer>): Promise<Answer> {
    return retry(attempt, { clock: this.#cluster.clock, forMs: this.#cluster.options.retryForMs, again: isRetriableOrIndefinite });
  }

  #askController(request: WireRequest<TopicResult[]>): Promise<TopicResult[]> {
    return retry(
      async () => {
        const connection = await this.#connections.to(await this.#cluster.controller(), "admin");
        const results = await connection.send(request);
        const passing = results.find(({ error }) => error === errorNumber.notController || error === throttled || error === timedOut);
        if (passing !== undefined) throw this.#cluster.refusal(passing.error, `Cannot change topic '${passing.topic}'`, passing.detail);
        return results;
      },
      {
        clock: this.#cluster.clock,
        forMs: this.#cluster.options.retryForMs,
        again: isRetriableOrIndefinite,
        beforeRetry: () => this.#cluster.forgetController(),
      },
    );
  }

  #askCoordinator<Answer>(
    kind: CoordinatorKind,
    key: string,
    ask: (send: <One>(request: WireRequest<One>) => Promise<One>, connection: BrokerConnection) => Promise<Answer>,
    forMs: number,
  ): Promise<Answer> {
    return retry(
      async () => {
        const connection = await this.#connections.to(await this.#cluster.coordinator(kind, key), "admin");
        return ask((request) => connection.send(request), connection);
      },
      {
        clock: this.#cluster.clock,
        forMs,
        pauseMaxMs: 100,
        again: isRetriableOrIndefinite,
        beforeRetry: ({ code }) => {
          if (code !== "UNSTABLE_OFFSET_COMMIT") this.#cluster.forgetCoordinator(kind, key);
        },
      },
    );
  }

  /** Asks the leader of each partition; those that failed for a passing reason are asked again, the others are not. */
  async #perLeader<Item extends TopicPartition, Result extends PartitionResult>(
    partitions: readonly Item[],
    what: string,
    right: "READ" | "DELETE",
    request: (ofLeader: readonly Item[]) => WireRequest<Result[]>,
    note: (result: Result) => void,
  ): Promise<void> {
    let open: readonly Item[] = partitions;
    await retry(
      async () => {
        const byLeader = new Map<number, Item[]>();
        for (const item of open) {
          const leader = await this.#cluster.leaderOf(item.topic, item.partition);
          const items = byLeader.get(leader);
          if (items === undefined) byLeader.set(leader, [item]);
          else items.push(item);
        }
        const done = new Set<string>();
        let passing: LogError | undefined;
        const answers = [...byLeader].map(async ([leader, items]) => {
          try {
            const connection = await this.#connections.to(leader, "admin");
            return await connection.send(request(items));
          } catch (thrown) {
            if (!(thrown instanceof LogError) || !isRetriableOrIndefinite(thrown)) throw thrown;
            for (const { topic, partition } of items) this.#cluster.forgetLeader(topic, partition);
            passing ??= thrown;
            return [];
          }
        });
        for (const result of (await Promise.all(answers)).flat()) {
          const { topic, partition, error } = result;
          if (error === errorNumber.none) {
            done.add(partitionId(topic, partition));
            note(result);
            continue;
          }
          const refusal = this.#cluster.refusal(error, `Cannot ${what} ${topic}/${partition}`, null, { topic, partition, needs: right });
          if (!isRetriable(refusal)) throw refusal;
          if (isLeaderChange(error)) this.#cluster.forgetLeader(topic, partition);
          passing ??= refusal;
        }
        open = open.filter(({ topic, partition }) => !done.has(partitionId(topic, partition)));
        if (passing !== undefined) throw passing;
      },
      {
        clock: this.#cluster.clock,
        forMs: this.#cluster.options.retryForMs,
        again: (error) => isRetriableOrIndefinite(error) && error.code !== "UNKNOWN_TOPIC_OR_PARTITION",
      },
    );
  }

  /** Waits until every broker that answers tells of these topics what is to be true: they hear of a change one after the other. */
  async #until(topics: readonly string[], holds: (found: TopicMetadata) => boolean): Promise<void> {
    const { clock, retryForMs } = { ...this.#cluster.options, clock: this.#cluster.clock };
    const until = clock.monotonic() + retryForMs;
    for (let pauseMs = 5; ; pauseMs = Math.min(pauseMs * 2, 100)) {
      const own = (await this.#cluster.metadata(topics)).topics;
      const others = await Promise.all(this.#cluster.nodeIds.map((nodeId) => this.#toldBy(nodeId, topics)));
      const waiting = [own, ...others].flat().find((topic) => !holds(topic));
      if (waiting === undefined) return;
      const { topic } = waiting;
      if (clock.monotonic() > until) {
        const message = `The change of topic '${topic}' is not done after ${retryForMs} ms: check that enough brokers run`;
        throw new LogError("LEADER_NOT_AVAILABLE", "retriable", message, { topic });
      }
      await sleep(clock, pauseMs);
    }
  }

  async #toldBy(nodeId: number, topics: readonly string[]): Promise<readonly TopicMetadata[]> {
    try {
      const connection = await this.#connections.to(nodeId, "admin");
      return (await connection.send(metadata(topics, api.metadata.version))).topics;
    } catch (thrown) {
      if (thrown instanceof LogError && isRetriableOrIndefinite(thrown)) return [];
      throw thrown;
    }
  }
}

const isReady = ({ error, partitions }: TopicMetadata): boolean =>
  error === errorNumber.none && partitions.length > 0 && partitions.every(({ leader }) => leader >= 0);

const throttled = 89;
const timedOut = 7;
