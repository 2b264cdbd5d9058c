import { describe, expect, it } from "@jest/globals";
import { millis, minutes, seconds } from "../../../core/duration.ts";
import { sleep } from "../../../core/ports/clock.ts";
import type { Fed, Feed } from "../../../core/runtime/start.ts";
import { integer } from "../../../core/serde/numbers.ts";
import { text } from "../../../core/serde/text.ts";
import { boundedOutOfOrderness } from "../../../core/time/watermark_strategy.ts";
import { seededRandom } from "../../../core/time_source/seeded_random.ts";
import { tumbling } from "../../../core/window/tumbling.ts";
import { ProcessClock } from "../../../topology/testing/process_clock.ts";
import { topic } from "../../../topology/topic.ts";
import { topology } from "../../../topology/topology.ts";
import { Cluster } from "../../support/cluster.ts";
import { FaultyLink } from "../../support/faulty_link.ts";

const words = topic("words", { key: text, value: text });
const counts = topic("counts", { key: text, value: integer });

/** Counts per word and minute, behind a shuffle. */
const perMinute = topology("per-minute", ({ from }) => {
  from(words, { watermarks: boundedOutOfOrderness(seconds(1)) })
    .keyBy((word) => word)
    .window(tumbling({ size: minutes(1) }))
    .count("per-minute", (n) => n)
    .to(counts);
});

const start = 1_700_000_040_000;
const fed = (value: string, at: number): Fed => ({ topic: words, key: value, value, timestamp: start + at });
const listOf = (count: number): readonly Fed[] => Array.from({ length: count }, (_, i) => fed(`w${i % 7}`, i * 1000));

const world = async (options: ConstructorParameters<typeof Cluster>[0] = {}) => {
  const cluster = new Cluster(options);
  await cluster.create("words", 5);
  await cluster.create("counts", 1);
  const input = async () => (await cluster.read(words)).map(({ value, timestamp }) => `${value} ${timestamp - start}`).sort();
  const result = async () =>
    (await cluster.read(counts)).map(({ key, value, timestamp }) => `${key} ${Math.floor((timestamp - start) / 60_000)} ${value}`).sort();
  return { cluster, input, result };
};

const inputOf = (list: readonly Fed[]) => list.map(({ value, timestamp }) => `${String(value)} ${timestamp! - start}`).sort();
const resultOf = (list: readonly Fed[]) => {
  const windows = new Map<string, number>();
  for (const { value, timestamp } of list) {
    const window = `${String(value)} ${Math.floor((timestamp! - start) / 60_000)}`;
    windows.set(window, (windows.get(window) ?? 0) + 1);
  }
  return [...windows].map(([window, n]) => `${window} ${n}`).sort();
};

