import { describe, expect, it } from "@jest/globals";
import { millis, minutes, seconds } from "../../../core/duration.ts";
import { retry, skip } from "../../../core/error_policy.ts";
import { sleep } from "../../../core/ports/clock.ts";
import { integer } from "../../../core/serde/numbers.ts";
import { text } from "../../../core/serde/text.ts";
import { boundedOutOfOrderness } from "../../../core/time/watermark_strategy.ts";
import { seededRandom } from "../../../core/time_source/seeded_random.ts";
import { tumbling } from "../../../core/window/tumbling.ts";
import { ProcessClock } from "../../../topology/testing/process_clock.ts";
import { topic } from "../../../topology/topic.ts";
import { topology } from "../../../topology/topology.ts";
import { Cluster } from "../../support/cluster.ts";

const numbers = topic("numbers", { key: text, value: integer });
const answers = topic("answers", { key: text, value: integer });
const counts = topic("counts", { key: text, value: integer });
const copies = topic("copies", { key: text, value: integer });

const world = async (partitions = 1) => {
  const cluster = new Cluster();
  for (const { name } of [numbers, answers, counts, copies]) await cluster.create(name, partitions);
  const values = async (of: typeof answers) => (await cluster.read(of)).map(({ value }) => value!);
  return { cluster, values };
};

const upTo = (n: number) => Array.from({ length: n }, (_, value) => ({ key: `k${value % 7}`, value, timestamp: value * 100 }));
const sorted = (values: readonly number[]) => [...values].sort((a, b) => a - b);

