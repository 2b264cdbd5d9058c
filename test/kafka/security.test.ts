import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { createServer, type Server, type Socket } from "node:net";
import { expect, it } from "@jest/globals";
import { type Log, LogError } from "../../core/ports/log.ts";
import { text } from "../../core/serde/text.ts";
import { kafkaLog } from "../../node/kafka/kafka_log.ts";
import type { KafkaOptions } from "../../node/kafka/kafka_options.ts";
import { freePort } from "../../node/local/free_port.ts";
import type { KeyPair } from "../../node/local/kafka_tls.ts";
import { run } from "../../node/run.ts";
import { topic } from "../../topology/topic.ts";
import { topology } from "../../topology/topology.ts";
import { describeKafka } from "./support/describe_kafka.ts";
import { suite, unique } from "./support/kafka_suite.ts";
import { readTopic } from "./support/read_topic.ts";

const alice = { username: "alice", password: "alice-secret" } as const;
const mechanisms = ["plain", "scram-sha-256", "scram-sha-512"] as const;

/** Every mistake has to be told within this time: the runner fails a test that takes longer. */
const toldWithinMs = 10_000;

/** Writes a record in a transaction, reads it back and deletes the topic. */
const roundTrip = async (log: Log): Promise<void> => {
  const topic = unique("secured");
  await log.admin.create([{ topic, partitions: 1, replication: -1, config: {} }]);
  const producer = await log.producer({ transactionalId: unique("secured"), transactionTimeoutMs: 60_000 });
  const outbox = log.outbox();
  outbox.append(topic, 0, null, new TextEncoder().encode("x".repeat(200_000)), Date.now(), []);
  await producer.send(outbox);
  await producer.commit();
  expect((await readTopic(log, topic)).map(({ value }) => value?.length)).toEqual([200_000]);
  await log.admin.delete([topic]);
  await log.close();
};

/** The LogError with which opening a log fails. */
const refusal = async (options: KafkaOptions): Promise<LogError> => {
  try {
    await (await kafkaLog(options)).close();
  } catch (thrown) {
    if (thrown instanceof LogError) return thrown;
    throw thrown;
  }
  throw new Error("The log was opened");
};

/** What Node's TLS takes for a key with its certificate. */
const clientKey = ({ keyStore, password }: KeyPair): { readonly pfx: Buffer; readonly passphrase: string } => ({
  pfx: readFileSync(keyStore),
  passphrase: password,
});

/** A token for alice, without a signature, that ends in so many seconds. */
const token = (seconds: number): string => {
  const now = Math.floor(Date.now() / 1_000);
  const part = (content: object): string => Buffer.from(JSON.stringify(content)).toString("base64url");
  return `${part({ alg: "none" })}.${part({ sub: "alice", iat: now - 100, exp: now + seconds })}.`;
};

/** A server that is no Kafka. */
const server = async (answer: (socket: Socket) => void): Promise<{ readonly address: string; close(): void }> => {
  const port = await freePort();
  const sockets = new Set<Socket>();
  const listening: Server = createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => {});
    answer(socket);
  });
  await new Promise<void>((resolve) => listening.listen(port, "127.0.0.1", resolve));
  return {
    address: `127.0.0.1:${port}`,
    close: () => {
      for (const socket of sockets) socket.destroy();
      listening.close();
    },
  };
};

