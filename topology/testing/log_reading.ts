import { type Isolation, type Log, partitionId, type RawHeaders } from "../../core/ports/log.ts";

/** One record as it lies in the log. */
export interface LogRecord {
  readonly partition: number;
  readonly offset: number;
  readonly timestamp: number;
  readonly key: Uint8Array | null;
  readonly value: Uint8Array | null;
  readonly headers: RawHeaders;
}

/** Everything that a reader sees in a topic, partition by partition. */
export const readTopic = async (log: Log, topic: string, isolation: Isolation = "read-committed"): Promise<readonly LogRecord[]> => {
  const partitions = (await log.admin.describe([topic])).get(topic)?.partitions ?? 0;
  const all = Array.from({ length: partitions }, (_, partition) => ({ topic, partition }));
  const ends = await log.admin.offsets(all, "latest", isolation);
  const starts = await log.admin.offsets(all, "earliest", isolation);
  const records: LogRecord[] = [];
  const fetcher = log.fetcher({ isolation });
  for (const at of all) {
    const id = partitionId(topic, at.partition);
    let offset = starts.get(id)!;
    while (offset < ends.get(id)!)
      for (const fetched of await fetcher.poll([{ ...at, offset }], 0)) {
        if (fetched.error !== undefined) throw fetched.error;
        const cursor = fetched.records;
        while (cursor.next())
          records.push({
            partition: at.partition,
            offset: cursor.offset,
            timestamp: cursor.timestamp,
            key: cursor.key()?.slice() ?? null,
            value: cursor.value()?.slice() ?? null,
            headers: cursor.headers(),
          });
        offset = fetched.nextOffset;
      }
  }
  await fetcher.close();
  return records;
};
