import type { PatternData } from "../../../core/cep/pattern_data.ts";
import { minutes } from "../../../core/duration.ts";
import { text } from "../../../core/serde/text.ts";
import { feed } from "../../../topology/testing/mod.ts";
import { topic } from "../../../topology/topic.ts";
import { topology } from "../../../topology/topology.ts";
import { answers, events, eventsBy, eventTime } from "../events.ts";
import type { Scenario } from "../scenario.ts";

const matched = topic("matched", { key: text, value: text });

const changed = topic("changed", { key: text, value: text });

/** As data: two large events of a user, from the moment of one of the answers on. */
const told: PatternData = {
  version: 1,
  within: minutes(1),
  steps: [
    { name: "one", where: { "==": [{ field: "kind" }, "large"] } },
    {
      name: "two",
      where: { and: [{ "==": [{ field: "kind" }, "large"] }, { ">": [{ field: "id" }, { last: { step: "one", field: "id" } }] }] },
    },
  ],
};

/** Patterns over events that are put into their order first: one that stands in the program, and one that is told while it runs. */
export const patterns: Scenario = {
  name: "patterns",
  topology: topology("patterns", ({ from }) => {
    const byUser = from(events, eventTime)
      .keyBy(({ user }) => user)
      .repartition("by-user");
    const rules = from(answers, eventTime).flatMap(({ id }) => (id === 3 ? [told] : []));
    byUser
      .matchPatterns("changing", rules, { order: (a, b) => a.id - b.id })
      .map(({ events: { one, two } }) => `${one![0]!.id}-${two![0]!.id}`)
      .to(changed);
    byUser
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
  input: (random) => [feed(events, eventsBy(random, 90)), feed(answers, eventsBy(random, 20))],
};
