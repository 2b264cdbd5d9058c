import { ConfigurationError } from "../errors.ts";
import { comesBackFrom, type StatefulPart, type TopologyChange, topologyChanges } from "./fingerprint.ts";
import type { Plan } from "./plan.ts";

/** A topic as it was when an application ran. */
export interface RecordedTopic {
  /** Empty where the brokers are too old to say. */
  readonly id: string;
  readonly partitions: number;
}

/** What an application keeps of the topology that it runs, so that the next start can tell whether it fits what was left behind. */
export interface TopologyRecord {
  readonly version: 1;
  readonly parts: readonly StatefulPart[];
  /** Those that positions and state stand for, by name: inputs, internal topics, changelogs. */
  readonly topics: Readonly<Record<string, RecordedTopic>>;
  /** Parts that were given up: what they have left behind is not to be found again by a part of the same name. */
  readonly abandoned: readonly string[];
}

/** Numbers that JSON does not know are written as text: `forever` is one. */
export const encodeTopologyRecord = (record: TopologyRecord): string =>
  JSON.stringify(record, (_, value: unknown) => (typeof value === "number" && !Number.isFinite(value) ? String(value) : value));

/** Undefined for what a later version has written. */
export const decodeTopologyRecord = (text: string): TopologyRecord | undefined => {
  const record = JSON.parse(text) as Partial<TopologyRecord> | null;
  if (typeof record?.version !== "number") throw new TypeError("It has no version");
  if (record.version !== 1) return undefined;
  const { version, parts, topics, abandoned } = record;
  if (!Array.isArray(parts) || !Array.isArray(abandoned) || typeof topics !== "object" || topics === null)
    throw new TypeError("It does not have the parts of version 1");
  return { version, parts, topics, abandoned };
};

/** What a start finds. */
export interface StartingTopology {
  readonly applicationId: string;
  readonly plan: Plan;
  readonly parts: readonly StatefulPart[];
  /** As they are now; those that are missing are not in here. */
  readonly topics: ReadonlyMap<string, RecordedTopic>;
  /** Inputs of the user's whose own partitions the state behind relies on. */
  readonly keyedInputs: ReadonlySet<string>;
  /** What was kept and does not fit any more may be given up. */
  readonly allowNonRestoredState: boolean;
}

/** What to keep of a topology for the next start. */
export const nextRecord = (before: TopologyRecord | undefined, now: StartingTopology): TopologyRecord => {
  const { parts, topics } = now;
  const present = new Set(parts.map(partName));
  const gone = [...(before?.abandoned ?? []), ...(before?.parts ?? []).map(partName)].filter((part) => !present.has(part));
  return { version: 1, parts, topics: Object.fromEntries(topics), abandoned: [...new Set(gone)].sort() };
};

/**
 * Compares a topology with the one that the application has run before. Steps without state, new stores and new outputs are no hindrance.
 *
 * Throws ConfigurationError: TOPOLOGY_CHANGED when state that was kept would not be read, or be read wrongly; TOPIC_CHANGED when a topic is not the one that positions or state stand for; PARTITIONS_DIFFER when keys lie in other partitions
 * than the state that was kept for them.
 */
export const checkAgainstRecord = (before: TopologyRecord, now: StartingTopology): void => {
  // Both sides as they are written: so nothing is a difference that only the writing makes.
  const { parts } = decodeTopologyRecord(encodeTopologyRecord(nextRecord(undefined, now)))!;
  const is = new Map(parts.map((part) => [partName(part), part]));
  const changes = topologyChanges(
    before.parts.map((part) => withMoreInputs(part, is.get(partName(part)), before, now)),
    parts,
  );
  const changed = changes.filter(({ change }) => change === "changed");
  if (changed.length > 0)
    throw refused(
      changed,
      `${notTheSame(now)}. ${said(changed)}. What was kept for the one cannot be read by the other: go back, give the step another name (and what it was called is given up with allowNonRestoredState: true), or give the program another applicationId`,
    );
  const withoutRows = changes.filter(({ change }) => change === "changelog");
  if (withoutRows.length > 0)
    throw refused(
      withoutRows,
      `${notTheSame(now)}. ${said(withoutRows)}, so it would begin without the rows that were read before: go back to changelog: "source", or give the program another applicationId`,
    );
  const removed = changes.filter(({ change }) => change === "removed");
  if (removed.length > 0 && !now.allowNonRestoredState)
    throw refused(
      removed,
      `${notTheSame(now)}. ${said(removed)}, so what it holds would be lost: put it back, or start once with allowNonRestoredState: true to give it up`,
    );
  const resumed = changes.filter(
    (change) =>
      change.change === "added" && before.abandoned.includes(partName(change)) && now.topics.has(topicOf(now.applicationId, change)),
  );
  if (resumed.length > 0)
    throw refused(
      resumed,
      `${notTheSame(now)}. ${said(resumed)}, but it was there once and was given up, and topic '${topicOf(now.applicationId, resumed[0]!)}' still holds what it had then: delete that topic, or give the step another name`,
    );
  checkTopics(before, now);
};

