import { expect, it } from "@jest/globals";
import { type GroupMetadata, type Log, LogError, type Producer } from "../../core/ports/log.ts";
import { kafkaLog } from "../../node/kafka/kafka_log.ts";
import { type LocalKafka, startKafka } from "../../node/local/kafka_broker.ts";
import { describeKafka } from "./support/describe_kafka.ts";
import { unique } from "./support/kafka_suite.ts";
import { readTopic } from "./support/read_topic.ts";

const partitions = 6;
const rounds = 120;
const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** True when done, false when nobody knows; a refusal that leaves no doubt fails the test. */
const happened = async (step: Promise<unknown>): Promise<boolean> => {
  try {
    await step;
    return true;
  } catch (thrown) {
    if (thrown instanceof LogError && ["indefinite", "retriable", "membership", "fenced"].includes(thrown.disposition)) return false;
    throw thrown;
  }
};

const joined = (
  log: Log,
  groupId: string,
  topic: string,
): { current: GroupMetadata | undefined; readonly errors: LogError[]; leave(): Promise<void> } => {
  const seat: ReturnType<typeof joined> = { current: undefined, errors: [], leave: () => member.leave() };
  const member = log.join({
    groupId,
    protocols: ["test"],
    topics: [topic],
    sessionTimeoutMs: 10_000,
    rebalanceTimeoutMs: 10_000,
    heartbeatMs: 500,
    subscription: () => new Uint8Array(0),
    assign: (members) => new Map(members.map(({ memberId }) => [memberId, { partitions: [], userData: new Uint8Array(0) }])),
    onRebalance: async () => {
      seat.current = undefined;
    },
    onAssigned: async (_assignment, group) => {
      seat.current = group;
    },
    onError: (error) => seat.errors.push(error),
  });
  return seat;
};

/** Kills one broker after the other while work goes on, and brings each back. */
const trouble = async (kafka: LocalKafka, done: () => boolean): Promise<number> => {
  let killed = 0;
  for (let node = 0; !done(); node = (node + 1) % 3) {
    await sleep(2_000);
    if (done()) break;
    await kafka.kill(node);
    killed++;
    await sleep(3_000);
    await kafka.restart(node);
    await sleep(3_000);
  }
  return killed;
};

describeKafka("with three brokers of which one after the other is killed", () => {
  it("every transaction happens once, and readers and members find their brokers again", async () => {
    const kafka = await startKafka({ nodes: 3, heapMb: 256 });
    try {
      const log = await kafkaLog({ brokers: kafka.brokers, retryForMs: 60_000 });
      const topic = unique("replicated");
      const groupId = unique("group");
      const transactionalId = unique("survivor");
      await log.admin.create([{ topic, partitions, replication: 3, config: {} }]);
      const seat = joined(log, groupId, topic);
      const open = (): Promise<Producer> => log.producer({ transactionalId, transactionTimeoutMs: 60_000 });
      let producer = await open();
      let finished = false;
      const killing = trouble(kafka, () => finished);

      // One round is a record for every partition and an offset that tells which round it was.
      const partition = { topic, partition: 0 };
      for (let round = 0; round < rounds; ) {
        while (seat.current === undefined) await sleep(50);
        const outbox = log.outbox();
        for (let to = 0; to < partitions; to++) outbox.append(topic, to, null, new TextEncoder().encode(`${round}`), Date.now(), []);
        const done =
          (await happened(producer.send(outbox))) &&
          (await happened(
            producer.sendOffsets(seat.current ?? { groupId, generationId: 0, memberId: "gone", groupInstanceId: null }, [
              { ...partition, offset: round + 1, metadata: "" },
            ]),
          )) &&
          (await happened(producer.commit()));
        if (!done) {
          await producer.close();
          producer = await open();
        }
        const committed = await log.admin.committed(groupId, [partition], { requireStable: true, timeoutMs: 60_000 });
        round = committed.get(`${topic}/0`)?.offset ?? 0;
        await sleep(100);
      }
      finished = true;
      const killed = await killing;
      expect(seat.errors).toEqual([]);
      const read = await readTopic(log, topic);
      for (let from = 0; from < partitions; from++) {
        expect(read.filter((one) => one.partition === from).map(({ value }) => Number(value))).toEqual(
          Array.from({ length: rounds }, (_, i) => i),
        );
      }
      expect(killed).toBeGreaterThan(0);
      await seat.leave();
      await log.close();
    } finally {
      await kafka.stop();
    }
  }, 300_000);
});
