import { describe, expect, it } from "@jest/globals";
import { hours, millis, minutes, seconds } from "../../../core/duration.ts";
import { partitionForKey } from "../../../core/partitioner.ts";
import type { App } from "../../../core/runtime/app.ts";
import { integer } from "../../../core/serde/numbers.ts";
import { text } from "../../../core/serde/text.ts";
import { operatorState, valueState } from "../../../core/state/descriptors.ts";
import { boundedOutOfOrderness, monotonic, noWatermarks, watermarks } from "../../../core/time/watermark_strategy.ts";
import { tumbling } from "../../../core/window/tumbling.ts";
import { ProcessClock } from "../../../topology/testing/process_clock.ts";
import { topic } from "../../../topology/topic.ts";
import { topology } from "../../../topology/topology.ts";
import { Cluster } from "../../support/cluster.ts";

const left = topic("left", { key: text, value: text });
const right = topic("right", { key: text, value: text });
const counts = topic("counts", { key: text, value: integer });
const out = topic("out", { key: text, value: text });

/** Keys that Kafka's partitioner puts where the test wants them, by the number of partitions. */
const keysOf = (partitions: number): readonly string[] =>
  Array.from({ length: partitions }, (_, partition) => {
    for (let i = 0; ; i++) if (partitionForKey(text.serialize(`k${i}`, ""), partitions) === partition) return `k${i}`;
  });

const start = 1_700_000_040_000;
const minute = 60_000;

const world = async (partitions: Readonly<Record<string, number>> = {}) => {
  const cluster = new Cluster();
  for (const name of ["left", "right", "counts", "out"]) await cluster.create(name, partitions[name] ?? 1);
  const say = (to: typeof left, at: number, value = "x", partition = 0, key = "k") =>
    cluster.produce(to, [{ key, value, timestamp: start + at, partition }]);
  const counted = async () =>
    (await cluster.read(counts)).map(({ key, value, timestamp }) => `${key}=${value}@${timestamp - start}`).sort();
  const outputs = async () => (await cluster.read(out)).map(({ value }) => value);
  return { cluster, say, counted, outputs };
};

const metric = (app: App, name: string, topicName?: string): number | undefined =>
  [...app.metrics()].find((one) => one.name === name && (topicName === undefined || one.tags["topic"] === topicName))?.value;
const late = (cluster: Cluster): number =>
  cluster.apps
    .flatMap((app) => [...app.metrics()])
    .filter(({ name }) => name === "late_records")
    .reduce((sum, { value }) => sum + value, 0);

describe("watermarks", () => {
  it("come with the record itself where a generator says so, without waiting for the period", async () => {
    const { cluster, say, counted } = await world();
    const punctuated = watermarks<string>(() => ({ onRecord: (value, timestamp) => (value === "mark" ? timestamp - 1 : undefined) }));
    await cluster.start(
      topology("punctuated", ({ from }) => {
        from(left, { watermarks: punctuated })
          .keyBy()
          .window(tumbling({ size: minutes(1) }))
          .count("per-minute", (n) => n)
          .to(counts);
      }),
      { watermarkPeriod: hours(1), commit: { interval: millis(10) } },
    );
    await cluster.clock.advance(100);
    await say(left, 0);
    await say(left, 90_000);
    await cluster.clock.advance(1000);
    expect(await counted()).toEqual([]);
    await say(left, minute, "mark");
    await cluster.clock.advance(1000);
    expect(await counted()).toEqual(["k=1@59999"]);
    await cluster.close();
  });

  it("that never come leave windows open, until a bounded input ends", async () => {
    const program = topology("timeless", ({ from }) => {
      from(left, { watermarks: noWatermarks() })
        .keyBy()
        .window(tumbling({ size: minutes(1) }))
        .count("per-minute", (n) => n)
        .to(counts);
    });
    const { cluster, say, counted } = await world();
    await say(left, 0);
    await say(left, 500_000);
    const app = await cluster.start(program);
    await cluster.clock.advance(60_000);
    expect(await counted()).toEqual([]);
    await cluster.drive(app.close());
    await cluster.start(program, { applicationId: "bounded", mode: "batch" });
    await cluster.finished();
    expect(await counted()).toEqual(["k=1@539999", "k=1@59999"]);
  });

  it("go by the time of arrival where the topic stamps its records itself", async () => {
    const { cluster, counted } = await world();
    await cluster.drive(cluster.log.admin.delete(["left"]));
    await cluster.create("left", 1, { "message.timestamp.type": "LogAppendTime" });
    await cluster.start(
      topology("ingestion", ({ from }) => {
        from(left, { watermarks: monotonic() })
          .keyBy()
          .window(tumbling({ size: seconds(10) }))
          .count("per-arrival", (n) => n)
          .to(counts);
      }),
    );
    const began = Math.floor(cluster.clock.now() / 10_000) * 10_000;
    // What the producer says of the time has no meaning there.
    for (let i = 0; i < 4; i++) {
      await cluster.produce(left, [{ key: "k", value: "x", timestamp: 5 }]);
      await cluster.clock.advance(8000);
    }
    expect((await counted()).map((one) => one.replace(/@.*/, ""))).toEqual(["k=1", "k=2"]);
    expect((await cluster.read(counts)).map(({ timestamp }) => timestamp - began)).toEqual([9999, 19_999]);
    await cluster.close();
  });

  it("move on with deletions of a table as with any other record", async () => {
    const { cluster, say, outputs } = await world();
    await cluster.start(
      topology("deleting", ({ from, table }) => {
        from(left)
          .keyBy()
          .leftJoin("row", table(right, { history: hours(1) }), { asOf: "watermark" }, (value, row) => `${value} ${row ?? "none"}`)
          .to(out);
      }),
    );
    await say(right, 0, "first");
    await say(left, 10_000, "a");
    await say(left, 40_000, "b");
    await cluster.produce(right, [{ key: "k", value: null, timestamp: start + 30_000 }]);
    await cluster.produce(right, [{ key: "k", value: null, timestamp: start + 60_000 }]);
    await say(left, 70_000, "c");
    await cluster.clock.advance(2000);
    expect(await outputs()).toEqual(["a first", "b none"]);
    await cluster.close();
  });
});

