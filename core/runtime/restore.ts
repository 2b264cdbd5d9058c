import { type Fetcher, type FetchPosition, type Log, partitionId, type TopicPartition } from "../ports/log.ts";
import type { Store, StoreWrite } from "../ports/store.ts";

/** One store on its way back. */
export interface Restoring {
  readonly store: Store;
  readonly name: string;
  readonly topic: string;
  readonly partition: number;
}

export interface RestoreProgress {
  readonly store: string;
  readonly partition: number;
  readonly done: number;
  readonly total: number;
}

/**
 * Brings stores to the end of their changelogs, as the ends are now. Complete when the read-committed position has reached the high watermark: the last stable offset may lie before a marker that is not written yet, and the last record may be an aborted
 * one, so neither records nor their count say when it is done (KAFKA-10167).
 */
export const restore = async (
  log: Log,
  stores: readonly Restoring[],
  options: { readonly isCancelled: () => boolean; readonly onProgress?: (progress: RestoreProgress) => void },
): Promise<void> => {
  if (stores.length === 0) return;
  const ends = await log.admin.offsets(stores, "latest", "read-uncommitted");
  const starts = await log.admin.offsets(stores, "earliest", "read-uncommitted");
  const open = new Map<string, { readonly restoring: Restoring; offset: number; readonly from: number; readonly end: number }>();
  for (const restoring of stores) {
    const id = partitionId(restoring.topic, restoring.partition);
    const [start, end] = [starts.get(id) ?? 0, ends.get(id) ?? 0];
    let offset = restoring.store.position?.changelogOffset ?? start;
    // A position outside the log belongs to another log: the topic was made anew, or the store was left behind for too long.
    if (offset > end || offset < start) {
      restoring.store.wipe();
      offset = start;
    }
    if (offset < end) open.set(id, { restoring, offset, from: offset, end });
    else if (restoring.store.position === undefined) restoring.store.write([], { changelogOffset: offset });
  }
  if (open.size === 0) return;
  const fetcher: Fetcher = log.fetcher({ isolation: "read-committed" });
  try {
    while (open.size > 0 && !options.isCancelled()) {
      const positions: FetchPosition[] = [...open.values()].map(({ restoring, offset }) => ({
        topic: restoring.topic,
        partition: restoring.partition,
        offset,
      }));
      for (const fetched of await fetcher.poll(positions, 500)) {
        const id = partitionId(fetched.topic, fetched.partition);
        const one = open.get(id);
        if (one === undefined) continue;
        if (fetched.error?.code === "OFFSET_OUT_OF_RANGE") {
          // The log was made anew or has lost its beginning meanwhile: what is restored so far is not to be trusted.
          one.restoring.store.wipe();
          one.offset = await startOf(log, one.restoring);
          continue;
        }
        if (fetched.error !== undefined) throw fetched.error;
        const batch: StoreWrite[] = [];
        while (fetched.records.next()) {
          const [key, value] = [fetched.records.key(), fetched.records.value()];
          if (key !== null) batch.push({ key, value });
        }
        one.restoring.store.write(batch, { changelogOffset: fetched.nextOffset });
        one.offset = fetched.nextOffset;
        options.onProgress?.({
          store: one.restoring.name,
          partition: one.restoring.partition,
          done: Math.min(one.offset, one.end) - one.from,
          total: one.end - one.from,
        });
        if (one.offset >= one.end) open.delete(id);
      }
    }
  } finally {
    await fetcher.close();
  }
};

const startOf = async (log: Log, { topic, partition }: TopicPartition): Promise<number> => {
  const starts = await log.admin.offsets([{ topic, partition }], "earliest", "read-uncommitted");
  return starts.get(partitionId(topic, partition)) ?? 0;
};
