import { describe, expect, it } from "@jest/globals";
import { connectError } from "../../../node/kafka/connect_error.ts";
import { brokerError } from "../../../node/kafka/error_codes.ts";

const attempt = { host: "kafka.example.org", port: 9093, tls: {}, sasl: undefined, firstBytes: undefined, step: "connect" } as const;
const failure = (message: string, code?: string, name = "KafkaJSConnectionError"): Error =>
  Object.assign(new Error(message), { name, code });

describe("a connection that cannot be made", () => {
  it("because of the certificate is a mistake of configuration that names address, reason and remedy", () => {
    const remedies = {
      SELF_SIGNED_CERT_IN_CHAIN: "give the authority that signed it in 'ssl.ca'",
      UNABLE_TO_VERIFY_LEAF_SIGNATURE: "give the authority that signed it in 'ssl.ca'",
      CERT_HAS_EXPIRED: "have it renewed, and check the clock of this machine",
      CERT_REVOKED: "it was revoked, so have the broker get another one",
      ERR_TLS_CERT_ALTNAME_INVALID:
        "use a host name that stands in it in 'brokers' and in the brokers' 'advertised.listeners', or say in 'ssl.servername' which one does",
    };
    for (const [code, remedy] of Object.entries(remedies)) {
      const error = connectError(failure("Connection error: not good", code), attempt);
      expect([error.code, error.disposition]).toEqual(["TLS_FAILED", "configuration"]);
      expect(error.message).toBe(`Cannot trust the certificate of broker kafka.example.org:9093 (${code}: not good): ${remedy}`);
    }
  });

  it("because the broker wants another certificate says which, in one line", () => {
    const openssl =
      "Connection error: 40F7:error:0A000412:SSL routines:ssl3_read_bytes:ssl/tls alert bad certificate:../ssl/rec.c:918:SSL alert number 42\n";
    const alert = failure(openssl, "ERR_SSL_SSL/TLS_ALERT_BAD_CERTIFICATE");
    expect(connectError(alert, { ...attempt, step: "hello" })).toMatchObject({
      code: "TLS_FAILED",
      disposition: "configuration",
      message:
        "Broker kafka.example.org:9093 asks for a client certificate (ssl/tls alert bad certificate): give one in 'ssl.cert' and 'ssl.key'",
    });
    expect(connectError(alert, { ...attempt, tls: { cert: "mine" }, step: "authenticate" }).message).toBe(
      "Broker kafka.example.org:9093 does not accept the client certificate (ssl/tls alert bad certificate): give one in 'ssl.cert' and 'ssl.key' that has not expired and that an authority of the broker's has signed",
    );
  });

  it("because nobody listens may pass", () => {
    const error = connectError(failure("Connection error: connect ECONNREFUSED 10.0.0.1:9093", "ECONNREFUSED"), attempt);
    expect([error.code, error.disposition]).toEqual(["BROKER_UNREACHABLE", "retriable"]);
    expect(error.message).toBe(
      "Cannot reach broker kafka.example.org:9093 (connect ECONNREFUSED 10.0.0.1:9093): check the address and that the broker runs",
    );
  });

  it("because the other side speaks TLS is recognized by what it says", () => {
    const error = connectError(failure("Closed connection"), {
      ...attempt,
      tls: undefined,
      step: "hello",
      firstBytes: Buffer.from([0x15, 0x03, 0x03, 0, 2, 2, 80]),
    });
    expect([error.code, error.message]).toEqual([
      "TLS_FAILED",
      "Broker kafka.example.org:9093 speaks TLS: set 'ssl', or use its plaintext port",
    ]);
  });

  it("because the password is wrong names the user and not the password", () => {
    const sasl = { mechanism: "scram-sha-256", username: "alice", password: "open sesame" } as const;
    const refused = failure("SASL SCRAM failed: Authentication failed", undefined, "KafkaJSSASLAuthenticationError");
    const error = connectError(refused, { ...attempt, sasl, step: "authenticate" });
    expect([error.code, error.disposition]).toEqual(["SASL_AUTHENTICATION_FAILED", "configuration"]);
    expect(error.message).toMatch(
      /^Cannot log in at broker kafka.example.org:9093 as user 'alice' with SASL SCRAM-SHA-256: check user, password and mechanism/,
    );
    expect(error.message).not.toContain("sesame");
  });

  it("because the port asks for no login says so", () => {
    const illegal = Object.assign(failure("Request is not valid", undefined, "KafkaJSProtocolError"), { code: 34 });
    expect(connectError(illegal, { ...attempt, step: "authenticate" })).toMatchObject({
      code: "SASL_AUTHENTICATION_FAILED",
      disposition: "configuration",
      message:
        "Broker kafka.example.org:9093 asks for no login on this port: leave 'sasl' out, or use the port that wants one (Request is not valid)",
    });
  });

  it("because the connection broke during the login may pass", () => {
    const broken = failure("SASL PLAIN authentication failed: Closed connection", undefined, "KafkaJSSASLAuthenticationError");
    expect(connectError(broken, { ...attempt, step: "authenticate" }).disposition).toBe("retriable");
  });
});

describe("an error number of a broker", () => {
  it("becomes a code, a disposition and a sentence", () => {
    const error = brokerError(47, "Cannot write to topic 't'", null, { topic: "t", partition: 1 });
    expect(error).toMatchObject({ code: "INVALID_PRODUCER_EPOCH", disposition: "fenced", topic: "t", partition: 1 });
    expect(error.message).toBe(
      "Cannot write to topic 't': another producer with the same transactional id has taken over, or the transaction timed out (INVALID_PRODUCER_EPOCH, 47)",
    );
  });

  it("that nobody knows keeps its number and is refused for good", () => {
    expect(brokerError(999, "Cannot fetch", "who knows")).toMatchObject({
      code: "UNKNOWN",
      disposition: "rejected",
      message: "Cannot fetch: the broker refused it (error 999: who knows)",
    });
  });

  it("of which nothing is known but that the broker failed leaves the outcome open", () => {
    expect(brokerError(-1, "Cannot commit").disposition).toBe("indefinite");
  });
});
