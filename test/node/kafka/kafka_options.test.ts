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
    expect(checkKafkaOptions({ ...options, insecure: true }).cluster.sasl).toEqual(plain);
    // Said aloud, so that the variable NODE_TLS_REJECT_UNAUTHORIZED does not decide.
    expect(checkKafkaOptions({ ...options, ssl: true }).cluster.tls).toEqual({ rejectUnauthorized: true });
    expect(checkKafkaOptions({ ...options, insecure: true, ssl: { rejectUnauthorized: false } }).cluster.tls).toEqual({
      rejectUnauthorized: false,
    });
    expect(checkKafkaOptions({ ...options, sasl: { ...plain, mechanism: "scram-sha-256" } }).cluster.tls).toBeUndefined();
  });

  it("refuse versions of TLS that are broken", () => {
    expect(refusal({ ssl: { minVersion: "TLSv1.1" } })).toBe(
      "Cannot use Kafka as 'ssl.minVersion' is 'TLSv1.1', which is broken: use TLSv1.2 or TLSv1.3, or set 'insecure' to allow it",
    );
    expect(checkKafkaOptions({ brokers: ["a:1"], ssl: { minVersion: "TLSv1.3" } }).cluster.tls).toMatchObject({ minVersion: "TLSv1.3" });
  });

  it("refuse certificates that are none before a connection is tried", () => {
    expect(refusal({ ssl: { ca: "/etc/ssl/ca.pem" } })).toBe(
      "Cannot use Kafka as 'ssl.ca' holds no certificate in PEM form ('/etc/ssl/ca.pem' looks like the name of a file: read it)",
    );
    expect(refusal({ ssl: { cert: Buffer.from("rubbish"), key: "rubbish" } })).toBe(
      "Cannot use Kafka as 'ssl.cert' holds no certificate in PEM form",
    );
    expect(refusal({ ssl: { pfx: Buffer.from("rubbish"), passphrase: "open sesame" } })).toMatch(
      /^Cannot use Kafka as 'ssl' cannot be used \(.*\): check/,
    );
    expect(refusal({ ssl: "yes" as never })).toBe("Cannot use Kafka as 'ssl' is yes: give true, or the options of Node's tls.connect");
  });

  it("do not repeat the password of an address that has one", () => {
    expect(refusal({ brokers: ["kafka://alice:secret@localhost:9092"] })).toBe(
      "Cannot use Kafka as 'brokers' contains 'kafka://localhost:9092': give each as 'host:port', without a protocol and a user, who goes into 'sasl'",
    );
  });

  it("take a mechanism in capitals, as Kafka writes it", () => {
    const sasl = { mechanism: "SCRAM-SHA-512" as "scram-sha-512", username: "a", password: "b" };
    expect(checkKafkaOptions({ brokers: ["a:1"], sasl }).cluster.sasl).toEqual({ ...sasl, mechanism: "scram-sha-512" });
  });

  it("name what is no number, no mechanism and no compression", () => {
    expect(refusal({ requestTimeoutMs: 0 })).toBe("Cannot use Kafka as 'requestTimeoutMs' is 0: a whole number above 0 is needed");
    expect(refusal({ decompressionRatioMax: 0 })).toMatch("'decompressionRatioMax' is 0");
    expect(refusal({ batchBytes: Number.NaN })).toMatch("'batchBytes' is NaN");
    expect(refusal({ compression: "brotli" as "gzip" })).toBe(
      "Cannot use Kafka as 'compression' is 'brotli': use one of none, gzip, snappy, lz4, zstd",
    );
    expect(refusal({ sasl: { mechanism: "gssapi" as "plain", username: "a", password: "b" } })).toMatch("'sasl.mechanism' is 'gssapi'");
    expect(refusal({ sasl: { mechanism: "scram-sha-512", username: "a" } as never })).toMatch("lacks a user name or a password");
    expect(refusal({ sasl: { mechanism: "plain" } as never, insecure: true })).toMatch("lacks a user name or a password");
    expect(refusal({ sasl: { mechanism: "oauthbearer" } as never, insecure: true })).toMatch("'sasl.oauthBearerProvider' is no function");
  });
});
