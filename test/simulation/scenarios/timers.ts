import { millis } from "../../../core/duration.ts";
import { deadLetter, retry } from "../../../core/error_policy.ts";
import { text } from "../../../core/serde/text.ts";
import { listState, operatorState } from "../../../core/state/descriptors.ts";
import { feed } from "../../../topology/testing/mod.ts";
import { topic } from "../../../topology/topic.ts";
import { topology } from "../../../topology/topology.ts";
import { answers, events, eventsBy, eventTime } from "../events.ts";
import type { Scenario } from "../scenario.ts";

const joined = topic("joined", { key: text, value: text });

/** Two streams meet in one step with state and timers; some records fail for good, and go to a dead-letter topic with everything that they have changed taken back. */
export const timers: Scenario = {
  name: "timers",
  topology: topology("timers", ({ from }) => {
    from(events, eventTime)
      .process("picky", {
        state: { seen: operatorState<number>() },
        onRecord(event, { state }) {
          state.seen.set([(state.seen.get()[0] ?? 0) + 1]);
          if (event.id % 13 === 5) throw new Error("poisoned");
          return [{ ...event, place: state.seen.get()[0]! }];
        },
      })
      .with({ onError: retry({ attempts: 2, backoff: millis(30), then: deadLetter("parked") }) })
      .keyBy(({ user }) => user)
      .connect(
        "joined",
        from(answers, eventTime).keyBy(({ user }) => user),
        {
          state: { left: listState<number>(), right: listState<number>() },
          onLeft({ id }, { state, timers, timestamp }) {
            state.left.add(id);
            timers.event.set(timestamp + 20_000);
          },
          onRight({ id }, { state, timers, timestamp, processingTime }) {
            state.right.add(id);
            timers.event.set(timestamp + 20_000);
            if (id % 10 === 0) timers.processing.set(processingTime + 1_500);
          },
          onTimer({ timestamp, domain }, { state }) {
            if (domain === "processing") return [`asked ${[...state.left.get()].length > 0}`];
            return [`${timestamp} ${[...state.left.get()]} ${[...state.right.get()]}`];
          },
        },
      )
      .to(joined);
  }),
  input: (random) => [feed(events, eventsBy(random, 70)), feed(answers, eventsBy(random, 40))],
};
