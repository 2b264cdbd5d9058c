import { describe, expect, it } from "@jest/globals";
import { ConfigurationError } from "../../../core/errors.ts";
import { checkKafkaOptions, type KafkaOptions } from "../../../node/kafka/kafka_options.ts";

const refusal = (options: Partial<KafkaOptions>): string => {
  try {
    checkKafkaOptions({ brokers: ["localhost:9092"], ...options });
  } catch (thrown) {
    expect(thrown).toBeInstanceOf(ConfigurationError);
    expect((thrown as ConfigurationError).code).toBe("OPTION_INVALID");
    return (thrown as ConfigurationError).message;
  }
  throw new Error("The options were accepted");
};

describe("the options of the Kafka driver", () => {
  it("take addresses with names, numbers and IPv6", () => {
    const { cluster } = checkKafkaOptions({ brokers: ["kafka.example.org:9092", "10.0.0.1:9093", "[::1]:9094"] });
    expect(cluster.seeds).toEqual([
      { host: "kafka.example.org", port: 9092 },
      { host: "10.0.0.1", port: 9093 },
      { host: "::1", port: 9094 },
    ]);
  });

  it("name the address that is none", () => {
    expect(refusal({ brokers: [] })).toBe("Cannot use Kafka as 'brokers' is empty: give at least one 'host:port'");
    for (const broker of ["localhost", "http://localhost:9092", "localhost:0", "localhost:70000", ":9092", "localhost:"]) {
      expect(refusal({ brokers: ["fine:9092", broker] })).toBe(
        `Cannot use Kafka as 'brokers' contains '${broker}': give each as 'host:port', without a protocol`,
      );
    }
  });

  it("refuse what would give a password or data away, unless that is meant", () => {
    const plain = { mechanism: "plain", username: "alice", password: "secret" } as const;
    expect(refusal({ sasl: plain })).toMatch(/sends the password readable: set 'ssl'/);
    expect(refusal({ sasl: plain })).not.toContain("secret");
    const token = { mechanism: "oauthbearer", oauthBearerProvider: async () => ({ value: "t" }) } as const;
    expect(refusal({ sasl: token })).toMatch(/sends the token readable: set 'ssl'/);
    expect(refusal({ ssl: { rejectUnauthorized: false } })).toMatch(/anybody can pose as the broker/);
    const options = { brokers: ["a:1"], sasl: plain };
    expect(checkKafkaOptions({ ...options, insecure: true }).cluster.sasl).toBe(plain);
    expect(checkKafkaOptions({ ...options, ssl: true }).cluster.tls).toEqual({});
    expect(checkKafkaOptions({ ...options, sasl: { ...plain, mechanism: "scram-sha-256" } }).cluster.tls).toBeUndefined();
  });

  it("name what is no number, no mechanism and no compression", () => {
    expect(refusal({ requestTimeoutMs: 0 })).toBe("Cannot use Kafka as 'requestTimeoutMs' is 0: a whole number above 0 is needed");
    expect(refusal({ batchBytes: Number.NaN })).toMatch("'batchBytes' is NaN");
    expect(refusal({ compression: "brotli" as "gzip" })).toBe(
      "Cannot use Kafka as 'compression' is 'brotli': use one of none, gzip, snappy, lz4, zstd",
    );
    expect(refusal({ sasl: { mechanism: "gssapi" as "plain", username: "a", password: "b" } })).toMatch("'sasl.mechanism' is 'gssapi'");
    expect(refusal({ sasl: { mechanism: "scram-sha-512", username: "a" } as never })).toMatch("lacks a user name or a password");
  });
});
