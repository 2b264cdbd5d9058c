import { expect, it } from "@jest/globals";
import { millis } from "../../core/duration.ts";
import { partitionId } from "../../core/ports/log.ts";
import { decodeOffsetMetadata } from "../../core/runtime/offset_metadata.ts";
import { integer } from "../../core/serde/numbers.ts";
import { text } from "../../core/serde/text.ts";
import { boundedOutOfOrderness } from "../../core/time/watermark_strategy.ts";
import { tumbling } from "../../core/window/tumbling.ts";
import { topic } from "../../topology/topic.ts";
import { topology } from "../../topology/topology.ts";
import { type AppWorld, type Instance, type InWorld, total } from "./app_world.ts";

const partitions = 2;

/** A total per word, a count per word and window of sixty units, and an alarm thirty units after each word, all behind one shuffle. */
const begin = async (world: AppWorld) => {
  const { unitMs } = world;
  const unit = (n: number) => millis(n * unitMs);
  const words = topic(world.unique("words"), { key: text, value: text });
  const totals = topic(world.unique("totals"), { key: text, value: integer });
  const windows = topic(world.unique("windows"), { key: text, value: integer });
  const alarms = topic(world.unique("alarms"), { key: text, value: text });
  await world.create(words.name, partitions);
  for (const { name } of [totals, windows, alarms]) await world.create(name, 1);
  const program = topology(world.unique("restart"), ({ from }) => {
    const keyed = from(words, { watermarks: boundedOutOfOrderness(unit(1)) })
      .keyBy((word) => word)
      .repartition("by-word");
    keyed.count("total").to(totals);
    keyed
      .window(tumbling({ size: unit(60) }))
      .count("per-window", (n) => n)
      .to(windows);
    keyed
      .process("alarm", {
        onRecord: (_word, { timers, timestamp }) => {
          timers.event.set(timestamp + 30 * unitMs);
        },
        onTimer: (timer) => [String((timer.timestamp - start) / unitMs)],
      })
      .to(alarms);
  });
  const start = Math.ceil(world.now() / (60 * unitMs)) * 60 * unitMs;
  const restored = { records: 0 };
  return {
    words,
    program,
    restored,
    launch: async (): Promise<Instance> => {
      restored.records = 0;
      const app = await world.start(program, {
        group: { sessionTimeout: millis(world.sessionMs) },
        on: { restore: ({ done, total: all }) => void (done === all && (restored.records += done)) },
      });
      return app;
    },
    running: async (app: Instance): Promise<void> => {
      await world.until("all tasks are open", () => (app.state === "running" && total(app, "tasks") === 2 * partitions ? true : undefined));
    },
    /** The word goes to both partitions with others around it, so that event time stands at `at - 1` units afterwards. */
    say: (word: string, at: number): Promise<void> =>
      world.produce(
        words,
        [0, 1].map((partition) => ({ key: null, value: word, timestamp: start + at * unitMs, partition })),
      ),
    sayIn: (partition: number, word: string, at: number): Promise<void> =>
      world.produce(words, [{ key: null, value: word, timestamp: start + at * unitMs, partition }]),
    newest: async (word: string): Promise<number | undefined> =>
      (await world.read(totals)).filter(({ key }) => key === word).at(-1)?.value ?? undefined,
    /** Results of windows, as "word in window n: count". */
    windows: async (): Promise<readonly string[]> =>
      (await world.read(windows))
        .map(({ key, value, timestamp }) => `${key} in window ${Math.floor((timestamp - start) / (60 * unitMs))}: ${value}`)
        .sort(),
    alarms: async (): Promise<readonly string[]> => (await world.read(alarms)).map(({ key, value }) => `${key} at ${value}`).sort(),
    /** The committed watermark of each source partition, in units. */
    committedWatermarks: async (): Promise<readonly number[]> => {
      const all = Array.from({ length: partitions }, (_, partition) => ({ topic: words.name, partition }));
      const committed = await world.settled(world.log.admin.committed(program.name, all, { requireStable: true }));
      return all.map(({ topic: name, partition }) => {
        const at = committed.get(partitionId(name, partition));
        return at === undefined ? Number.NaN : Math.floor((decodeOffsetMetadata(at).watermark - start) / unitMs);
      });
    },
    /** Of the tasks that run, in units, by task. */
    watermarks: (app: Instance): Readonly<Record<string, number>> =>
      Object.fromEntries(
        [...app.metrics()]
          .filter(({ name }) => name === "watermark")
          .map(({ tags, value }) => [tags["task"]!, Math.floor((value - start) / unitMs)] as const)
          .sort(),
      ),
  };
};

/** An instance that begins with nothing on its machine is where the one before it was. */
export const restart = (on: InWorld): void => {
  for (const end of ["closed", "killed"] as const)
    it(
      `an instance that was ${end} is followed by one that has its state, its timers and its event time from the log`,
      on(async (world) => {
        const { launch, running, restored, say, sayIn, newest, windows, alarms, watermarks, committedWatermarks } = await begin(world);
        const first = await launch();
        await running(first);
        await say("a", 10);
        await say("b", 20);
        // Two words in an open window, and alarms at 150 and 160 that have not rung.
        await say("a", 120);
        await say("b", 130);
        await world.until("the first window is closed", async () => ((await windows()).length === 2 ? true : undefined));
        await world.until("the totals are there", async () => ((await newest("a")) === 4 && (await newest("b")) === 4 ? true : undefined));
        await world.until("event time is committed", async () =>
          (await committedWatermarks()).every((at) => at === 128) ? true : undefined,
        );
        const before = watermarks(first);
        expect(before).toEqual({ "0_0": 128, "0_1": 128, "1_0": 128, "1_1": 128 });
        if (end === "closed") await world.settled(first.close());
        else first.kill();

        const second = await launch();
        await running(second);
        expect(restored.records).toBeGreaterThan(0);
        // Nothing was said since: this is what was kept.
        expect(watermarks(second)).toEqual(before);
        await sayIn(0, "late", 20);
        await world.until("the late record was dropped", () => (total(second, "late_records") === 1 ? true : undefined));
        await say("a", 140);
        await say("b", 185);
        await world.until("the window that was open is closed", async () => ((await windows()).length >= 4 ? true : undefined));
        await world.until("the alarms have rung", async () => ((await alarms()).length >= 6 ? true : undefined));
        expect(await windows()).toEqual(["a in window 0: 2", "a in window 2: 4", "b in window 0: 2", "b in window 2: 2"]);
        expect(await alarms()).toEqual(["a at 150", "a at 170", "a at 40", "b at 160", "b at 50", "late at 50"]);
        expect([await newest("a"), await newest("b"), await newest("late")]).toEqual([6, 6, 1]);
      }),
    );
};
