import { mkdtempSync, openSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { inspect } from "node:util";
import { afterEach, describe, expect, it } from "@jest/globals";
import { checkKafkaOptions } from "../../../node/kafka/kafka_options.ts";
import { kafkajsConnection } from "../../../node/kafka/kafkajs_connection.ts";
import { withoutSecrets } from "../../../node/kafka/secrets.ts";
import { pinoLogger } from "../../../node/pino_logger.ts";

const options = {
  brokers: ["localhost:9092"],
  insecure: true,
  ssl: { passphrase: "hunter2", servername: "kafka", ALPNProtocols: ["kafka"] },
  sasl: { mechanism: "plain", username: "alice", password: "hunter2" },
} as const;

describe("secrets", () => {
  it("are replaced in a copy of options, at any depth, and everything else is kept", () => {
    const registry = { host: "https://registry", auth: { token: "hunter2" }, headers: [{ Authorization: "hunter2" }] };
    const keys = { ca: "CERTIFICATE", key: "hunter2", pfx: Buffer.from("hunter2"), cert: Buffer.from("public") };
    expect(withoutSecrets({ ...options, registry, keys })).toEqual({
      brokers: ["localhost:9092"],
      insecure: true,
      ssl: { passphrase: "[redacted]", servername: "kafka", ALPNProtocols: ["kafka"] },
      sasl: { mechanism: "plain", username: "alice", password: "[redacted]" },
      registry: { host: "https://registry", auth: { token: "[redacted]" }, headers: [{ Authorization: "[redacted]" }] },
      keys: { ca: "CERTIFICATE", key: "[redacted]", pfx: "[redacted]", cert: "[6 bytes]" },
    });
    expect(options.sasl.password).toBe("hunter2");
  });

  it("are replaced in what contains itself, and in what poses as something else", () => {
    const circular: { password: string; self?: unknown } = { password: "hunter2" };
    circular.self = circular;
    expect(withoutSecrets(circular)).toEqual({ password: "[redacted]", self: "[circular]" });
    const copy = withoutSecrets(JSON.parse('{"__proto__":{"password":"hunter2","polluted":true}}'));
    expect(JSON.stringify(copy)).not.toContain("hunter2");
    expect(({} as { polluted?: boolean }).polluted).toBeUndefined();
  });

  it("stay out when the driver's own settings are printed, alone or inside of something else", () => {
    const { cluster } = checkKafkaOptions(options);
    for (const shown of [
      inspect(cluster, { depth: 9 }),
      JSON.stringify(cluster),
      inspect({ at: [cluster.sasl] }, { depth: 9 }),
      `${inspect(cluster.tls)}`,
    ]) {
      expect(shown).not.toContain("hunter2");
      expect(shown).toContain("[redacted]");
    }
    // What is read is what was given, or nobody could log in.
    expect([cluster.sasl, cluster.tls?.passphrase]).toMatchObject([{ username: "alice", password: "hunter2" }, "hunter2"]);
  });

  it("stay out of the lines of pinoLogger", () => {
    const folder = mkdtempSync(join(tmpdir(), "millrace-log-"));
    const file = join(folder, "log");
    const logger = pinoLogger({ fd: openSync(file, "w") });
    logger.log("info", "Started", {
      sasl: { username: "alice", password: "hunter2" },
      deep: { auth: { token: "hunter2" } },
      apiKey: "hunter2",
      key: "#12ab",
    });
    const line = readFileSync(file, "utf8");
    rmSync(folder, { recursive: true });
    expect(line).not.toContain("hunter2");
    expect(JSON.parse(line)).toMatchObject({ msg: "Started", sasl: { username: "alice", password: "[Redacted]" }, key: "#12ab" });
  });
});

describe("kafkajs' variable that prints what goes over the network", () => {
  const before = { ...process.env };
  afterEach(() => {
    for (const name of ["NODE_ENV", "KAFKAJS_DEBUG_PROTOCOL_BUFFERS"]) {
      if (before[name] === undefined) delete process.env[name];
      else process.env[name] = before[name];
    }
  });
  const open = () =>
    kafkajsConnection({
      host: "127.0.0.1",
      port: 1,
      clientId: "c",
      tls: undefined,
      sasl: undefined,
      connectionTimeoutMs: 1,
      requestTimeoutMs: 1,
      onFirstBytes: () => {},
    });

  it("is refused in production, before anything is connected", () => {
    process.env["NODE_ENV"] = "production";
    expect(open).not.toThrow();
    process.env["KAFKAJS_DEBUG_PROTOCOL_BUFFERS"] = "1";
    expect(open).toThrow(
      expect.objectContaining({
        name: "ConfigurationError",
        code: "OPTION_INVALID",
        message: expect.stringContaining("KAFKAJS_DEBUG_PROTOCOL_BUFFERS"),
      }),
    );
    process.env["NODE_ENV"] = "development";
    expect(open).not.toThrow();
  });
});
