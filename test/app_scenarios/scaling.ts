import { expect, it } from "@jest/globals";
import { millis } from "../../core/duration.ts";
import { type InWorld, total } from "./app_world.ts";
import { hasTasks, wordCount, wordCountPartitions } from "./word_count.ts";

/** Standbys, and instances with names of their own. */
export const scaling = (on: InWorld): void => {
  it(
    "a standby has the state of an instance that is killed, and goes on with what is missing at its end",
    on(async (world) => {
      const words = await wordCount(world);
      const group = { sessionTimeout: millis(world.sessionMs) };
      const first = await world.start(words.program, { group, standbys: 1 });
      await hasTasks(world, first, 2 * wordCountPartitions);
      const second = await world.start(words.program, { group, standbys: 1 });
      await hasTasks(world, second, wordCountPartitions);
      await hasTasks(world, first, wordCountPartitions);
      for (let i = 0; i < 5; i++) {
        await words.say();
        await words.counted();
      }
      await world.until("the first instance has followed the second", () => {
        const lags = [...first.metrics()].filter(({ name }) => name === "standby_lag_records");
        return lags.length > 0 && lags.every(({ value }) => value === 0) && total(first, "standby_records") > 100 ? true : undefined;
      });
      second.kill();
      const before = total(first, "restored_records");
      await words.say();
      await hasTasks(world, first, 2 * wordCountPartitions);
      await words.counted();
      // The words of six rounds would be hundreds.
      expect(total(first, "restored_records") - before).toBeLessThan(100);
      expect([...(await words.revisions())].sort()).toEqual(words.expected());
    }),
  );

  it(
    "an instance with a name that is killed in a transaction and comes back gets its tasks without a rebalance, and works on at once",
    on(async (world) => {
      const words = await wordCount(world);
      const group = { sessionTimeout: millis(5 * world.sessionMs) };
      const first = await world.start(words.program, { group, instanceId: "first" });
      await hasTasks(world, first, 2 * wordCountPartitions);
      const second = await world.start(words.program, { group, instanceId: "second", commit: { interval: millis(20_000) } });
      await hasTasks(world, second, wordCountPartitions);
      await hasTasks(world, first, wordCountPartitions);
      let rebalances = 0;
      first.on("state", ({ to }) => void (to === "rebalancing" && rebalances++));
      await words.say();
      await world.until("the second instance has done something", () => (total(second, "records_in") > 0 ? true : undefined));
      second.kill();
      const again = await world.start(words.program, { group, instanceId: "second" });
      await hasTasks(world, again, wordCountPartitions);
      await words.counted();
      expect(rebalances).toBe(0);
      expect([...(await words.revisions())].sort()).toEqual(words.expected());
      await world.settled(again.close({ leaveGroup: true }));
      await hasTasks(world, first, 2 * wordCountPartitions);
    }),
  );

  it(
    "of two instances with one name the older one stops, and says why",
    on(async (world) => {
      const words = await wordCount(world);
      const group = { sessionTimeout: millis(5 * world.sessionMs), heartbeat: millis(500) };
      const older = await world.start(words.program, { group, instanceId: "same", onUncaught: "replace-worker" });
      await hasTasks(world, older, 2 * wordCountPartitions);
      await words.say();
      await words.counted();
      const younger = await world.start(words.program, { group, instanceId: "same" });
      await expect(world.settled(older.finished)).rejects.toMatchObject({ code: "INSTANCE_REPLACED" });
      await words.say();
      await hasTasks(world, younger, 2 * wordCountPartitions);
      await words.counted();
      expect([...(await words.revisions())].sort()).toEqual(words.expected());
    }),
  );
};
