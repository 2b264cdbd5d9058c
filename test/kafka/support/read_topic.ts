import type { Isolation, Log, RawHeaders } from "../../../core/ports/log.ts";

export interface ReadRecord {
  readonly partition: number;
  readonly offset: number;
  readonly timestamp: number;
  readonly key: string | null;
  readonly value: string | null;
  readonly headers: readonly (readonly [string, string | null])[];
}

const text = (bytes: Uint8Array | null): string | null => (bytes === null ? null : new TextDecoder().decode(bytes));
const readable = (headers: RawHeaders): ReadRecord["headers"] => headers.map(([name, value]) => [name, text(value)] as const);

/** Everything that a topic holds now, partition after partition, as text. */
export const readTopic = async (log: Log, topic: string, isolation: Isolation = "read-committed"): Promise<ReadRecord[]> => {
  const partitions = (await log.admin.describe([topic])).get(topic)?.partitions ?? 0;
  const positions = Array.from({ length: partitions }, (_, partition) => ({ topic, partition, offset: 0 }));
  // Up to the high watermark: the markers of the last transactions may still be on their way.
  const ends = await log.admin.offsets(positions, "latest", "read-uncommitted");
  const fetcher = log.fetcher({ isolation });
  const read: ReadRecord[] = [];
  const open = () => positions.filter(({ partition, offset }) => offset < ends.get(`${topic}/${partition}`)!);
  while (open().length > 0) {
    for (const fetched of await fetcher.poll(open(), 500)) {
      if (fetched.error !== undefined) throw fetched.error;
      const { partition, records } = fetched;
      while (records.next()) {
        const { offset, timestamp } = records;
        read.push({
          partition,
          offset,
          timestamp,
          key: text(records.key()),
          value: text(records.value()),
          headers: readable(records.headers()),
        });
      }
      positions[partition] = { topic, partition, offset: fetched.nextOffset };
    }
  }
  await fetcher.close();
  return read.toSorted((one, other) => one.partition - other.partition || one.offset - other.offset);
};