describe("an asynchronous step that runs", () => {
  // Requests were once timed by the wall clock: set back by some minutes, it held the step up for as long.
  it("asks again, and gives up, in its time although the wall clock is set back", async () => {
    const { cluster, values } = await world();
    const clock = new ProcessClock(cluster.clock, 0);
    const attempts: number[] = [];
    await cluster.start(
      topology("asking", ({ from }) => {
        from(numbers)
          .mapAsync(
            "ask",
            async (value, { attempt }) => {
              attempts.push(attempt);
              if (attempt === 1) throw new Error("Not now");
              return value === 0 ? new Promise<number>(() => {}) : value;
            },
            { timeout: seconds(3), retry: { attempts: 2, backoff: seconds(1) }, onTimeout: () => -1 },
          )
          .to(answers);
      }),
      { clock },
    );
    await cluster.produce(numbers, upTo(2));
    await cluster.clock.advance(500);
    expect(attempts).toEqual([1, 1]);
    clock.jump(-600_000);
    await cluster.clock.advance(1000);
    expect(attempts).toEqual([1, 1, 2, 2]);
    await cluster.clock.advance(3000);
    expect(await values(answers)).toEqual([-1, 1]);
    await cluster.close();
  });

  it("has each result once, although instances are killed with requests under way", async () => {
    const { cluster, values } = await world(4);
    const random = seededRandom(7);
    let requests = 0;
    const job = topology("asking", ({ from }) => {
      const asked = from(numbers, { timestamp: (value) => value * 100, watermarks: boundedOutOfOrderness(seconds(1)), endAt: "latest" })
        .keyBy()
        .mapAsync(
          "ask",
          async (value) => {
            requests++;
            await sleep(cluster.clock, random.next() * 400);
            return value * 2;
          },
          { order: "key", capacity: 10 },
        );
      asked.to(answers);
      asked
        .keyBy()
        .window(tumbling({ size: seconds(5) }))
        .count("counts", (n) => n)
        .to(counts);
    });
    await cluster.produce(numbers, upTo(400));
    await cluster.start(job);
    for (let kills = 0; kills < 4; kills++) {
      await cluster.clock.advance(900 + kills * 130);
      const doomed = cluster.apps.pop()!;
      const next = cluster.start(job);
      doomed.kill();
      await cluster.drive(next);
    }
    await cluster.finished();
    expect(requests).toBeGreaterThan(400);
    expect(sorted(await values(answers))).toEqual(upTo(400).map(({ value }) => value * 2));
    // Results of one key stay in the order of its records.
    for (const one of new Set(upTo(400).map(({ key }) => key))) {
      const ofKey = (await cluster.read(answers)).filter(({ key }) => key === one).map(({ value }) => value!);
      expect(ofKey).toEqual(sorted(ofKey));
    }
    expect((await values(counts)).reduce((sum, n) => sum + n, 0)).toBe(400);
    expect(new Set((await cluster.read(counts)).map(({ key, timestamp }) => `${key} ${timestamp}`)).size).toBe(
      (await values(counts)).length,
    );
  });

  it("holds nothing else up while an answer takes long, and leaves no member of the group waiting", async () => {
    const { cluster, values } = await world(2);
    const slow = topology("slow", ({ from }) => {
      const all = from(numbers);
      all
        .filter((value) => value % 10 === 0)
        .mapAsync("ask", (value) => sleep(cluster.clock, 600_000).then(() => value))
        .to(answers);
      all.to(copies);
    });
    const app = await cluster.start(slow);
    await cluster.produce(numbers, upTo(30));
    await cluster.clock.advance(1000);
    expect(sorted(await values(copies))).toEqual(upTo(30).map(({ value }) => value));
    expect(await values(answers)).toEqual([]);
    await cluster.clock.advance(601_000);
    expect(sorted(await values(answers))).toEqual([0, 10, 20]);
    expect(app.state).toBe("running");
    expect(cluster.warnings).toEqual([]);
    await cluster.close();
  });

  it("reads no more records than it may ask for at once", async () => {
    const { cluster, values } = await world();
    let open = 0;
    let most = 0;
    const job = topology("few", ({ from }) => {
      from(numbers, { endAt: "latest" })
        .mapAsync(
          "ask",
          async (value) => {
            most = Math.max(most, ++open);
            await sleep(cluster.clock, 50);
            open--;
            return value;
          },
          { capacity: 3 },
        )
        .to(answers);
    });
    await cluster.produce(numbers, upTo(20));
    await cluster.start(job);
    await cluster.finished();
    expect(most).toBe(3);
    expect(await values(answers)).toEqual(upTo(20).map(({ value }) => value));
  });

  it("gives up on time, asks again after a failure, and leaves out what its policy leaves out", async () => {
    const { cluster, values } = await world();
    const failures = new Map([
      [3, 2],
      [5, Number.POSITIVE_INFINITY],
    ]);
    const ask = async (value: number): Promise<number> => {
      await sleep(cluster.clock, value === 7 ? 1e9 : 10);
      const left = failures.get(value) ?? 0;
      failures.set(value, left - 1);
      if (left > 0) throw new Error("busy");
      return value;
    };
    const job = topology("forgiving", ({ from }) => {
      from(numbers, { endAt: "latest" })
        .mapAsync("ask", ask, { timeout: seconds(5), onTimeout: (value) => -value, retry: { attempts: 3 } })
        .with({ onError: retry({ attempts: 2, backoff: millis(20), then: skip() }) })
        .to(answers);
    });
    await cluster.produce(numbers, upTo(10));
    await cluster.start(job);
    await cluster.finished();
    expect(await values(answers)).toEqual([0, 1, 2, 3, 4, 6, -7, 8, 9]);
    expect(failures.get(3)).toBe(-1);
  });

  it("has no result for a record that another step takes back", async () => {
    const { cluster, values } = await world();
    const tried = new Set<number>();
    const job = topology("taken-back", ({ from }) => {
      const all = from(numbers, { endAt: "latest" });
      all.mapAsync("ask", async (value) => value).to(answers);
      all
        .map((value) => {
          if (value === 4) throw new Error("never");
          if (value === 6 && tried.size === tried.add(value).size - 1) throw new Error("not yet");
          return value;
        })
        .with({ onError: (error) => (tried.has(6) && (error as { value?: unknown }).value === 6 ? retry({ attempts: 3 }) : skip()) })
        .to(copies);
    });
    await cluster.produce(numbers, upTo(8));
    await cluster.start(job);
    await cluster.finished();
    expect(await values(copies)).toEqual([0, 1, 2, 3, 5, 6, 7]);
    expect(await values(answers)).toEqual([0, 1, 2, 3, 5, 6, 7]);
  });

  it("keeps records that wait from being late when their partition falls silent", async () => {
    const { cluster, values } = await world();
    const job = topology("silent", ({ from }) => {
      from(numbers, {
        watermarks: boundedOutOfOrderness(seconds(1)),
        idleness: seconds(5),
        advanceWhenIdle: true,
        timestamp: (value) => 1_700_000_000_000 + value,
      })
        .mapAsync("ask", (value) => sleep(cluster.clock, 120_000).then(() => value))
        .keyBy()
        .window(tumbling({ size: minutes(1) }))
        .count("counts", (n) => n)
        .to(counts);
    });
    await cluster.start(job);
    await cluster.produce(numbers, [{ key: "a", value: 5 }]);
    await cluster.clock.advance(100_000);
    expect(await values(counts)).toEqual([]);
    await cluster.clock.advance(200_000);
    expect(await values(counts)).toEqual([1]);
    await cluster.close();
  });
});