describe("the clock on the wall", () => {
  it("fires timers and closes windows of processing time while the input is silent", async () => {
    const { cluster, say, counted, outputs } = await world();
    await cluster.start(
      topology("wall", ({ from }) => {
        from(left)
          .keyBy()
          .window(tumbling({ size: seconds(30), time: "processing" }))
          .count("per-half-minute", (n) => n)
          .to(counts);
        from(right)
          .keyBy()
          .process("reminder", {
            onRecord(_value, { timers, processingTime }) {
              timers.processing.set(processingTime + 5000);
            },
            onTimer: ({ domain }) => [domain],
          })
          .to(out);
      }),
    );
    await cluster.clock.advance(1000);
    await say(left, 0);
    await say(left, -1_000_000);
    await say(right, 0);
    await cluster.clock.advance(4900);
    expect(await outputs()).toEqual([]);
    await cluster.clock.advance(300);
    expect(await outputs()).toEqual(["processing"]);
    await cluster.clock.advance(30_000);
    expect((await counted()).map((one) => one.replace(/@.*/, ""))).toEqual(["k=2"]);
    await cluster.close();
  });

  it("fires what came due while nobody was running, once, after the restart", async () => {
    const { cluster, say, outputs } = await world();
    const program = topology("reminder", ({ from }) => {
      from(left)
        .keyBy()
        .process("reminder", {
          onRecord(_value, { timers, processingTime }) {
            timers.processing.set(processingTime + 5000);
          },
          onTimer: () => ["ring"],
        })
        .to(out);
    });
    const first = await cluster.start(program);
    await say(left, 0);
    await cluster.clock.advance(1000);
    first.kill();
    await cluster.clock.advance(100_000);
    await cluster.start(program);
    await cluster.clock.advance(60_000);
    expect(await outputs()).toEqual(["ring"]);
    await cluster.close();
  });
});

