import { millis, seconds } from "../../../core/duration.ts";
import { deadLetter, retry } from "../../../core/error_policy.ts";
import { text } from "../../../core/serde/text.ts";
import { valueState } from "../../../core/state/descriptors.ts";
import { feed } from "../../../topology/testing/mod.ts";
import { topic } from "../../../topology/topic.ts";
import { topology } from "../../../topology/topology.ts";
import { events, eventsBy } from "../events.ts";
import type { Scenario } from "../scenario.ts";

const numbered = topic("numbered", { key: text, value: text });
const patience = [seconds(1), seconds(1), seconds(2), seconds(2), seconds(3)];

/** Differs from moment to moment, and is the same whenever a seed is run again. */
const isUnlucky = (id: number, now: number): boolean => Math.imul(id * 31 + Math.floor(now / 7), 0x9e3779b1) >>> 30 === 0;

/** Records fail now and then, and are put off while the order of their keys is kept; some fail for good, and take what is behind them along. So what comes out of each key is the same whatever failed when. */
export const failing: Scenario = {
  name: "failing",
  topology: topology("failing", ({ from }) => {
    from(events)
      .keyBy()
      .process("numbered", {
        state: { n: valueState({ initial: 0 }) },
        onRecord({ id }, { state, processingTime }) {
          state.n.set(state.n.get() + 1);
          if (id % 29 === 23) throw new Error("poisoned");
          if (isUnlucky(id, processingTime)) throw new Error("out of luck");
          return [`${id} ${state.n.get()}`];
        },
      })
      .with({ onError: retry({ attempts: 2, backoff: millis(30), then: deadLetter("parked", { retryAfter: patience, parkKey: true }) }) })
      .to(numbered);
  }),
  input: (random) => [feed(events, eventsBy(random, 70))],
};
