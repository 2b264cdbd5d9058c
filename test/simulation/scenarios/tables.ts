import { minutes, seconds } from "../../../core/duration.ts";
import { json } from "../../../core/serde/json.ts";
import { text } from "../../../core/serde/text.ts";
import { count, sum } from "../../../core/state/aggregator.ts";
import { keyValueStore } from "../../../core/state/stores/key_value_store.ts";
import { onClose, onUpdate } from "../../../core/window/revision.ts";
import { session } from "../../../core/window/session.ts";
import { tumbling } from "../../../core/window/tumbling.ts";
import type { Scope } from "../../../topology/scope.ts";
import { untilTimeLimit, untilWindowCloses } from "../../../topology/suppression.ts";
import { feed } from "../../../topology/testing/mod.ts";
import { topic } from "../../../topology/topic.ts";
import { topology } from "../../../topology/topology.ts";
import { answers, type Event, events, eventsBy } from "../events.ts";
import type { Scenario } from "../scenario.ts";

const written = (name: string) => topic(name, { key: text, value: json<unknown>() });

const scenario = (name: string, build: (scope: Scope) => void): Scenario => ({
  name,
  topology: topology(name, build),
  input: (random) => [feed(events, eventsBy(random, 60)), feed(answers, eventsBy(random, 40))],
});

/** Tables that are joined, grouped anew, and told of seldom. */
export const tables: Scenario = scenario("tables", ({ table }) => {
  const latest = table(events);
  const other = table(answers);
  const both = latest.outerJoin("both", other, (a, b) => ({ a: a?.id ?? null, b: b?.id ?? null }));
  both.to(written("both"));
  latest
    .groupBy(({ kind }) => kind)
    .aggregate(
      "per-kind",
      sum<Event>(({ id }) => id),
    )
    .suppress("seldom", untilTimeLimit(seconds(20)))
    .to(written("per-kind"));
});

/** A table that has no changelog, in which a stream looks up, and whose rows are counted. */
export const sourced: Scenario = {
  ...scenario("sourced", ({ from, table }) => {
    const rows = table(answers, { changelog: "source" });
    from(events)
      .keyBy()
      .leftJoin("answered", rows, ({ id }, answer) => ({ id, answer: answer?.id ?? null }))
      .to(written("answered"));
    rows
      .groupBy(({ kind }) => kind)
      .count("answers-per-kind")
      .to(written("answers-per-kind"));
  }),
  run: { standbys: 1 },
};

/** Tables that are joined by a key in their rows, which takes two topics in between. */
export const foreignKeys: Scenario = scenario("foreign-keys", ({ from, table }) => {
  const perKind = from(answers)
    .keyBy(({ kind }) => kind)
    .count("per-kind");
  table(events)
    .leftJoin(
      "of-kind",
      perKind,
      ({ kind }) => kind,
      ({ id }, n) => ({ id, n: n ?? null }),
    )
    .to(written("of-kind"));
});

/** Streams that are joined by time, and windows whose rows are revised, or told when nothing changes them any more. */
export const streamJoins: Scenario = scenario("stream-joins", ({ from }) => {
  const [left, right] = [from(events).keyBy(), from(answers).keyBy()];
  left
    .outerJoin("pairs", right, { before: seconds(10), after: seconds(20), lateness: seconds(5), clock: "stream-time" }, (a, b) => ({
      a: a?.id ?? null,
      b: b?.id ?? null,
    }))
    .to(written("pairs"));
  left
    .window(tumbling({ size: minutes(1) }), { emit: onUpdate(), lateness: seconds(30) })
    .count("per-minute")
    .suppress("final", untilWindowCloses())
    .toStream()
    .rewrite((n, { key }) => ({ key: key.key, value: { from: key.window.start, n } }))
    .to(written("final"));
  right
    .window(session({ gap: seconds(15) }), { emit: onClose(), lateness: seconds(10) })
    .aggregate("sessions", count())
    .toStream()
    .rewrite((n, { key }) => ({ key: key.key, value: { ...key.window, n } }))
    .to(written("sessions"));
});

const seen = keyValueStore("seen", { key: text, value: json<number>() });

/** A store that two steps share, and a function that is called by stream time. */
export const stores: Scenario = scenario("stores", ({ from }) => {
  const [left, right] = [from(events).keyBy(), from(answers).keyBy()];
  left.process("remember", {
    state: { seen },
    onRecord({ id }, { key, state }) {
      state.seen.put(key, id);
    },
  });
  right
    .process("recall", {
      state: { seen },
      onRecord: ({ id }, { key, state }) => [{ id, last: state.seen.get(key) ?? null, keys: [...state.seen.all()].length }],
    })
    .to(written("recalled"));
});
