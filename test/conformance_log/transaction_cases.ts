import { expect } from "@jest/globals";
import type { LogChapter } from "./conformance_case.ts";
import { expectRefused, fencedCodes, refusal } from "./stage.ts";

const nobody = { groupId: "", generationId: -1, memberId: "", groupInstanceId: null };

/** Epochs, fencing, commit, abort and the broker's timeout. */
export const transactionChapter: LogChapter = {
  title: "transactions",
  cases: [
    {
      name: "commit makes all partitions visible, and its marker takes one offset in each",
      play: async (stage) => {
        const log = await stage.connect();
        const topic = await stage.topic(log, "several", 3);
        const producer = await stage.producer(log);
        const lines = [0, 1].flatMap((partition) => ["a", "b"].map((value) => ({ topic, partition, value })));
        expect([...(await stage.send(log, producer, lines))].sort()).toEqual([
          [`${topic}/0`, 0],
          [`${topic}/1`, 0],
        ]);
        expect([...(await stage.values(log, producer, topic, ["c"]))]).toEqual([[`${topic}/0`, 2]]);
        await producer.commit();
        expect(await stage.readValues(log, topic)).toEqual(["a", "b", "c"]);
        expect(await stage.readValues(log, topic, { partition: 1 })).toEqual(["a", "b"]);
        expect(
          [
            ...(await stage.send(
              log,
              producer,
              [0, 1, 2].map((partition) => ({ topic, partition, value: "d" })),
            )),
          ].sort(),
        ).toEqual([
          [`${topic}/0`, 4],
          [`${topic}/1`, 3],
          [`${topic}/2`, 0],
        ]);
        await producer.commit();
        expect(await stage.readValues(log, topic)).toEqual(["a", "b", "c", "d"]);
        expect(await stage.readValues(log, topic, { partition: 2 })).toEqual(["d"]);
      },
    },
    {
      name: "abort shows nothing, and the next transaction of the same epoch is unharmed",
      play: async (stage) => {
        const log = await stage.connect();
        const topic = await stage.topic(log, "aborted");
        const producer = await stage.producer(log);
        await stage.values(log, producer, topic, ["no"]);
        await producer.abort();
        await stage.values(log, producer, topic, ["yes"]);
        await producer.commit();
        expect(await stage.readValues(log, topic)).toEqual(["yes"]);
        expect(await stage.readValues(log, topic, { isolation: "read-uncommitted" })).toEqual(["no", "yes"]);
      },
    },
    {
      name: "of which nothing was sent send nothing at their end",
      play: async (stage) => {
        const log = await stage.connect();
        const topic = await stage.topic(log, "nothing");
        const producer = await stage.producer(log);
        await producer.commit();
        await producer.abort();
        expect([...(await producer.send(log.outbox()))]).toEqual([]);
        await stage.values(log, producer, topic, ["one"]);
        await producer.commit();
        await producer.commit();
        expect(await stage.readValues(log, topic)).toEqual(["one"]);
        await stage.values(log, producer, topic, ["two"]);
        await producer.commit();
        expect((await stage.read(log, topic)).map((seen) => seen.offset)).toEqual([0, 2]);
      },
    },
    {
      name: "carry offsets alone",
      play: async (stage) => {
        const log = await stage.connect();
        const topic = await stage.topic(log, "offsets-alone");
        const groupId = stage.world.unique("group");
        const producer = await stage.producer(log);
        await producer.sendOffsets({ ...nobody, groupId }, [{ topic, partition: 0, offset: 7, metadata: "m" }]);
        await producer.commit();
        expect((await stage.committedOffset(log, groupId, topic, true))?.offset).toBe(7);
        expect(await stage.highWatermark(log, topic)).toBe(0);
      },
    },
    {
      name: "of an older holder of the id are fenced by a new epoch: its send, its offsets and its commit",
      play: async (stage) => {
        const [one, other] = [await stage.connect(), await stage.connect()];
        const topic = await stage.topic(one, "fenced");
        for (const late of ["send", "offsets", "commit"] as const) {
          const id = stage.world.unique("shared");
          const zombie = await stage.producer(one, id);
          await stage.values(one, zombie, topic, [`zombie before ${late}`]);
          const owner = await stage.producer(other, id);
          const before = { pid: zombie.epoch.producerId, epoch: zombie.epoch.epoch };
          expect(owner.epoch.producerId !== before.pid || owner.epoch.epoch > before.epoch).toBe(true);
          await stage.values(other, owner, topic, [`owner of ${late}`]);
          const offsets = [{ topic, partition: 0, offset: 1, metadata: "" }];
          const attempt = {
            send: () => stage.values(one, zombie, topic, ["zombie after"]),
            offsets: () => zombie.sendOffsets({ ...nobody, groupId: stage.world.unique("group") }, offsets),
            commit: () => zombie.commit(),
          };
          await expectRefused(attempt[late](), "fenced", fencedCodes);
          await expectRefused(zombie.commit(), "fenced", fencedCodes);
          await owner.commit();
        }
        expect(await stage.readValues(one, topic)).toEqual(["owner of send", "owner of offsets", "owner of commit"]);
      },
    },
    {
      name: "left open by a producer that closed are aborted when the id is opened again",
      play: async (stage) => {
        const log = await stage.connect();
        const topic = await stage.topic(log, "orphan");
        const id = stage.world.unique("orphaned");
        const lost = await stage.producer(log, id);
        await stage.values(log, lost, topic, ["orphan"]);
        await lost.close();
        await stage.values(log, await stage.plain(log), topic, ["behind"]);
        expect(await stage.latest(log, topic)).toBe(0);
        await stage.producer(log, id);
        expect(await stage.latest(log, topic)).toBe(await stage.highWatermark(log, topic));
        expect(await stage.readValues(log, topic)).toEqual(["behind"]);
      },
    },
    {
      name: "have all ended when an epoch of their id opens, also one that commits at this moment",
      play: async (stage) => {
        const [one, other] = [await stage.connect(), await stage.connect()];
        const topic = await stage.topic(one, "order", 4);
        const id = stage.world.unique("ordered");
        for (let round = 0; round < 5; round++) {
          const producer = await stage.producer(one, id);
          await stage.send(
            one,
            producer,
            [0, 1, 2, 3].map((partition) => ({ topic, partition, value: `round ${round}` })),
          );
          await producer.commit();
          await stage.producer(other, id);
          for (const partition of [0, 1, 2, 3]) {
            const end = await stage.latest(other, topic, partition, "read-committed");
            expect(end).toBe(2 * (round + 1));
            expect(await stage.highWatermark(other, topic, partition)).toBe(end);
          }
        }
      },
    },
    {
      name: "that stay open too long are ended by the broker, and their commit is fenced",
      play: async (stage) => {
        const log = await stage.connect();
        const topic = await stage.topic(log, "slow");
        const id = stage.world.unique("slow-txn");
        const slow = await stage.producer(log, id, 1_000);
        await stage.values(log, slow, topic, ["too late"]);
        await stage.values(log, await stage.plain(log), topic, ["behind"]);
        await stage.world.sleep(1_000 + stage.world.timing.transactionTimeoutSlackMs);
        expect(await stage.readValues(log, topic)).toEqual(["behind"]);
        await expectRefused(slow.commit(), "fenced", [...fencedCodes, "INVALID_PRODUCER_ID_MAPPING"]);
        const next = await stage.producer(log, id, 1_000);
        await stage.values(log, next, topic, ["in time"]);
        await next.commit();
        expect(await stage.readValues(log, topic)).toEqual(["behind", "in time"]);
      },
    },
    {
      name: "tell whether they are open, where the broker can say it",
      play: async (stage) => {
        const log = await stage.connect();
        const topic = await stage.topic(log, "told");
        const [idle, busy, absent] = [stage.world.unique("idle"), stage.world.unique("busy"), stage.world.unique("absent")];
        await stage.producer(log, idle);
        const producer = await stage.producer(log, busy);
        await stage.values(log, producer, topic, ["open"]);
        const states = await log.admin.transactionStates([idle, busy, absent]);
        expect([...states.keys()].sort()).toEqual([idle, busy, absent].sort());
        expect(states.get(absent)).toBe("unknown");
        expect(states.get(idle)).not.toBe("open");
        // A broker that is too old to say says "unknown" of all.
        expect(states.get(busy)).toBe(states.get(idle) === "unknown" ? "unknown" : "open");
        await producer.commit();
        expect((await log.admin.transactionStates([busy])).get(busy)).not.toBe("open");
      },
    },
    {
      name: "in which a record was refused end with their epoch: neither commit nor abort goes through it any more",
      play: async (stage) => {
        const log = await stage.connect();
        const topic = await stage.topic(log, "refused", 2, { "max.message.bytes": "1000" });
        const id = stage.world.unique("refused-txn");
        const producer = await stage.producer(log, id);
        await stage.values(log, producer, topic, ["before"]);
        const codes = ["MESSAGE_TOO_LARGE", "RECORD_LIST_TOO_LARGE"] as const;
        await expectRefused(stage.send(log, producer, [{ topic, partition: 1, value: "x".repeat(2_000) }]), "rejected", codes);
        await expectRefused(stage.values(log, producer, topic, ["after"]), "rejected", codes);
        await expectRefused(producer.commit(), "rejected", codes);
        await expectRefused(producer.abort(), "rejected", codes);
        const next = await stage.producer(log, id);
        await stage.values(log, next, topic, ["next"]);
        await next.commit();
        expect(await stage.readValues(log, topic)).toEqual(["next"]);
      },
    },
    {
      name: "with a timeout above the broker's limit are refused as a mistake of configuration",
      play: async (stage) => {
        const log = await stage.connect();
        const error = await refusal(stage.producer(log, stage.world.unique("patient"), 20 * 24 * 3_600_000));
        expect([error.code, error.disposition]).toEqual(["INVALID_TRANSACTION_TIMEOUT", "configuration"]);
      },
    },
    {
      name: "follow each other many times in one epoch",
      play: async (stage) => {
        const log = await stage.connect();
        const topic = await stage.topic(log, "many");
        const producer = await stage.producer(log);
        const kept: string[] = [];
        for (let i = 0; i < 40; i++) {
          await stage.values(log, producer, topic, [`${i}`]);
          if (i % 3 === 1) await producer.abort();
          else {
            await producer.commit();
            kept.push(`${i}`);
          }
        }
        const seen = await stage.read(log, topic);
        expect(seen.map((one) => one.offset)).toEqual(kept.map((value) => Number(value) * 2));
        expect(await stage.readValues(log, topic)).toEqual(kept);
      },
    },
    {
      name: "of two ids do not disturb each other",
      play: async (stage) => {
        const [one, other] = [await stage.connect(), await stage.connect()];
        const topic = await stage.topic(one, "pair");
        const [left, right] = [await stage.producer(one), await stage.producer(other)];
        await Promise.all([
          (async () => {
            for (let i = 0; i < 20; i++) {
              await stage.values(one, left, topic, [`left ${i}`]);
              await left.commit();
            }
          })(),
          (async () => {
            for (let i = 0; i < 20; i++) {
              await stage.values(other, right, topic, [`right ${i}`]);
              await (i % 2 === 0 ? right.commit() : right.abort());
            }
          })(),
        ]);
        const seen = await stage.readValues(one, topic);
        expect(seen.filter((value) => value?.startsWith("left"))).toEqual(Array.from({ length: 20 }, (_, i) => `left ${i}`));
        expect(seen.filter((value) => value?.startsWith("right"))).toEqual(Array.from({ length: 10 }, (_, i) => `right ${i * 2}`));
      },
    },
  ],
};
