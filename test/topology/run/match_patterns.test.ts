import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import type { PatternData, PatternMatch } from "../../../core/cep/pattern_data.ts";
import { checkPattern } from "../../../core/cep/read_pattern.ts";
import { millis, seconds } from "../../../core/duration.ts";
import { deadLetter, skip } from "../../../core/error_policy.ts";
import { json } from "../../../core/serde/json.ts";
import { text } from "../../../core/serde/text.ts";
import { boundedOutOfOrderness } from "../../../core/time/watermark_strategy.ts";
import { topic } from "../../../topology/topic.ts";
import { topology } from "../../../topology/topology.ts";
import { Cluster } from "../../support/cluster.ts";

interface Event {
  readonly id: number;
  readonly user: string;
  readonly at: number;
}

const events = topic("events", { key: text, value: json<Event>() });
const rules = topic("rules", { key: text, value: json<PatternData>(), partitions: 1 });
const found = topic("found", { key: text, value: json<PatternMatch<Event>>() });
const watermarks = boundedOutOfOrderness(seconds(20));

const job = topology("changing", ({ from }) => {
  const patterns = from(rules, { watermarks, endAt: "latest" })
    .map(checkPattern)
    .with({ onError: deadLetter("refused") });
  from(events, { timestamp: (event) => event.at, watermarks, endAt: "latest" })
    .keyBy(({ user }) => user)
    .matchPatterns("patterns", patterns)
    .with({ onError: skip() })
    .to(found);
});

/** Every event alone, and two events of a user that follow each other less than two seconds apart. */
const single = (version: number): PatternData => ({ version, steps: [{ name: "one" }] });
const pairs = (version: number, onChange: "finish" | "drop"): PatternData => ({
  version,
  onChange,
  steps: [{ name: "one" }, { name: "two", follow: "next" }],
  within: 2000,
});

describe("patterns that change while instances come and go", () => {
  it("look at each event with exactly one version, that of its time, whoever runs what and whoever is killed", async () => {
    const event = fc.record({ user: fc.constantFrom("a", "b", "c", "d", "e"), at: fc.integer({ min: 1, max: 19_000 }) });
    await fc.assert(
      fc.asyncProperty(
        fc.array(event, { minLength: 30, maxLength: 80 }),
        fc.integer({ min: 1, max: 600 }),
        fc.constantFrom("finish" as const, "drop" as const),
        async (all, killAfter, onChange) => {
          const cluster = new Cluster();
          for (const { name } of [events, found]) await cluster.create(name, 3);
          await cluster.create(rules.name, 1);
          await cluster.create("refused", 1);
          const seen = all.map((one, id) => ({ ...one, id }));
          const half = seen.length >> 1;
          const write = (some: readonly Event[]) =>
            cluster.produce(
              events,
              some.map((value) => ({ key: `k${value.id % 7}`, value, timestamp: value.at })),
            );
          const tell = (data: PatternData, timestamp: number) => cluster.produce(rules, [{ key: "r", value: data, timestamp }]);
          await tell(single(1), 0);
          await tell(pairs(2, "finish"), 5000);
          await write(seen.slice(0, half));
          // What cannot be a pattern, and what comes too late to be the next version, change nothing.
          await tell({ version: 3, steps: [] }, 8000);
          await tell(single(2), 9000);
          await tell({ ...single(4), onChange }, 12_000);
          await write(seen.slice(half));
          await cluster.start(job, { commit: { interval: millis(50) } });
          const doomed = await cluster.start(job, { commit: { interval: millis(50) } });
          await cluster.clock.advance(killAfter);
          doomed.kill();
          cluster.apps.pop();
          await cluster.finished();
          const results = (await cluster.read(found)).map(({ value }) => value!);
          const alone = results
            .filter(({ version }) => version !== 2)
            .map(({ version, events }) => `${version} ${events["one"]!.map(({ id }) => id)}`);
          expect(alone.toSorted()).toEqual(
            seen.flatMap(({ id, at }) => (at < 5000 ? [`1 ${id}`] : at < 12_000 ? [] : [`4 ${id}`])).toSorted(),
          );
          // Which of two events of one millisecond comes first is not said, so pairs are counted by their times.
          const times = results
            .filter(({ version }) => version === 2)
            .map(({ events }) => [events["one"]![0]!, events["two"]![0]!] as const)
            .map(([one, two]) => `${one.user} ${one.at} ${two.at}`);
          const expected = [...new Set(seen.map(({ user }) => user))].flatMap((user) => {
            const of = seen
              .filter((one) => one.user === user)
              .map(({ at }) => at)
              .toSorted((a, b) => a - b);
            return of.slice(1).flatMap((at, i) => {
              const before = of[i]!;
              const begins = before >= 5000 && before < 12_000;
              return begins && at - before < 2000 && (onChange === "finish" || at < 12_000) ? [`${user} ${before} ${at}`] : [];
            });
          });
          expect(times.toSorted()).toEqual(expected.toSorted());
          const refused = await cluster.read({ name: "refused", key: text, value: json<PatternData>() });
          expect(refused.map(({ value }) => value!.version).toSorted()).toEqual([3]);
        },
      ),
      { numRuns: 8 },
    );
  }, 60_000);
});
