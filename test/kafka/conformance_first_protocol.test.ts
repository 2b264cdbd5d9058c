import { logConformance } from "../conformance_log/conformance.ts";
import { describeKafka } from "./support/describe_kafka.ts";
import { openKafkaWorld } from "./support/kafka_world.ts";

describeKafka("the Kafka driver", () => {
  logConformance("Kafka with the first transaction protocol", () => openKafkaWorld({ transactionProtocol: 1, retryForMs: 10_000 }));
});
