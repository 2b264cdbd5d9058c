import { json } from "../../../core/serde/json.ts";
import { text } from "../../../core/serde/text.ts";
import { feed } from "../../../topology/testing/mod.ts";
import { topic } from "../../../topology/topic.ts";
import { topology } from "../../../topology/topology.ts";
import { type Event, events, eventsBy } from "../events.ts";
import type { Scenario } from "../scenario.ts";

const copies = topic("copies", { key: text, value: json<Event>() });
const kinds = topic("kinds", { key: text, value: text, partitions: 2 });

/** Filters and maps; one part goes on by another key. */
export const stateless: Scenario = {
  name: "stateless",
  topology: topology("stateless", ({ from }) => {
    const all = from(events);
    all.filter(({ id }) => id % 3 !== 0).to(copies);
    all
      .flatMap(({ kind, id }) => (id % 2 === 0 ? [`${kind} ${id}`, `${kind} again ${id}`] : []))
      .keyBy((line) => line.split(" ")[0]!)
      .to(kinds);
  }),
  input: (random) => [feed(events, eventsBy(random, 90))],
};
