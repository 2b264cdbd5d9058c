import { expect } from "@jest/globals";
import { partitionId } from "../../core/ports/log.ts";
import type { LogChapter } from "./conformance_case.ts";
import { expectRefused, pollMs, type Stage, take, text } from "./stage.ts";

const gone = (stage: Stage, log: Awaited<ReturnType<Stage["connect"]>>, topic: string): Promise<true> =>
  stage.eventually(`topic ${topic} is gone`, async () => ((await log.admin.describe([topic])).size === 0 ? true : undefined));

/** Topics and their partitions, configuration, deletion and compaction. */
export const topicChapter: LogChapter = {
  title: "topics",
  cases: [
    {
      name: "are created, described and listed, and one that exists is left as it is",
      play: async (stage) => {
        const log = await stage.connect();
        const topic = await stage.topic(log, "made", 3);
        const absent = stage.world.unique("absent");
        const described = await log.admin.describe([topic, absent]);
        expect([...described.keys()]).toEqual([topic]);
        expect(described.get(topic)?.partitions).toBe(3);
        await log.admin.create([{ topic, partitions: 9, replication: -1, config: {} }]);
        expect((await log.admin.describe([topic])).get(topic)).toEqual(described.get(topic));
        expect(await log.admin.list()).toContain(topic);
        expect(await log.admin.list()).not.toContain(absent);
        expect(await log.admin.brokers()).toBeGreaterThanOrEqual(1);
      },
    },
    {
      name: "are seen by every client, and can be written as soon as they are created",
      play: async (stage) => {
        const [one, other] = [await stage.connect(), await stage.connect()];
        for (let i = 0; i < 3; i++) {
          const topic = await stage.topic(one, "ready", 2);
          await stage.send(
            one,
            await stage.plain(one),
            [0, 1].map((partition) => ({ topic, partition, value: "here" })),
          );
          expect(await stage.readValues(other, topic, { partition: 1 })).toEqual(["here"]);
        }
      },
    },
    {
      name: "with impossible names, counts or settings are refused",
      play: async (stage) => {
        const log = await stage.connect();
        const make = (topic: string, partitions: number, config: Readonly<Record<string, string>>) =>
          log.admin.create([{ topic, partitions, replication: -1, config }]);
        const name = stage.world.unique("impossible");
        for (const bad of ["", "..", "with space", "sl/ash", "x".repeat(250)])
          await expectRefused(make(bad, 1, {}), "configuration", ["INVALID_TOPIC"]);
        await expectRefused(make(name, 0, {}), "configuration", ["INVALID_PARTITIONS"]);
        await expectRefused(make(name, 1, { "no.such.setting": "1" }), "configuration", ["INVALID_CONFIG"]);
        await expectRefused(make(name, 1, { "cleanup.policy": "forget" }), "configuration", ["INVALID_CONFIG"]);
        await expectRefused(make(name, 1, { "retention.ms": "soon" }), "configuration", ["INVALID_CONFIG"]);
        expect((await log.admin.describe([name])).size).toBe(0);
      },
    },
    {
      name: "tell their configuration, set or by default",
      play: async (stage) => {
        const log = await stage.connect();
        const topic = await stage.topic(log, "configured", 1, { "cleanup.policy": "compact", "max.message.bytes": "4321" });
        const config = await log.admin.config(topic);
        expect([config.get("cleanup.policy"), config.get("max.message.bytes"), config.get("message.timestamp.type")]).toEqual([
          "compact",
          "4321",
          "CreateTime",
        ]);
        expect(config.has("retention.ms")).toBe(true);
      },
    },
    {
      name: "that get more partitions keep what they have",
      play: async (stage) => {
        const log = await stage.connect();
        const topic = await stage.topic(log, "grown");
        const producer = await stage.plain(log);
        await stage.values(log, producer, topic, ["old"]);
        await log.admin.addPartitions(topic, 3);
        const grown = await stage.eventually("the new partitions are described", async () => {
          const described = (await log.admin.describe([topic])).get(topic);
          return described?.partitions === 3 ? described : undefined;
        });
        expect(grown.topic).toBe(topic);
        await stage.send(log, producer, [{ topic, partition: 2, value: "new" }]);
        expect(await stage.readValues(log, topic, { partition: 2 })).toEqual(["new"]);
        expect(await stage.readValues(log, topic)).toEqual(["old"]);
        await expectRefused(log.admin.addPartitions(topic, 2), "configuration", ["INVALID_PARTITIONS"]);
        // Who asks again has what he wants.
        await log.admin.addPartitions(topic, 3);
      },
    },
    {
      name: "that are deleted and created again begin anew, under another id",
      play: async (stage) => {
        const log = await stage.connect();
        const topic = await stage.topic(log, "again");
        await stage.values(log, await stage.plain(log), topic, ["1", "2", "3"]);
        const before = (await log.admin.describe([topic])).get(topic);
        await log.admin.delete([topic]);
        await gone(stage, log, topic);
        await log.admin.delete([topic]);
        await expectRefused(stage.highWatermark(log, topic), "retriable", ["UNKNOWN_TOPIC_OR_PARTITION"]);
        const after = await stage.eventually("the topic is created again", async () => {
          await log.admin.create([{ topic, partitions: 1, replication: -1, config: {} }]);
          return (await log.admin.describe([topic])).get(topic);
        });
        if (before?.topicId !== "") expect(after.topicId).not.toBe(before?.topicId);
        expect(await stage.highWatermark(log, topic)).toBe(0);
        const fetcher = log.fetcher({ isolation: "read-committed" });
        const code = await stage.eventually("the old position is out of range", async () => {
          const [part] = await fetcher.poll([{ topic, partition: 0, offset: 3 }], pollMs);
          return part?.error?.code === "UNKNOWN_TOPIC_OR_PARTITION" ? undefined : part?.error?.code;
        });
        expect(code).toBe("OFFSET_OUT_OF_RANGE");
        await fetcher.close();
        await stage.values(log, await stage.plain(log), topic, ["fresh"]);
        expect(await stage.readValues(log, topic)).toEqual(["fresh"]);
      },
    },
    {
      name: "tell their first and last offsets, and the offset of a timestamp",
      play: async (stage) => {
        const log = await stage.connect();
        const topic = await stage.topic(log, "found", 2);
        const [t, producer] = [stage.world.now() - 100_000, await stage.plain(log)];
        for (const [i, plus] of [0, 10, 5, 30].entries()) await stage.send(log, producer, [{ topic, value: `${i}`, timestamp: t + plus }]);
        const find = async (at: Parameters<typeof log.admin.offsets>[1]) => {
          const found = await log.admin.offsets(
            [0, 1].map((partition) => ({ topic, partition })),
            at,
            "read-uncommitted",
          );
          return [0, 1].map((partition) => found.get(partitionId(topic, partition)));
        };
        expect(await find("earliest")).toEqual([0, 0]);
        expect(await find("latest")).toEqual([4, 0]);
        for (const [plus, offset] of [
          [-5, 0],
          [0, 0],
          [1, 1],
          [10, 1],
          [11, 3],
          [30, 3],
          [31, 4],
        ] as const)
          expect(await find({ timestamp: t + plus })).toEqual([offset, 0]);
      },
    },
    {
      name: "whose records are deleted up to an offset begin there",
      play: async (stage) => {
        const log = await stage.connect();
        const topic = await stage.topic(log, "purged");
        const producer = await stage.producer(log);
        for (let i = 0; i < 5; i++) {
          await stage.values(log, producer, topic, [`${i}a`, `${i}b`]);
          await producer.commit();
        }
        await stage.eventually("the last marker is written", async () => ((await stage.latest(log, topic)) === 15 ? true : undefined));
        await log.admin.deleteRecords([{ topic, partition: 0, offset: 7 }]);
        const earliest = await log.admin.offsets([{ topic, partition: 0 }], "earliest", "read-committed");
        expect(earliest.get(partitionId(topic, 0))).toBe(7);
        const fetcher = log.fetcher({ isolation: "read-committed" });
        expect((await stage.fetchOne(fetcher, { topic, partition: 0, offset: 6 })).error?.code).toBe("OFFSET_OUT_OF_RANGE");
        const part = await stage.fetchOne(fetcher, { topic, partition: 0, offset: 7 });
        expect(part.logStartOffset).toBe(7);
        const [first] = take(part);
        expect([first?.offset, text(first?.value ?? null)]).toEqual([7, "2b"]);
        await fetcher.close();
        await log.admin.deleteRecords([{ topic, partition: 0, offset: 15 }]);
        expect(await stage.readValues(log, topic, { from: 15 })).toEqual([]);
        await stage.values(log, producer, topic, ["after"]);
        await producer.commit();
        expect((await stage.read(log, topic, { from: 15 })).map((seen) => [seen.offset, text(seen.value)])).toEqual([[15, "after"]]);
        await expectRefused(log.admin.deleteRecords([{ topic, partition: 0, offset: 900 }]), "rejected", ["OFFSET_OUT_OF_RANGE"]);
      },
    },
    {
      name: "whose records are deleted in an open transaction show what is left of it when it commits",
      play: async (stage) => {
        const log = await stage.connect();
        const topic = await stage.topic(log, "beheaded");
        const producer = await stage.producer(log);
        await stage.values(log, producer, topic, ["a", "b", "c"]);
        await log.admin.deleteRecords([{ topic, partition: 0, offset: 1 }]);
        // Nothing is stable yet; where in the first batch that is said to begin is of no matter.
        expect(await stage.latest(log, topic)).toBeLessThanOrEqual(1);
        const fetcher = log.fetcher({ isolation: "read-committed" });
        expect(await fetcher.poll([{ topic, partition: 0, offset: 1 }], pollMs)).toEqual([]);
        await fetcher.close();
        await producer.commit();
        expect(await stage.readValues(log, topic, { from: 1 })).toEqual(["b", "c"]);
      },
    },
    {
      name: "that are compacted give the last committed value of every key, and their position reaches the end",
      needs: "compact",
      play: async (stage) => {
        const log = await stage.connect();
        const topic = await stage.topic(log, "changelog", 1, {
          "cleanup.policy": "compact",
          "min.cleanable.dirty.ratio": "0.001",
          "segment.ms": "1000",
          "min.compaction.lag.ms": "0",
        });
        const producer = await stage.producer(log);
        const put = (key: string, value: string | null) => stage.send(log, producer, [{ topic, key, value }]);
        for (let i = 0; i < 5; i++) {
          for (const key of ["a", "b", "c"]) await put(key, `${key}${i}`);
          await producer.commit();
        }
        await put("a", "never");
        await put("d", "never");
        await producer.abort();
        await put("b", null);
        await put("e", "e0");
        await producer.commit();
        await stage.world.can.compact?.(topic);
        const end = await stage.highWatermark(log, topic);
        const state = new Map<string | null, string | null>();
        const seen = await stage.read(log, topic, { to: end });
        for (const { key, value } of seen) {
          if (value === null) state.delete(text(key));
          else state.set(text(key), text(value));
        }
        const own = (key: string | null) => !key?.startsWith("filler");
        expect([...state].filter(([key]) => own(key)).sort()).toEqual([
          ["a", "a4"],
          ["c", "c4"],
          ["e", "e0"],
        ]);
        expect(seen.filter((one) => own(text(one.key))).length).toBeLessThan(15);
        expect(await stage.readValues(log, topic, { isolation: "read-uncommitted" })).not.toContain("never");
        // A position inside what was removed goes on with what follows, in order.
        for (let from = 0; from < end; from += 4) {
          const offsets = (await stage.read(log, topic, { from, to: end })).map((one) => one.offset);
          expect(offsets).toEqual(seen.map((one) => one.offset).filter((offset) => offset >= from));
        }
      },
    },
  ],
};
