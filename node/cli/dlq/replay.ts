import { partitionForKey } from "../../../core/partitioner.ts";
import { type Log, partitionId } from "../../../core/ports/log.ts";
import { replayedHeader } from "../../../core/runtime/put_off.ts";
import { type DeadLetter, deadLetterOf, type LyingRecord } from "./dead_letter.ts";
import { recordsOf } from "./list.ts";
import { extentOf, readPartition } from "./topic_reader.ts";

export interface ReplayOptions {
  /** The dead-letter topic. */
  readonly topic: string;
  /** Where to; undefined: where each record came from. */
  readonly to: string | undefined;
  /** The consumer group that keeps how far it was replayed. */
  readonly group: string;
}

/** What a replay would do. */
export interface ReplayPlan {
  /** How many records each topic would get. */
  readonly targets: ReadonlyMap<string, number>;
  /** Records that cannot be written back, by why. */
  readonly stuck: ReadonlyMap<string, number>;
  /** From where on, and up to where, by partition. */
  readonly spans: readonly { readonly partition: number; readonly from: number; readonly end: number }[];
}

/** Looks at what was not replayed yet. Nothing is written. */
export const planReplay = async (log: Log, options: ReplayOptions): Promise<ReplayPlan> => {
  const { topic } = options;
  const targets = new Map<string, number>();
  const stuck = new Map<string, number>();
  const add = (to: Map<string, number>, what: string): void => void to.set(what, (to.get(what) ?? 0) + 1);
  const spans = await spansOf(log, options);
  for (const { partition, from, end } of spans)
    for await (const lying of readPartition(log, { topic, partition, offset: from }, end)) {
      const letter = deadLetterOf(lying);
      const why = whyStuck(letter);
      if (letter === undefined || why !== undefined) add(stuck, why!);
      else add(targets, options.to ?? letter.record.topic);
    }
  const widths = await log.admin.describe([...targets.keys()]);
  for (const [target, records] of [...targets])
    if (!widths.has(target)) {
      targets.delete(target);
      stuck.set(`whose topic '${target}' does not exist`, records);
    }
  return { targets, stuck, spans };
};

const spansOf = async (log: Log, { topic, group }: ReplayOptions): Promise<ReplayPlan["spans"]> => {
  const extents = await extentOf(log, topic);
  // A replay that was broken off may hold offsets back: what it had committed before is enough for a look.
  const committed = await committedIn(log, group, topic, extents, false);
  return extents.map(({ partition, start, end }) => ({ partition, from: Math.max(start, committed(partition)), end }));
};

/** How far each partition was replayed. */
const committedIn = async (
  log: Log,
  group: string,
  topic: string,
  partitions: readonly { readonly partition: number }[],
  requireStable: boolean,
): Promise<(partition: number) => number> => {
  const all = partitions.map(({ partition }) => ({ topic, partition }));
  const committed = await log.admin.committed(group, all, { requireStable });
  return (partition) => committed.get(partitionId(topic, partition))?.offset ?? 0;
};

const whyStuck = (letter: DeadLetter | undefined): string | undefined => {
  if (letter === undefined) return "that no error policy has written";
  return letter.valueLeftOut === undefined ? undefined : "whose value the policy has left out";
};

const recordsPerCommit = 1000;
const bytesPerCommit = 4 << 20;

/**
 * Writes the records back, in transactions that also carry how far the topic was replayed: so each is written back once, however often this is begun, broken off and begun again. Of two replays at a time the one that began first is ended.
 * Gives how many were written.
 * @param plan what was looked at before: nothing that came later is touched
 * @param replay names this replay, so that an application which keeps the order of keys knows what belongs together
 */
export const runReplay = async (
  log: Log,
  options: ReplayOptions,
  plan: ReplayPlan,
  replay: string,
  onCommit: (written: number) => void,
): Promise<number> => {
  const { topic, to, group } = options;
  const producer = await log.producer({ transactionalId: `${group}-${topic}`, transactionTimeoutMs: 60_000 });
  try {
    // Asked after the epoch is open: nobody else's replay can move these any more.
    const committed = await committedIn(log, group, topic, plan.spans, true);
    const described = await log.admin.describe([...plan.targets.keys()]);
    const widths = new Map([...described].map(([name, { partitions }]) => [name, partitions]));
    const header = [replayedHeader, new TextEncoder().encode(replay)] as const;
    let written = 0;
    for (const { partition, from: planned, end } of plan.spans) {
      const from = Math.max(planned, committed(partition));
      let outbox = log.outbox();
      const commit = async (offset: number): Promise<void> => {
        // Sent, an outbox may be empty.
        const { records } = outbox;
        if (records > 0) await producer.send(outbox);
        const position = { topic, partition, offset, metadata: "" };
        await producer.sendOffsets({ groupId: group, generationId: -1, memberId: "", groupInstanceId: null }, [position]);
        await producer.commit();
        written += records;
        outbox = log.outbox();
        onCommit(written);
      };
      for await (const lying of readPartition(log, { topic, partition, offset: from }, end)) {
        const back = backOf(lying, to, widths);
        if (back !== undefined) {
          const { record, partition: target } = back;
          outbox.append(record.topic, target, record.key, record.value, record.timestamp, [...record.headers, header]);
        }
        if (outbox.records >= recordsPerCommit || outbox.bytes >= bytesPerCommit) await commit(lying.offset + 1);
      }
      if (end > from) await commit(end);
    }
    return written;
  } catch (error) {
    // Otherwise readers would wait behind what was begun until the broker gives it up; and when that fails too, so it is.
    await producer.abort().catch(() => {});
    throw error;
  } finally {
    await producer.close();
  }
};

/** The record and the partition that it goes to: its own, while the topic is as wide as it was. */
const backOf = (lying: LyingRecord, to: string | undefined, widths: ReadonlyMap<string, number>) => {
  const letter = deadLetterOf(lying);
  if (letter === undefined || whyStuck(letter) !== undefined) return undefined;
  const { record } = letter;
  const topic = to ?? record.topic;
  const width = widths.get(topic);
  if (width === undefined) return undefined;
  const own = to === undefined && record.partition < width;
  const partition = own ? record.partition : record.key === null ? record.partition % width : partitionForKey(record.key, width);
  return { record: { ...record, topic }, partition };
};

/** The plan for a terminal. */
export const planText = (topic: string, { targets, stuck }: ReplayPlan): string => {
  const lines = [...targets].map(([target, records]) => `  ${recordsOf(records)} to ${target}`);
  const held = [...stuck].map(([why, records]) => `  ${recordsOf(records)} cannot be written back: those ${why}`);
  if (lines.length + held.length === 0) return `Nothing in '${topic}' waits to be written back.\n`;
  return [`From '${topic}':`, ...lines, ...held, ""].join("\n");
};
