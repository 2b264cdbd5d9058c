import { type ErrorPolicy, policiesIn } from "../error_policy.ts";
import { ConfigurationError, DecodeError, MillraceError } from "../errors.ts";
import type { Clock } from "../ports/clock.ts";
import { type Log, LogError, partitionId, type TopicDescription, type TopicPartition, type TopicSpec } from "../ports/log.ts";
import type { Logger } from "../ports/logger.ts";
import type { Serde } from "../serde/serde.ts";
import { type Settings, TopicNames } from "./application.ts";
import { awaitTopics } from "./await_topics.ts";
import { type Bounds, ControlTopic } from "./control_topic.ts";
import { statefulParts } from "./fingerprint.ts";
import { checkGoesOn } from "./goes_on.ts";
import type { KnownTopic } from "./known_topics.ts";
import { type PartitionCounts, partitionCounts } from "./partition_counts.ts";
import { type PatternTopics, withTopics } from "./pattern_topics.ts";
import { pause } from "./pause.ts";
import type { Plan, SubtopologyPlan, TopicDeclaration, TopicRef } from "./plan.ts";
import { timeStore } from "./stream_task.ts";
import { checkTableTopics } from "./table_topics.ts";
import { readLimits, type TopicLimits } from "./topic_limits.ts";
import {
  checkAgainstRecord,
  encodeTopologyRecord,
  nextRecord,
  type RecordedTopic,
  type StartingTopology,
  type TopologyRecord,
} from "./topology_record.ts";
import { growingChangelogs, widthBound } from "./widths.ts";

/** Topics as they are, after the missing internal ones were made. */
export interface Topics {
  /** With an input for each topic that matches a pattern. */
  readonly plan: Plan;
  readonly matching: PatternTopics;
  readonly partitions: Map<string, number>;
  readonly tasks: ReadonlyMap<number, number>;
  /** Of those that are written. */
  readonly limits: Map<string, TopicLimits>;
  readonly known: ReadonlyMap<string, KnownTopic>;
  /** What the next start is to compare itself with; undefined when that stands there already, or when nothing is kept. */
  readonly record: TopologyRecord | undefined;
}

/** Internal topics take timestamps of any time: event time may lie in the past or in the future. */
const anyTime = { "message.timestamp.after.max.ms": "9223372036854775807" };
/** Never by time: the broker would delete by event time, and a backfill would lose its state. */
const compacted = { ...anyTime, "cleanup.policy": "compact" };
const purged = { ...anyTime, "cleanup.policy": "delete", "retention.ms": "-1", "retention.bytes": "-1" };
const missingTopicPatienceMs = 5000;

/** Looks at the user's topics, makes the internal ones that are missing, and checks those that are there, also against what the application has run before. */
export const setUpTopics = async (options: {
  readonly log: Log;
  readonly plan: Plan;
  readonly settings: Settings;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Topics of the user's that are missing are made; otherwise only those that say so. */
  readonly createTopics: boolean;
  readonly allowNonRestoredState: boolean;
  /** Which topics match; asked for where it is not given. */
  readonly matching?: PatternTopics | undefined;
  /** Nobody can make a topic meanwhile: there is nothing to wait for. */
  readonly isClosed: boolean;
  /** Ends every wait, with an error; nothing is made from then on. */
  readonly signal: AbortSignal;
}): Promise<Topics> => {
  const { log, settings, clock, logger, signal } = options;
  const names = new TopicNames(settings.applicationId);
  const matching = options.matching ?? (await awaitTopics({ ...options, names }));
  const plan = withTopics(options.plan, matching);
  const users = userTopics(plan);
  checkGoesOn(signal);
  await createDeclared(log, users, options.createTopics);
  const described = await describePatiently(log, users, clock, signal);
  const there = await log.admin.describe([...internalTopics(plan, names), names.control]);
  const existing = plan.topics.flatMap(({ name }): readonly (readonly [string, number])[] => {
    const found = there.get(names.of({ name, internal: true }));
    return found === undefined ? [] : [[name, found.partitions]];
  });
  const widths = new Map([...described].map(([name, { partitions }]) => [name, partitions]));
  const counts = partitionCounts(plan, widths, new Map(existing));
  const before = there.has(names.control) ? await lastTopology(log, names) : undefined;
  const keyedInputs = new Set(
    plan.subtopologies.flatMap(({ inputs }) => inputs.flatMap((input) => (input.checkPartitioning ? [input.topic.name] : []))),
  );
  const starting = (topics: ReadonlyMap<string, TopicDescription>): StartingTopology => ({
    applicationId: settings.applicationId,
    plan,
    // By the patterns, not by what matches them today.
    parts: statefulParts(options.plan),
    topics: keptTopics(plan, names, topics),
    keyedInputs,
    allowNonRestoredState: options.allowNonRestoredState,
  });
  // Without a guarantee nothing is kept from one run to the next.
  const keeps = settings.guarantee !== "none";
  if (keeps && before !== undefined) checkAgainstRecord(before, starting(new Map([...described, ...there])));
  const partitions = new Map(widths);
  const specs = internalSpecs(plan, names, counts, settings.replication);
  for (const { topic, partitions: count } of specs) partitions.set(topic, count);
  checkGoesOn(signal);
  const growing = growingChangelogs(plan, (one) => changelogsOf(one, names));
  // One that was never written down is none of ours.
  const mayGrow = (topic: string, count: number): boolean =>
    growing.has(topic) && (!keeps || (before?.topics[topic]?.partitions ?? Number.POSITIVE_INFINITY) <= count);
  await createOrCheck(log, specs, logger, mayGrow);
  const all = new Map([...described, ...(await log.admin.describe(specs.map(({ topic }) => topic)))]);
  if (keeps) await checkTableTopics(log, plan, logger);
  const record = keeps ? nextRecord(before, starting(all)) : undefined;
  const written = [...users].flatMap(([topic, { written }]) => (written ? [topic] : []));
  const limits = new Map(
    await Promise.all(
      [...written, ...specs.map(({ topic }) => topic)].map(async (topic) => [topic, await readLimits(log, topic, logger)] as const),
    ),
  );
  const known = new Map<string, KnownTopic>();
  const kept = keptTopics(plan, names, all);
  for (const [topic, { topicId: id, partitions }] of all)
    known.set(topic, {
      id,
      partitions,
      use: keyedInputs.has(topic) ? "keyed" : kept.has(topic) ? "kept" : "written",
      bound: widthBound(plan, topic),
    });
  const isNews = record !== undefined && (before === undefined || encodeTopologyRecord(record) !== encodeTopologyRecord(before));
  return { plan, matching, partitions, tasks: counts.tasks, limits, known, record: isNews ? record : undefined };
};

