import { LogError } from "../../../core/ports/log.ts";
import { errorNumber } from "../../kafka/error_codes.ts";
import type { TopicMetadata } from "../../kafka/requests/metadata.ts";
import { about, counted, type Finding } from "./finding.ts";
import { allowed } from "./operations.ts";
import type { Patient, Settings, Survey } from "./survey.ts";

/** The topics of the user's: that they are there, may be used, and keep what is written. */
export const topicFindings = async (survey: Survey, { reads, writes, topics }: Patient): Promise<readonly Finding[]> => {
  const uses = new Map<string, Set<"READ" | "WRITE">>();
  const use = (names: readonly string[], ...operations: readonly ("READ" | "WRITE")[]): void => {
    for (const name of names) uses.set(name, new Set([...(uses.get(name) ?? []), ...operations]));
  };
  use(reads, "READ");
  use(writes, "WRITE");
  use(topics);
  const found = await survey.topics([...uses.keys()]);
  return (await Promise.all(found.map((topic) => ofTopic(survey, topic, [...uses.get(topic.topic)!])))).flat();
};

const ofTopic = async (survey: Survey, topic: TopicMetadata, wanted: readonly ("READ" | "WRITE")[]): Promise<readonly Finding[]> => {
  const { ok, problem } = about(`topic ${topic.topic}`);
  const unusable = cannotBeUsed(survey, topic, wanted.length === 0 ? "READ or WRITE" : wanted.join(" and "));
  if (unusable !== undefined) return [problem(unusable)];
  const may = (["READ", "WRITE"] as const).filter((operation) => allowed(topic.operations, operation));
  const missing = wanted.filter((operation) => !may.includes(operation));
  const found: Finding[] = [];
  if (missing.length > 0 || may.length === 0)
    found.push(
      problem(
        `${survey.user} may not ${missing.join(" and ") || "READ or WRITE"}: grant ${missing.join(" and ") || "what is needed"} on topic '${topic.topic}'`,
      ),
    );
  found.push(
    ...copies(
      topic,
      await survey.settings("topic", topic.topic),
      wanted.includes("WRITE") || (wanted.length === 0 && may.includes("WRITE")),
    ),
  );
  return found.some(({ level }) => level !== "ok") ? found : [...found, ok(`${size(topic)}, ${may.join(" and ")}`)];
};

/** The application's own topics that are there already. */
export const internalTopicFindings = async (survey: Survey, patient: Patient): Promise<readonly Finding[]> => {
  const { applicationId, reads, topics } = patient;
  if (applicationId === undefined) return [];
  const prefix = `${applicationId}-`;
  const { ok } = about(`topics ${prefix}*`);
  const own = (await survey.topics(null)).filter(({ topic }) => topic.startsWith(prefix));
  if (own.length === 0) return [ok(`there are none, or none that ${survey.user} may see: the application makes them when it starts`)];
  const largest = await largestRecord(survey, [...reads, ...topics]);
  return (await Promise.all(own.map((topic) => ofInternalTopic(survey, topic, largest)))).flat();
};

