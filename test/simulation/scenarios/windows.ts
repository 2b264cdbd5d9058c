import { millis, minutes, seconds } from "../../../core/duration.ts";
import { integer } from "../../../core/serde/numbers.ts";
import { text } from "../../../core/serde/text.ts";
import { monotonic } from "../../../core/time/watermark_strategy.ts";
import { session } from "../../../core/window/session.ts";
import { sliding } from "../../../core/window/sliding.ts";
import { tumbling } from "../../../core/window/tumbling.ts";
import { feed } from "../../../topology/testing/mod.ts";
import { topic } from "../../../topology/topic.ts";
import { topology } from "../../../topology/topology.ts";
import { events, eventsBy, eventTime } from "../events.ts";
import { type Scenario, startMs } from "../scenario.ts";

const perMinute = topic("per-minute", { key: text, value: integer });
const moving = topic("moving", { key: text, value: text });
const sessions = topic("sessions", { key: text, value: integer });

/** Inputs that fall silent and speak again many times between two commits; what they have said in between must not get lost on its way through a topic and several steps. */
export const silences: Scenario = {
  name: "silences",
  topology: topology("silences", ({ from }) => {
    from(events, { timestamp: ({ id }) => startMs + id * 2_000, watermarks: monotonic(), idleness: millis(15) })
      .map((event) => event)
      .keyBy(({ user, kind }) => (kind === "other" ? kind : user))
      .filter(({ id }) => id >= 0)
      .window(tumbling({ size: seconds(4) }))
      .count("of-two", (n) => n)
      .to(topic("of-two", { key: text, value: integer }));
  }),
  run: { watermarkPeriod: millis(10), commit: { interval: millis(300) } },
  input: (random) => [feed(events, eventsBy(random, 90))],
};

/** Windows in event time behind a shuffle, so that watermarks have to come through a topic. */
export const windows: Scenario = {
  name: "windows",
  topology: topology("windows", ({ from }) => {
    const byUser = from(events, { ...eventTime, idleness: seconds(3) })
      .keyBy(({ user, kind }) => (kind === "other" ? kind : user))
      .repartition("by-user")
      .keyBy();
    byUser
      .window(tumbling({ size: minutes(1) }))
      .count("per-minute", (n) => n)
      .to(perMinute);
    byUser
      .window(sliding({ size: minutes(1), every: seconds(20) }))
      .process("moving", (all) => [
        [...all]
          .map(({ id }) => id)
          .sort((a, b) => a - b)
          .join(),
      ])
      .to(moving);
    byUser
      .window(session({ gap: seconds(15) }))
      .count("sessions", (n) => n)
      .to(sessions);
  }),
  input: (random) => [feed(events, eventsBy(random, 90))],
};