/** Written outside transactions, so it is read whatever else is open there. */
const lastTopology = async (log: Log, names: TopicNames): Promise<TopologyRecord | undefined> => {
  const control = new ControlTopic(names.control, "read-uncommitted");
  await control.readToEnd(log);
  return control.topology;
};

/** Topics between sub-topologies, and changelogs. */
const internalTopics = (plan: Plan, names: TopicNames): readonly string[] => [
  ...plan.topics.map(({ name }) => names.of({ name, internal: true })),
  ...plan.subtopologies.flatMap((one) => changelogsOf(one, names)),
];

const changelogsOf = ({ nodes, inputs }: SubtopologyPlan, names: TopicNames): readonly string[] => [
  ...new Set([
    ...nodes.flatMap(({ store }) => (store?.changelog && store.rowsOf === undefined ? [names.changelog(store.name)] : [])),
    ...inputs.flatMap(({ kind, topic }) => (kind === "repartition" || kind === "sink" ? [names.changelog(timeStore(topic.name))] : [])),
    ...inputs.flatMap(({ putOff }) => (putOff === undefined ? [] : [names.changelog(putOff.store)])),
  ]),
];

/** Those that offsets or state stand for. */
const keptTopics = (
  plan: Plan,
  names: TopicNames,
  described: ReadonlyMap<string, TopicDescription>,
): ReadonlyMap<string, RecordedTopic> => {
  const inputs = plan.subtopologies.flatMap((one) => one.inputs.map(({ topic }) => names.of(topic)));
  return new Map(
    [...new Set([...inputs, ...internalTopics(plan, names)])].sort().flatMap((topic): readonly (readonly [string, RecordedTopic])[] => {
      const found = described.get(topic);
      return found === undefined ? [] : [[topic, { id: found.topicId, partitions: found.partitions }]];
    }),
  );
};

const internalSpecs = (plan: Plan, names: TopicNames, counts: PartitionCounts, replication: number): readonly TopicSpec[] => {
  const spec = (topic: string, partitions: number, config: Readonly<Record<string, string>>): TopicSpec => ({
    topic,
    partitions,
    replication,
    config,
  });
  return [
    ...plan.topics.map(({ name }) => spec(names.of({ name, internal: true }), counts.topics.get(name)!, purged)),
    ...plan.subtopologies.flatMap((one) => changelogsOf(one, names).map((topic) => spec(topic, counts.tasks.get(one.id)!, compacted))),
    spec(names.control, 1, compacted),
    spec(names.watermarks, 1, { ...compacted, "segment.ms": "60000", "min.cleanable.dirty.ratio": "0.1" }),
  ];
};