describeKafka("a secured broker", () => {
  it("is used over TLS with the authority that is given", async () => {
    await roundTrip(await kafkaLog({ brokers: suite.tlsBrokers, ssl: { ca: suite.tls.broker.certificate } }));
  });

  it("is used with a client certificate, under the name in it", async () => {
    const ssl = { ca: suite.tls.broker.certificate, ...clientKey(suite.tls.client) };
    await roundTrip(await kafkaLog({ brokers: suite.mutualTlsBrokers, ssl }));
  });

  for (const mechanism of mechanisms) {
    it(`is used with ${mechanism} over TLS`, async () => {
      await roundTrip(
        await kafkaLog({ brokers: suite.saslTlsBrokers, ssl: { ca: suite.tls.broker.certificate }, sasl: { mechanism, ...alice } }),
      );
    });
    it(`is used with ${mechanism} without TLS where that is meant`, async () => {
      await roundTrip(await kafkaLog({ brokers: suite.saslBrokers, insecure: true, sasl: { mechanism, ...alice } }));
    });
    it(
      `tells that the password is wrong with ${mechanism}`,
      async () => {
        const sasl = { mechanism, username: "alice", password: "guessed" } as const;
        const error = await refusal({ brokers: suite.saslBrokers, insecure: true, sasl });
        expect([error.code, error.disposition]).toEqual(["SASL_AUTHENTICATION_FAILED", "configuration"]);
        expect(error.message).toContain(
          `Cannot log in at broker ${suite.saslBrokers[0]} as user 'alice' with SASL ${mechanism.toUpperCase()}`,
        );
        expect(error.message).not.toContain("guessed");
      },
      toldWithinMs,
    );
  }

  it("is used with tokens that run out: whoever stays logs in again in time", async () => {
    let tokens = 0;
    const oauthBearerProvider = async (): Promise<{ readonly value: string }> => {
      tokens++;
      return { value: token(13) };
    };
    const log = await kafkaLog({ brokers: suite.saslBrokers, insecure: true, sasl: { mechanism: "oauthbearer", oauthBearerProvider } });
    const topic = unique("tokens");
    await log.admin.create([{ topic, partitions: 1, replication: -1, config: {} }]);
    const producer = await log.producer({ transactionalId: unique("tokens"), transactionTimeoutMs: 60_000 });
    const loggedIn = tokens;
    for (let i = 0; i < 10; i++) {
      const outbox = log.outbox();
      outbox.append(topic, 0, null, new TextEncoder().encode(`${i}`), Date.now(), []);
      await producer.send(outbox);
      await producer.commit();
      await new Promise((resolve) => setTimeout(resolve, 600));
    }
    expect(tokens).toBeGreaterThan(loggedIn);
    expect((await readTopic(log, topic)).map(({ value }) => value)).toEqual(Array.from({ length: 10 }, (_, i) => `${i}`));
    await log.close();
  });

  it("is used without a word of it on the console, also where kafkajs is told to print what goes over the network", () => {
    const options = { brokers: suite.saslBrokers, insecure: true, sasl: { mechanism: "plain", ...alice } };
    const program = `
      import { kafkaLog } from "./node/kafka/kafka_log.ts";
      const log = await kafkaLog(${JSON.stringify(options)});
      await log.admin.list();
      await log.close();
    `;
    const env = { ...process.env, KAFKAJS_DEBUG_PROTOCOL_BUFFERS: "1", KAFKAJS_DEBUG_EXTENDED_PROTOCOL_BUFFERS: "1" };
    const { status, stdout, stderr } = spawnSync(process.execPath, ["--input-type=module", "-e", program], { encoding: "utf8", env });
    expect({ status, stdout, stderr }).toEqual({ status: 0, stdout: "", stderr: "" });
  });

  it("gives a user without rights to understand which right on what is missing", async () => {
    const admin = await kafkaLog({ brokers: suite.brokers });
    const topic = unique("guarded");
    await admin.admin.create([{ topic, partitions: 1, replication: -1, config: {} }]);
    const sasl = { mechanism: "scram-sha-256", username: "mallory", password: "mallory-secret" } as const;
    const log = await kafkaLog({ brokers: suite.saslBrokers, sasl });
    const refused = async (attempt: Promise<unknown>): Promise<string> => {
      const error = await attempt.then(
        () => new Error("It was allowed"),
        (thrown: unknown) => thrown as LogError,
      );
      expect(error).toBeInstanceOf(LogError);
      expect((error as LogError).disposition).toBe("configuration");
      expect(error.message).toContain("user 'mallory' may not: grant ");
      return `${(error as LogError).code}: ${error.message.split(":")[0]}`;
    };
    expect(await refused(log.admin.describe([topic]))).toBe(`TOPIC_AUTHORIZATION_FAILED: Cannot describe topic '${topic}'`);
    expect(await refused(log.producer({ transactionalId: "guarded", transactionTimeoutMs: 60_000 }))).toBe(
      "TRANSACTIONAL_ID_AUTHORIZATION_FAILED: Cannot find the coordinator of transaction 'guarded'",
    );
    expect(await refused(log.admin.committed("guarded", [{ topic, partition: 0 }], { requireStable: true }))).toBe(
      "GROUP_AUTHORIZATION_FAILED: Cannot find the coordinator of group 'guarded'",
    );
    expect(await refused(log.admin.create([{ topic: unique("new"), partitions: 1, replication: -1, config: {} }]))).toMatch(
      /^(TOPIC|CLUSTER)_AUTHORIZATION_FAILED: Cannot create topic 'new-/,
    );
    expect(await refused(log.producer({ transactionalId: null, transactionTimeoutMs: 60_000 }))).toBe(
      "CLUSTER_AUTHORIZATION_FAILED: Cannot open a producer",
    );
    const fetcher = log.fetcher({ isolation: "read-committed" });
    const [fetched] = await fetcher.poll([{ topic, partition: 0, offset: 0 }], 5_000);
    expect(fetched?.error?.code).toBe("TOPIC_AUTHORIZATION_FAILED");
    const memberError = await new Promise<LogError>((resolve) => {
      log.join({
        groupId: "guarded",
        protocols: ["test"],
        topics: [topic],
        sessionTimeoutMs: 6_000,
        rebalanceTimeoutMs: 6_000,
        heartbeatMs: 500,
        subscription: () => new Uint8Array(0),
        assign: () => new Map(),
        onRebalance: async () => {},
        onAssigned: async () => {},
        onError: resolve,
      });
    });
    expect([memberError.code, memberError.disposition]).toEqual(["GROUP_AUTHORIZATION_FAILED", "configuration"]);
    await log.close();
    await admin.close();
  });
});

