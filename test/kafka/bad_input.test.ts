import { spawn } from "node:child_process";
import { join } from "node:path";
import { expect, it } from "@jest/globals";
import { hours, millis, seconds } from "../../core/duration.ts";
import { deadLetter, type ErrorPolicy, fail, skip } from "../../core/error_policy.ts";
import type { MillraceError } from "../../core/errors.ts";
import { partitionForKey } from "../../core/partitioner.ts";
import { noHeaders } from "../../core/ports/log.ts";
import type { App } from "../../core/runtime/app.ts";
import { bytes } from "../../core/serde/bytes.ts";
import { integer } from "../../core/serde/numbers.ts";
import { text } from "../../core/serde/text.ts";
import { kafkaLog } from "../../node/kafka/kafka_log.ts";
import { type RunOptions, run } from "../../node/run.ts";
import { topic } from "../../topology/topic.ts";
import { type Topology, topology } from "../../topology/topology.ts";
import { type AppWorld, inWorld, total } from "../app_scenarios/app_world.ts";
import { kafkaAppWorld } from "./app/kafka_app_world.ts";
import { describeKafka } from "./support/describe_kafka.ts";
import { suite, unique } from "./support/kafka_suite.ts";

/** Every mistake has to be told within this time: the runner fails a test that takes longer. */
const toldWithinMs = 10_000;

const on = inWorld(kafkaAppWorld);

const copying = (from: string, to: string, options: { readonly onError?: ErrorPolicy } = {}): Topology =>
  topology(unique("copying"), ({ from: read }) => {
    read(topic(from, { key: text, value: text })).to(topic(to, { key: text, value: text }), options);
  });

/** Starts as a program does, and gives the error with which that is refused. */
const refusal = async (program: Topology, options: RunOptions): Promise<MillraceError> => {
  let app: App;
  try {
    app = await run(program, { signals: false, ...options });
  } catch (error) {
    return error as MillraceError;
  }
  await app.close();
  throw new Error("The app was started although it should have been refused");
};

/** What stops an app that was started. */
const failure = (app: App): Promise<MillraceError> =>
  app.finished.then(
    () => Promise.reject(new Error("The app ended as if nothing had been wrong")),
    (error: MillraceError) => error,
  );

