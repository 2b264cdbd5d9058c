import { expect } from "@jest/globals";
import { LogError } from "../../core/ports/log.ts";
import type { LogCase, LogChapter } from "./conformance_case.ts";
import type { Stage } from "./stage.ts";
import type { LosableRequest } from "./world.ts";

/**
 * Runs a step that may meet a lost message. True when it succeeded; false when the driver said that it does not know; anything else fails the case, for a lost
 * message is neither a refusal nor a fence.
 */
const happened = async (step: Promise<unknown>): Promise<boolean> => {
  try {
    await step;
    return true;
  } catch (thrown) {
    if (thrown instanceof LogError && thrown.disposition === "indefinite") return false;
    throw thrown;
  }
};

const numbers = (count: number): string[] => Array.from({ length: count }, (_, i) => String(i));

/**
 * Five transactions, each one record and one offset, done as the protocol asks: an epoch whose outcome is unknown is given up, a new one is opened, and the
 * committed offset tells whether to do the transaction again. One message is lost in the third.
 */
const loseOnce = async (stage: Stage, request: LosableRequest, lost: "request" | "response"): Promise<void> => {
  const log = await stage.connect();
  const topic = await stage.topic(log, `lost-${lost}`, 2);
  const [id, groupId] = [stage.world.unique("lossy"), stage.world.unique("group")];
  const group = { groupId, generationId: -1, memberId: "", groupInstanceId: null };
  let producer = await stage.producer(log, id);
  for (let attempts = 0, next = 0; next < 5; attempts++) {
    expect(attempts).toBeLessThan(10);
    if (next === 2 && attempts === 2) stage.world.can.lose?.(log, request, lost);
    const lines = [0, 1].map((partition) => ({ topic, partition, value: String(next) }));
    const done =
      (await happened(stage.send(log, producer, lines))) &&
      (await happened(producer.sendOffsets(group, [{ topic, partition: 0, offset: next + 1, metadata: "" }]))) &&
      (await happened(producer.commit()));
    if (!done) producer = await stage.producer(log, id);
    next = (await stage.committedOffset(log, groupId, topic, true))?.offset ?? 0;
  }
  for (const partition of [0, 1]) expect(await stage.readValues(log, topic, { partition })).toEqual(numbers(5));
};

const requests: readonly LosableRequest[] = ["Produce", "AddPartitionsToTxn", "AddOffsetsToTxn", "TxnOffsetCommit", "EndTxn"];

const lossCases: readonly LogCase[] = requests.flatMap((request) =>
  (["request", "response"] as const).map((lost) => ({
    name: `a lost ${lost} of ${request} neither loses nor doubles a transaction`,
    needs: "lose" as const,
    play: (stage: Stage) => loseOnce(stage, request, lost),
  })),
);

/** Exactly once within and between sends. */
export const sequenceChapter: LogChapter = {
  title: "sequences",
  cases: [
    {
      name: "a producer without an id shows its records at once, under an id of its own",
      play: async (stage) => {
        const log = await stage.connect();
        const topic = await stage.topic(log, "idempotent");
        const [one, other] = [await stage.plain(log), await stage.plain(log)];
        expect(one.epoch.producerId).not.toBe(other.epoch.producerId);
        for (let i = 0; i < 3; i++) {
          const base = await stage.values(log, one, topic, [`${i}a`, `${i}b`]);
          expect([...base]).toEqual([[`${topic}/0`, i * 2]]);
          expect(await stage.latest(log, topic)).toBe(i * 2 + 2);
        }
        expect(await stage.readValues(log, topic)).toEqual(["0a", "0b", "1a", "1b", "2a", "2b"]);
      },
    },
    {
      name: "an epoch is told with every producer, and a later one of the same id is greater",
      play: async (stage) => {
        const log = await stage.connect();
        const id = stage.world.unique("epochs");
        const first = (await stage.producer(log, id)).epoch;
        const second = (await stage.producer(log, id)).epoch;
        expect(typeof first.producerId).toBe("bigint");
        expect(second.producerId).toBe(first.producerId);
        expect(second.epoch).toBeGreaterThan(first.epoch);
      },
    },
    {
      name: "two hundred sends in a row keep their order",
      play: async (stage) => {
        const log = await stage.connect();
        const topic = await stage.topic(log, "row");
        const producer = await stage.producer(log);
        for (const value of numbers(200)) await stage.values(log, producer, topic, [value]);
        await producer.commit();
        expect(await stage.readValues(log, topic)).toEqual(numbers(200));
      },
    },
    {
      name: "two producers at once keep each their order",
      play: async (stage) => {
        const [log, second] = [await stage.connect(), await stage.connect()];
        const topic = await stage.topic(log, "both");
        const [left, right] = [await stage.plain(log), await stage.plain(second)];
        const sends = async (client: typeof log, producer: typeof left, name: string): Promise<void> => {
          for (const value of numbers(50)) await stage.values(client, producer, topic, [`${name} ${value}`, `${name} ${value}+`]);
        };
        await Promise.all([sends(log, left, "left"), sends(second, right, "right")]);
        const seen = await stage.readValues(log, topic);
        for (const name of ["left", "right"])
          expect(seen.filter((value) => value?.startsWith(name))).toEqual(
            numbers(50).flatMap((value) => [`${name} ${value}`, `${name} ${value}+`]),
          );
        expect(seen.length).toBe(200);
      },
    },
    {
      name: "a lost response of a plain send neither loses nor doubles a record, unless the driver says that it does not know",
      needs: "lose",
      play: async (stage) => {
        const log = await stage.connect();
        const topic = await stage.topic(log, "plain-loss");
        let producer = await stage.plain(log);
        const expected: string[] = [];
        for (const value of numbers(6)) {
          if (value === "3") stage.world.can.lose?.(log, "Produce", "response");
          if (await happened(stage.values(log, producer, topic, [value]))) expected.push(value);
          else {
            // The broker had done it before the response was lost.
            expected.push(value);
            producer = await stage.plain(log);
          }
        }
        expect(await stage.readValues(log, topic)).toEqual(expected);
      },
    },
    {
      name: "an epoch given up after a lost answer cannot touch the transaction of the next one",
      needs: "lose",
      play: async (stage) => {
        const log = await stage.connect();
        const topic = await stage.topic(log, "given-up");
        const id = stage.world.unique("given-up");
        const doubtful = await stage.producer(log, id);
        await stage.values(log, doubtful, topic, ["first"]);
        stage.world.can.lose?.(log, "EndTxn", "request");
        const certain = await happened(doubtful.commit());
        const owner = await stage.producer(log, id);
        await stage.values(log, owner, topic, ["second"]);
        // A commit repeated by the old epoch arrives in the middle of the new transaction.
        await doubtful.commit().catch(() => undefined);
        await owner.abort();
        expect(await stage.readValues(log, topic)).toEqual(certain ? ["first"] : []);
      },
    },
    ...lossCases,
  ],
};
