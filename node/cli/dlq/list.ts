import { type Log, partitionId } from "../../../core/ports/log.ts";
import { deadLetterOf, isDeadLetter } from "./dead_letter.ts";
import { extentOf, readPartition } from "./topic_reader.ts";

/** What lies in a dead-letter topic, for one cause. */
export interface DeadCount {
  readonly code: string;
  readonly step: string;
  /** Where the records came from. */
  readonly source: string;
  readonly records: number;
  /** Of these, so many were written back already. */
  readonly replayed: number;
}

export interface DeadTopic {
  readonly topic: string;
  readonly counts: readonly DeadCount[];
  /** Records that no error policy has written. */
  readonly strangers: number;
}

/** The topics in which dead letters lie: those whose first records are such. */
export const deadLetterTopics = async (log: Log): Promise<readonly string[]> => {
  const found: string[] = [];
  for (const topic of [...(await log.admin.list())].sort()) {
    // Those of the brokers' own.
    if (topic.startsWith("__")) continue;
    if (await beginsDead(log, topic)) found.push(topic);
  }
  return found;
};

const beginsDead = async (log: Log, topic: string): Promise<boolean> => {
  for (const { partition, start, end } of await extentOf(log, topic))
    for await (const { headers } of readPartition(log, { topic, partition, offset: start }, end)) {
      if (isDeadLetter(headers)) return true;
      break;
    }
  return false;
};

/** Counts what lies in a topic, by cause, the most frequent first. */
export const countDeadLetters = async (log: Log, topic: string, group: string): Promise<DeadTopic> => {
  const extents = await extentOf(log, topic);
  const committed = await log.admin.committed(
    group,
    extents.map(({ partition }) => ({ topic, partition })),
    { requireStable: false },
  );
  const counts = new Map<string, { -readonly [P in keyof DeadCount]: DeadCount[P] }>();
  let strangers = 0;
  for (const { partition, start, end } of extents) {
    const replayedTo = committed.get(partitionId(topic, partition))?.offset ?? 0;
    for await (const lying of readPartition(log, { topic, partition, offset: start }, end)) {
      const letter = deadLetterOf(lying);
      if (letter === undefined) {
        strangers++;
        continue;
      }
      const { cause, record } = letter;
      const id = JSON.stringify([cause.code, cause.step, record.topic]);
      let count = counts.get(id);
      if (count === undefined)
        counts.set(id, (count = { code: cause.code, step: cause.step, source: record.topic, records: 0, replayed: 0 }));
      count.records++;
      if (lying.offset < replayedTo) count.replayed++;
    }
  }
  return { topic, counts: [...counts.values()].sort((a, b) => b.records - a.records), strangers };
};

/** The counts for a terminal. */
export const listText = (topics: readonly DeadTopic[]): string => {
  if (topics.length === 0) return "No topic has dead letters.\n";
  return topics
    .map(({ topic, counts, strangers }) => {
      const total = counts.reduce((sum, { records }) => sum + records, 0);
      const replayed = counts.reduce((sum, one) => sum + one.replayed, 0);
      const rows = counts.map((one) => [String(one.records), one.code, `step ${one.step}`, `from ${one.source}`]);
      const widths = [0, 1, 2].map((column) => Math.max(0, ...rows.map((row) => row[column]!.length)));
      return [
        `${topic}: ${recordsOf(total)}${replayed === 0 ? "" : `, ${replayed} of them written back`}`,
        ...rows.map(
          ([records, code, step, source]) =>
            `  ${records!.padStart(widths[0]!)}  ${code!.padEnd(widths[1]!)}  ${step!.padEnd(widths[2]!)}  ${source}`,
        ),
        ...(strangers === 0 ? [] : [`  ${recordsOf(strangers)} that no error policy has written`]),
        "",
      ].join("\n");
    })
    .join("\n");
};

export const recordsOf = (count: number): string => (count === 1 ? "1 record" : `${count} records`);
