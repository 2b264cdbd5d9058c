import { afterAll, beforeAll, expect, it } from "@jest/globals";
import { deadLetter } from "../../core/error_policy.ts";
import { ConfigurationError, type MillraceError } from "../../core/errors.ts";
import { type Log, noHeaders } from "../../core/ports/log.ts";
import type { Feed } from "../../core/runtime/start.ts";
import { integer } from "../../core/serde/numbers.ts";
import { text } from "../../core/serde/text.ts";
import { kafkaLog } from "../../node/kafka/kafka_log.ts";
import { type RunOptions, run } from "../../node/run.ts";
import { sink } from "../../topology/sink.ts";
import { topic } from "../../topology/topic.ts";
import { topology } from "../../topology/topology.ts";
import { grant, type Right } from "./support/acls.ts";
import { describeKafka } from "./support/describe_kafka.ts";
import { suite, unique } from "./support/kafka_suite.ts";
import { readTopic } from "./support/read_topic.ts";

/** A user whom nobody has allowed anything. */
const trent = { mechanism: "scram-sha-256", username: "trent", password: "trent-secret" } as const;

const A = unique("guarded");
const [lines, counts, parked] = [unique("lines"), unique("counts"), unique("parked")];

/** What docs/security.md says that an application needs. */
const rights: readonly Right[] = [
  { operation: "READ", on: "topic", name: lines },
  { operation: "WRITE", on: "topic", name: counts },
  { operation: "WRITE", on: "topic", name: parked },
  { operation: "READ", on: "topic", name: `${A}-`, prefixed: true },
  { operation: "WRITE", on: "topic", name: `${A}-`, prefixed: true },
  { operation: "CREATE", on: "topic", name: `${A}-`, prefixed: true },
  { operation: "DESCRIBE_CONFIGS", on: "topic", name: `${A}-`, prefixed: true },
  { operation: "READ", on: "group", name: A },
  { operation: "WRITE", on: "transactional-id", name: `${A}-`, prefixed: true },
];
const without = (operation: Right["operation"], on: Right["on"], name: string): readonly Right[] => {
  const left = rights.filter((right) => right.operation !== operation || right.on !== on || right.name !== name);
  expect(left).toHaveLength(rights.length - 1);
  return left;
};

/** Everything that needs rights: topics that are read and written, a dead-letter topic, a shuffle, state, a system outside. */
const outside: string[] = [];
const source = topic(lines, { key: text, value: text });
const program = topology("guarded", ({ from }) => {
  const words = from(source, { onError: deadLetter(parked) }).flatMap((line) => line.split(" "));
  words
    .keyBy((word) => word)
    .count("count")
    .to(topic(counts, { key: text, value: integer }));
  words.to(sink<string>("outside", { write: async (batch) => void outside.push(...batch.map(({ value }) => value)) }));
});

const start = (options: RunOptions = {}) =>
  run(program, { applicationId: A, brokers: suite.saslBrokers, sasl: trent, signals: false, ...options });

/** Starts, and gives what that is refused with, or what ends it. */
const failure = async (options: RunOptions = {}): Promise<MillraceError> => {
  try {
    const app = await start(options);
    await app.finished;
  } catch (error) {
    return error as MillraceError;
  }
  throw new Error("The app ended as if nothing had been wrong");
};

/** A name without what makes it unique. */
const shortened = (name: string): string => name.replace(/-\d.*?(-?)$/, "$1");

const until = async (holds: () => boolean): Promise<void> => {
  while (!holds()) await new Promise((resolve) => setTimeout(resolve, 50));
};

