import { expect } from "@jest/globals";
import { partitionId } from "../../core/ports/log.ts";
import type { LogChapter } from "./conformance_case.ts";
import { expectRefused, type Stage } from "./stage.ts";

const outsider = (groupId: string) => ({ groupId, generationId: -1, memberId: "", groupInstanceId: null });
const at = (topic: string, offset: number, metadata = "") => [{ topic, partition: 0, offset, metadata }];

const setting = async (stage: Stage) => {
  const log = await stage.connect();
  const topic = await stage.topic(log, "offsets", 2);
  const groupId = stage.world.unique("group");
  return { log, topic, groupId };
};

/** Committed offsets, inside and outside transactions. */
export const offsetChapter: LogChapter = {
  title: "offsets",
  cases: [
    {
      name: "come back with their metadata, and a partition without a commit is left out",
      play: async (stage) => {
        const { log, topic, groupId } = await setting(stage);
        const both = [0, 1].map((partition) => ({ topic, partition }));
        expect([...(await log.admin.committed(groupId, both, { requireStable: false }))]).toEqual([]);
        await log.admin.commitOffsets(groupId, at(topic, 5, "ströme"));
        expect([...(await log.admin.committed(groupId, both, { requireStable: true }))]).toEqual([
          [partitionId(topic, 0), { topic, partition: 0, offset: 5, metadata: "ströme" }],
        ]);
        await log.admin.commitOffsets(groupId, [...at(topic, 3), { topic, partition: 1, offset: 9, metadata: "" }]);
        const found = await log.admin.committed(groupId, both, { requireStable: true });
        expect([0, 1].map((partition) => found.get(partitionId(topic, partition))?.offset)).toEqual([3, 9]);
      },
    },
    {
      name: "of two groups are apart",
      play: async (stage) => {
        const { log, topic, groupId } = await setting(stage);
        await log.admin.commitOffsets(groupId, at(topic, 1));
        await log.admin.commitOffsets(`${groupId}-other`, at(topic, 2));
        expect((await stage.committedOffset(log, groupId, topic, true))?.offset).toBe(1);
        expect((await stage.committedOffset(log, `${groupId}-other`, topic, true))?.offset).toBe(2);
      },
    },
    {
      name: "become visible with their transaction, and are lost with it",
      play: async (stage) => {
        const { log, topic, groupId } = await setting(stage);
        const producer = await stage.producer(log);
        await log.admin.commitOffsets(groupId, at(topic, 1));
        await stage.values(log, producer, topic, ["a"]);
        await producer.sendOffsets(outsider(groupId), at(topic, 2, "second"));
        expect((await stage.committedOffset(log, groupId, topic, false))?.offset).toBe(1);
        await producer.commit();
        expect(await stage.committedOffset(log, groupId, topic, true)).toEqual({ topic, partition: 0, offset: 2, metadata: "second" });
        await stage.values(log, producer, topic, ["b"]);
        await producer.sendOffsets(outsider(groupId), at(topic, 3));
        await producer.abort();
        expect((await stage.committedOffset(log, groupId, topic, true))?.offset).toBe(2);
      },
    },
    {
      name: "held back by an open transaction are not given to who asks for stable ones",
      play: async (stage) => {
        const { log, topic, groupId } = await setting(stage);
        const producer = await stage.producer(log);
        await log.admin.commitOffsets(groupId, at(topic, 1));
        await producer.sendOffsets(outsider(groupId), at(topic, 2));
        await expectRefused(stage.committedOffset(log, groupId, topic, true, 500), "retriable", ["UNSTABLE_OFFSET_COMMIT"]);
        expect((await stage.committedOffset(log, groupId, topic, false))?.offset).toBe(1);
        const other = await log.admin.committed(groupId, [{ topic, partition: 1 }], { requireStable: true, timeoutMs: 500 });
        expect(other.size).toBe(0);
        await producer.commit();
        expect((await stage.committedOffset(log, groupId, topic, true))?.offset).toBe(2);
      },
    },
    {
      name: "are waited for by who asks for stable ones",
      play: async (stage) => {
        const { log, topic, groupId } = await setting(stage);
        const producer = await stage.producer(log);
        await log.admin.commitOffsets(groupId, at(topic, 1));
        await producer.sendOffsets(outsider(groupId), at(topic, 2));
        const waiting = stage.committedOffset(log, groupId, topic, true, stage.world.timing.patienceMs);
        await stage.world.sleep(1_000);
        await producer.commit();
        expect((await waiting)?.offset).toBe(2);
      },
    },
    {
      name: "of a transaction that a new epoch ended are gone when that epoch is open",
      play: async (stage) => {
        const { log, topic, groupId } = await setting(stage);
        const id = stage.world.unique("taken-over");
        const lost = await stage.producer(log, id);
        await log.admin.commitOffsets(groupId, at(topic, 4));
        await lost.sendOffsets(outsider(groupId), at(topic, 9));
        await stage.producer(log, id);
        expect((await stage.committedOffset(log, groupId, topic, true))?.offset).toBe(4);
      },
    },
    {
      name: "with too much metadata are refused",
      play: async (stage) => {
        const { log, topic, groupId } = await setting(stage);
        await expectRefused(log.admin.commitOffsets(groupId, at(topic, 1, "m".repeat(5_000))), "rejected", ["OFFSET_METADATA_TOO_LARGE"]);
        await log.admin.commitOffsets(groupId, at(topic, 1, "m".repeat(1_000)));
        expect((await stage.committedOffset(log, groupId, topic, true))?.metadata.length).toBe(1_000);
      },
    },
    {
      name: "that are refused alone do not keep back the others of the same commit, in a transaction and outside",
      play: async (stage) => {
        const { log, topic, groupId } = await setting(stage);
        const both = (offset: number) => [...at(topic, offset), { topic, partition: 1, offset, metadata: "m".repeat(5_000) }];
        await expectRefused(log.admin.commitOffsets(groupId, both(1)), "rejected", ["OFFSET_METADATA_TOO_LARGE"]);
        expect((await stage.committedOffset(log, groupId, topic, true))?.offset).toBe(1);
        const producer = await stage.producer(log);
        await expectRefused(producer.sendOffsets(outsider(groupId), both(2)), "rejected", ["OFFSET_METADATA_TOO_LARGE"]);
        await expectRefused(stage.committedOffset(log, groupId, topic, true, 500), "retriable", ["UNSTABLE_OFFSET_COMMIT"]);
        await expectRefused(producer.commit(), "rejected", ["OFFSET_METADATA_TOO_LARGE"]);
        await producer.abort();
        expect((await stage.committedOffset(log, groupId, topic, true))?.offset).toBe(1);
      },
    },
    {
      name: "of a partition that does not exist are asked to be tried again, while the others of the same commit are taken",
      play: async (stage) => {
        const { log, topic, groupId } = await setting(stage);
        const both = (offset: number) => [...at(topic, offset), { topic, partition: 7, offset, metadata: "" }];
        await expectRefused(log.admin.commitOffsets(groupId, both(1)), "retriable", ["UNKNOWN_TOPIC_OR_PARTITION"]);
        expect((await stage.committedOffset(log, groupId, topic, true))?.offset).toBe(1);
        const producer = await stage.producer(log);
        await expectRefused(producer.sendOffsets(outsider(groupId), both(2)), "retriable", ["UNKNOWN_TOPIC_OR_PARTITION"]);
        // Nothing is in doubt, so the transaction may go on.
        await producer.commit();
        expect((await stage.committedOffset(log, groupId, topic, true))?.offset).toBe(2);
      },
    },
    {
      name: "committed with a group that has no such member are refused, in a transaction and outside",
      play: async (stage) => {
        const { log, topic, groupId } = await setting(stage);
        const stranger = { groupId, generationId: 1, memberId: "stranger", groupInstanceId: null };
        await log.admin.commitOffsets(groupId, at(topic, 1));
        await expectRefused(log.admin.commitOffsets(groupId, at(topic, 2), stranger), "membership", [
          "UNKNOWN_MEMBER_ID",
          "ILLEGAL_GENERATION",
        ]);
        const producer = await stage.producer(log);
        await expectRefused(producer.sendOffsets(stranger, at(topic, 3)), "membership", ["UNKNOWN_MEMBER_ID", "ILLEGAL_GENERATION"]);
        expect((await stage.committedOffset(log, groupId, topic, false))?.offset).toBe(1);
      },
    },
  ],
};
