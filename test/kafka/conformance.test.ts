import { logConformance } from "../conformance_log/conformance.ts";
import { describeKafka } from "./support/describe_kafka.ts";
import { openKafkaWorld } from "./support/kafka_world.ts";

describeKafka("the Kafka driver", () => {
  // Some cases wait until what may pass has not passed for so long.
  logConformance("Kafka with the second transaction protocol", () => openKafkaWorld({ retryForMs: 10_000 }));
});
