import { afterAll, beforeAll, expect, it } from "@jest/globals";
import type { Log } from "../../core/ports/log.ts";
import { integer } from "../../core/serde/numbers.ts";
import { text } from "../../core/serde/text.ts";
import { brokerFindings } from "../../node/cli/doctor/brokers.ts";
import type { Finding } from "../../node/cli/doctor/finding.ts";
import { type Patient, Survey } from "../../node/cli/doctor/survey.ts";
import { millrace } from "../../node/cli/millrace.ts";
import { kafkaLog } from "../../node/kafka/kafka_log.ts";
import { checkKafkaOptions } from "../../node/kafka/kafka_options.ts";
import { systemClock } from "../../node/kafka/system_clock.ts";
import { run } from "../../node/run.ts";
import { topic } from "../../topology/topic.ts";
import { topology } from "../../topology/topology.ts";
import { grant, type Right } from "./support/acls.ts";
import { describeKafka } from "./support/describe_kafka.ts";
import { javaTool } from "./support/java_tool.ts";
import { suite, unique } from "./support/kafka_suite.ts";

const A = unique("patient");
const [lines, counts] = [unique("lines"), unique("counts")];
const program = topology("patient", ({ from }) => {
  from(topic(lines, { key: text, value: text }))
    .keyBy((line) => line)
    .count("count")
    .to(topic(counts, { key: text, value: integer }));
});

const doctor = async (args: readonly string[], env: Readonly<Record<string, string>> = {}) => {
  let out = "";
  let err = "";
  const code = await millrace(["doctor", ...args, "--json"], { out: (text) => (out += text), err: (text) => (err += text), env });
  expect(err).toBe("");
  const { findings } = JSON.parse(out) as { readonly findings: readonly Finding[] };
  const of = (level: Finding["level"]) =>
    findings.filter((finding) => finding.level === level).map(({ about, message }) => `${about}: ${message}`);
  return { code, problems: of("problem"), warnings: of("warning"), ok: of("ok") };
};
const asEverybody = (...args: readonly string[]) => doctor(["--brokers", suite.brokers[0]!, ...args]);
const asTrent = (...args: readonly string[]) =>
  doctor(["--brokers", suite.saslBrokers[0]!, "--sasl-mechanism", "scram-sha-256", "--sasl-username", "trent", ...args], {
    MILLRACE_SASL_PASSWORD: "trent-secret",
  });
const patient = ["--application-id", A, "--reads", lines, "--writes", counts] as const;

