import { ConfigurationError } from "../../../core/errors.ts";
import { type FetchPosition, type Log, partitionId } from "../../../core/ports/log.ts";
import type { LyingRecord } from "./dead_letter.ts";

/** Where each partition of a topic begins and ends now, in the order of the partitions. */
export interface Extent {
  readonly partition: number;
  readonly start: number;
  readonly end: number;
}

/** Throws ConfigurationError TOPIC_MISSING for a topic that does not exist. */
export const extentOf = async (log: Log, topic: string): Promise<readonly Extent[]> => {
  const found = (await log.admin.describe([topic])).get(topic);
  if (found === undefined) throw new ConfigurationError("TOPIC_MISSING", `There is no topic '${topic}': check its name`, { topic });
  const all = Array.from({ length: found.partitions }, (_, partition) => ({ topic, partition }));
  const [starts, ends] = await Promise.all([
    log.admin.offsets(all, "earliest", "read-committed"),
    log.admin.offsets(all, "latest", "read-committed"),
  ]);
  return all.map(({ partition }) => {
    const id = partitionId(topic, partition);
    return { partition, start: starts.get(id) ?? 0, end: ends.get(id) ?? 0 };
  });
};

/** The committed records of one partition between two offsets, in order. Key and value are valid until the next one is asked for. */
export const readPartition = async function* (
  log: Log,
  { topic, partition, offset }: FetchPosition,
  end: number,
): AsyncGenerator<LyingRecord> {
  const fetcher = log.fetcher({ isolation: "read-committed" });
  try {
    for (let at = offset; at < end; )
      for (const fetched of await fetcher.poll([{ topic, partition, offset: at }], 500)) {
        if (fetched.error !== undefined) throw fetched.error;
        const { records } = fetched;
        while (records.next()) {
          if (records.offset >= end) return;
          if (records.offset < offset) continue;
          const { timestamp } = records;
          yield { partition, offset: records.offset, key: records.key(), value: records.value(), headers: records.headers(), timestamp };
        }
        at = fetched.nextOffset;
      }
  } finally {
    await fetcher.close();
  }
};
