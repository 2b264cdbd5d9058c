import { expect, it } from "@jest/globals";
import { partitionForKey } from "../../core/partitioner.ts";
import type { Log } from "../../core/ports/log.ts";
import { kafkaLog } from "../../node/kafka/kafka_log.ts";
import { describeKafka } from "./support/describe_kafka.ts";
import { javaConsume, javaTool } from "./support/java_tool.ts";
import { suite, unique } from "./support/kafka_suite.ts";
import { readTopic } from "./support/read_topic.ts";

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const partitions = 3;

const makeTopic = async (log: Log, name: string): Promise<string> => {
  const topic = unique(name);
  await log.admin.create([{ topic, partitions, replication: -1, config: {} }]);
  return topic;
};

describeKafka("together with the Java client", () => {
  for (const compression of ["none", "gzip", "snappy", "lz4", "zstd"] as const) {
    it(`what it writes with compression ${compression} is read, and its keys are where our partitioner would put them`, async () => {
      const log = await kafkaLog({ brokers: suite.brokers });
      const topic = await makeTopic(log, `java-${compression}`);
      const lines = Array.from({ length: 60 }, (_, i) => `name:value ${i},other:ü\tkey ${i % 20}\tpayload ${i} ${"x".repeat(i * 20)}`);
      await javaTool(
        "org.apache.kafka.tools.ConsoleProducer",
        [
          ...["--bootstrap-server", suite.brokers[0]!, "--topic", topic, "--compression-codec", compression],
          ...["--property", "parse.key=true", "--property", "parse.headers=true"],
        ],
        `${lines.join("\n")}\n`,
      );
      const read = await readTopic(log, topic);
      expect(
        read.map(({ headers, key, value }) => `${headers.map(([name, text]) => `${name}:${text}`).join()}\t${key}\t${value}`).sort(),
      ).toEqual(lines.toSorted());
      for (const { key, partition } of read) expect(partition).toBe(partitionForKey(bytes(key!), partitions));
      expect(new Set(read.map(({ partition }) => partition)).size).toBe(partitions);
      for (let partition = 0; partition < partitions; partition++) {
        const order = read.filter((one) => one.partition === partition).map(({ value }) => Number(value!.split(" ")[1]));
        expect(order).toEqual(order.toSorted((one, other) => one - other));
      }
      await log.close();
    });

    it(`it reads what we write with compression ${compression}: committed transactions alone, with keys, headers, nulls and times`, async () => {
      const log = await kafkaLog({ brokers: suite.brokers, compression });
      const topic = await makeTopic(log, `ours-${compression}`);
      const producer = await log.producer({ transactionalId: unique("interop"), transactionTimeoutMs: 60_000 });
      const began = 1_700_000_000_000;
      const expected: string[] = [];
      for (let round = 0; round < 6; round++) {
        const outbox = log.outbox();
        const committed = round % 3 !== 1;
        for (let i = 0; i < 10; i++) {
          const key = `key ${i}`;
          const partition = partitionForKey(bytes(key), partitions);
          const timestamp = began + (i % 2 === 0 ? 1 : -1) * i * 86_400_000 * 40;
          const value = i === 3 ? null : `${committed ? "kept" : "dropped"} ${round} ${i} ${"y".repeat(i * 30)}`;
          outbox.append(topic, partition, bytes(key), value === null ? null : bytes(value), timestamp, [
            ["größe", bytes(`${i}`)],
            ["none", null],
          ]);
          if (committed) expected.push(`CreateTime:${timestamp}\tPartition:${partition}\tgröße:${i},none:null\t${key}\t${value}`);
        }
        await producer.send(outbox);
        await (committed ? producer.commit() : producer.abort());
      }
      await producer.close();
      const seen = await javaConsume(topic, expected.length);
      expect(seen.map((line) => line.replace(/\tOffset:\d+/, "")).sort()).toEqual(expected.toSorted());
      await log.close();
    });
  }

  it("what it writes in transactions is read once they are committed, from many batches", async () => {
    const log = await kafkaLog({ brokers: suite.brokers });
    const topic = await makeTopic(log, "java-transactions");
    await javaTool("org.apache.kafka.tools.ProducerPerformance", [
      ...["--topic", topic, "--num-records", "3000", "--throughput", "-1", "--payload-monotonic", "--transactional-id", unique("java")],
      ...["--transaction-duration-ms", "20", "--producer-props", `bootstrap.servers=${suite.brokers[0]}`, "batch.size=500"],
    ]);
    const values = (await readTopic(log, topic)).map(({ value }) => Number(value));
    expect(values.toSorted((one, other) => one - other)).toEqual(Array.from({ length: 3_000 }, (_, i) => i));
    await log.close();
  });

  it("its offsets are ours and ours are its: a group goes on where the other one stopped", async () => {
    const log = await kafkaLog({ brokers: suite.brokers });
    const topic = unique("shared-group");
    await log.admin.create([{ topic, partitions: 1, replication: -1, config: {} }]);
    const producer = await log.producer({ transactionalId: unique("offsets"), transactionTimeoutMs: 60_000 });
    const outbox = log.outbox();
    for (let i = 0; i < 10; i++) outbox.append(topic, 0, null, bytes(`record ${i}`), Date.now(), []);
    await producer.send(outbox);
    const groupId = unique("group");
    const outsider = { groupId, generationId: -1, memberId: "", groupInstanceId: null };
    await producer.sendOffsets(outsider, [{ topic, partition: 0, offset: 4, metadata: "" }]);
    await producer.commit();
    await producer.close();
    const output = await javaTool("org.apache.kafka.tools.consumer.ConsoleConsumer", [
      ...["--bootstrap-server", suite.brokers[0]!, "--topic", topic, "--group", groupId, "--max-messages", "3", "--timeout-ms", "20000"],
    ]);
    expect(output.trim().split("\n")).toEqual(["record 4", "record 5", "record 6"]);
    const found = await log.admin.committed(groupId, [{ topic, partition: 0 }], { requireStable: true });
    expect(found.get(`${topic}/0`)?.offset).toBe(7);
    await log.close();
  });
});
