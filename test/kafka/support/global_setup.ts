import { freePort } from "../../../node/local/free_port.ts";
import { type LocalKafka, startKafka } from "../../../node/local/kafka_broker.ts";
import { kafkaMissing } from "../../../node/local/kafka_jars.ts";
import { type KafkaSuite, suiteVariable } from "./kafka_suite.ts";

declare global {
  var millraceTestKafka: LocalKafka | undefined;
}

/** Starts one broker for all files, or notes why there is none. */
export default async (): Promise<void> => {
  const missing = kafkaMissing();
  if (missing.length > 0) {
    process.env[suiteVariable] = JSON.stringify({ missing: `${missing.join(" and ")} not found` });
    return;
  }
  // Ends the broker, too, when the run is ended from outside.
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => process.exit(1));
  const proxyPort = await freePort();
  const kafka = await startKafka({
    tls: true,
    users: { alice: "alice-secret", mallory: "mallory-secret", trent: "trent-secret" },
    superUsers: ["alice", "carol"],
    proxyPorts: [proxyPort],
    // Compaction is awaited by a test: the cleaner looks often instead of every 15 seconds.
    properties: { "log.cleaner.backoff.ms": "200", "log.cleaner.min.cleanable.ratio": "0.01" },
  });
  globalThis.millraceTestKafka = kafka;
  const {
    brokers,
    saslBrokers,
    tlsBrokers,
    saslTlsBrokers,
    mutualTlsBrokers,
    expiredTlsBrokers,
    elsewhereTlsBrokers,
    behindProxies,
    jars,
  } = kafka;
  const suite: KafkaSuite = {
    ...{ brokers, saslBrokers, tlsBrokers, saslTlsBrokers, mutualTlsBrokers, expiredTlsBrokers, elsewhereTlsBrokers },
    ...{ behindProxies, proxyPort, tls: kafka.tls!, jars },
  };
  process.env[suiteVariable] = JSON.stringify(suite);
};