describeKafka("an application under a user with few rights", () => {
  let admin: Log;
  /** A line, and one that is no text. */
  const say = async (line: string): Promise<void> => {
    const outbox = admin.outbox();
    outbox.append(lines, 0, null, new TextEncoder().encode(line), Date.now(), noHeaders);
    outbox.append(lines, 0, null, Uint8Array.of(0xff), Date.now(), noHeaders);
    const producer = await admin.producer({ transactionalId: null, transactionTimeoutMs: 60_000 });
    await producer.send(outbox);
    await producer.close();
  };

  beforeAll(async () => {
    admin = await kafkaLog({ brokers: suite.brokers });
    await admin.admin.create([lines, counts, parked].map((name) => ({ topic: name, partitions: 2, replication: -1, config: {} })));
  });

  afterAll(async () => {
    await grant("trent", []);
    await admin.close();
  });

  for (const guarantee of ["exactly-once", "at-least-once"] as const)
    it(`does its work ${guarantee} with those that are documented, from creating its topics on`, async () => {
      await grant("trent", rights);
      const seen = outside.length;
      await say("to be or not to be");
      const problems: string[] = [];
      const app = await start({ guarantee, on: { error: ({ message }) => problems.push(message) } });
      await until(() => outside.length >= seen + 6);
      await app.close();
      expect(problems).toEqual([]);
      expect((await readTopic(admin, counts)).length).toBeGreaterThanOrEqual(seen + 6);
      expect((await readTopic(admin, parked)).length).toBeGreaterThan(0);
    });

  it("feeds its own input when it may write there, too", async () => {
    const [fed, refused] = [`${A}-fed`, `${A}-not-fed`];
    const groups: readonly Right[] = [fed, refused].map((name) => ({ operation: "READ", on: "group", name }));
    const feed: Feed = async function* (written) {
      if (written === 0) yield { topic: source, key: null, value: "whether tis nobler", timestamp: Date.now() };
    };
    await grant("trent", [...rights, ...groups, { operation: "WRITE", on: "topic", name: lines }]);
    const app = await start({ applicationId: fed, mode: "batch", feed });
    await app.finished;
    expect(outside.slice(-3)).toEqual(["whether", "tis", "nobler"]);
    await grant("trent", [...rights, ...groups]);
    const error = await failure({ applicationId: refused, mode: "batch", feed });
    expect(error.message).toMatch(new RegExp(`user 'trent' may not: grant WRITE on topic '${lines}'`));
  });

  it("may purge its internal topics when it has DELETE, and is told so when it has not", async () => {
    const log = await kafkaLog({ brokers: suite.saslBrokers, sasl: trent });
    const purge = () => log.admin.deleteRecords([{ topic: `${A}-count-repartition`, partition: 0, offset: 0 }]);
    await grant("trent", rights);
    await expect(purge()).rejects.toThrow(`user 'trent' may not: grant DELETE on topic '${A}-count-repartition'`);
    await grant("trent", [...rights, { operation: "DELETE", on: "topic", name: `${A}-`, prefixed: true }]);
    await purge();
    await log.close();
  });

  const missing: readonly (readonly [operation: Right["operation"], on: Right["on"], name: string, said: RegExp, options?: RunOptions])[] =
    [
      ["READ", "topic", lines, new RegExp(`^Step 'from-${lines}' cannot read its topic\\. .* grant READ or WRITE on topic '${lines}'`)],
      ["WRITE", "topic", counts, new RegExp(`cannot write its topic\\. .* grant READ or WRITE on topic '${counts}'`)],
      ["WRITE", "topic", parked, new RegExp(`cannot write its topic\\. .* grant READ or WRITE on topic '${parked}'`)],
      ["READ", "topic", `${A}-`, new RegExp(`grant READ on topic '${A}-`)],
      ["WRITE", "topic", `${A}-`, new RegExp(`grant WRITE on topic '${A}-`)],
      ["CREATE", "topic", `${A}-`, new RegExp(`grant CREATE on topic '${A}-`), { applicationId: `${A}-new` }],
      ["DESCRIBE_CONFIGS", "topic", `${A}-`, new RegExp(`grant DESCRIBE_CONFIGS on topic '${A}-`)],
      ["READ", "group", A, new RegExp(`grant READ on group '${A}'`)],
      ["WRITE", "transactional-id", `${A}-`, new RegExp(`grant WRITE on transactional id '${A}-`)],
    ];
  for (const [operation, on, name, said, options] of missing)
    it(`is told that ${operation} on the ${on} ${shortened(name)} is missing`, async () => {
      await grant("trent", without(operation, on, name));
      await say("that is the question");
      const error = await failure(options);
      expect(error).toBeInstanceOf(ConfigurationError);
      expect(error.code).toBe("NOT_AUTHORIZED");
      expect(error.message).toMatch(/user 'trent' may not: grant /);
      expect(error.message).toMatch(said);
    });

  // Whoever may look at something is let in at the start, and refused when it is used.
  const onlyDescribed: readonly (readonly [operation: "READ" | "WRITE", on: Right["on"], name: string, said: RegExp])[] = [
    ["READ", "topic", lines, new RegExp(`grant READ on topic '${lines}'`)],
    ["WRITE", "topic", counts, new RegExp(`grant WRITE on topic '${counts}'`)],
    ["WRITE", "topic", parked, new RegExp(`grant WRITE on topic '${parked}'`)],
    ["READ", "group", A, new RegExp(`grant READ on group '${A}'`)],
    ["WRITE", "transactional-id", `${A}-`, new RegExp(`grant WRITE on transactional id '${A}-`)],
  ];
  for (const guarantee of ["exactly-once", "at-least-once"] as const)
    for (const [operation, on, name, said] of onlyDescribed) {
      if (guarantee === "at-least-once" && on === "transactional-id") continue;
      it(`is told ${guarantee} that ${operation} on the ${on} ${shortened(name)} is missing where it has DESCRIBE`, async () => {
        const rest = without(operation, on, name);
        await grant("trent", [...rest, { operation: "DESCRIBE", on, name, prefixed: name.endsWith("-") }]);
        await say("that is the question");
        const error = await failure({ guarantee });
        expect(error).toBeInstanceOf(ConfigurationError);
        expect(error.code).toBe("NOT_AUTHORIZED");
        expect(error.message).toMatch(/user 'trent' may not: grant /);
        expect(error.message).toMatch(said);
      });
    }
});
