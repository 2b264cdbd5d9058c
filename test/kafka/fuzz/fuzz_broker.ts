import { kafkaLog } from "../../../node/kafka/kafka_log.ts";
import { type LocalKafka, startKafka } from "../../../node/local/kafka_broker.ts";
import { brokerTiming, type ConformanceWorld } from "../../conformance_log/world.ts";
import { memoryWorld } from "../../core/log/memory_world.ts";

const checkMs = 200;
const sessionMinMs = 500;

/** One broker that does soon what others do after seconds. */
export const startFuzzBroker = (): Promise<LocalKafka> =>
  startKafka({
    properties: {
      "transaction.abort.timed.out.transaction.cleanup.interval.ms": String(checkMs),
      "group.min.session.timeout.ms": String(sessionMinMs),
      "auto.create.topics.enable": "false",
    },
  });

/** The same behaviour in memory. */
export const fuzzMemory = (transactionVersion: 1 | 2): ConformanceWorld =>
  memoryWorld({ transactionCheckMs: checkMs, sessionTimeoutMinMs: sessionMinMs, transactionVersion });

let names = 0;

/** The broker as the player wants it. */
export const fuzzWorld = ({ brokers }: Pick<LocalKafka, "brokers">, transactionProtocol: 1 | 2): ConformanceWorld => ({
  // What does not pass within half a second is an answer, too.
  connect: () => kafkaLog({ brokers, retryForMs: 500, transactionProtocol }),
  now: () => Date.now(),
  sleep: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
  unique: (name) => `${name}-${process.pid}-${Date.now().toString(36)}-${names++}`,
  timing: brokerTiming,
  can: {},
  close: async () => {},
});