describeKafka("a program that is started with something that cannot be", () => {
  const alice = { mechanism: "scram-sha-256", username: "alice", password: "alice-secret" } as const;
  const cases: readonly (readonly [what: string, options: () => RunOptions, code: string, message: RegExp])[] = [
    [
      "a broker where none is",
      () => ({ brokers: "127.0.0.1:1" }),
      "BROKER_UNREACHABLE",
      /^Cannot reach broker 127\.0\.0\.1:1 \(.*\): check the address and that the broker runs$/,
    ],
    [
      "TLS on a port without it",
      () => ({ brokers: suite.brokers, ssl: { ca: suite.tls.broker.certificate } }),
      "BROKER_UNREACHABLE",
      /TLS.*check that this is its TLS port, or leave 'ssl' out for a plaintext port/,
    ],
    ["no TLS on a port that wants it", () => ({ brokers: suite.tlsBrokers }), "BROKER_UNREACHABLE", /TLS.*set 'ssl'|wants TLS \('ssl'\)/],
    [
      "a certificate that nobody vouches for",
      () => ({ brokers: suite.tlsBrokers, ssl: true }),
      "BROKER_UNREACHABLE",
      /^Cannot trust the certificate of broker .*'ssl\.ca'/,
    ],
    [
      "a wrong password",
      () => ({ brokers: suite.saslBrokers, sasl: { ...alice, password: "wrong" } }),
      "NOT_AUTHENTICATED",
      /^Cannot log in at broker \S+ as user 'alice' with SASL SCRAM-SHA-256: check user, password and mechanism/,
    ],
    [
      "a user that does not exist",
      () => ({ brokers: suite.saslBrokers, sasl: { ...alice, username: "nobody" } }),
      "NOT_AUTHENTICATED",
      /as user 'nobody'/,
    ],
    ["no login where one is wanted", () => ({ brokers: suite.saslBrokers }), "BROKER_UNREACHABLE", /set 'sasl'/],
    [
      "a password that everybody could read",
      () => ({ brokers: suite.saslBrokers, sasl: { ...alice, mechanism: "plain" } }),
      "OPTION_INVALID",
      /sends the password readable: set 'ssl', use scram-sha-256, or set 'insecure'/,
    ],
    ["no broker at all", () => ({ brokers: [] }), "OPTION_INVALID", /'brokers' is empty/],
    [
      "an address without a port",
      () => ({ brokers: "localhost" }),
      "OPTION_INVALID",
      /'brokers' contains 'localhost': give each as 'host:port'/,
    ],
    [
      "an option that does not exist",
      () => ({ broker: suite.brokers }) as RunOptions,
      "OPTION_INVALID",
      /^There is no option 'broker': did you mean 'brokers'\?$/,
    ],
    [
      "a transaction timeout that the broker does not allow",
      () => ({ brokers: suite.brokers, transactionTimeout: hours(1) }),
      "TRANSACTION_TIMEOUT_TOO_LARGE",
      /^Option 'transactionTimeout' cannot be 3600000 ms\. .*3600000 ms.*'transaction\.max\.timeout\.ms' is 900000/,
    ],
    [
      "more copies of internal topics than there are brokers",
      () => ({ brokers: suite.brokers, replication: 3 }),
      "OPTION_INVALID",
      /replication/i,
    ],
  ];
  it.each(cases)(
    "(%s) is refused with what to do",
    async (_what, options, code, message) => {
      const log = await kafkaLog({ brokers: suite.brokers });
      const [from, to] = [unique("from"), unique("to")];
      await log.admin.create([from, to].map((name) => ({ topic: name, partitions: 1, replication: -1, config: {} })));
      await log.close();
      const error = await refusal(copying(from, to), options());
      expect(error).toMatchObject({ name: "ConfigurationError", code });
      expect(error.message).toMatch(message);
    },
    toldWithinMs,
  );

  it(
    "(a user without rights) is refused, with the topic that it may not see",
    async () => {
      const name = unique("secret");
      const error = await refusal(copying(name, unique("to")), {
        brokers: suite.saslBrokers,
        sasl: { mechanism: "scram-sha-256", username: "mallory", password: "mallory-secret" },
      });
      expect(error).toMatchObject({ name: "ConfigurationError", code: "NOT_AUTHORIZED" });
      expect(error.message).toContain(name);
      expect(error.message).toContain("user 'mallory' may not: grant ");
    },
    toldWithinMs,
  );

  it(
    "(a topic that does not exist) is refused, and the topic is not made on the way",
    async () => {
      const [from, to] = [unique("missing"), unique("to")];
      const error = await refusal(copying(from, to), { brokers: suite.brokers });
      expect(error).toMatchObject({ name: "ConfigurationError", code: "TOPIC_MISSING" });
      expect(error.message).toMatch(
        new RegExp(`^Topic '(${from}|${to})', which step '.*' (reads|writes), does not exist: create it first$`),
      );
      const log = await kafkaLog({ brokers: suite.brokers });
      expect((await log.admin.describe([from, to])).size).toBe(0);
      await log.close();
    },
    toldWithinMs,
  );

  it(
    "(a session that the broker does not allow) stops with both the group and what is allowed",
    on(async (world) => {
      const [from, to] = [world.unique("from"), world.unique("to")];
      await world.create(from, 1);
      await world.create(to, 1);
      const app = await world.start(copying(from, to), { group: { sessionTimeout: millis(500), heartbeat: millis(100) } });
      const error = await failure(app);
      expect(error).toMatchObject({ name: "ConfigurationError", code: "OPTION_INVALID" });
      expect(error.message).toMatch(/session timeout.*group\.min\.session\.timeout\.ms/);
    }),
    toldWithinMs,
  );
});

/** A topic of words, an output that takes a thousand bytes, a place for dead letters, and a program that copies. */
const narrow = async (world: AppWorld, onError: ErrorPolicy | ((parked: string) => ErrorPolicy)) => {
  const words = topic(world.unique("words"), { key: text, value: text });
  const out = topic(world.unique("out"), { key: text, value: text });
  const parked = topic(world.unique("parked"), { key: bytes, value: text });
  await world.create(words.name, 1);
  await world.create(parked.name, 1);
  await world.log.admin.create([{ topic: out.name, partitions: 1, replication: -1, config: { "max.message.bytes": "1000" } }]);
  const policy = typeof onError === "function" ? (onError as (parked: string) => ErrorPolicy)(parked.name) : onError;
  return { words, out, parked, program: copying(words.name, out.name, { onError: policy }) };
};

