import { expect } from "@jest/globals";
import type { Producer } from "../../core/ports/log.ts";
import type { LogChapter } from "./conformance_case.ts";
import { pollMs, type Stage, take, text } from "./stage.ts";

/** An int32 0: a filter that takes record keys for control keys is deceived by it. */
const zero = new Uint8Array(4);

/** What a reader from any position has to see of a partition whose every visible record is known. */
const expectFromEveryPosition = async (
  stage: Stage,
  topic: string,
  visible: readonly (readonly [offset: number, value: string])[],
): Promise<void> => {
  const log = await stage.connect();
  const end = await stage.highWatermark(log, topic);
  for (const fetcher of [{}, { partitionBytes: 150, totalBytes: 150 }])
    for (let from = 0; from < end; from++) {
      const seen = await stage.read(log, topic, { from, to: end, fetcher });
      expect(seen.map((one) => [one.offset, text(one.value)])).toEqual(visible.filter(([offset]) => offset >= from));
    }
};

/** What read-committed shows and hides. */
export const isolationChapter: LogChapter = {
  title: "isolation",
  cases: [
    {
      name: "an open transaction hides what comes after it from read-committed, and only from it",
      play: async (stage) => {
        const log = await stage.connect();
        const topic = await stage.topic(log, "held");
        const [plain, open] = [await stage.plain(log), await stage.producer(log)];
        await stage.values(log, plain, topic, ["before"]);
        await stage.values(log, open, topic, ["open"]);
        await stage.values(log, plain, topic, ["behind"]);
        expect([await stage.latest(log, topic), await stage.highWatermark(log, topic)]).toEqual([1, 3]);
        const fetcher = log.fetcher({ isolation: "read-committed" });
        const part = await stage.fetchOne(fetcher, { topic, partition: 0, offset: 0 });
        expect([take(part).map((seen) => text(seen.value)), part.nextOffset, part.lastStableOffset]).toEqual([["before"], 1, 1]);
        expect(await fetcher.poll([{ topic, partition: 0, offset: 1 }], pollMs)).toEqual([]);
        await fetcher.close();
        expect(await stage.readValues(log, topic, { isolation: "read-uncommitted", to: 3 })).toEqual(["before", "open", "behind"]);
        await open.commit();
        expect(await stage.readValues(log, topic)).toEqual(["before", "open", "behind"]);
      },
    },
    {
      name: "overlapping transactions of three producers are told apart, with zero keys and from every position",
      play: async (stage) => {
        const log = await stage.connect();
        const topic = await stage.topic(log, "overlap");
        const [a, b, c] = [await stage.producer(log), await stage.producer(log), await stage.producer(log)];
        const put = (producer: Producer, value: string) => stage.send(log, producer, [{ topic, key: zero, value }]);
        // The broker lists aborted transactions in the order in which they ended, which is not the order in which they began.
        for (const [producer, value] of [
          [a, "A0"],
          [b, "B0"],
          [a, "A1"],
          [c, "C0"],
          [b, "B1"],
          [b, "B2"],
        ] as const)
          await put(producer, value);
        await b.abort();
        await put(c, "C1");
        await a.abort();
        await put(a, "A2");
        await c.commit();
        await a.commit();
        const all = await stage.read(log, topic, { isolation: "read-uncommitted" });
        const offsetOf = new Map(all.map((seen) => [text(seen.value), seen.offset]));
        await expectFromEveryPosition(
          stage,
          topic,
          ["C0", "C1", "A2"].map((value) => [offsetOf.get(value) ?? -1, value]),
        );
      },
    },
    {
      name: "one producer that aborts, commits and aborts shows only the middle, from every position",
      play: async (stage) => {
        const log = await stage.connect();
        const topic = await stage.topic(log, "alternating");
        const producer = await stage.producer(log);
        const visible: [number, string][] = [];
        for (const [i, end] of (["abort", "commit", "abort", "abort", "commit", "abort"] as const).entries()) {
          const base = await stage.send(
            log,
            producer,
            [0, 1].map((n) => ({ topic, key: zero, value: `${end} ${i} ${n}` })),
          );
          const offset = base.get(`${topic}/0`) ?? -1;
          if (end === "commit") visible.push([offset, `commit ${i} 0`], [offset + 1, `commit ${i} 1`]);
          await producer[end]();
        }
        await expectFromEveryPosition(stage, topic, visible);
      },
    },
    {
      name: "an aborted transaction that is larger than many fetches stays hidden, from its middle too",
      play: async (stage) => {
        const log = await stage.connect();
        const topic = await stage.topic(log, "larger");
        const [plain, big] = [await stage.plain(log), await stage.producer(log)];
        await stage.values(log, plain, topic, ["first"]);
        for (let i = 0; i < 30; i++) {
          await stage.send(log, big, [{ topic, key: zero, value: `aborted ${i} ${"x".repeat(2_000)}` }]);
          if (i % 10 === 5) await stage.values(log, plain, topic, [`between ${i}`]);
        }
        await big.abort();
        await stage.values(log, plain, topic, ["last"]);
        const fetcher = { partitionBytes: 5_000, totalBytes: 5_000 };
        const visible = ["first", "between 5", "between 15", "between 25", "last"];
        const shown = await stage.read(log, topic, { fetcher });
        expect(shown.map((seen) => text(seen.value))).toEqual(visible);
        for (const from of [1, 2, 10, 20, 33]) {
          const expected = shown.filter((seen) => seen.offset >= from).map((seen) => text(seen.value));
          expect(await stage.readValues(log, topic, { from, fetcher })).toEqual(expected);
        }
      },
    },
    {
      name: "aborted transactions without records change nothing",
      play: async (stage) => {
        const log = await stage.connect();
        const topic = await stage.topic(log, "empty-abort");
        const groupId = stage.world.unique("group");
        const producer = await stage.producer(log);
        const group = { groupId, generationId: -1, memberId: "", groupInstanceId: null };
        await stage.values(log, producer, topic, ["one"]);
        await producer.commit();
        await producer.sendOffsets(group, [{ topic, partition: 0, offset: 1, metadata: "" }]);
        await producer.abort();
        await stage.values(log, producer, topic, ["two"]);
        await producer.commit();
        await expectFromEveryPosition(stage, topic, [
          [0, "one"],
          [2, "two"],
        ]);
        expect(await stage.committedOffset(log, groupId, topic, true)).toBeUndefined();
      },
    },
    {
      name: "a tail of aborted and control records moves the position although no record comes",
      play: async (stage) => {
        const log = await stage.connect();
        const topic = await stage.topic(log, "tail");
        const producer = await stage.producer(log);
        await stage.values(log, producer, topic, ["shown"]);
        await producer.commit();
        for (let i = 0; i < 3; i++) {
          await stage.values(log, producer, topic, ["hidden", "hidden"]);
          await producer.abort();
        }
        const end = await stage.eventually("the last marker is written", async () => {
          const latest = await stage.latest(log, topic);
          return latest === 11 ? latest : undefined;
        });
        const fetcher = log.fetcher({ isolation: "read-committed" });
        let offset = 1;
        const seen: unknown[] = [];
        while (offset < end) {
          const part = await stage.fetchOne(fetcher, { topic, partition: 0, offset });
          expect(part.error).toBeUndefined();
          seen.push(...take(part));
          expect(part.nextOffset).toBeGreaterThan(offset);
          offset = part.nextOffset;
        }
        expect([seen, offset]).toEqual([[], end]);
        expect(await fetcher.poll([{ topic, partition: 0, offset }], pollMs)).toEqual([]);
        await fetcher.close();
      },
    },
    {
      name: "control records are shown to no one",
      play: async (stage) => {
        const log = await stage.connect();
        const topic = await stage.topic(log, "control");
        const producer = await stage.producer(log);
        for (const end of ["commit", "abort", "commit"] as const) {
          await stage.values(log, producer, topic, [end]);
          await producer[end]();
        }
        await stage.values(log, await stage.plain(log), topic, ["last"]);
        expect(await stage.readValues(log, topic, { isolation: "read-uncommitted" })).toEqual(["commit", "abort", "commit", "last"]);
        expect(await stage.readValues(log, topic)).toEqual(["commit", "commit", "last"]);
      },
    },
    {
      name: "records without a transaction pass beside aborted ones of other producers",
      play: async (stage) => {
        const log = await stage.connect();
        const topic = await stage.topic(log, "mixed");
        const [plain, txn] = [await stage.plain(log), await stage.producer(log)];
        const visible: string[] = [];
        for (let i = 0; i < 12; i++) {
          await stage.values(log, txn, topic, [`txn ${i}`]);
          await stage.values(log, plain, topic, [`plain ${i}`]);
          visible.push(...(i % 4 < 2 ? [`plain ${i}`] : [`txn ${i}`, `plain ${i}`]));
          await (i % 4 < 2 ? txn.abort() : txn.commit());
        }
        expect(await stage.readValues(log, topic)).toEqual(visible);
      },
    },
  ],
};
