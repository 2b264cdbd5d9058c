import { expect } from "@jest/globals";
import { type FetchPosition, partitionId } from "../../core/ports/log.ts";
import type { LogChapter } from "./conformance_case.ts";
import { type Line, pollMs, take, text } from "./stage.ts";

const numbers = (count: number, from = 0): string[] => Array.from({ length: count }, (_, i) => String(from + i));

/** Positions, waiting, waking, bounds and errors of the fetcher. */
export const fetchChapter: LogChapter = {
  title: "fetching",
  cases: [
    {
      name: "gives an empty answer when nothing comes in time",
      play: async (stage) => {
        const log = await stage.connect();
        const topic = await stage.topic(log, "silent");
        const fetcher = log.fetcher({ isolation: "read-committed" });
        expect(await fetcher.poll([{ topic, partition: 0, offset: 0 }], pollMs)).toEqual([]);
        expect(await fetcher.poll([{ topic, partition: 0, offset: 0 }], 0)).toEqual([]);
        expect(await fetcher.poll([], pollMs)).toEqual([]);
        await fetcher.close();
      },
    },
    {
      name: "that waits is answered when a record comes",
      play: async (stage) => {
        const log = await stage.connect();
        const topic = await stage.topic(log, "woken");
        const producer = await stage.plain(log);
        const fetcher = log.fetcher({ isolation: "read-committed" });
        const waiting = fetcher.poll([{ topic, partition: 0, offset: 0 }], stage.world.timing.patienceMs * 4);
        await stage.world.sleep(300);
        await stage.values(log, producer, topic, ["news"]);
        const late = stage.world.sleep(stage.world.timing.patienceMs).then(() => [] as const);
        const [part] = await Promise.race([waiting, late]);
        expect(part === undefined ? "late" : take(part).map((seen) => text(seen.value))).toEqual(["news"]);
        await fetcher.close();
      },
    },
    {
      name: "that waits is answered when a transaction commits",
      play: async (stage) => {
        const log = await stage.connect();
        const topic = await stage.topic(log, "committed-later");
        const producer = await stage.producer(log);
        await stage.values(log, producer, topic, ["held"]);
        const fetcher = log.fetcher({ isolation: "read-committed" });
        const position = { topic, partition: 0, offset: 0 };
        expect(await fetcher.poll([position], pollMs)).toEqual([]);
        const waiting = fetcher.poll([position], stage.world.timing.patienceMs * 4);
        await stage.world.sleep(300);
        await producer.commit();
        const late = stage.world.sleep(stage.world.timing.patienceMs).then(() => [] as const);
        const [part] = await Promise.race([waiting, late]);
        expect(part === undefined ? "late" : take(part).map((seen) => text(seen.value))).toEqual(["held"]);
        await fetcher.close();
      },
    },
    {
      name: "returns at once when woken",
      play: async (stage) => {
        const log = await stage.connect();
        const topic = await stage.topic(log, "wake");
        const fetcher = log.fetcher({ isolation: "read-committed" });
        const waiting = fetcher.poll([{ topic, partition: 0, offset: 0 }], stage.world.timing.patienceMs * 4).then((parts) => parts.length);
        await stage.world.sleep(300);
        fetcher.wake();
        const late = stage.world.sleep(stage.world.timing.patienceMs).then(() => "late" as const);
        expect(await Promise.race([waiting, late])).toBe(0);
        await fetcher.close();
      },
    },
    {
      name: "begins exactly at the position, also in the middle of a send",
      play: async (stage) => {
        const log = await stage.connect();
        const topic = await stage.topic(log, "middle");
        await stage.values(log, await stage.plain(log), topic, numbers(20));
        for (const from of [0, 1, 7, 19]) expect(await stage.readValues(log, topic, { from })).toEqual(numbers(20 - from, from));
      },
    },
    {
      name: "follows the position of each poll and never gives what was asked for before",
      play: async (stage) => {
        const log = await stage.connect();
        const topic = await stage.topic(log, "jumps", 2);
        const lines: Line[] = numbers(400).map((value, i) => ({ topic, partition: i % 2, value }));
        const producer = await stage.plain(log);
        for (let i = 0; i < lines.length; i += 40) await stage.send(log, producer, lines.slice(i, i + 40));
        const fetcher = log.fetcher({ isolation: "read-committed", partitionBytes: 600 });
        // A fixed walk that goes forward, back, and from one partition to the other.
        for (const [partition, offset] of [
          [0, 0],
          [0, 150],
          [0, 3],
          [1, 77],
          [0, 77],
          [1, 0],
          [1, 199],
          [0, 0],
          [1, 100],
        ] as const) {
          const part = await stage.fetchOne(fetcher, { topic, partition, offset });
          expect([part.partition, part.offset]).toEqual([partition, offset]);
          const seen = take(part);
          expect(seen[0]?.offset).toBe(offset);
          expect(seen.map((one) => text(one.value))).toEqual(numbers(seen.length).map((i) => String((offset + Number(i)) * 2 + partition)));
          expect(part.nextOffset).toBe(offset + seen.length);
        }
        await fetcher.close();
      },
    },
    {
      name: "reads many partitions at once and starves none, whatever the bound",
      play: async (stage) => {
        const log = await stage.connect();
        const [left, right] = [await stage.topic(log, "left", 3), await stage.topic(log, "right", 3)];
        const producer = await stage.plain(log);
        for (let i = 0; i < 20; i++)
          await stage.send(
            log,
            producer,
            [left, right].flatMap((topic) =>
              [0, 1, 2].map((partition) => ({ topic, partition, value: `${topic}/${partition}:${i}`.padEnd(400) })),
            ),
          );
        const fetcher = log.fetcher({ isolation: "read-committed", partitionBytes: 2_000, totalBytes: 2_000 });
        const position = new Map<string, FetchPosition>();
        for (const topic of [left, right])
          for (const partition of [0, 1, 2]) position.set(partitionId(topic, partition), { topic, partition, offset: 0 });
        const read = new Map<string, string[]>();
        for (let polls = 0; polls < 400 && [...position.values()].some(({ offset }) => offset < 20); polls++)
          for (const part of await fetcher.poll([...position.values()], pollMs)) {
            const id = partitionId(part.topic, part.partition);
            const values = read.get(id) ?? [];
            values.push(...take(part).map((seen) => text(seen.value)?.trim() ?? ""));
            read.set(id, values);
            position.set(id, { topic: part.topic, partition: part.partition, offset: part.nextOffset });
          }
        for (const id of position.keys()) expect(read.get(id)).toEqual(numbers(20).map((i) => `${id}:${i}`));
        await fetcher.close();
      },
    },
    {
      name: "gives no more than asked for at once",
      play: async (stage) => {
        const log = await stage.connect();
        const topic = await stage.topic(log, "bounded");
        const producer = await stage.plain(log);
        for (const value of numbers(50)) await stage.values(log, producer, topic, [value.padEnd(1_000)]);
        const fetcher = log.fetcher({ isolation: "read-committed", partitionBytes: 10_000 });
        const part = await stage.fetchOne(fetcher, { topic, partition: 0, offset: 0 });
        expect(part.nextOffset).toBeGreaterThan(0);
        expect(part.nextOffset).toBeLessThanOrEqual(10);
        expect(part.bytes).toBeGreaterThanOrEqual(part.nextOffset * 1_000);
        expect(part.bytes).toBeLessThanOrEqual(10_000);
        await fetcher.close();
      },
    },
    {
      name: "tells the high watermark, the last stable offset and the start of the log",
      play: async (stage) => {
        const log = await stage.connect();
        const topic = await stage.topic(log, "marks");
        const [plain, open] = [await stage.plain(log), await stage.producer(log)];
        await stage.values(log, plain, topic, numbers(4));
        await log.admin.deleteRecords([{ topic, partition: 0, offset: 1 }]);
        await stage.values(log, open, topic, numbers(2));
        const fetcher = log.fetcher({ isolation: "read-committed" });
        const part = await stage.fetchOne(fetcher, { topic, partition: 0, offset: 2 });
        expect([part.logStartOffset, part.lastStableOffset, part.highWatermark, part.nextOffset]).toEqual([1, 4, 6, 4]);
        await fetcher.close();
        await open.abort();
      },
    },
    {
      name: "before the log's start and behind its end is out of range, and only for that partition",
      play: async (stage) => {
        const log = await stage.connect();
        const topic = await stage.topic(log, "range", 2);
        const producer = await stage.plain(log);
        await stage.send(log, producer, [...numbers(5).map((value) => ({ topic, value })), { topic, partition: 1, value: "fine" }]);
        await log.admin.deleteRecords([{ topic, partition: 0, offset: 3 }]);
        const fetcher = log.fetcher({ isolation: "read-committed" });
        for (const offset of [0, 2, 6, 1_000]) {
          const seen = new Map<number, string>();
          for (let polls = 0; polls < 50 && seen.size < 2; polls++)
            for (const part of await fetcher.poll(
              [
                { topic, partition: 0, offset },
                { topic, partition: 1, offset: 0 },
              ],
              pollMs,
            ))
              seen.set(
                part.partition,
                part.error?.code ??
                  take(part)
                    .map((one) => text(one.value))
                    .join(),
              );
          expect([seen.get(0), seen.get(1)]).toEqual(["OFFSET_OUT_OF_RANGE", "fine"]);
        }
        await fetcher.close();
        expect(await stage.readValues(log, topic, { from: 3 })).toEqual(["3", "4"]);
      },
    },
    {
      name: "of a topic that does not exist says so",
      play: async (stage) => {
        const log = await stage.connect();
        const fetcher = log.fetcher({ isolation: "read-committed" });
        const part = await stage.fetchOne(fetcher, { topic: stage.world.unique("absent"), partition: 0, offset: 0 });
        expect(part.error?.code).toBe("UNKNOWN_TOPIC_OR_PARTITION");
        expect(part.records.next()).toBe(false);
        await fetcher.close();
      },
    },
    {
      name: "by two fetchers is independent",
      play: async (stage) => {
        const log = await stage.connect();
        const topic = await stage.topic(log, "two");
        await stage.values(log, await stage.plain(log), topic, numbers(3));
        const [one, other] = [log.fetcher({ isolation: "read-committed" }), log.fetcher({ isolation: "read-uncommitted" })];
        const parts = await Promise.all([
          stage.fetchOne(one, { topic, partition: 0, offset: 0 }),
          stage.fetchOne(other, { topic, partition: 0, offset: 2 }),
        ]);
        await one.close();
        expect(parts.map((part) => take(part).map((seen) => text(seen.value)))).toEqual([["0", "1", "2"], ["2"]]);
        expect((await stage.fetchOne(other, { topic, partition: 0, offset: 1 })).nextOffset).toBe(3);
        await other.close();
      },
    },
  ],
};