const ofInternalTopic = async (survey: Survey, topic: TopicMetadata, largestInput: number): Promise<readonly Finding[]> => {
  const { ok, warning, problem } = about(`topic ${topic.topic}`);
  const unusable = cannotBeUsed(survey, topic, "READ, WRITE and DESCRIBE_CONFIGS");
  if (unusable !== undefined) return [problem(unusable)];
  const found: Finding[] = [];
  const missing = (["READ", "WRITE", "DESCRIBE_CONFIGS"] as const).filter((operation) => !allowed(topic.operations, operation));
  if (missing.length > 0)
    found.push(problem(`${survey.user} may not ${missing.join(" and ")}: grant ${missing.join(" and ")} on topic '${topic.topic}'`));
  if (isPurged(topic.topic) && !allowed(topic.operations, "DELETE"))
    found.push(warning(`it grows without end, as ${survey.user} may not purge it: grant DELETE on topic '${topic.topic}'`));
  const settings = await survey.settings("topic", topic.topic);
  if (!(settings instanceof LogError)) {
    const policy = settings.get("cleanup.policy");
    const right = isPurged(topic.topic) ? "delete" : isCompacted(topic.topic) ? "compact" : policy;
    if (policy !== right)
      found.push(
        problem(`cleanup.policy is ${policy}, which loses ${right === "compact" ? "state" : "records in flight"}: set it to ${right}`),
      );
    for (const name of ["retention.ms", "retention.bytes"])
      if (isPurged(topic.topic) && settings.get(name) !== undefined && settings.get(name) !== "-1")
        found.push(warning(`${name} is ${settings.get(name)}, so that records in flight may be deleted: set it to -1`));
    const takes = Number(settings.get("max.message.bytes") ?? Number.POSITIVE_INFINITY);
    if (takes < largestInput)
      found.push(
        warning(
          `it takes records of ${takes} bytes, and the inputs may bring some of ${largestInput}: set its max.message.bytes to as many`,
        ),
      );
  }
  if (/-(control|watermarks)$/.test(topic.topic) && topic.partitions.length !== 1)
    found.push(problem(`it has ${topic.partitions.length} partitions and has to have 1: did another program make it?`));
  found.push(...copies(topic, settings, true));
  return found.length > 0 ? found : [ok(size(topic))];
};

/** By their names, which docs/operations.md lists. */
const isPurged = (topic: string): boolean => /-(repartition|sink)$/.test(topic);
const isCompacted = (topic: string): boolean => /-(changelog|control|watermarks)$/.test(topic);

/** Why a topic is of no use at all. */
const cannotBeUsed = (survey: Survey, { topic, error, partitions }: TopicMetadata, needs: string): string | undefined => {
  if (error === errorNumber.unknownTopicOrPartition) return "does not exist: create it, or check its name";
  if (error !== errorNumber.none && error !== errorNumber.leaderNotAvailable)
    return survey.cluster.refusal(error, "cannot be looked at", null, { topic, needs }).message;
  const headless = partitions.filter(({ leader }) => leader < 0).map(({ partition }) => partition);
  return headless.length === 0
    ? undefined
    : `its partitions ${headless.join(", ")} have no leader: check that the brokers with their copies run`;
};

const copies = ({ topic, partitions }: TopicMetadata, settings: Settings, written: boolean): readonly Finding[] => {
  const { warning, problem } = about(`topic ${topic}`);
  const fewest = Math.min(...partitions.map(({ replicas }) => replicas));
  const inSync = Math.min(...partitions.map(({ inSync }) => inSync));
  const needed = settings instanceof LogError ? 1 : Number(settings.get("min.insync.replicas") ?? 1);
  if (written && needed > fewest)
    return [
      problem(
        `min.insync.replicas is ${needed}, and it has ${counted(fewest, "copy", "copies")}: nothing can be written. Lower it, or add copies`,
      ),
    ];
  if (written && needed > inSync)
    return [
      problem(`${inSync} of its ${fewest} copies are in sync, and min.insync.replicas is ${needed}: nothing can be written until more are`),
    ];
  return inSync < fewest ? [warning(`only ${inSync} of its ${fewest} copies are in sync: check that all brokers run`)] : [];
};

/** What the largest record of these topics may have, as far as it is to be seen. */
const largestRecord = async (survey: Survey, topics: readonly string[]): Promise<number> => {
  const all = await Promise.all(topics.map((topic) => survey.settings("topic", topic)));
  return Math.max(0, ...all.flatMap((settings) => (settings instanceof LogError ? [] : [Number(settings.get("max.message.bytes") ?? 0)])));
};

const size = ({ partitions }: TopicMetadata): string =>
  `${counted(partitions.length, "partition")}, ${counted(Math.min(...partitions.map(({ replicas }) => replicas)), "copy", "copies")}`;