describe("a feed", () => {
  it("goes on where it was when the instance was killed, and nothing is written twice or left out", async () => {
    const { cluster, input, result } = await world();
    const list = listOf(300);
    const asked: number[] = [];
    const feed: Feed = async function* (written) {
      asked.push(written);
      for (const one of list.slice(written)) {
        await sleep(cluster.clock, 10);
        yield one;
      }
    };
    for (const livesMs of [500, 700, 900]) {
      const link = new FaultyLink({ clock: cluster.clock, latencyMs: () => 3 });
      const app = await cluster.start(perMinute, { mode: "batch", feed, log: cluster.memory.connect(link) });
      await cluster.clock.advance(livesMs);
      link.cut();
      app.kill();
    }
    const last = await cluster.start(perMinute, { mode: "batch", feed });
    await cluster.drive(last.finished);
    expect(asked[0]).toBe(0);
    expect(asked.slice(1).every((written, i) => written > asked[i]!)).toBe(true);
    expect(await input()).toEqual(inputOf(list));
    expect(await result()).toEqual(resultOf(list));
  });

  it("loses and doubles nothing when requests and answers get lost", async () => {
    const list = listOf(80);
    for (let seed = 1; seed <= 6; seed++) {
      const { cluster, input, result } = await world();
      const random = seededRandom(seed);
      const link = new FaultyLink({ clock: cluster.clock, latencyMs: () => 2, faultMs: () => 100 + Math.floor(random.next() * 900) });
      const app = await cluster.start(perMinute, {
        mode: "batch",
        log: cluster.memory.connect(link),
        feed: async function* (written) {
          for (const one of list.slice(written)) {
            await sleep(cluster.clock, 10);
            yield one;
          }
        },
      });
      link.fault = (kind, detail) => {
        if (!["Produce", "EndTxn", "InitProducerId", "AddPartitionsToTxn", "ListOffsets"].includes(kind) || random.next() > 0.1)
          return undefined;
        if (kind !== "ListOffsets" && !String(detail["transactionalId"]).endsWith("-feeder")) return undefined;
        return (["request-lost", "response-lost", "late"] as const)[Math.floor(random.next() * 3)];
      };
      await cluster.drive(app.finished);
      expect([seed, link.injected.size > 2]).toEqual([seed, true]);
      expect([seed, await input()]).toEqual([seed, inputOf(list)]);
      expect([seed, await result()]).toEqual([seed, resultOf(list)]);
    }
  });

  it("does not keep a record waiting for the next one", async () => {
    const { cluster, input } = await world();
    await cluster.start(perMinute, {
      feed: async function* () {
        yield fed("a", 0);
        yield fed("b", 0);
        await sleep(cluster.clock, 60_000);
        yield fed("c", 0);
      },
    });
    await cluster.clock.advance(1000);
    expect(await input()).toEqual(["a 0", "b 0"]);
    await cluster.clock.advance(60_000);
    expect(await input()).toEqual(["a 0", "b 0", "c 0"]);
    await cluster.close();
  });

  it("ends with the app, even while its source says nothing; what it had given is there", async () => {
    const { cluster, input } = await world();
    let ended = false;
    const app = await cluster.start(perMinute, {
      feed: () => ({
        [Symbol.asyncIterator]: () => {
          let given = 0;
          return {
            next: () => (given++ < 3 ? Promise.resolve({ done: false, value: fed("a", given) }) : new Promise<never>(() => {})),
            return: async () => {
              ended = true;
              return { done: true, value: undefined };
            },
          };
        },
      }),
    });
    await cluster.clock.advance(1000);
    await cluster.drive(app.close());
    expect(ended).toBe(true);
    expect((await input()).length).toBe(3);
    expect(cluster.warnings).toEqual([]);
    expect(cluster.clock.nextDueMs).toBeUndefined();
  });

  it("does not run far ahead of its readers", async () => {
    const { cluster } = await world();
    const lengths = topology("lengths", ({ from }) => {
      from(words)
        .map((word) => word.length)
        .to(counts);
    });
    const long = "x".repeat(25_000);
    const list = Array.from({ length: 5_000 }, (_, i): Fed => ({ topic: words, key: `k${i % 7}`, value: long, timestamp: start }));
    let given = 0;
    const app = await cluster.start(lengths, {
      mode: "batch",
      memory: { feedBytes: 4 << 20 },
      feed: async function* () {
        // By then it is paused.
        await sleep(cluster.clock, 1000);
        for (const one of list) {
          given++;
          yield one;
        }
      },
    });
    app.pause();
    await cluster.clock.advance(1900);
    const ahead = given * long.length;
    expect(ahead).toBeLessThanOrEqual(4 << 20);
    expect(ahead).toBeGreaterThan(3 << 20);
    // What paused readers wait for may be what comes next: so it goes on, if slowly.
    await cluster.clock.advance(1500);
    expect(given * long.length).toBeGreaterThan(ahead);
    expect(given * long.length).toBeLessThan(7 << 20);
    app.resume();
    await cluster.drive(app.finished);
    expect((await cluster.read(counts)).map(({ value }) => value)).toEqual(list.map(() => long.length));
  });

  it("that fails stops the instance with its reason", async () => {
    const { cluster } = await world();
    const app = await cluster.start(perMinute, {
      feed: function* () {
        yield fed("a", 0);
        throw new Error("the file is broken");
      },
    });
    await expect(cluster.drive(app.finished)).rejects.toMatchObject({ message: "The input could not be written: the file is broken" });
    const other = await cluster.start(perMinute, {
      applicationId: "other",
      feed: () => [{ ...fed("a", 0), topic: topic("elsewhere", { key: text, value: text }) }],
    });
    await expect(cluster.drive(other.finished)).rejects.toMatchObject({
      name: "ConfigurationError",
      code: "TOPIC_MISSING",
      message: expect.stringContaining("The feed writes topic 'elsewhere', which the topology does not read"),
    });
  });

  it("that was killed in the middle of a transaction does not hold up the one that follows", async () => {
    const { cluster, input } = await world();
    const list = listOf(50);
    const slow: Feed = async function* (written) {
      for (const one of list.slice(written)) {
        await sleep(cluster.clock, 30);
        yield one;
      }
    };
    const link = new FaultyLink({ clock: cluster.clock, latencyMs: () => 20 });
    const first = await cluster.start(perMinute, { mode: "batch", feed: slow, log: cluster.memory.connect(link) });
    const control = [{ topic: "per-minute-control", partition: 0 }];
    const open = async (): Promise<boolean> => {
      const [visible, end] = [
        await cluster.log.admin.offsets(control, "latest", "read-committed"),
        await cluster.log.admin.offsets(control, "latest", "read-uncommitted"),
      ];
      return visible.get("per-minute-control/0") !== end.get("per-minute-control/0");
    };
    for (let i = 0; i < 500 && !(await cluster.drive(open())); i++) await cluster.clock.advance(1);
    expect(await cluster.drive(open())).toBe(true);
    link.cut();
    first.kill();
    const from = cluster.clock.monotonic();
    const second = await cluster.start(perMinute, { mode: "batch", feed: slow });
    expect(cluster.clock.monotonic() - from).toBeLessThan(1000);
    await cluster.clock.advance(5000);
    expect(await input()).toEqual(inputOf(list));
    await cluster.drive(second.finished);
  });
});

