import type { KafkaTls } from "../../../node/local/kafka_tls.ts";

/** The broker that all tests of this folder share. */
export interface KafkaSuite {
  readonly brokers: readonly string[];
  /** User alice (alice-secret) may do everything, mallory (mallory-secret) nothing, trent (trent-secret) what a test allows. */
  readonly saslBrokers: readonly string[];
  readonly tlsBrokers: readonly string[];
  readonly saslTlsBrokers: readonly string[];
  /** Wants a certificate; carol, who has one, may do everything. */
  readonly mutualTlsBrokers: readonly string[];
  readonly expiredTlsBrokers: readonly string[];
  readonly elsewhereTlsBrokers: readonly string[];
  /** A listener that sends clients to `proxyPort`, where a test may put a proxy. */
  readonly behindProxies: readonly string[];
  readonly proxyPort: number;
  readonly tls: KafkaTls;
  /** Kafka's jars with the console tools. */
  readonly jars: string;
}

export const suiteVariable = "MILLRACE_TEST_KAFKA";

const announced = JSON.parse(process.env[suiteVariable] ?? '{"missing":"run the tests with npm run test:kafka"}') as
  | KafkaSuite
  | { readonly missing: string };

/** Why there is no broker; undefined when there is one. */
export const missing: string | undefined = "missing" in announced ? announced.missing : undefined;

/** Where the broker is. Only to be used inside of tests that `describeKafka` runs. */
export const suite: KafkaSuite = announced as KafkaSuite;

/** A topic, group or transactional id that nobody else uses. */
export const unique = (name: string): string => `${name}-${process.pid}-${Date.now().toString(36)}-${counter++}`;
let counter = 0;
