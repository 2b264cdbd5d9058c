import { partitionId } from "../../core/ports/log.ts";
import { silent } from "../../core/ports/logger.ts";
import type { TopicNames } from "../../core/runtime/application.ts";
import { SourceRows } from "../../core/runtime/source_rows.ts";
import { type LogRecord, readTopic } from "./log_reading.ts";
import { bytesText } from "./record_text.ts";
import type { Replayed } from "./replay.ts";
import { entriesOf, type StoreSnapshot } from "./simulated_stores.ts";
import type { TableTopic } from "./table_topics.ts";
import type { World } from "./world.ts";

/** State is what the changelog says, which is what the task comes to when it does everything again; and so were the stores that processes held in between. */
export const compareStores = async (world: World, names: TopicNames, replays: ReadonlyMap<string, Replayed>): Promise<void> => {
  const changelogs = new Map<string, readonly LogRecord[]>();
  const changelogOf = async (store: string, partition: number): Promise<readonly LogRecord[]> => {
    const table = world.tableTopics.get(store);
    if (!changelogs.has(store)) changelogs.set(store, await readTopic(world.log, table?.topic ?? names.changelog(store)));
    const records = changelogs.get(store)!.filter((record) => record.partition === partition);
    return table === undefined ? records : rowsOf(world, table, partition, records);
  };
  for (const [task, { stores }] of replays) {
    const partition = Number(task.split("_")[1]);
    for (const [name, store] of stores) {
      const kept = fold(await changelogOf(name, partition), Number.POSITIVE_INFINITY);
      differences(world, `The changelog of store '${name}' of task ${task}`, entriesOf(store), kept);
    }
  }
  for (const snapshot of world.stores.snapshots) {
    const records = await changelogOf(snapshot.store, snapshot.partition);
    if (isWhole(world, snapshot, records)) differencesAt(world, snapshot, records);
  }
};

/** What a table that has no changelog makes of its topic, as far as the group has committed it. */
const rowsOf = async (
  world: World,
  { topic, plan, rows, keys }: TableTopic,
  partition: number,
  records: readonly LogRecord[],
): Promise<readonly LogRecord[]> => {
  const committed = await world.log.admin.committed(world.applicationId, [{ topic, partition }], { requireStable: true });
  const end = committed.get(partitionId(topic, partition))?.offset ?? 0;
  const recordBytesMax = Number.POSITIVE_INFINITY;
  const table = new SourceRows({ plan, rows, keys, topic, partition, clock: world.clock, logger: silent, recordBytesMax });
  return records.flatMap((record): readonly LogRecord[] => {
    const row = record.offset < end ? table.row(record.key, record.value, record.timestamp) : undefined;
    return row === undefined ? [] : [{ ...record, ...row }];
  });
};

/** When older records were compacted away, only the end of the changelog can be compared. */
const isWhole = (world: World, { position }: StoreSnapshot, records: readonly LogRecord[]): boolean =>
  !world.compacts || position > (records.at(-1)?.offset ?? -1);

/** A commit of which it was not known at first that it had happened leaves the position as it was, which is safe: what is in the store already is read once more. */
const differencesAt = (world: World, { store, partition, position, entries }: StoreSnapshot, records: readonly LogRecord[]): void => {
  const later = records.map(({ offset }) => offset + 1).filter((offset) => offset > position);
  if ([position, ...later].some((until) => firstDifference(fold(records, until), entries) === undefined)) return;
  differences(world, `Store '${store}' of partition ${partition} at position ${position}`, fold(records, position), entries);
};

const fold = (records: readonly LogRecord[], until: number): ReadonlyMap<string, string> => {
  const entries = new Map<string, string>();
  for (const { key, value, offset } of records) {
    if (offset >= until) break;
    if (value === null) entries.delete(bytesText(key));
    else entries.set(bytesText(key), bytesText(value));
  }
  return entries;
};

const differences = (world: World, what: string, wanted: ReadonlyMap<string, string>, found: ReadonlyMap<string, string>): void => {
  const different = firstDifference(wanted, found);
  if (different !== undefined) world.violated(`I3: ${what} ${different}`);
};

/** Places in lists may differ: they grow on where a failed record has taken one, so only their order counts. */
const firstDifference = (wanted: ReadonlyMap<string, string>, found: ReadonlyMap<string, string>): string | undefined => {
  const [here, there] = [ordered(wanted), ordered(found)];
  for (let i = 0; i < Math.max(here.length, there.length); i++)
    if (here[i] !== there[i]) {
      const said = (entry: string | undefined): string => (entry === undefined ? "nothing" : JSON.stringify(entry));
      return `holds ${said(there[i])} where without faults it holds ${said(here[i])}`;
    }
  return undefined;
};

/** A place in a list is a number of eight bytes at the end of the key. Timers, whose moment stands there, have empty values. */
const placeBytes = 8;

const ordered = (entries: ReadonlyMap<string, string>): readonly string[] =>
  [...entries].sort(([a], [b]) => (a < b ? -1 : 1)).map(([key, value]) => (value === "" ? key : `${key.slice(0, -placeBytes)} = ${value}`));
