import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { millis, seconds } from "../../../core/duration.ts";
import { json } from "../../../core/serde/json.ts";
import { text } from "../../../core/serde/text.ts";
import { boundedOutOfOrderness } from "../../../core/time/watermark_strategy.ts";
import { tumbling } from "../../../core/window/tumbling.ts";
import { topic } from "../../../topology/topic.ts";
import { topology } from "../../../topology/topology.ts";
import { Cluster } from "../../support/cluster.ts";

interface Event {
  readonly id: number;
  readonly user: string;
  readonly at: number;
}

const clicks = topic("clicks", { key: text, value: json<Event>() });
const buys = topic("buys", { key: text, value: json<Event>() });
const joined = topic("joined", { key: text, value: text });
const grouped = topic("grouped", { key: text, value: text });
const time = { timestamp: (event: Event) => event.at, watermarks: boundedOutOfOrderness(seconds(20)), endAt: "latest" } as const;

const job = topology("joins", ({ from }) => {
  const byUser = from(clicks, time).keyBy(({ user }) => user);
  const bought = from(buys, time).keyBy(({ user }) => user);
  byUser
    .join("close", bought, { before: seconds(2), after: seconds(3), exclusive: "after" }, (click, buy) => `${click.id} ${buy.id}`)
    .to(joined);
});
const groups = topology("groups", ({ from }) => {
  const window = tumbling({ size: seconds(10) });
  from(clicks, time)
    .keyBy(({ user }) => user)
    .coGroup(
      "together",
      from(buys, time).keyBy(({ user }) => user),
      { window },
      (left, right, pane) => [`${pane.window.start} ${ids(left)} ${ids(right)}`],
    )
    .to(grouped);
});

const ids = (events: readonly Event[]): string => `${events.map(({ id }) => id).sort((a, b) => a - b)}`;

describe("joins of streams that run", () => {
  it("give the same whoever runs what, when instances are killed in the middle", async () => {
    const event = fc.record({ user: fc.constantFrom("a", "b", "c", "d", "e"), at: fc.integer({ min: 0, max: 19_000 }) });
    await fc.assert(
      fc.asyncProperty(
        fc.array(event, { minLength: 20, maxLength: 60 }),
        fc.array(event, { minLength: 20, maxLength: 60 }),
        fc.integer({ min: 1, max: 600 }),
        async (left, right, killAfter) => {
          const cluster = new Cluster();
          for (const { name } of [clicks, buys, joined, grouped]) await cluster.create(name, 3);
          // Nothing is late: all records are less apart in time than the bound of out-of-orderness.
          const write = (events: readonly Omit<Event, "id">[]) =>
            events.map((one, id) => ({ key: `k${id % 11}`, value: { ...one, id }, timestamp: one.at }));
          await cluster.produce(clicks, write(left));
          await cluster.produce(buys, write(right));
          for (const program of [job, groups]) {
            await cluster.start(program, { commit: { interval: millis(50) } });
            const doomed = await cluster.start(program, { commit: { interval: millis(50) } });
            await cluster.clock.advance(killAfter);
            doomed.kill();
            cluster.apps.pop();
            await cluster.finished();
            cluster.apps.length = 0;
          }
          const pairs = left.flatMap((click, l) =>
            right.flatMap((buy, r) => {
              const apart = buy.at - click.at;
              return click.user === buy.user && apart >= -2000 && apart < 3000
                ? [`${click.user} ${l} ${r} ${Math.max(click.at, buy.at)}`]
                : [];
            }),
          );
          const results = (await cluster.read(joined)).map(({ key, value, timestamp }) => `${key} ${value} ${timestamp}`);
          expect(results.sort()).toEqual(pairs.sort());
          const panes = new Set([...left, ...right].map(({ user, at }) => `${user} ${Math.floor(at / 10_000) * 10_000}`));
          const of = (events: readonly Omit<Event, "id">[], pane: string) =>
            ids(events.flatMap((one, id) => (`${one.user} ${Math.floor(one.at / 10_000) * 10_000}` === pane ? [{ ...one, id }] : [])));
          const together = (await cluster.read(grouped)).map(({ key, value }) => `${key} ${value}`);
          expect(together.sort()).toEqual([...panes].map((pane) => `${pane} ${of(left, pane)} ${of(right, pane)}`).sort());
        },
      ),
      { numRuns: 8 },
    );
  }, 60_000);
});