describeKafka("the doctor", () => {
  let log: Log;
  const create = (name: string, config: Readonly<Record<string, string>> = {}, partitions = 1) =>
    log.admin.create([{ topic: name, partitions, replication: -1, config }]);

  beforeAll(async () => {
    log = await kafkaLog({ brokers: suite.brokers });
    await create(lines, {}, 2);
    await create(counts);
  });
  afterAll(async () => {
    await grant("trent", []);
    await log.close();
  });

  it("finds nothing wrong with an application that runs, and changes nothing", async () => {
    const app = await run(program, { applicationId: A, brokers: suite.brokers, signals: false });
    // It is set up, but a member of its group only when it runs.
    if (app.state !== "running") await new Promise<void>((resolve) => app.on("state", ({ to }) => void (to === "running" && resolve())));
    const before = await log.admin.list();
    const { code, problems, warnings, ok } = await asEverybody(...patient);
    expect({ code, problems, warnings }).toEqual({ code: 0, problems: [], warnings: [] });
    expect(ok).toEqual(
      expect.arrayContaining([
        expect.stringMatching(/^broker 1: answers at 127\.0\.0\.1:\d+ and speaks what is needed, with the second protocol/),
        expect.stringMatching(/^settings: /),
        expect.stringMatching(/^clock: the brokers' clock is \d+ ms/),
        `topic ${lines}: 2 partitions, 1 copy, READ and WRITE`,
        `group ${A}: is stable, with 1 member`,
        `topics ${A}-*: READ, WRITE, CREATE, DESCRIBE_CONFIGS, DELETE`,
        `topic ${A}-control: 1 partition, 1 copy`,
        `topic ${A}-count-changelog: 2 partitions, 1 copy`,
      ]),
    );
    expect((await log.admin.list()).toSorted()).toEqual(before.toSorted());
    await app.close();
  });

  const rights: readonly Right[] = [
    { operation: "READ", on: "topic", name: lines },
    { operation: "WRITE", on: "topic", name: counts },
    ...(["READ", "WRITE", "CREATE", "DESCRIBE_CONFIGS", "DELETE"] as const).map(
      (operation): Right => ({ operation, on: "topic", name: `${A}-`, prefixed: true }),
    ),
    { operation: "READ", on: "group", name: A },
    { operation: "WRITE", on: "transactional-id", name: `${A}-`, prefixed: true },
    // What the doctor itself needs to see everything.
    { operation: "DESCRIBE", on: "cluster", name: "kafka-cluster" },
    { operation: "DESCRIBE_CONFIGS", on: "cluster", name: "kafka-cluster" },
  ];

  it("finds nothing wrong with a user who has the rights that are documented", async () => {
    await grant("trent", rights);
    const { code, problems, warnings } = await asTrent(...patient);
    expect({ code, problems, warnings }).toEqual({
      code: 0,
      problems: [],
      warnings: [],
    });
  });

  const missing: readonly (readonly [
    operation: Right["operation"],
    on: Right["on"],
    name: string,
    level: "problem" | "warning",
    said: RegExp,
  ])[] = [
    ["READ", "topic", lines, "problem", new RegExp(`^topic ${lines}: .*user 'trent' may not: grant READ on topic '${lines}'`)],
    ["WRITE", "topic", counts, "problem", new RegExp(`^topic ${counts}: .*user 'trent' may not: grant WRITE on topic '${counts}'`)],
    [
      "READ",
      "topic",
      `${A}-`,
      "problem",
      new RegExp(`^topics ${A}-\\*: user 'trent' may not READ: grant READ on topics with the prefix '${A}-'`),
    ],
    [
      "WRITE",
      "topic",
      `${A}-`,
      "problem",
      new RegExp(`^topics ${A}-\\*: user 'trent' may not WRITE: grant WRITE on topics with the prefix '${A}-'`),
    ],
    [
      "CREATE",
      "topic",
      `${A}-`,
      "problem",
      new RegExp(`^topics ${A}-\\*: user 'trent' may not CREATE: grant CREATE on topics with the prefix`),
    ],
    [
      "DESCRIBE_CONFIGS",
      "topic",
      `${A}-`,
      "problem",
      new RegExp(`^topics ${A}-\\*: user 'trent' may not DESCRIBE_CONFIGS: grant DESCRIBE_CONFIGS on`),
    ],
    [
      "DELETE",
      "topic",
      `${A}-`,
      "warning",
      new RegExp(`^topics ${A}-\\*: they grow without end, as user 'trent' may not purge them: grant DELETE`),
    ],
    ["READ", "group", A, "problem", new RegExp(`^group ${A}: .*user 'trent' may not: grant READ on group '${A}'`)],
    [
      "WRITE",
      "transactional-id",
      `${A}-`,
      "problem",
      new RegExp(`user 'trent' may not WRITE: grant WRITE on transactional ids with the prefix '${A}-'`),
    ],
    ["DESCRIBE", "cluster", "kafka-cluster", "warning", /^clock: .*user 'trent' may not: grant DESCRIBE on the cluster/],
    ["DESCRIBE_CONFIGS", "cluster", "kafka-cluster", "warning", /^settings: .*user 'trent' may not: grant DESCRIBE_CONFIGS on the cluster/],
  ];
  for (const [operation, on, name, level, said] of missing)
    it(`says that ${operation} on the ${on} ${name.replace(/-\d.*?(-?)$/, "$1")} is missing`, async () => {
      const left = rights.filter((right) => right.operation !== operation || right.on !== on || right.name !== name);
      expect(left).toHaveLength(rights.length - 1);
      await grant("trent", left);
      const { code, problems, warnings } = await asTrent(...patient);
      expect(level === "problem" ? problems : warnings).toContainEqual(expect.stringMatching(said));
      expect(code).toBe(level === "problem" ? 1 : 0);
      if (level === "warning") expect(problems).toEqual([]);
    });

  it("says which topics are missing, and which could not be written", async () => {
    const frail = unique("frail");
    await create(frail, { "min.insync.replicas": "2" });
    const { code, problems } = await asEverybody("--topics", "nowhere", "--writes", frail);
    expect(code).toBe(1);
    expect(problems.toSorted()).toEqual([
      `topic ${frail}: min.insync.replicas is 2, and it has 1 copy: nothing can be written. Lower it, or add copies`,
      "topic nowhere: does not exist: create it, or check its name",
    ]);
  });

  it("says what is wrong with internal topics", async () => {
    const B = unique("ill");
    const large = unique("large");
    await create(large, { "max.message.bytes": "5000000" });
    await create(`${B}-count-changelog`, { "cleanup.policy": "delete" });
    await create(`${B}-count-repartition`, { "cleanup.policy": "delete", "retention.ms": "1000", "max.message.bytes": "5000000" });
    await create(`${B}-control`, { "cleanup.policy": "compact", "max.message.bytes": "5000000" }, 2);
    const { code, problems, warnings } = await asEverybody("--application-id", B, "--reads", large);
    expect(code).toBe(1);
    expect(problems.toSorted()).toEqual([
      `topic ${B}-control: it has 2 partitions and has to have 1: did another program make it?`,
      `topic ${B}-count-changelog: cleanup.policy is delete, which loses state: set it to compact`,
    ]);
    expect(warnings.toSorted()).toEqual([
      expect.stringMatching(`^topic ${B}-count-changelog: it takes records of \\d+ bytes, and the inputs may bring some of 5000000`),
      `topic ${B}-count-repartition: retention.ms is 1000, so that records in flight may be deleted: set it to -1`,
    ]);
  });

  it("says that a group belongs to another program, or is of another kind", async () => {
    const [other, newKind] = [unique("other"), unique("new-kind")];
    const member = await new Promise<ReturnType<Log["join"]>>((resolve) => {
      const joined: ReturnType<Log["join"]> = log.join({
        groupId: other,
        protocols: ["range"],
        topics: [lines],
        sessionTimeoutMs: 6_000,
        rebalanceTimeoutMs: 6_000,
        heartbeatMs: 500,
        subscription: () => new Uint8Array(0),
        assign: (members) => new Map(members.map(({ memberId }) => [memberId, { partitions: [], userData: new Uint8Array(0) }])),
        onRebalance: async () => {},
        onAssigned: async () => resolve(joined),
        onError: () => {},
      });
    });
    expect((await asEverybody("--application-id", other)).problems).toEqual([
      expect.stringMatching(
        `^group ${other}: its members \\(millrace\\) are of another program, which shares the work by 'range': stop them`,
      ),
    ]);
    await member.leave();
    const outbox = log.outbox();
    outbox.append(counts, 0, null, new TextEncoder().encode("one"), Date.now(), []);
    const producer = await log.producer({ transactionalId: null, transactionTimeoutMs: 60_000 });
    await producer.send(outbox);
    await producer.close();
    await javaTool("org.apache.kafka.tools.consumer.ConsoleConsumer", [
      ...["--bootstrap-server", suite.brokers[0]!, "--topic", counts, "--from-beginning", "--group", newKind],
      ...["--consumer-property", "group.protocol=consumer", "--max-messages", "1", "--timeout-ms", "20000"],
    ]);
    expect((await asEverybody("--application-id", newKind)).problems).toEqual([
      `group ${newKind}: it is of the kind 'consumer', which belongs to other programs: choose another application id`,
    ]);
  });

  it("says that a transaction or a session would be too long, and more copies wanted than there are brokers", async () => {
    const args = ["--transaction-timeout", "1000000", "--session-timeout", "10", "--replication", "3"];
    expect((await asEverybody(...args)).problems).toEqual([
      "broker 1: transaction.max.timeout.ms is 900000, and the application asks for 1000000: raise it, or lower 'transactionTimeout'",
      expect.stringMatching(/^broker 1: sessions of a group may last from 6000 to \d+ ms .*, and the application asks for 10: change/),
      "broker 1: internal topics are to have 3 copies (--replication), and the cluster has 1 broker: ask for fewer with 'replication', or start more",
    ]);
  });

  for (const [aheadMs, level, said] of [
    [0, "ok", /^the brokers' clock is \d+ ms ahead/],
    [-60_000, "warning", /^the brokers' clock is (59|60)\d{3} ms ahead of this one: set one of the two right/],
    [7_200_000, "problem", /^the brokers' clock is \d{7} ms behind this one: by default topics refuse timestamps that are an hour ahead/],
  ] as const)
    it(`compares the clocks: this one ${aheadMs} ms ahead`, async () => {
      const clock = { ...systemClock, now: () => Date.now() + aheadMs };
      const survey = await Survey.open(checkKafkaOptions({ brokers: suite.brokers, clock }).cluster);
      const nobody: Patient = {
        ...{ applicationId: undefined, reads: [], writes: [], topics: [], replication: undefined },
        ...{ transactionTimeoutMs: 60_000, sessionTimeoutMs: 45_000 },
      };
      const findings = await brokerFindings(survey, nobody);
      survey.close();
      expect(findings.at(-1)).toEqual({ level, about: "clock", message: expect.stringMatching(said) });
    });

  it("says why there is no connection, and nothing more", async () => {
    const { code, problems, warnings, ok } = await doctor(["--brokers", suite.tlsBrokers[0]!]);
    expect({ code, warnings, ok }).toEqual({ code: 1, warnings: [], ok: [] });
    expect(problems).toEqual([`connection: Broker ${suite.tlsBrokers[0]} speaks TLS: set 'ssl', or use its plaintext port`]);
  });

  it("writes a line for each finding, and one that sums up", async () => {
    let out = "";
    const terminal = { out: (text: string) => void (out += text), err: () => {}, env: {} };
    expect(await millrace(["doctor", "--brokers", suite.brokers[0]!, "--topics", `nowhere,${lines}`], terminal)).toBe(1);
    expect(out).toMatch(/^ok {7}broker 1: answers/);
    expect(out).toContain("\nproblem  topic nowhere: does not exist: create it, or check its name\n");
    expect(out).toMatch(/\n\n1 problem, 0 warnings, 4 ok\n$/);
  });
});