const createOrCheck = async (
  log: Log,
  specs: readonly TopicSpec[],
  logger: Logger,
  mayGrow: (topic: string, count: number) => boolean,
): Promise<void> => {
  const there = await log.admin.describe(specs.map((one) => one.topic));
  const missing = specs.filter((one) => !there.has(one.topic));
  if (missing.length > 0) {
    logger.log("info", "Internal topics are created", { topics: missing.map((one) => one.topic).join(" ") });
    await log.admin.create(missing);
  }
  for (const { topic, partitions, config } of specs) {
    const count = there.get(topic)?.partitions;
    if (count === undefined) continue;
    if (count < partitions && mayGrow(topic, count)) {
      logger.log("info", "A changelog gets more partitions, as an input has", { topic, partitions });
      await log.admin.addPartitions(topic, partitions);
    } else if (count !== partitions)
      throw new ConfigurationError(
        "PARTITIONS_DIFFER",
        `Internal topic '${topic}' has ${count} partitions and the topology needs ${partitions}: did an input topic get more partitions, or does a wider one match a pattern? Reset the application, or give it another applicationId`,
        { topic },
      );
    const actual = await log.admin.config(topic);
    // By time or size the broker deletes what nobody has read yet; and its time is that of the events.
    for (const setting of ["cleanup.policy", "retention.ms", "retention.bytes"]) {
      const [is, needed] = [actual.get(setting), config[setting]];
      if (is === undefined || needed === undefined || is === needed) continue;
      throw new ConfigurationError(
        "TOPIC_MISCONFIGURED",
        `Internal topic '${topic}' has ${setting}=${is}, which would lose ${config === compacted ? "state" : "records in flight"}: set it to ${needed}`,
        { topic },
      );
    }
  }
};

interface UserTopic {
  /** The one that is named when the topic is missing, and what it does with it. */
  readonly step: string;
  readonly use: "read" | "written";
  readonly declared: TopicDeclaration | undefined;
  readonly written: boolean;
}

/** Every topic that is not ours: read, written, or a dead-letter topic. */
const userTopics = (plan: Plan): ReadonlyMap<string, UserTopic> => {
  const topics = new Map<string, UserTopic>();
  const add = (topic: TopicRef, step: string, use: "read" | "written"): void => {
    if (topic.internal) return;
    const known = topics.get(topic.name);
    const written = use === "written" || known?.written === true;
    topics.set(topic.name, known?.declared === undefined ? { step, use, declared: topic.declared, written } : { ...known, written });
  };
  for (const { inputs, nodes } of plan.subtopologies) {
    for (const input of inputs) {
      add(input.topic, input.step, "read");
      for (const name of deadLetterTopics(input.onError)) add({ name, internal: false }, input.step, "written");
    }
    for (const node of nodes) {
      if (node.output !== undefined) add(node.output.topic, node.step, "written");
      for (const name of deadLetterTopics(node.onError)) add({ name, internal: false }, node.step, "written");
    }
  }
  return topics;
};

/** Those that can be known beforehand; what a function answers is looked up when it does. */
const deadLetterTopics = (policy: ErrorPolicy): readonly string[] =>
  policiesIn(policy).flatMap((one) => (one.kind === "dead-letter" ? [one.topic] : []));

/** Topics of the user's that are to be made when they are missing. */
const createDeclared = async (log: Log, topics: ReadonlyMap<string, UserTopic>, all: boolean): Promise<void> => {
  const wanted = [...topics].filter(([, { declared }]) => all || declared?.create === true);
  if (wanted.length === 0) return;
  const there = await log.admin.describe(wanted.map(([topic]) => topic));
  const missing = wanted.filter(([topic]) => !there.has(topic));
  if (missing.length === 0) return;
  await log.admin.create(
    missing.map(([topic, { declared }]) => ({
      topic,
      partitions: declared?.partitions ?? 1,
      replication: declared?.replication ?? -1,
      config: declared?.config ?? {},
    })),
  );
};

/** A topic that was made a moment ago may not be known to every broker yet. */
const describePatiently = async (
  log: Log,
  topics: ReadonlyMap<string, UserTopic>,
  clock: Clock,
  signal: AbortSignal,
): Promise<ReadonlyMap<string, TopicDescription>> => {
  const names = [...topics.keys()];
  const until = clock.monotonic() + missingTopicPatienceMs;
  for (;;) {
    const described = await log.admin.describe(names).catch((error: unknown) => {
      throw ofStep(error, topics);
    });
    const missing = names.find((name) => !described.has(name));
    if (missing === undefined) return described;
    if (clock.monotonic() >= until) {
      const { step, use } = topics.get(missing)!;
      throw new ConfigurationError(
        "TOPIC_MISSING",
        `Topic '${missing}', which step '${step}' ${use === "read" ? "reads" : "writes"}, does not exist: create it first`,
        { topic: missing, step },
      );
    }
    await pause(clock, 200, signal);
    checkGoesOn(signal);
  }
};