describeKafka("a mistake in how to reach the brokers", () => {
  it(
    "is told when the certificate is not trusted",
    async () => {
      const error = await refusal({ brokers: suite.tlsBrokers, ssl: true });
      expect([error.code, error.disposition]).toEqual(["TLS_FAILED", "configuration"]);
      expect(error.message).toMatch(`Cannot trust the certificate of broker ${suite.tlsBrokers[0]} (DEPTH_ZERO_SELF_SIGNED_CERT`);
    },
    toldWithinMs,
  );

  it(
    "is told when the certificate is of another host",
    async () => {
      const error = await refusal({
        brokers: suite.tlsBrokers,
        ssl: { ca: suite.tls.broker.certificate, servername: "kafka.example.org" },
      });
      expect([error.code, error.disposition]).toEqual(["TLS_FAILED", "configuration"]);
      expect(error.message).toMatch(/ERR_TLS_CERT_ALTNAME_INVALID.*: use a host name that stands in it in 'brokers'/);
    },
    toldWithinMs,
  );

  it(
    "is told when the certificate does not have the host's name in it",
    async () => {
      const error = await refusal({ brokers: suite.elsewhereTlsBrokers, ssl: { ca: suite.tls.elsewhere.certificate } });
      expect([error.code, error.disposition]).toEqual(["TLS_FAILED", "configuration"]);
      expect(error.message).toMatch(
        `Cannot trust the certificate of broker ${suite.elsewhereTlsBrokers[0]} (ERR_TLS_CERT_ALTNAME_INVALID: Hostname/IP does not match`,
      );
    },
    toldWithinMs,
  );

  it(
    "is told when the certificate has expired",
    async () => {
      const error = await refusal({ brokers: suite.expiredTlsBrokers, ssl: { ca: suite.tls.expired.certificate } });
      expect([error.code, error.disposition]).toEqual(["TLS_FAILED", "configuration"]);
      expect(error.message).toBe(
        `Cannot trust the certificate of broker ${suite.expiredTlsBrokers[0]} (CERT_HAS_EXPIRED: certificate has expired): have it renewed, and check the clock of this machine`,
      );
    },
    toldWithinMs,
  );

  it(
    "is told when the certificate is of another authority than the one that is given",
    async () => {
      const error = await refusal({ brokers: suite.tlsBrokers, ssl: { ca: suite.tls.elsewhere.certificate } });
      expect([error.code, error.disposition]).toEqual(["TLS_FAILED", "configuration"]);
      expect(error.message).toMatch(/give the authority that signed it in 'ssl\.ca'$/);
    },
    toldWithinMs,
  );

  it(
    "is told when the broker asks for a certificate and there is none, or one that it does not know",
    async () => {
      const ca = suite.tls.broker.certificate;
      const none = await refusal({ brokers: suite.mutualTlsBrokers, ssl: { ca } });
      expect([none.code, none.disposition]).toEqual(["TLS_FAILED", "configuration"]);
      expect(none.message).toMatch(
        new RegExp(`^Broker ${suite.mutualTlsBrokers[0]} asks for a client certificate \\(.*\\): give one in 'ssl.cert' and 'ssl.key'$`),
      );
      const other = await refusal({ brokers: suite.mutualTlsBrokers, ssl: { ca, ...clientKey(suite.tls.elsewhere) } });
      expect([other.code, other.disposition]).toEqual(["TLS_FAILED", "configuration"]);
      expect(other.message).toContain(`Broker ${suite.mutualTlsBrokers[0]} does not accept the client certificate`);
    },
    toldWithinMs,
  );

  for (const [what, value] of [
    ["has expired", () => token(-50)],
    ["is none", () => "rubbish"],
  ] as const)
    it(
      `is told when the token ${what}`,
      async () => {
        const tokenValue = value();
        const oauthBearerProvider = async () => ({ value: tokenValue });
        const error = await refusal({
          brokers: suite.saslBrokers,
          insecure: true,
          sasl: { mechanism: "oauthbearer", oauthBearerProvider },
        });
        expect([error.code, error.disposition]).toEqual(["SASL_AUTHENTICATION_FAILED", "configuration"]);
        expect(error.message).toBe(
          `Cannot log in at broker ${suite.saslBrokers[0]} with SASL OAUTHBEARER: check that the token has not expired and is for this cluster ({"status":"invalid_token"})`,
        );
      },
      toldWithinMs,
    );

  it(
    "is told when no token is to be had",
    async () => {
      const oauthBearerProvider = () => Promise.reject(new Error("the server of the tokens is away"));
      const error = await refusal({ brokers: suite.saslBrokers, insecure: true, sasl: { mechanism: "oauthbearer", oauthBearerProvider } });
      expect([error.code, error.disposition]).toEqual(["SASL_AUTHENTICATION_FAILED", "configuration"]);
      expect(error.message).toContain("'sasl.oauthBearerProvider' failed: the server of the tokens is away");
    },
    toldWithinMs,
  );

  it(
    "is told when TLS meets a plaintext port",
    async () => {
      const error = await refusal({ brokers: suite.brokers, ssl: { ca: suite.tls.broker.certificate } });
      expect([error.code, error.disposition]).toEqual(["TLS_FAILED", "configuration"]);
      expect(error.message).toMatch(/check that this is its TLS port/);
    },
    toldWithinMs,
  );

  it(
    "is told when plaintext meets a TLS port",
    async () => {
      const error = await refusal({ brokers: suite.tlsBrokers });
      expect(error.disposition).toBe("configuration");
      expect(error.message).toMatch(/TLS/);
    },
    toldWithinMs,
  );

  it(
    "is told when the listener wants a login",
    async () => {
      const error = await refusal({ brokers: suite.saslBrokers });
      expect([error.code, error.disposition]).toEqual(["BROKER_UNREACHABLE", "configuration"]);
      expect(error.message).toMatch(/set 'sasl'/);
    },
    toldWithinMs,
  );

  it(
    "is told when the listener wants no login",
    async () => {
      const error = await refusal({ brokers: suite.brokers, insecure: true, sasl: { mechanism: "plain", ...alice } });
      expect([error.code, error.disposition]).toEqual(["SASL_AUTHENTICATION_FAILED", "configuration"]);
      expect(error.message).toContain(`Broker ${suite.brokers[0]} asks for no login on this port: leave 'sasl' out`);
    },
    toldWithinMs,
  );

  it(
    "is told when nobody listens",
    async () => {
      const port = await freePort();
      const error = await refusal({ brokers: [`127.0.0.1:${port}`] });
      expect([error.code, error.disposition]).toEqual(["BROKER_UNREACHABLE", "configuration"]);
      expect(error.message).toBe(
        `Cannot reach broker 127.0.0.1:${port} (connect ECONNREFUSED 127.0.0.1:${port}): check the address and that the broker runs`,
      );
    },
    toldWithinMs,
  );

  it(
    "is told when the name of the host does not exist",
    async () => {
      const error = await refusal({ brokers: ["no-such-host.invalid:9092"] });
      expect([error.code, error.disposition]).toEqual(["BROKER_UNREACHABLE", "configuration"]);
      expect(error.message).toContain("no-such-host.invalid:9092");
    },
    toldWithinMs,
  );

  it(
    "is told when the other side never answers",
    async () => {
      const silent = await server(() => {});
      const error = await refusal({ brokers: [silent.address] });
      silent.close();
      expect([error.code, error.disposition]).toEqual(["BROKER_UNREACHABLE", "configuration"]);
      expect(error.message).toContain(`Broker ${silent.address} took the connection but did not answer the first request`);
    },
    toldWithinMs,
  );

  it(
    "is told when the other side speaks something else",
    async () => {
      const web = await server((socket) => socket.once("data", () => socket.end("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")));
      const error = await refusal({ brokers: [web.address] });
      web.close();
      expect([error.code, error.disposition]).toEqual(["BROKER_UNREACHABLE", "configuration"]);
      expect(error.message).toContain(web.address);
    },
    toldWithinMs,
  );

  it(
    "is told when the broker is too old, or so new that it dropped what is needed",
    async () => {
      // What a broker answers that does not know version 3 of ApiVersions: error 35 and no more.
      const old = await server((socket) =>
        socket.on("data", (request: Buffer) => socket.write(Buffer.from([0, 0, 0, 10, ...request.subarray(8, 12), 0, 35, 0, 0, 0, 0]))),
      );
      const error = await refusal({ brokers: [old.address] });
      expect([error.code, error.disposition]).toEqual(["UNSUPPORTED_VERSION", "configuration"]);
      expect(error.message).toMatch(/Kafka 2.5 or later is needed/);
      // A program that is started there is told the same in its own words.
      const program = topology("too-new", ({ from }) => void from(topic("words", { value: text })).print());
      await expect(run(program, { brokers: old.address, signals: false })).rejects.toMatchObject({
        name: "ConfigurationError",
        code: "BROKER_UNSUPPORTED",
        message: expect.stringMatching(/Kafka 2.5 or later is needed/),
      });
      old.close();
      // One that offers only Produce 13 and later.
      const offer = [0, 0, 2, 0, 0, 0, 13, 0, 14, 0, 0, 0, 0, 0, 0];
      const strange = await server((socket) =>
        socket.on("data", (request: Buffer) =>
          socket.write(Buffer.from([0, 0, 0, 4 + offer.length, ...request.subarray(8, 12), ...offer])),
        ),
      );
      const other = await refusal({ brokers: [strange.address] });
      strange.close();
      expect([other.code, other.disposition]).toEqual(["UNSUPPORTED_VERSION", "configuration"]);
      expect(other.message).toMatch(/Produce 8 is needed, the broker offers 13 to 14/);
    },
    toldWithinMs,
  );

  it(
    "is told when the brokers send clients to an address where nobody is",
    async () => {
      const error = await refusal({ brokers: suite.behindProxies });
      expect([error.code, error.disposition]).toEqual(["BROKER_UNREACHABLE", "configuration"]);
      expect(error.message).toContain(
        `tell to go on at 127.0.0.1:${suite.proxyPort}, which fails: set the brokers' 'advertised.listeners'`,
      );
    },
    toldWithinMs,
  );

  it(
    "in one of several addresses does not matter, wherever it stands",
    async () => {
      const silent = await server(() => {});
      const log = await kafkaLog({ brokers: [silent.address, `127.0.0.1:${await freePort()}`, suite.brokers[0]!] });
      expect(await log.admin.brokers()).toBe(1);
      await log.close();
      silent.close();
    },
    toldWithinMs,
  );
});
