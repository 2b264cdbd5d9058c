import { integer } from "../../../core/serde/numbers.ts";
import { text } from "../../../core/serde/text.ts";
import { feed } from "../../../topology/testing/mod.ts";
import { topic } from "../../../topology/topic.ts";
import { type Topology, topology } from "../../../topology/topology.ts";
import { events, eventsBy } from "../events.ts";
import type { Scenario } from "../scenario.ts";

const counts = topic("counts", { key: text, value: integer });

const counting = (version: 1 | 2): Topology =>
  topology("keyed-count", ({ from }) => {
    const all = from(events);
    // The next version has a step more, which changes nothing.
    const taken = version === 1 ? all : all.filter(({ id }) => id >= 0);
    taken
      .keyBy(({ kind }) => kind)
      .count("count")
      .to(counts);
  });

/** Counts by a key that makes records move; also changed to a next version while it runs. */
export const keyedCount: Scenario = {
  name: "keyed-count",
  topology: counting(1),
  upgrade: counting(2),
  input: (random) => [feed(events, eventsBy(random, 90))],
};
