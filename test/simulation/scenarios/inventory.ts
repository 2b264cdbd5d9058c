import { minutes, seconds } from "../../../core/duration.ts";
import { json } from "../../../core/serde/json.ts";
import { text } from "../../../core/serde/text.ts";
import { sessionStore } from "../../../core/state/stores/session_store.ts";
import { versionedStore } from "../../../core/state/stores/versioned_store.ts";
import { windowStore } from "../../../core/state/stores/window_store.ts";
import { onClose, onUpdate } from "../../../core/window/revision.ts";
import { session } from "../../../core/window/session.ts";
import { tumbling } from "../../../core/window/tumbling.ts";
import { untilTimeLimit, untilWindowCloses } from "../../../topology/suppression.ts";
import { feed } from "../../../topology/testing/mod.ts";
import { topic } from "../../../topology/topic.ts";
import { topology } from "../../../topology/topology.ts";
import { answers, type Event, events, eventsBy } from "../events.ts";
import type { Scenario } from "../scenario.ts";

const written = (name: string) => topic(name, { key: text, value: json<unknown>() });

/** Stock as tables: made of streams and of topics, narrowed, joined, counted by group, told now and then by the wall clock, and looked into by streams. */
export const inventory: Scenario = {
  name: "inventory",
  topology: topology("inventory", ({ from, table }) => {
    const moves = from(events).keyBy();
    const stock = moves.reduce("stock", (a, b) => (b.id % 9 === 8 ? null : { ...b, id: a.id + b.id }));
    const latest = moves.filter(({ id }) => id % 4 !== 1).toTable("latest");
    const prices = table(answers, { store: "prices" });
    const dear = prices
      .filter(({ kind }) => kind !== "small")
      .map(({ id, kind }) => ({ id, kind }))
      .materialize("dear");
    stock.join("valued", dear, (a, b) => ({ a: a.id, b: b.id })).to(written("valued"));
    latest.leftJoin("last-price", prices, ({ id }, price) => ({ id, price: price?.id ?? null })).to(written("last-price"));
    prices
      .groupBy(({ kind }) => kind)
      .count("prices-per-kind")
      .suppress("told-seldom", untilTimeLimit(seconds(2), { clock: "wall-clock", maxRecords: 2 }))
      .to(written("prices-per-kind") as never);
    prices
      .groupBy(({ kind }) => kind)
      .reduce("sum-per-kind", {
        add: (a, b) => ({ ...a, id: a.id + b.id }),
        subtract: (a, b) => ({ ...a, id: a.id - b.id }),
      })
      .toStream()
      .map((sum) => ({ sum: sum?.id ?? null }))
      .to(written("sum-per-kind"));
    moves.join("priced", prices, ({ id }, price) => ({ id, price: price.id })).to(written("priced"));
    moves.leftJoin("dear-or-not", dear, ({ id }, price) => ({ id, price: price?.id ?? null })).to(written("dear-or-not"));
    moves
      .window(tumbling({ size: minutes(1) }), { emit: onUpdate(), lateness: seconds(20) })
      .count("moves-per-minute")
      .suppress("final-or-old", untilWindowCloses({ clock: "watermark", atLatest: seconds(3) }))
      .toStream()
      .rewrite((n, { key }) => ({ key: key.key, value: { from: key.window.start, n } }))
      .to(written("moves-per-minute"));
    moves
      .window(session({ gap: seconds(15) }), { emit: onClose({ clock: "watermark", atLatest: seconds(3) }), lateness: seconds(20) })
      .count("moves-in-a-row")
      .toStream()
      .rewrite((n, { key }) => ({ key: key.key, value: { from: key.window.start, n } }))
      .to(written("moves-in-a-row"));
  }),
  input: (random) => [feed(events, eventsBy(random, 50)), feed(answers, eventsBy(random, 40))],
};

const kinds = topic("kind-names", { key: text, value: json<Event>() });

/** Rows that are joined by a key in them, inner; and rows with a history, which streams look up as of their own time. */
export const histories: Scenario = {
  name: "histories",
  topology: topology("histories", ({ from, table }) => {
    const names = table(kinds, { history: minutes(10) });
    const rows = table(events);
    const perKind = from(answers)
      .keyBy(({ kind }) => kind)
      .toTable("answer-per-kind");
    rows
      .join(
        "named",
        perKind,
        ({ kind }) => kind,
        ({ id }, named) => ({ id, named: named.id }),
      )
      .to(written("named"));
    from(answers)
      .keyBy(({ kind }): string => kind)
      .repartition("answers-by-kind")
      .keyBy()
      .leftJoin("as-of", names, { asOf: "stream-time", lateness: seconds(30) }, ({ id }, name) => ({ id, name: name?.id ?? null }))
      .to(written("as-of"));
  }),
  input: (random) => [
    feed(events, eventsBy(random, 40)),
    feed(answers, eventsBy(random, 40)),
    feed(
      kinds,
      eventsBy(random, 30).map((record) => ({ ...record, key: record.value!.kind })),
    ),
  ],
};

const seenSizes = { key: text, value: json<number>() };
const versions = versionedStore("versions", { ...seenSizes, history: minutes(5) });
const perMinute = windowStore("per-minute-store", { ...seenSizes, size: minutes(1), retention: minutes(5) });
const visits = sessionStore("visit-store", { ...seenSizes, retention: minutes(5) });

/** Every kind of store that a program may keep by its own rules. */
export const ownStores: Scenario = {
  name: "own-stores",
  topology: topology("own-stores", ({ from }) => {
    from(events)
      .keyBy()
      .process("kept", {
        state: { versions, perMinute, visits },
        onRecord({ id, at }, { key, state }) {
          const minute = at - (at % 60_000);
          const count = (state.perMinute.get(key, minute) ?? 0) + 1;
          state.perMinute.put(key, count, minute);
          state.versions.put(key, id % 6 === 5 ? null : id, at);
          const near = [...state.visits.find(key, at - 10_000, at + 10_000)];
          let [start, end] = [at, at];
          for (const [visit] of near) {
            start = Math.min(start, visit.window.start);
            end = Math.max(end, visit.window.end);
            state.visits.remove(visit);
          }
          state.visits.put(
            { key, window: { start, end } },
            near.reduce((sum, [, n]) => sum + n, 1),
          );
          return [
            {
              id,
              count,
              before: state.versions.get(key, at - 30_000)?.value ?? null,
              visits: [...state.visits.fetch(key)].map(([, n]) => n),
            },
          ];
        },
      })
      .to(written("kept"));
  }),
  input: (random) => [feed(events, eventsBy(random, 70))],
};
