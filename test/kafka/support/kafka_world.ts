import type { Log } from "../../../core/ports/log.ts";
import { kafkaLog } from "../../../node/kafka/kafka_log.ts";
import type { KafkaOptions } from "../../../node/kafka/kafka_options.ts";
import { brokerTiming, type ConformanceWorld, type LosableRequest } from "../../conformance_log/conformance.ts";
import { suite, unique } from "./kafka_suite.ts";
import { LossyProxy } from "./lossy_proxy.ts";

const apiKeys: Readonly<Record<LosableRequest, number>> = {
  Produce: 0,
  AddPartitionsToTxn: 24,
  AddOffsetsToTxn: 25,
  EndTxn: 26,
  TxnOffsetCommit: 28,
};

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** The shared broker as the conformance suite wants to see it: every client goes through the proxy, which can lose messages. */
export const openKafkaWorld = async (options: Partial<KafkaOptions> = {}): Promise<ConformanceWorld> => {
  const proxy = await LossyProxy.start(suite.proxyPort, suite.behindProxies[0]!);
  const clientIds = new Map<Log, string>();
  const connect = async (): Promise<Log> => {
    const clientId = unique("client");
    const log = await kafkaLog({ brokers: [proxy.address], clientId, ...options });
    clientIds.set(log, clientId);
    return log;
  };
  return {
    connect,
    now: () => Date.now(),
    sleep,
    unique,
    timing: brokerTiming,
    can: {
      lose: (log, request, lost) => proxy.next({ clientId: clientIds.get(log)!, apiKey: apiKeys[request], kind: lost }),
      compact: async (topic) => {
        const log = await connect();
        try {
          await compacted(log, topic);
        } finally {
          await log.close();
        }
      },
    },
    close: () => proxy.close(),
  };
};

/** Only what lies before the newest segment is compacted, and a segment ends when something is written a second later: so filler is written. */
const compacted = async (log: Log, topic: string): Promise<void> => {
  const encoder = new TextEncoder();
  const producer = await log.producer({ transactionalId: null, transactionTimeoutMs: 60_000 });
  for (let round = 0; round < 60; round++) {
    await sleep(1_100);
    const filler = log.outbox();
    filler.append(topic, 0, encoder.encode(`filler ${round}`), encoder.encode("filler"), Date.now(), []);
    await producer.send(filler);
    await sleep(500);
    const keys = await allKeys(log, topic);
    const own = keys.filter((key) => !key.startsWith("filler"));
    if (new Set(own).size === own.length) {
      await producer.close();
      return;
    }
  }
  throw new Error(`Topic ${topic} was not compacted within a minute`);
};

const allKeys = async (log: Log, topic: string): Promise<string[]> => {
  const end = (await log.admin.offsets([{ topic, partition: 0 }], "latest", "read-uncommitted")).get(`${topic}/0`)!;
  const fetcher = log.fetcher({ isolation: "read-uncommitted" });
  const keys: string[] = [];
  for (let offset = 0; offset < end; ) {
    for (const fetched of await fetcher.poll([{ topic, partition: 0, offset }], 500)) {
      while (fetched.records.next()) keys.push(new TextDecoder().decode(fetched.records.key()!));
      offset = fetched.nextOffset;
    }
  }
  await fetcher.close();
  return keys;
};