describe("inputs of different speed", () => {
  it("wait for each other as far as alignment says, and no longer when the slow one falls idle", async () => {
    const { cluster, say } = await world();
    const alignment = { group: "both", maxDrift: minutes(5) };
    const app = await cluster.start(
      topology("aligned", ({ from }) => {
        from(left, { alignment, idleness: seconds(20) }).to(out);
        from(right, { alignment, idleness: seconds(20) }).to(out);
      }),
    );
    await cluster.clock.advance(1000);
    let [ahead, stood, before] = [0, 0, Number.NaN];
    for (let i = 0; i < 30; i++) {
      await say(left, i * minute);
      await say(right, i * 10_000);
      await cluster.clock.advance(1000);
      const now = metric(app, "stream_time", "left")!;
      ahead = Math.max(ahead, now - metric(app, "stream_time", "right")!);
      if (now === before) stood++;
      before = now;
    }
    // How far it is ahead is looked at once per period: what has gathered by then is taken in one go.
    expect(stood).toBeGreaterThan(15);
    expect(ahead).toBeLessThan(11 * minute);
    expect(metric(app, "stream_time", "right")).toBe(start + 29 * 10_000);
    await cluster.clock.advance(30_000);
    expect(metric(app, "stream_time", "left")).toBe(start + 29 * minute);
    expect((await cluster.read(out)).length).toBe(60);
    await cluster.close();
  });

  it("may have topics of different width: what a task does not have says nothing of its time", async () => {
    const { cluster, say, outputs } = await world({ left: 1, right: 2 });
    await cluster.start(
      topology("narrow", ({ from }) => {
        from([left, right], { watermarks: monotonic(), idleness: seconds(5) })
          .process("seen", {
            state: { n: operatorState<number>() },
            onRecord: (value, { watermark }) => [`${value} at ${watermark - start}`],
          })
          .to(out);
      }),
    );
    await say(right, 1000, "first", 1);
    await cluster.clock.advance(20_000);
    await say(right, 2000, "after silence", 1);
    await cluster.clock.advance(2000);
    expect(await outputs()).toEqual(["first at -Infinity", "after silence at 999"]);
    await cluster.close();
  });

  it("come back from idleness without being late, on topics of different width too", async () => {
    const { cluster, say, counted } = await world({ left: 1, right: 2 });
    await cluster.start(
      topology("widths", ({ from }) => {
        from([left, right], { watermarks: boundedOutOfOrderness(seconds(1)), idleness: seconds(5) })
          .keyBy((value) => value)
          .window(tumbling({ size: minutes(1) }))
          .count("per-minute", (n) => n)
          .to(counts);
      }),
    );
    await cluster.clock.advance(1000);
    await say(right, 0, "a", 1);
    await cluster.clock.advance(20_000);
    // Everything is idle by now, and comes back with records that are not late.
    await say(left, 10_000, "a");
    await say(right, 20_000, "a", 0);
    await say(right, 30_000, "a", 1);
    await cluster.clock.advance(1000);
    for (let at = 40_000; at < 200_000; at += 10_000) {
      await say(left, at, "b");
      await say(right, at, "c", 0);
      await say(right, at, "d", 1);
      await cluster.clock.advance(500);
    }
    expect(late(cluster)).toBe(0);
    expect((await counted()).filter((one) => one.startsWith("a"))).toEqual(["a=4@59999"]);
    await cluster.close();
  });

  it("hear at the end of a shuffle what their writers reached before these fell silent", async () => {
    const { cluster, say, counted } = await world();
    await cluster.start(
      topology(
        "silent",
        ({ from }) => {
          from(left, { watermarks: monotonic(), idleness: seconds(5) })
            .keyBy((value) => value)
            .window(tumbling({ size: minutes(1) }))
            .count("per-minute", (n) => n)
            .to(counts);
        },
        { watermarkInterval: minutes(10) },
      ),
    );
    await say(left, 0, "a");
    await cluster.clock.advance(1000);
    // The next regular word on time would come in ten minutes; the word that the input is idle comes before, and brings the time with it.
    await say(left, 61_000, "b");
    await cluster.clock.advance(10_000);
    expect(await counted()).toEqual(["a=1@59999"]);
    await cluster.close();
  });
});

