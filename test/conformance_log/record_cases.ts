import { expect } from "@jest/globals";
import type { LogChapter } from "./conformance_case.ts";
import { bytes, expectRefused, type Line, take, text } from "./stage.ts";

const hour = 3_600_000;

/** What goes in comes out: bytes, nulls, headers, timestamps, order and sizes. */
export const recordChapter: LogChapter = {
  title: "records",
  cases: [
    {
      name: "come back with their key, value and timestamp, from the offset that send gave",
      play: async (stage) => {
        const log = await stage.connect();
        const topic = await stage.topic(log, "plain");
        const at = stage.world.now() - 5_000;
        const producer = await stage.plain(log);
        const base = await stage.send(log, producer, [
          { topic, key: "a", value: "1", timestamp: at },
          { topic, key: "b", value: "2", timestamp: at + 1 },
        ]);
        expect([...base]).toEqual([[`${topic}/0`, 0]]);
        const seen = await stage.read(log, topic);
        expect(seen.map(({ offset, timestamp, key, value, headers }) => [offset, timestamp - at, text(key), text(value), headers])).toEqual(
          [
            [0, 0, "a", "1", []],
            [1, 1, "b", "2", []],
          ],
        );
      },
    },
    {
      name: "keep headers in order, with repeated names, null values and names outside ASCII",
      play: async (stage) => {
        const log = await stage.connect();
        const topic = await stage.topic(log, "headers");
        const headers = [
          ["trace", bytes("1")],
          ["trace", bytes("2")],
          ["empty", new Uint8Array(0)],
          ["none", null],
          ["größe", Uint8Array.of(0, 255, 128)],
        ] as const;
        await stage.send(log, await stage.plain(log), [
          { topic, value: "bare" },
          { topic, value: "with", headers },
          { topic, value: "bare again" },
        ]);
        const seen = await stage.read(log, topic);
        expect(seen.map((one) => one.headers)).toEqual([[], headers, []]);
      },
    },
    {
      name: "keep null apart from empty, in keys and in values",
      play: async (stage) => {
        const log = await stage.connect();
        const topic = await stage.topic(log, "nulls");
        const pairs = [
          [null, null],
          ["", null],
          [null, ""],
          ["", ""],
          ["k", null],
          [null, "v"],
        ] as const;
        await stage.send(
          log,
          await stage.plain(log),
          pairs.map(([key, value]) => ({ topic, key, value })),
        );
        const seen = await stage.read(log, topic);
        expect(seen.map(({ key, value }) => [text(key), text(value)])).toEqual(pairs);
      },
    },
    {
      name: "keep bytes that are no text",
      play: async (stage) => {
        const log = await stage.connect();
        const topic = await stage.topic(log, "bytes");
        const all = Uint8Array.from({ length: 256 }, (_, i) => i);
        await stage.send(log, await stage.plain(log), [{ topic, key: new Uint8Array(4), value: all }]);
        const [only] = await stage.read(log, topic);
        expect([only?.key, only?.value]).toEqual([new Uint8Array(4), all]);
      },
    },
    {
      name: "keep timestamps that lie centuries apart and go backwards",
      play: async (stage) => {
        const log = await stage.connect();
        const topic = await stage.topic(log, "times", 1, { "message.timestamp.after.max.ms": "9223372036854775807" });
        const now = stage.world.now();
        const times = [now, 0, now + 57_000_000_000, now - 700_000_000_000, 1, 4_102_444_800_000, now];
        await stage.send(
          log,
          await stage.plain(log),
          times.map((timestamp) => ({ topic, value: "t", timestamp })),
        );
        expect((await stage.read(log, topic)).map((seen) => seen.timestamp)).toEqual(times);
      },
    },
    {
      name: "are copied when appended: the caller may use its arrays again",
      play: async (stage) => {
        const log = await stage.connect();
        const topic = await stage.topic(log, "reused");
        const [key, value] = [bytes("k0"), bytes("v0")];
        const outbox = log.outbox();
        for (let i = 0; i < 3; i++) {
          key[1] = value[1] = 48 + i;
          outbox.append(topic, 0, key, value, stage.world.now(), [["h", value]]);
        }
        key.fill(0);
        value.fill(0);
        await (await stage.plain(log)).send(outbox);
        const seen = await stage.read(log, topic);
        const shown = seen.map((one) => [text(one.key), text(one.value), text(one.headers[0]?.[1] ?? null)].join(" "));
        expect(shown).toEqual(["k0 v0 v0", "k1 v1 v1", "k2 v2 v2"]);
      },
    },
    {
      name: "are counted by the outbox",
      play: async (stage) => {
        const log = await stage.connect();
        const outbox = log.outbox();
        expect([outbox.records, outbox.bytes]).toEqual([0, 0]);
        outbox.append("counted", 0, bytes("key"), bytes("value"), 0, []);
        const first = outbox.bytes;
        expect(first).toBeGreaterThanOrEqual(8);
        outbox.append("counted", 1, null, new Uint8Array(1_000), 0, []);
        expect(outbox.records).toBe(2);
        expect(outbox.bytes).toBeGreaterThanOrEqual(first + 1_000);
      },
    },
    {
      name: "leave the outbox when they are sent, and stay in it when they are refused",
      play: async (stage) => {
        const log = await stage.connect();
        const topic = await stage.topic(log, "outbox", 1, { "max.message.bytes": "1000" });
        const outbox = log.outbox();
        outbox.append(topic, 0, null, bytes("first"), stage.world.now(), []);
        const producer = await stage.plain(log);
        await producer.send(outbox);
        expect([outbox.records, outbox.bytes]).toEqual([0, 0]);
        expect([...(await producer.send(outbox))]).toEqual([]);
        outbox.append(topic, 0, null, bytes("second"), stage.world.now(), []);
        await producer.send(outbox);
        expect(await stage.readValues(log, topic)).toEqual(["first", "second"]);
        outbox.append(topic, 0, null, new Uint8Array(2_000), stage.world.now(), []);
        await expectRefused(producer.send(outbox), "rejected", ["MESSAGE_TOO_LARGE", "RECORD_LIST_TOO_LARGE"]);
        expect(outbox.records).toBe(1);
      },
    },
    {
      name: "of one large send stay in order in every partition, whatever their size",
      play: async (stage) => {
        const log = await stage.connect();
        const topic = await stage.topic(log, "large", 3);
        const filler = "x".repeat(90);
        const lines: Line[] = [];
        for (let i = 0; i < 30_000; i++)
          lines.push({ topic, partition: i % 3, value: i % 5_000 === 7 ? `${i}:${"y".repeat(100_000)}` : `${i}:${filler}` });
        const base = await stage.send(log, await stage.plain(log), lines);
        expect([...base.values()]).toEqual([0, 0, 0]);
        for (const partition of [0, 1, 2]) {
          const seen = await stage.read(log, topic, { partition, fetcher: { partitionBytes: 200_000, totalBytes: 300_000 } });
          expect(seen.length).toBe(10_000);
          const wrong = seen.findIndex((one, i) => one.offset !== i || text(one.value) !== lines[i * 3 + partition]?.value);
          expect(wrong).toBe(-1);
        }
      },
    },
    {
      name: "come even when one is larger than a fetch may be",
      play: async (stage) => {
        const log = await stage.connect();
        const topic = await stage.topic(log, "huge");
        const producer = await stage.plain(log);
        const large = "z".repeat(50_000);
        for (const value of ["small", large, "after"]) await stage.values(log, producer, topic, [value]);
        expect(await stage.readValues(log, topic, { fetcher: { partitionBytes: 1_000, totalBytes: 1_000 } })).toEqual([
          "small",
          large,
          "after",
        ]);
      },
    },
    {
      name: "larger than the topic allows are refused for good, smaller ones are not",
      play: async (stage) => {
        const log = await stage.connect();
        const topic = await stage.topic(log, "limited", 1, { "max.message.bytes": "10000" });
        const id = stage.world.unique("limited-txn");
        const first = await stage.producer(log, id);
        await expectRefused(stage.values(log, first, topic, ["small", "x".repeat(20_000), "small"]), "rejected", [
          "MESSAGE_TOO_LARGE",
          "RECORD_LIST_TOO_LARGE",
        ]);
        const second = await stage.producer(log, id);
        await stage.values(log, second, topic, ["x".repeat(9_000)]);
        await second.commit();
        expect((await stage.readValues(log, topic)).map((value) => value?.length)).toEqual([9_000]);
      },
    },
    {
      name: "more than an hour ahead of the broker's clock are refused, unless the topic allows them",
      play: async (stage) => {
        const log = await stage.connect();
        const strict = await stage.topic(log, "strict-time");
        const open = await stage.topic(log, "open-time", 1, { "message.timestamp.after.max.ms": "9223372036854775807" });
        const ahead = stage.world.now() + 2 * hour;
        const early = await stage.plain(log);
        await expectRefused(stage.send(log, early, [{ topic: strict, value: "no", timestamp: ahead }]), "rejected", ["INVALID_TIMESTAMP"]);
        const again = await stage.plain(log);
        await stage.send(log, again, [
          { topic: open, value: "yes", timestamp: ahead },
          { topic: strict, value: "old is fine", timestamp: ahead - 5_000 * hour },
        ]);
        expect((await stage.read(log, open)).map((seen) => seen.timestamp)).toEqual([ahead]);
        expect(await stage.readValues(log, strict)).toEqual(["old is fine"]);
      },
    },
    {
      name: "without a key are refused by a compacted topic",
      play: async (stage) => {
        const log = await stage.connect();
        const topic = await stage.topic(log, "compacted", 1, { "cleanup.policy": "compact" });
        await expectRefused(stage.values(log, await stage.plain(log), topic, ["keyless"]), "rejected", ["INVALID_RECORD"]);
        expect(await stage.highWatermark(log, topic)).toBe(0);
      },
    },
    {
      name: "get the broker's time where the topic says LogAppendTime",
      play: async (stage) => {
        const log = await stage.connect();
        const topic = await stage.topic(log, "append-time", 1, { "message.timestamp.type": "LogAppendTime" });
        await stage.send(log, await stage.plain(log), [
          { topic, value: "a", timestamp: 5 },
          { topic, value: "b", timestamp: 7 },
        ]);
        const seen = await stage.read(log, topic);
        expect(seen.length).toBe(2);
        for (const { timestamp } of seen) expect(Math.abs(timestamp - stage.world.now())).toBeLessThan(hour);
      },
    },
    {
      name: "are views that stay the same while the cursor stands",
      play: async (stage) => {
        const log = await stage.connect();
        const topic = await stage.topic(log, "cursor");
        await stage.send(log, await stage.plain(log), [
          { topic, key: "k", value: "v" },
          { topic, key: "l", value: "w" },
        ]);
        const fetcher = log.fetcher({ isolation: "read-committed" });
        const part = await stage.fetchOne(fetcher, { topic, partition: 0, offset: 0 });
        const { records } = part;
        expect(records.next()).toBe(true);
        expect([text(records.key()), text(records.value()), text(records.value()), text(records.key())]).toEqual(["k", "v", "v", "k"]);
        expect(take(part).map((seen) => text(seen.value))).toEqual(["w"]);
        expect(records.next()).toBe(false);
        await fetcher.close();
      },
    },
  ],
};