describeKafka("records that the broker does not take", () => {
  /** Does not compress. */
  const noise = (length: number): string => {
    let [state, out] = [1, ""];
    while (out.length < length) {
      state = (Math.imul(state, 48271) >>> 0) % 2147483647;
      out += String.fromCharCode(33 + (state % 90));
    }
    return out;
  };

  it(
    "stop the app with their size and the limit, and the position stays before them",
    on(async (world) => {
      const { words, out, program } = await narrow(world, fail());
      await world.produce(words, [{ value: "before" }, { value: noise(2000) }, { value: "after" }]);
      const error = await failure(await world.start(program));
      expect(error).toMatchObject({ name: "ProduceError", code: "RECORD_REFUSED", topic: out.name });
      expect(error.message).toMatch(
        /^A record of 2070 bytes \(key 0, value 2000\) is too large for topic '.*', which takes 1000: raise its max\.message\.bytes/,
      );
      const committed = await world.log.admin.committed(program.name, [{ topic: words.name, partition: 0 }], { requireStable: true });
      expect([...committed.values()].map(({ offset }) => offset).filter((offset) => offset > 1)).toEqual([]);
      expect((await world.read(out)).map(({ value }) => value)).not.toContain("after");
    }),
  );

  it(
    "are left out, or parked, as the policy of production says",
    on(async (world) => {
      for (const [policy, counter] of [
        [() => skip(), "skipped_records"],
        [(parked: string) => deadLetter(parked), "dead_letter_records"],
      ] as const) {
        const { words, out, parked, program } = await narrow(world, policy);
        await world.produce(words, [{ value: "before" }, { value: noise(2000) }, { value: "after" }]);
        const app = await world.start(program);
        await world.until("the others are through", async () => ((await world.read(out)).length === 2 ? true : undefined));
        expect((await world.read(out)).map(({ value }) => value)).toEqual(["before", "after"]);
        expect(total(app, counter)).toBe(1);
        expect((await world.read(parked)).map(({ value }) => value)).toEqual(counter === "skipped_records" ? [] : [noise(2000)]);
      }
    }),
  );

  it(
    "are known to the byte: what just fits goes through",
    on(async (world) => {
      const { words, out, program } = await narrow(world, skip());
      // 61 bytes of header, and eight around a value of this length without a key.
      await world.produce(words, [{ value: noise(930) }, { value: noise(931) }, { value: noise(929) }]);
      await world.start(program);
      await world.until("what fits is through", async () => ((await world.read(out)).length === 2 ? true : undefined));
      expect((await world.read(out)).map(({ value }) => value?.length)).toEqual([930, 929]);
    }),
  );

  it.each(["gzip", "zstd"] as const)("are measured as they are sent, with compression %s", (compression) =>
    inWorld(() => kafkaAppWorld({ compression }))(async (world) => {
      const { words, out, program } = await narrow(world, skip());
      await world.produce(words, [{ value: "x".repeat(100_000) }, { value: noise(5000) }, { value: "after" }]);
      const app = await world.start(program);
      await world.until("what fits is through", async () => ((await world.read(out)).length === 2 ? true : undefined));
      expect((await world.read(out)).map(({ value }) => value?.length)).toEqual([100_000, 5]);
      expect(total(app, "skipped_records")).toBe(1);
    })(),
  );

  it(
    "without a key, for a compacted topic, and with timestamps that it does not take, are a matter of policy as well",
    on(async (world) => {
      const words = topic(world.unique("words"), { key: text, value: text });
      const out = topic(world.unique("compacted"), { key: text, value: text });
      await world.create(words.name, 1);
      await world.log.admin.create([
        {
          topic: out.name,
          partitions: 1,
          replication: -1,
          config: { "cleanup.policy": "compact", "message.timestamp.after.max.ms": "60000" },
        },
      ]);
      await world.produce(words, [
        { value: "no key" },
        { key: "k", value: "ahead", timestamp: Date.now() + 600_000 },
        { key: "k", value: "good" },
      ]);
      const app = await world.start(copying(words.name, out.name, { onError: skip() }));
      await world.until("what is good is through", async () => ((await world.read(out)).length === 1 ? true : undefined));
      expect((await world.read(out)).map(({ value }) => value)).toEqual(["good"]);
      expect(total(app, "skipped_records")).toBe(2);
    }),
  );
});