describe("an advance of event time that takes long", () => {
  const timers = 4000;
  let calls = 0;
  /** Sets many timers that come due at one moment. */
  const alarms = topology("alarms", ({ from }) => {
    from(left, { watermarks: monotonic() })
      .keyBy()
      .process("alarm", {
        onRecord(value, ctx) {
          if (value === "set") for (let i = 0; i < timers; i++) ctx.timers.event.set(ctx.timestamp + 1000 + i);
        },
        onTimer({ timestamp }, { key }) {
          calls++;
          return [`${key} ${timestamp - start}`];
        },
      })
      .to(out);
  });
  const everyTimer = (keys: readonly string[]): readonly string[] =>
    keys.flatMap((key) => Array.from({ length: timers }, (_, i) => `${key} ${1000 + i}`));

  it("is interrupted by commits, and fires every timer once and in order", async () => {
    const { cluster, say, outputs } = await world();
    const sizes: number[] = [];
    await cluster.start(alarms, {
      clock: new ProcessClock(cluster.clock, 1),
      commit: { interval: millis(20) },
      on: { commit: ({ records }) => void (records > 100 && sizes.push(records)) },
    });
    await say(left, 0, "set");
    await say(left, minute, "go");
    await cluster.clock.advance(3000);
    expect(sizes.length).toBeGreaterThan(3);
    expect(await outputs()).toEqual(everyTimer(["k"]));
    await cluster.close();
  });

  it("fires every timer once when the instance is killed in the middle and another one goes on", async () => {
    const { cluster, say, outputs } = await world();
    const commits: number[] = [];
    const first = await cluster.start(alarms, {
      clock: new ProcessClock(cluster.clock, 1),
      commit: { interval: millis(20) },
      on: {
        commit: ({ records }) => {
          if (records > 100 && commits.push(records) === 3) first.kill();
        },
      },
    });
    await say(left, 0, "set");
    await say(left, minute, "go");
    await cluster.clock.advance(1000);
    expect(first.state).toBe("error");
    expect((await outputs()).length).toBeLessThan(timers);
    await cluster.start(alarms, { clock: new ProcessClock(cluster.clock, 1) });
    await cluster.clock.advance(60_000);
    await say(left, minute + 1, "go");
    await cluster.clock.advance(3000);
    expect(await outputs()).toEqual(everyTimer(["k"]));
    await cluster.close();
  });

  it("fires every timer once when its task goes to another instance in the middle", async () => {
    const { cluster, say, outputs } = await world({ left: 2 });
    const keys = keysOf(2);
    const options = { group: { heartbeat: millis(500) }, commit: { interval: millis(100) } };
    await cluster.start(alarms, { ...options, clock: new ProcessClock(cluster.clock, 5) });
    for (const [partition, key] of keys.entries()) await say(left, 0, "set", partition, key);
    await cluster.clock.advance(1000);
    calls = 0;
    for (const [partition, key] of keys.entries()) await say(left, minute, "go", partition, key);
    while (calls === 0) await cluster.clock.advance(10);
    let taken = 0;
    await cluster.start(alarms, { ...options, clock: new ProcessClock(cluster.clock, 5), on: { assigned: () => void (taken ||= calls) } });
    await cluster.clock.advance(20_000);
    expect(taken).toBeGreaterThan(0);
    expect(taken).toBeLessThan(2 * timers);
    expect(cluster.apps.map((app) => metric(app, "tasks"))).toEqual([1, 1]);
    for (const [partition, key] of keys.entries()) await say(left, minute + 1, "go", partition, key);
    await cluster.clock.advance(40_000);
    const found = await outputs();
    expect(keys.flatMap((key) => found.filter((one) => one!.startsWith(`${key} `)))).toEqual(everyTimer(keys));
    await cluster.close();
  });

  it("is finished before a later watermark has any effect: no step sees what comes of it before its own timers", async () => {
    const { cluster, say, outputs } = await world();
    // Event time goes on by itself, a minute at each period, from the first record on.
    const ticking = watermarks<string>(() => {
      let time: number | undefined;
      return { onRecord: () => void (time ??= start), onPeriod: () => (time === undefined ? undefined : (time += minute)) };
    });
    await cluster.start(
      topology("chained", ({ from }) => {
        from(left, { watermarks: ticking })
          .keyBy()
          .process("first", {
            onRecord(value, ctx) {
              ctx.timers.event.set(start + minute + 30_000);
              return [value];
            },
            onTimer: () => ["later"],
          })
          .process("second", {
            state: { fired: valueState({ initial: 0 }) },
            onRecord(value, ctx) {
              if (value === "later") return [`after ${ctx.state.fired.get()} timers`];
              for (let i = 0; i < timers; i++) ctx.timers.event.set(start + i);
            },
            onTimer(_timer, { state }) {
              state.fired.set(state.fired.get() + 1);
            },
          })
          .to(out);
      }),
      { clock: new ProcessClock(cluster.clock, 5) },
    );
    await say(left, 0, "set");
    await cluster.clock.advance(20_000);
    expect(await outputs()).toEqual([`after ${timers} timers`]);
    await cluster.close();
  });
});

describe("a restart from nothing local", () => {
  it("goes on with the event time that was committed, behind a shuffle too", async () => {
    const { cluster, say, counted } = await world({ left: 2 });
    const program = topology("restored", ({ from }) => {
      const all = from(left, { watermarks: boundedOutOfOrderness(seconds(1)) });
      all
        .keyBy()
        .window(tumbling({ size: minutes(1) }))
        .count("own-key", (n) => n)
        .to(counts);
      all
        .keyBy((value) => value)
        .window(tumbling({ size: minutes(1) }))
        .count("shuffled", (n) => n)
        .to(counts);
    });
    const [one, two] = keysOf(2) as [string, string];
    const both = async (at: number): Promise<void> => {
      await say(left, at, "x", 0, one);
      await say(left, at, "x", 1, two);
    };
    const first = await cluster.start(program);
    await both(100_000);
    await cluster.clock.advance(3000);
    const before = [...first.metrics()].filter(({ name }) => name === "watermark").map(({ tags, value }) => `${tags["task"]} ${value}`);
    first.kill();
    const second = await cluster.start(program);
    await cluster.clock.advance(60_000);
    const after = [...second.metrics()].filter(({ name }) => name === "watermark").map(({ tags, value }) => `${tags["task"]} ${value}`);
    expect(before.length).toBe(4);
    expect(after).toEqual(before);
    // So what was late before is late now, and goes nowhere.
    await both(10_000);
    await cluster.clock.advance(2000);
    expect(late(cluster)).toBe(4);
    await both(200_000);
    await cluster.clock.advance(2000);
    expect((await counted()).sort()).toEqual([`${one}=1@119999`, `${two}=1@119999`, "x=2@119999"].sort());
    await cluster.close();
  });
});
