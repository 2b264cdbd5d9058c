import { millis, minutes, seconds } from "../../../core/duration.ts";
import { skip } from "../../../core/error_policy.ts";
import { json } from "../../../core/serde/json.ts";
import { integer } from "../../../core/serde/numbers.ts";
import { text } from "../../../core/serde/text.ts";
import { boundedOutOfOrderness } from "../../../core/time/watermark_strategy.ts";
import { tumbling } from "../../../core/window/tumbling.ts";
import { feed } from "../../../topology/testing/mod.ts";
import { topic } from "../../../topology/topic.ts";
import { topicPerRecord } from "../../../topology/topic_per_record.ts";
import { topology } from "../../../topology/topology.ts";
import { answers, type Event, events, eventsBy } from "../events.ts";
import type { Scenario } from "../scenario.ts";

interface Scored extends Event {
  readonly score: number;
}

const written = (name: string) => topic(name, { key: text, value: json<unknown>() });
const perMinute = topic("score-per-minute", { key: text, value: integer });
const named = ["small", "large", "other"].map((kind) => topic(`scored-${kind}`, { key: text, value: json<Scored>() }));

const neverAnswered = new Error("The service is not there");

/** A service that answers at once, or fails once or twice before it does, or does not answer at all. */
const score = async ({ id }: Event, { attempt }: { readonly attempt: number }): Promise<number> => {
  if (id % 17 === 4) return new Promise(() => {});
  if (id % 19 === 7 || id % 4 >= attempt + 1) throw neverAnswered;
  return id * 3;
};
const patience = { timeout: seconds(3), retry: { attempts: 3, backoff: (failed: number) => millis(150 * failed) } };

/** Events are looked up in a global table, scored by a service outside, and get their time only then; each order of results, with answers that come late, fail, or never come. */
export const enrichment: Scenario = {
  name: "enrichment",
  topology: topology("enrichment", ({ from, globalTable }) => {
    const profiles = globalTable(answers);
    const scored = from(events)
      .peek(() => {})
      .mapAsync("in-order", async (event, call) => ({ ...event, score: await score(event, call) }), {
        ...patience,
        capacity: 7,
        onTimeout: (event) => ({ ...event, score: -1 }),
      })
      .with({ onError: skip() });
    const timed = scored.withTime("reported", { timestamp: ({ at }) => at, watermarks: boundedOutOfOrderness(seconds(30)) });
    timed
      .keyBy(({ user }) => user)
      .window(tumbling({ size: minutes(1) }))
      .count("per-minute", (n) => n)
      .to(perMinute);
    timed.to(topicPerRecord({ topics: named, name: ({ kind }) => `scored-${kind}` }));
    scored
      .leftJoin(
        "profile",
        profiles,
        ({ user }) => user,
        ({ id }, profile) => ({ id, profile: profile?.id ?? null }),
      )
      .to(written("profiled"));
  }),
  input: (random) => [feed(events, eventsBy(random, 80)), feed(answers, eventsBy(random, 20))],
};

/** The same service, asked per key and in no order at all, in front of event time that has to wait for it. */
export const scoring: Scenario = {
  name: "scoring",
  topology: topology("scoring", ({ from }) => {
    const timed = from(events, { timestamp: ({ at }: Event) => at, watermarks: boundedOutOfOrderness(seconds(30)) }).keyBy();
    timed
      .mapAsync("per-key", async (event, call) => ({ ...event, score: await score(event, call) }), { ...patience, order: "key" })
      .with({ onError: skip() })
      .window(tumbling({ size: minutes(1) }))
      .process("scores", (all) => [all.map(({ id, score: points }) => ({ id, points })).sort((a, b) => a.id - b.id)])
      .to(written("scores"));
    timed
      .mapAsync("as-they-come", async (event, call) => ({ ...event, score: await score(event, call) }), {
        ...patience,
        order: "none",
        capacity: 5,
        onTimeout: (event) => ({ ...event, score: -1 }),
      })
      .with({ onError: skip() })
      .withTime("again", { timestamp: ({ at }) => at + 1, watermarks: boundedOutOfOrderness(seconds(60)), idleness: seconds(2) })
      .keyBy(({ kind }) => kind)
      .window(tumbling({ size: minutes(2) }))
      .count("kinds", (n) => n)
      .to(written("kinds-per-two-minutes"));
  }),
  input: (random) => [feed(events, eventsBy(random, 80))],
};