/** Records that come from one more topic find the state as it was: that is no change of what is kept. Nor is it one when topics are named by a pattern that were named one by one, or the other way round, as long as all are read that were. */
const withMoreInputs = (
  was: StatefulPart,
  is: StatefulPart | undefined,
  { topics: recorded }: TopologyRecord,
  { topics, applicationId }: StartingTopology,
): StatefulPart => {
  const before = was.parameters["reads from"];
  const after = is?.parameters["reads from"];
  if (typeof before !== "string" || typeof after !== "string") return was;
  const named = after.split(", ");
  const hasPattern = named.some(isPattern);
  const readBefore = (): boolean => Object.keys(recorded).every((topic) => topic.startsWith(`${applicationId}-`) || topics.has(topic));
  const isWider = before
    .split(", ")
    .every((topic) => named.includes(topic) || (isPattern(topic) ? readBefore() : hasPattern && topics.has(topic)));
  return isWider ? { ...was, parameters: { ...was.parameters, "reads from": after } } : was;
};

/** A slash stands in no topic's name. */
const isPattern = (topic: string): boolean => topic.startsWith("/");

const checkTopics = (before: TopologyRecord, now: StartingTopology): void => {
  const { applicationId, allowNonRestoredState } = now;
  const used = new Set(now.parts.flatMap((part) => (comesBackFrom in part.parameters ? [] : [topicOf(applicationId, part)])));
  for (const [topic, was] of Object.entries(before.topics)) {
    const is = now.topics.get(topic);
    if (is === undefined && used.has(topic) && !allowNonRestoredState)
      throw new ConfigurationError(
        "TOPIC_CHANGED",
        `Internal topic '${topic}' of application '${applicationId}' is gone, and what it held with it: bring it back, start once with allowNonRestoredState: true to begin anew without it, or give the program another applicationId`,
        { topic },
      );
    if (is === undefined) continue;
    if (isAnother(was, is) && !allowNonRestoredState)
      throw new ConfigurationError(
        "TOPIC_CHANGED",
        `Topic '${topic}' was deleted and made anew since application '${applicationId}' has used it (its id is ${is.id}, and was ${was.id}), so offsets and state stand for records that are not there any more: start once with allowNonRestoredState: true to go on with the new one, or give the program another applicationId`,
        { topic },
      );
    if (!isAnother(was, is) && is.partitions !== was.partitions && now.keyedInputs.has(topic))
      throw new ConfigurationError(
        "PARTITIONS_DIFFER",
        `Topic '${topic}' has ${is.partitions} partitions, and had ${was.partitions} when application '${applicationId}' ran last: keys lie in other partitions now than the state that was kept for them. Send its records through a topic in between, with .repartition(name).keyBy() before the steps that need a key, and give the program another applicationId`,
        { topic },
      );
  }
};

/** Whether a topic is another one than it was, under the same name. */
export const isAnother = (was: Pick<RecordedTopic, "id">, is: Pick<RecordedTopic, "id">): boolean =>
  was.id !== "" && is.id !== "" && was.id !== is.id;

const partName = ({ kind, name }: Pick<StatefulPart, "kind" | "name">): string => `${kind} ${name}`;

const topicOf = (applicationId: string, { kind, name }: Pick<StatefulPart, "kind" | "name">): string =>
  `${applicationId}-${name}${kind === "store" ? "-changelog" : ""}`;

const notTheSame = ({ plan, applicationId }: StartingTopology): string =>
  `Topology '${plan.name}' is not the one that application '${applicationId}' has run before`;

const said = (changes: readonly TopologyChange[]): string => changes.map(({ words }) => words).join(". ");

const refused = (changes: readonly TopologyChange[], message: string): ConfigurationError => {
  const store = changes.find(({ kind }) => kind === "store");
  return new ConfigurationError("TOPOLOGY_CHANGED", message, { step: store?.name });
};
