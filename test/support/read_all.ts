import { type Log, partitionId } from "../../core/ports/log.ts";

const decoder = new TextDecoder();

/** Every committed record of a topic, as text. */
export const readAll = async (
  log: Log,
  topic: string,
): Promise<
  readonly { readonly key: string | null; readonly value: string | null; readonly timestamp: number; readonly partition: number }[]
> => {
  const partitions = (await log.admin.describe([topic])).get(topic)?.partitions ?? 0;
  const out: { key: string | null; value: string | null; timestamp: number; partition: number }[] = [];
  const fetcher = log.fetcher({ isolation: "read-committed" });
  for (let partition = 0; partition < partitions; partition++) {
    const at = { topic, partition };
    const id = partitionId(topic, partition);
    const end = (await log.admin.offsets([at], "latest", "read-uncommitted")).get(id)!;
    let offset = (await log.admin.offsets([at], "earliest", "read-uncommitted")).get(id)!;
    while (offset < end)
      for (const fetched of await fetcher.poll([{ ...at, offset }], 500)) {
        if (fetched.error !== undefined) throw fetched.error;
        const { records } = fetched;
        while (records.next()) {
          const [key, value] = [records.key(), records.value()];
          out.push({
            key: key === null ? null : decoder.decode(key),
            value: value === null ? null : decoder.decode(value),
            timestamp: records.timestamp,
            partition,
          });
        }
        offset = fetched.nextOffset;
      }
  }
  await fetcher.close();
  return out;
};
