import { minutes } from "../../../core/duration.ts";
import { text } from "../../../core/serde/text.ts";
import { feed } from "../../../topology/testing/mod.ts";
import { topic } from "../../../topology/topic.ts";
import { topology } from "../../../topology/topology.ts";
import { events, eventsBy, eventTime } from "../events.ts";
import type { Scenario } from "../scenario.ts";

const matched = topic("matched", { key: text, value: text });

/** Patterns over events that are put into their order first. */
export const patterns: Scenario = {
  name: "patterns",
  topology: topology("patterns", ({ from }) => {
    from(events, eventTime)
      .keyBy(({ user }) => user)
      .match(
        "matched",
        ({ begin }) =>
          begin("small", ({ kind }) => kind === "small")
            .followedBy("large", ({ kind }) => kind === "large")
            .within(minutes(2)),
        { skip: "past-last", order: (a, b) => a.id - b.id },
      )
      .map(({ small, large }) => `${small.id}-${large.id}`)
      .to(matched);
  }),
  input: (random) => [feed(events, eventsBy(random, 90))],
};
