import { afterEach, beforeEach, expect, it } from "@jest/globals";
import { type GroupMetadata, type GroupOptions, type Log, LogError, type Producer } from "../../core/ports/log.ts";
import { kafkaLog } from "../../node/kafka/kafka_log.ts";
import type { KafkaOptions } from "../../node/kafka/kafka_options.ts";
import { describeKafka } from "./support/describe_kafka.ts";
import { suite, unique } from "./support/kafka_suite.ts";
import { LossyProxy } from "./support/lossy_proxy.ts";
import { readTopic } from "./support/read_topic.ts";

const produceApi = 0;
const endTxnApi = 26;

const refusal = async (attempt: Promise<unknown>): Promise<LogError> => {
  const thrown = await attempt.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(thrown).toBeInstanceOf(LogError);
  return thrown as LogError;
};

describeKafka("on a network that loses and delays", () => {
  let proxy: LossyProxy;
  let logs: Log[] = [];

  beforeEach(async () => {
    proxy = await LossyProxy.start(suite.proxyPort, suite.behindProxies[0]!);
  });
  afterEach(async () => {
    for (const log of logs) await log.close();
    logs = [];
    await proxy.close();
  });

  const connect = async (options: Partial<KafkaOptions> = {}): Promise<{ readonly log: Log; readonly clientId: string }> => {
    const clientId = unique("client");
    const log = await kafkaLog({ brokers: [proxy.address], clientId, ...options });
    logs.push(log);
    return { log, clientId };
  };
  const makeTopic = async (log: Log, partitions = 1): Promise<string> => {
    const topic = unique("hazard");
    await log.admin.create([{ topic, partitions, replication: -1, config: {} }]);
    return topic;
  };
  const send = (log: Log, producer: Producer, topic: string, values: readonly string[], partitions = 1) => {
    const outbox = log.outbox();
    for (const [i, value] of values.entries()) outbox.append(topic, i % partitions, null, new TextEncoder().encode(value), Date.now(), []);
    return producer.send(outbox);
  };
  const values = async (log: Log, topic: string): Promise<(string | null)[]> => (await readTopic(log, topic)).map(({ value }) => value);

  for (const transactionProtocol of [1, 2] as const) {
    it(`a commit that arrives late cannot touch the next epoch's transaction, with transaction protocol ${transactionProtocol}`, async () => {
      const { log, clientId } = await connect({ transactionProtocol });
      const topic = await makeTopic(log);
      const transactionalId = unique("late");
      const doubtful = await log.producer({ transactionalId, transactionTimeoutMs: 60_000 });
      await send(log, doubtful, topic, ["first"]);
      proxy.next({ clientId, apiKey: endTxnApi, kind: "hold" });
      const error = await refusal(doubtful.commit());
      expect([error.code, error.disposition]).toEqual(["CONNECTION_CLOSED", "indefinite"]);
      // The epoch is of no use any more, whatever one tries.
      for (const attempt of [() => doubtful.commit(), () => doubtful.abort(), () => send(log, doubtful, topic, ["again"])]) {
        expect(await refusal(attempt())).toBe(error);
      }
      const owner = await log.producer({ transactionalId, transactionTimeoutMs: 60_000 });
      await send(log, owner, topic, ["unwanted"]);
      await proxy.release();
      await owner.abort();
      await send(log, owner, topic, ["second"]);
      await owner.commit();
      // The transaction in doubt was aborted by the new epoch before the late commit came.
      expect(await values(log, topic)).toEqual(["second"]);
      expect(proxy.happened).toBe(1);
    });
  }

  it("a batch that is sent again is written once, also when the first copy arrives later", async () => {
    const { log, clientId } = await connect();
    const topic = await makeTopic(log, 2);
    const producer = await log.producer({ transactionalId: null, transactionTimeoutMs: 60_000 });
    await send(log, producer, topic, ["a", "b"], 2);
    proxy.next({ clientId, apiKey: produceApi, kind: "hold" });
    expect([...(await send(log, producer, topic, ["c", "d"], 2))].sort()).toEqual([
      [`${topic}/0`, 1],
      [`${topic}/1`, 1],
    ]);
    await proxy.release();
    await send(log, producer, topic, ["e", "f"], 2);
    expect(await values(log, topic)).toEqual(["a", "c", "e", "b", "d", "f"]);
  });

  it("answers that are lost again and again neither lose nor double a record of a large send", async () => {
    const { log, clientId } = await connect({ batchBytes: 4_000 });
    const topic = await makeTopic(log, 3);
    const producer = await log.producer({ transactionalId: unique("large"), transactionTimeoutMs: 60_000 });
    for (let i = 0; i < 12; i++) proxy.next({ clientId, apiKey: produceApi, kind: i % 2 === 0 ? "response" : "request" });
    const sent = Array.from({ length: 3_000 }, (_, i) => `${i} ${"x".repeat(i % 90)}`);
    await send(log, producer, topic, sent, 3);
    await producer.commit();
    expect(await values(log, topic)).toEqual([0, 1, 2].flatMap((partition) => sent.filter((_, i) => i % 3 === partition)));
    expect(proxy.happened).toBe(12);
  });

  it("a transaction timeout above the broker's limit is refused with both values", async () => {
    const { log } = await connect();
    const error = await refusal(log.producer({ transactionalId: "patient", transactionTimeoutMs: 3_600_000 }));
    expect([error.code, error.disposition]).toEqual(["INVALID_TRANSACTION_TIMEOUT", "configuration"]);
    expect(error.message).toBe(
      "Cannot open transactional id 'patient' with a transaction timeout of 3600000 ms as the broker's 'transaction.max.timeout.ms' is 900000 ms: lower the one or raise the other",
    );
  });

  it("a record that is too large is refused with its size, and names its partition", async () => {
    const { log } = await connect();
    const topic = await makeTopic(log);
    const producer = await log.producer({ transactionalId: null, transactionTimeoutMs: 60_000 });
    const error = await refusal(send(log, producer, topic, ["y".repeat(2_000_000)]));
    expect(error).toMatchObject({ code: "MESSAGE_TOO_LARGE", disposition: "rejected", topic, partition: 0 });
    expect(error.message).toMatch(/^Cannot write a record of 20000\d\d bytes to /);
  });

  it("a topic that takes only small batches gets small ones", async () => {
    const { log } = await connect();
    const topic = unique("small");
    await log.admin.create([{ topic, partitions: 1, replication: -1, config: { "max.message.bytes": "3000" } }]);
    const producer = await log.producer({ transactionalId: unique("small"), transactionTimeoutMs: 60_000 });
    const sent = Array.from({ length: 500 }, (_, i) => `${i} ${"z".repeat(100)}`);
    await send(log, producer, topic, sent);
    await producer.commit();
    expect(await values(log, topic)).toEqual(sent);
  });

  it("a partition that is wanted again does not wait until the poll for the others is over", async () => {
    const { log } = await connect();
    const topic = await makeTopic(log, 2);
    const producer = await log.producer({ transactionalId: null, transactionTimeoutMs: 60_000 });
    await send(log, producer, topic, ["", "data"], 2);
    const fetcher = log.fetcher({ isolation: "read-committed" });
    const idle = { topic, partition: 0, offset: 1 };
    const waiting = fetcher.poll([idle], 600_000);
    await new Promise((resolve) => setTimeout(resolve, 200));
    fetcher.wake();
    expect(await waiting).toEqual([]);
    const [fetched] = await fetcher.poll([idle, { topic, partition: 1, offset: 0 }], 600_000);
    expect([fetched?.partition, fetched?.nextOffset]).toEqual([1, 1]);
    await fetcher.close();
  }, 4_000);

  const memberOf = (log: Log, groupId: string, topic: string, told: (group: GroupMetadata) => void, options: Partial<GroupOptions> = {}) =>
    log.join({
      groupId,
      protocols: ["hazard"],
      topics: [topic],
      sessionTimeoutMs: 6_000,
      rebalanceTimeoutMs: 6_000,
      heartbeatMs: 200,
      subscription: () => new Uint8Array(1),
      assign: (members) => new Map(members.map(({ memberId }) => [memberId, { partitions: [], userData: new Uint8Array(0) }])),
      onRebalance: async () => {},
      onAssigned: async (_assignment, group) => told(group),
      onError: (error) => {
        throw error;
      },
      ...options,
    });

  const until = async (condition: () => boolean): Promise<void> => {
    while (!condition()) await new Promise((resolve) => setTimeout(resolve, 20));
  };

  it("a member that asks for a rebalance gets one, even if it leads nothing and has nothing new to say", async () => {
    const { log } = await connect();
    const topic = await makeTopic(log);
    const groupId = unique("group");
    const generations: [number[], number[]] = [[], []];
    const first = memberOf(log, groupId, topic, ({ generationId }) => generations[0].push(generationId));
    await until(() => generations[0].length > 0);
    const second = memberOf(log, groupId, topic, ({ generationId }) => generations[1].push(generationId));
    await until(() => generations[0].at(-1) === generations[1].at(-1));
    for (const member of [second, first]) {
      const before = generations[0].at(-1)!;
      member.requestRejoin();
      await until(() => generations.every((seen) => seen.at(-1)! > before));
    }
    await second.leave();
    await first.leave();
  });

  it("a member whose assignment fails tells why and leaves", async () => {
    const { log } = await connect();
    const topic = await makeTopic(log);
    const errors: LogError[] = [];
    const failing = memberOf(log, unique("group"), topic, () => {}, {
      assign: () => new Map(),
      onError: (error) => errors.push(error),
    });
    await until(() => errors.length > 0);
    expect(errors[0]!.message).toMatch(/^Cannot assign partitions in group 'group-.*': the assignment leaves out member 'client-/);
    await failing.leave();
    expect(errors.length).toBe(1);
  });
});
