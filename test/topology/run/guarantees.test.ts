import { describe, expect, it } from "@jest/globals";
import { millis, minutes, seconds } from "../../../core/duration.ts";
import { integer } from "../../../core/serde/numbers.ts";
import { text } from "../../../core/serde/text.ts";
import { valueState } from "../../../core/state/descriptors.ts";
import { monotonic } from "../../../core/time/watermark_strategy.ts";
import { tumbling } from "../../../core/window/tumbling.ts";
import type { RunOptions } from "../../../topology/run_options.ts";
import { topic } from "../../../topology/topic.ts";
import { topology } from "../../../topology/topology.ts";
import { Cluster } from "../../support/cluster.ts";
import { FaultyLink } from "../../support/faulty_link.ts";

const words = topic("words", { key: text, value: text });
const counts = topic("counts", { key: text, value: integer });

const counting = topology("counting", ({ from }) => {
  from(words)
    .keyBy((word) => word)
    .count("count")
    .to(counts);
});

const world = async () => {
  const cluster = new Cluster();
  await cluster.create("words", 2);
  await cluster.create("counts", 1);
  const say = (...list: readonly string[]) =>
    cluster.produce(
      words,
      list.map((value) => ({ key: value, value })),
    );
  const revisions = async () => (await cluster.read(counts)).map(({ key, value }) => `${key} ${value}`);
  const group = { sessionTimeout: seconds(6), heartbeat: seconds(1) };
  const start = (options: RunOptions) => cluster.start(counting, { group, ...options });
  const committed = async (name: string) => {
    const all = [0, 1].map((partition) => ({ topic: name, partition }));
    return [...(await cluster.drive(cluster.log.admin.committed("counting", all, { requireStable: true }))).values()].reduce(
      (sum, { offset }) => sum + offset,
      0,
    );
  };
  const changes = async () => {
    const all = [0, 1].map((partition) => ({ topic: "counting-count-changelog", partition }));
    return [...(await cluster.drive(cluster.log.admin.offsets(all, "latest", "read-committed"))).values()].reduce(
      (sum, end) => sum + end,
      0,
    );
  };
  return { cluster, say, revisions, start, committed, changes };
};

describe('the guarantee "none"', () => {
  const none = { guarantee: "none" } as const;

  it("writes no changelog, and says where it was only when it stops cleanly", async () => {
    const { cluster, say, revisions, start, committed, changes } = await world();
    const first = await start(none);
    await say("a", "b");
    await cluster.clock.advance(5000);
    expect(await revisions()).toHaveLength(2);
    expect([await committed("words"), await changes()]).toEqual([0, 0]);
    await cluster.drive(first.close());
    expect([await committed("words"), await changes()]).toEqual([2, 0]);
    const second = await start(none);
    await say("a");
    await cluster.clock.advance(5000);
    // Begun empty, and where the first one stopped.
    expect((await revisions()).slice(2)).toEqual(["a 1"]);
    second.kill();
    await start(none);
    await cluster.clock.advance(20_000);
    // The word is read again, and what lies between the tasks as well: nobody has said that it was read.
    expect((await revisions()).slice(3)).toEqual(["a 1", "a 2"]);
    await cluster.close();
  });

  it("does not read again what a task has read that goes to another instance", async () => {
    const { cluster, say, revisions, start } = await world();
    await start(none);
    await say("a", "b", "c", "d");
    await cluster.clock.advance(5000);
    await start(none);
    await cluster.clock.advance(10_000);
    expect((await revisions()).sort()).toEqual(["a 1", "b 1", "c 1", "d 1"]);
    await cluster.close();
  });

  it("goes on where an internal topic begins, when what it had not said it has read was deleted there", async () => {
    const { cluster, say, revisions, start } = await world();
    const first = await start(none);
    await say("a");
    await cluster.clock.advance(5000);
    await cluster.drive(first.close());
    const second = await start(none);
    await say("a", "b", "c");
    await cluster.clock.advance(30_000);
    second.kill();
    const third = await start(none);
    await cluster.clock.advance(20_000);
    await say("z");
    await cluster.clock.advance(5000);
    expect(third.state).toBe("running");
    expect((await revisions()).at(-1)).toBe("z 1");
    await cluster.close();
  });

  it("tells a task that was opened anew how far its writers are, although they have said it before", async () => {
    const { cluster } = await world();
    const windowed = topology("windowed", ({ from }) => {
      from(words, { watermarks: monotonic() })
        .keyBy((word) => word)
        .window(tumbling({ size: minutes(1) }))
        .count("per-minute", (n) => n)
        .to(counts);
    });
    const at = Math.floor(cluster.clock.now() / 60_000) * 60_000;
    const one = { partition: 0, timestamp: at };
    const app = () => cluster.start(windowed, { guarantee: "none", group: { sessionTimeout: seconds(6), heartbeat: seconds(1) } });
    await app();
    for (const partition of [0, 1])
      await cluster.produce(words, [{ key: `${partition}`, value: "x", ...one, partition, timestamp: at + 100_000 }]);
    await cluster.clock.advance(15_000);
    const before = [...cluster.apps[0]!.metrics()]
      .filter(({ name, tags }) => name === "watermark" && tags["task"]!.startsWith("1_"))
      .map(({ value }) => value);
    await app();
    await cluster.clock.advance(15_000);
    const after = cluster.apps
      .flatMap((each) => [...each.metrics()])
      .filter(({ name, tags }) => name === "watermark" && tags["task"]!.startsWith("1_"));
    expect(after.map(({ value }) => value)).toEqual(before);
    expect(before).toEqual([at + 99_999, at + 99_999]);
    await cluster.close();
  });
});