describeKafka("input on a broker that is not as the program needs it", () => {
  it(
    "with keys in other partitions than the Java client would choose stops the app, which tells the partition and not the key",
    on(async (world) => {
      const words = topic(world.unique("words"), { key: text, value: text });
      const counts = topic(world.unique("counts"), { key: text, value: integer });
      await world.create(words.name, 3);
      await world.create(counts.name, 1);
      const key = "tell-nobody";
      const wrong = (partitionForKey(new TextEncoder().encode(key), 3) + 1) % 3;
      await world.produce(words, [{ key, value: "a", partition: wrong }]);
      const app = await world.start(
        topology(world.unique("by-own-key"), ({ from }) => {
          from(words).keyBy().count("count").to(counts);
        }),
      );
      const error = await failure(app);
      expect(error).toMatchObject({ name: "ConfigurationError", code: "KEY_MISPLACED", topic: words.name, partition: wrong });
      expect(error.message).not.toContain(key);
    }),
  );

  it(
    "whose records have gone while nobody read: goes on at the earliest one that is left, and counts it",
    on(async (world) => {
      const [words, out] = [unique("words"), unique("out")].map((name) => topic(name, { key: text, value: text }));
      await world.create(words!.name, 1);
      await world.create(out!.name, 1);
      const program = copying(words!.name, out!.name);
      await world.produce(words!, [{ value: "a" }]);
      const first = await world.start(program);
      await world.until("the first is copied", async () => ((await world.read(out!)).length === 1 ? true : undefined));
      await first.close();
      await world.produce(words!, [{ value: "b" }, { value: "c" }, { value: "d" }]);
      await world.log.admin.deleteRecords([{ topic: words!.name, partition: 0, offset: 3 }]);
      const second = await world.start(program);
      await world.until("the last is copied", async () => ((await world.read(out!)).length === 2 ? true : undefined));
      expect((await world.read(out!)).map(({ value }) => value)).toEqual(["a", "d"]);
      expect(total(second, "offset_resets")).toBe(1);
    }),
  );

  it(
    "that was deleted and made anew is not read as if it were the old one: neither while the app runs, nor after a restart",
    on(async (world) => {
      const [words, out] = [unique("words"), unique("out")].map((name) => topic(name, { key: text, value: text }));
      for (const { name } of [words!, out!]) await world.create(name, 1);
      const program = copying(words!.name, out!.name);
      await world.produce(words!, [{ value: "a" }, { value: "b" }, { value: "c" }]);
      const app = await world.start(program);
      await world.until("all are copied", async () => ((await world.read(out!)).length === 3 ? true : undefined));
      app.pause();
      await world.pass(500);
      await world.log.admin.delete([words!.name]);
      await world.create(words!.name, 1);
      await world.produce(words!, [{ value: "new" }]);
      app.resume();
      expect((await failure(app)).code).toMatch(/^TOPIC_(CHANGED|MISSING)$/);
      const error: MillraceError = await world.start(program).then(
        () => Promise.reject(new Error("The app was started although it should have been refused")),
        (refused: MillraceError) => refused,
      );
      expect(error).toMatchObject({ name: "ConfigurationError", code: "TOPIC_CHANGED", topic: words!.name });
      expect((await world.read(out!)).map(({ value }) => value)).toEqual(["a", "b", "c"]);
      await world.start(program, { allowNonRestoredState: true });
      await world.until("the new one is copied", async () => ((await world.read(out!)).length === 4 ? true : undefined));
      expect((await world.read(out!)).map(({ value }) => value)).toEqual(["a", "b", "c", "new"]);
    }),
  );

  it(
    "that gets more partitions while steps rely on them stops the app",
    on(async (world) => {
      const words = topic(world.unique("words"), { key: text, value: text });
      const counts = topic(world.unique("counts"), { key: text, value: integer });
      for (const { name } of [words, counts]) await world.create(name, 2);
      const app = await world.start(
        topology(world.unique("counting"), ({ from }) => {
          from(words).keyBy().count("count").to(counts);
        }),
      );
      await world.log.admin.addPartitions(words.name, 3);
      expect(await failure(app)).toMatchObject({ name: "ConfigurationError", code: "PARTITIONS_DIFFER", topic: words.name });
    }),
  );

  it(
    "or a program that does not fit what it has left behind, is refused at the next start",
    on(async (world) => {
      const words = topic(world.unique("words"), { key: text, value: text });
      const counts = topic(world.unique("counts"), { key: text, value: integer });
      for (const { name } of [words, counts]) await world.create(name, 1);
      const name = world.unique("changing");
      const program = (store: string) =>
        topology(name, ({ from }) => {
          from(words).keyBy().count(store).to(counts);
        });
      await world.produce(words, [{ key: "k", value: "a" }]);
      const first = await world.start(program("count"));
      await world.until("it is counted", async () => ((await world.read(counts)).length === 1 ? true : undefined));
      await first.close();
      await expect(world.start(program("tally"))).rejects.toMatchObject({
        name: "ConfigurationError",
        code: "TOPOLOGY_CHANGED",
        step: "count",
      });
      await world.produce(words, [{ key: "k", value: "b" }]);
      await world.start(program("count"));
      await world.until("it goes on", async () => ((await world.read(counts)).length === 2 ? true : undefined));
      expect((await world.read(counts)).map(({ value }) => value)).toEqual([1, 2]);
    }),
  );

  it(
    "that is deleted while it is read stops the app, which names it",
    on(async (world) => {
      const [words, out] = [unique("words"), unique("out")];
      await world.create(words, 1);
      await world.create(out, 1);
      const app = await world.start(copying(words, out));
      await world.until("the app runs", () => (app.state === "running" ? true : undefined));
      await world.log.admin.delete([words]);
      const error = await failure(app);
      expect(error).toMatchObject({ name: "ConfigurationError", code: "TOPIC_MISSING", topic: words });
    }),
  );

  it(
    "under an application id that a plain consumer group uses is refused with what to do",
    on(async (world) => {
      const [words, out] = [unique("words"), unique("out")];
      await world.create(words, 1);
      await world.create(out, 1);
      const program = copying(words, out);
      const { lines, end } = javaConsumer(words, program.name);
      await world.until("the consumer is in the group", async () => {
        const producer = await world.log.producer({ transactionalId: null, transactionTimeoutMs: 60_000 });
        const outbox = world.log.outbox();
        outbox.append(words, 0, null, text.serialize("knock", words), Date.now(), noHeaders);
        await producer.send(outbox);
        await producer.close();
        return lines().length > 0 ? true : undefined;
      });
      const error = await failure(await world.start(program, { group: { sessionTimeout: seconds(10) } }));
      await end();
      expect(error).toMatchObject({ name: "ConfigurationError", code: "OPTION_INVALID" });
      expect(error.message).toContain(`'${program.name}'`);
      expect(error.message).toMatch(/Stop what uses that group, or give this program another applicationId$/);
    }),
  );

  it(
    "under an application id that another topology uses is refused, and the other one goes on",
    on(async (world) => {
      const words = topic(world.unique("words"), { key: text, value: text });
      const counts = topic(world.unique("counts"), { key: text, value: integer });
      await world.create(words.name, 2);
      await world.create(counts.name, 1);
      const name = world.unique("counting");
      const counting = (store: string): Topology =>
        topology(name, ({ from }) => {
          from(words)
            .keyBy((word) => word)
            .count(store)
            .to(counts);
        });
      const first = await world.start(counting("count"));
      await world.until("the first one runs", () => (first.state === "running" ? true : undefined));
      // What may follow after it cannot run beside it.
      const error = await failure(await world.start(counting("tally"), { allowNonRestoredState: true }));
      expect(error).toMatchObject({ name: "TopologyError", code: "TOPOLOGY_CHANGED" });
      expect(error.message).toMatch(new RegExp(`^Other instances of application '${name}' run another topology`));
      await world.produce(words, [{ key: "k", value: "a" }]);
      await world.until("the first one goes on", async () => ((await world.read(counts)).length === 1 ? true : undefined));
    }),
  );
});

/** Java's console consumer as a member of a group, until it is ended. */
const javaConsumer = (name: string, group: string) => {
  const child = spawn("java", [
    ...["-Xmx128m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Dorg.slf4j.simpleLogger.defaultLogLevel=error"],
    ...["-cp", join(suite.jars, "*"), "org.apache.kafka.tools.consumer.ConsoleConsumer"],
    ...["--bootstrap-server", suite.brokers[0]!, "--topic", name, "--group", group],
  ]);
  let output = "";
  child.stdout.on("data", (data: Buffer) => {
    output += data.toString();
  });
  const ended = new Promise<void>((resolve) => child.once("close", () => resolve()));
  return {
    lines: (): readonly string[] => output.split("\n").filter((line) => line !== ""),
    end: (): Promise<void> => {
      child.kill();
      return ended;
    },
  };
};