/** A topic that may not even be looked at: the step that wants it tells what for. */
const ofStep = (error: unknown, topics: ReadonlyMap<string, UserTopic>): unknown => {
  const user = error instanceof LogError && error.topic !== undefined ? topics.get(error.topic) : undefined;
  if (user === undefined) return error;
  const { code, disposition, message, topic } = error as LogError;
  return new LogError(code, disposition, `Step '${user.step}' cannot ${user.use === "read" ? "read" : "write"} its topic. ${message}`, {
    topic,
    cause: error,
  });
};

/** Where the sources of a bounded run end, if they end now. */
export const boundsNow = async (log: Log, topics: Topics, names: TopicNames): Promise<Bounds> => {
  const bounds = new Map<string, number>();
  for (const { inputs } of topics.plan.subtopologies)
    for (const input of inputs) {
      if (input.kind !== "source" && input.kind !== "records") continue;
      const topic = names.of(input.topic);
      const all: TopicPartition[] = Array.from({ length: topics.partitions.get(topic) ?? 0 }, (_, partition) => ({ topic, partition }));
      // Uncommitted: the last transactions may be decided, and their markers not written yet. What is aborted in the end is no record, only an offset.
      const ends = await log.admin.offsets(all, input.endAt ?? "latest", "read-uncommitted");
      for (const one of all) bounds.set(partitionId(topic, one.partition), ends.get(partitionId(topic, one.partition)) ?? 0);
    }
  return bounds;
};

/** Lets serdes fetch or register what they need, before the first record. */
export const openSerdes = async (plan: Plan, names: TopicNames): Promise<void> => {
  for (const { inputs, nodes } of plan.subtopologies) {
    for (const input of inputs) await openSerde(input, names.of(input.topic), `Step '${input.step}'`, "read");
    for (const { output, step } of nodes)
      if (output !== undefined) await openSerde(output, names.of(output.topic), `Step '${step}'`, "write");
  }
};

/** The same for one topic. A registry that is away now has to be mended: there is no record yet that could wait for it. */
export const openSerde = async (
  serdes: { readonly key: Serde<any>; readonly value: Serde<any> },
  topic: string,
  who: string,
  use: "read" | "write",
): Promise<void> => {
  try {
    await serdes.key.open?.(topic, "key", use);
    await serdes.value.open?.(topic, "value", use);
  } catch (error) {
    if (!(error instanceof MillraceError) || error.code !== "REGISTRY_UNREACHABLE") throw error;
    const message = `${error.message}. ${who} needs it for topic '${topic}': check its address and that it runs`;
    throw new ConfigurationError(error.code, message, { topic, cause: error });
  }
};

/** A batch that was fetched and cannot be unpacked, which is found out when its records are to be handled: none of them is one that a policy could leave out. */
const unreadableBatch = (error: LogError): MillraceError | undefined => {
  const { topic, partition, offset, message } = error;
  const place = { topic, partition, offset, cause: error };
  // What the log says of records on their way out stands for no offset.
  if (offset === undefined) return undefined;
  if (error.code === "CORRUPT_MESSAGE") return new DecodeError("DECODE_FAILED", message, place);
  if (error.code === "RECORD_LIST_TOO_LARGE") return new DecodeError("LIMIT_EXCEEDED", message, place);
  if (error.code === "UNSUPPORTED_COMPRESSION_TYPE") return new ConfigurationError("PACKAGE_MISSING", message, place);
  return undefined;
};

/** A fault of the log, at the start or later, as what the reader has to mend. */
export const asConfigurationError = (error: unknown): unknown => {
  if (!(error instanceof LogError)) return error;
  const unreadable = unreadableBatch(error);
  if (unreadable !== undefined) return unreadable;
  if (error.disposition !== "configuration") return error;
  const code =
    error.code === "SASL_AUTHENTICATION_FAILED"
      ? "NOT_AUTHENTICATED"
      : error.code.endsWith("AUTHORIZATION_FAILED")
        ? "NOT_AUTHORIZED"
        : error.code === "BROKER_UNREACHABLE" || error.code === "TLS_FAILED"
          ? "BROKER_UNREACHABLE"
          : error.code === "UNSUPPORTED_VERSION"
            ? "BROKER_UNSUPPORTED"
            : error.code === "INVALID_TRANSACTION_TIMEOUT"
              ? "TRANSACTION_TIMEOUT_TOO_LARGE"
              : "OPTION_INVALID";
  const more =
    error.code === "INCONSISTENT_GROUP_PROTOCOL" ? ". Stop what uses that group, or give this program another applicationId" : "";
  return new ConfigurationError(code, `${error.message}${more}`, { topic: error.topic, partition: error.partition, cause: error });
};