describe("a bounded run", () => {
  for (const guarantee of ["exactly-once", "at-least-once", "none"] as const)
    it(`does not wait out a commit interval for each shuffle, ${guarantee}`, async () => {
      const { cluster, result } = await world();
      const list = listOf(100);
      const before = cluster.clock.monotonic();
      const app = await cluster.start(perMinute, { mode: "batch", guarantee, feed: () => list, commit: { interval: seconds(10) } });
      await cluster.drive(app.finished);
      expect(await result()).toEqual(resultOf(list));
      expect(cluster.clock.monotonic() - before).toBeLessThan(seconds(10));
    });

  it("waits for the end that a feeding instance says, and both end with it", async () => {
    const { cluster, result } = await world();
    const list = listOf(100);
    await cluster.start(perMinute, { mode: "batch", awaitFeed: true });
    await cluster.clock.advance(20_000);
    expect(cluster.apps[0]!.state).toBe("running");
    await cluster.start(perMinute, { mode: "batch", feed: (written) => list.slice(written) });
    await cluster.finished();
    expect(cluster.apps.map(({ state }) => state)).toEqual(["stopped", "stopped"]);
    expect(await result()).toEqual(resultOf(list));
    // Who comes later finds nothing left to do, and says so at once.
    const from = cluster.clock.monotonic();
    for (const options of [{}, { awaitFeed: true }, { feed: () => list }]) {
      const late = await cluster.start(perMinute, { mode: "batch", ...options });
      await cluster.drive(late.finished);
    }
    expect(cluster.clock.monotonic() - from).toBeLessThan(3000);
    expect(await result()).toEqual(resultOf(list));
  });

  it("includes what was committed a moment ago, although its markers are still on their way", async () => {
    const { cluster, result } = await world({ markerDelayMs: () => 400 });
    const list = listOf(40);
    const app = await cluster.start(perMinute, { mode: "batch", feed: (written) => list.slice(written) });
    // Nothing is read before it is known where the input ends.
    app.pause();
    await cluster.clock.advance(5000);
    app.resume();
    await cluster.finished();
    await cluster.clock.advance(1000);
    expect(await result()).toEqual(resultOf(list));
  });

  it("ends where it ended when it began, whatever is written later, for every instance", async () => {
    const { cluster, result } = await world();
    const list = listOf(60);
    await cluster.produce(
      words,
      list.map(({ key, value, timestamp }) => ({ key: key as string, value: value as string, timestamp: timestamp! })),
    );
    const first = await cluster.start(perMinute, { mode: "batch" });
    first.kill();
    await cluster.produce(words, [{ key: "late", value: "late", timestamp: start }]);
    await cluster.start(perMinute, { mode: "batch" });
    await cluster.start(perMinute, { mode: "batch" });
    await cluster.drive(Promise.all(cluster.apps.slice(1).map((app) => app.finished)));
    expect(await result()).toEqual(resultOf(list));
  });

  it("ends when there is nothing to read at all, and when most partitions are empty", async () => {
    const { cluster, result } = await world();
    await cluster.start(perMinute, { mode: "batch" });
    await cluster.finished();
    expect(await result()).toEqual([]);
    await cluster.produce(words, [{ key: "a", value: "a", timestamp: start }]);
    const app = await cluster.start(perMinute, { mode: "batch", applicationId: "one-record" });
    await cluster.drive(app.finished);
    expect(await result()).toEqual(["a 0 1"]);
  });

  it("says that a task is done only when everything that its end sets off is done", async () => {
    // The slice of work ends with the very last record, and a commit follows before the task has heard of its end.
    const { cluster, result } = await world();
    const list = Array.from({ length: 96 }, (_, i) => fed("a", i * 1000));
    await cluster.produce(
      words,
      list.map(({ value, timestamp }) => ({ key: "a", value: value as string, timestamp: timestamp! })),
    );
    await cluster.start(perMinute, { mode: "batch", clock: new ProcessClock(cluster.clock, 9), commit: { interval: millis(1) } });
    await cluster.finished();
    expect(await result()).toEqual(resultOf(list));
  });

  for (const guarantee of ["at-least-once", "none"] as const)
    it(`ends by itself with guarantee "${guarantee}" too, over two instances`, async () => {
      const { cluster, result } = await world();
      const list = listOf(60);
      await cluster.produce(
        words,
        list.map(({ key, value, timestamp }) => ({ key: key as string, value: value as string, timestamp: timestamp! })),
      );
      await cluster.start(perMinute, { mode: "batch", guarantee });
      await cluster.start(perMinute, { mode: "batch", guarantee });
      await cluster.finished();
      expect([...new Set(await result())]).toEqual(resultOf(list));
      expect(cluster.clock.nextDueMs).toBeUndefined();
    });
});