describe('the guarantee "at-least-once"', () => {
  const atLeastOnce = { guarantee: "at-least-once" } as const;

  it("lets outputs be read before the commit that they belong to, and repeats them when there is none", async () => {
    const { cluster, say, revisions, start, committed } = await world();
    const options = { ...atLeastOnce, commit: { interval: seconds(40) } } as const;
    const first = await start(options);
    await cluster.clock.advance(1000);
    await say("a", "b");
    await cluster.clock.advance(15_000);
    expect((await revisions()).sort()).toEqual(["a 1", "b 1"]);
    expect(await committed("words")).toBe(0);
    first.kill();
    await start(options);
    await cluster.clock.advance(60_000);
    expect([...new Set(await revisions())].sort()).toEqual(["a 1", "a 2", "b 1", "b 2"]);
    await cluster.close();
  });

  it("leaves nothing in a changelog of what was taken back with a commit, also where what was done instead has not touched it", async () => {
    const { cluster } = await world();
    const doors = topology("doors", ({ from }) => {
      from(words)
        .keyBy()
        .process("door", {
          state: { open: valueState({ initial: false }) },
          onRecord(word, { state }) {
            if (word === "open") state.open.set(true);
            else if (word === "close") state.open.clear();
            else return [state.open.get() ? 1 : 0];
            return [];
          },
        })
        .to(counts);
    });
    const link = new FaultyLink({ clock: cluster.clock });
    const first = await cluster.start(doors, { ...atLeastOnce, log: cluster.memory.connect(link), commit: { interval: millis(50) } });
    const say = (value: string) => cluster.produce(words, [{ key: "front", value }]);
    await cluster.clock.advance(1000);
    link.fault = (kind) => (kind === "OffsetCommit" ? "request-lost" : undefined);
    await say("open");
    await cluster.clock.advance(200);
    // The changelog has the open door, the position is not committed; what comes now is done in one go with the door, once that is done again.
    expect(link.injected.get("OffsetCommit request-lost")).toBe(1);
    link.fault = undefined;
    await say("close");
    await cluster.clock.advance(2000);
    await cluster.drive(first.close());
    await cluster.start(doors, atLeastOnce);
    await cluster.clock.advance(1000);
    await say("ask");
    await cluster.clock.advance(15_000);
    expect((await cluster.read(counts)).map(({ value }) => value)).toEqual([0]);
    await cluster.close();
  });

  it("writes what it says of time only when the positions that it speaks for are committed", async () => {
    const { cluster } = await world();
    const windowed = topology("windowed", ({ from }) => {
      from(words, { watermarks: monotonic() })
        .keyBy((word) => word)
        .window(tumbling({ size: minutes(1) }))
        .count("per-minute", (n) => n)
        .to(counts);
    });
    const link = new FaultyLink({ clock: cluster.clock });
    const first = await cluster.start(windowed, { ...atLeastOnce, log: cluster.memory.connect(link), commit: { interval: millis(50) } });
    const at = Math.floor(cluster.clock.now() / 60_000) * 60_000;
    const both = async (timestamp: number, value: string) => {
      for (const partition of [0, 1]) await cluster.produce(words, [{ key: `${partition}`, value, timestamp, partition }]);
    };
    await cluster.clock.advance(1000);
    // From here on nothing is committed any more, but records are written.
    link.fault = (kind) => (kind === "OffsetCommit" ? "request-lost" : undefined);
    await both(at, "x");
    await both(at + 61_000, "y");
    await cluster.clock.advance(3000);
    link.cut();
    first.kill();
    await cluster.start(windowed, atLeastOnce);
    await cluster.clock.advance(60_000);
    await both(at + 130_000, "z");
    await cluster.clock.advance(5000);
    const late = cluster.apps.flatMap((app) => [...app.metrics()]).filter(({ name }) => name === "late_records");
    expect(late).toEqual([]);
    const read = (await cluster.read(counts)).map(
      ({ key, value, timestamp }) => [`${key} ${(timestamp - at + 1) / 60_000}`, value!] as const,
    );
    expect([...new Set(read.map(([window]) => window))].sort()).toEqual(["x 1", "y 2"]);
    expect(read.every(([, n]) => n >= 2)).toBe(true);
    await cluster.close();
  });

  it("repeats nothing over a clean stop, and loses nothing over a kill", async () => {
    const { cluster, say, revisions, start } = await world();
    const first = await start(atLeastOnce);
    await say("a", "b");
    await cluster.clock.advance(40);
    await cluster.drive(first.close());
    const second = await start(atLeastOnce);
    await say("a");
    await cluster.clock.advance(2000);
    expect((await revisions()).sort()).toEqual(["a 1", "a 2", "b 1"]);
    await say("a");
    await cluster.clock.advance(30);
    second.kill();
    await start(atLeastOnce);
    await cluster.clock.advance(20_000);
    expect(Math.max(...(await revisions()).filter((one) => one.startsWith("a")).map((one) => Number(one.slice(2))))).toBeGreaterThanOrEqual(
      3,
    );
    await cluster.close();
  });
});
