import { seconds } from "../../../core/duration.ts";
import { retry, skip } from "../../../core/error_policy.ts";
import { output } from "../../../core/operators/side_output.ts";
import { json } from "../../../core/serde/json.ts";
import { text } from "../../../core/serde/text.ts";
import { sum } from "../../../core/state/aggregator.ts";
import { broadcastState, foldingState, mapState, operatorState, valueState } from "../../../core/state/descriptors.ts";
import { keyValueStore } from "../../../core/state/stores/key_value_store.ts";
import { tagged } from "../../../topology/tagged.ts";
import { feed } from "../../../topology/testing/mod.ts";
import { topic } from "../../../topology/topic.ts";
import { topology } from "../../../topology/topology.ts";
import { answers, type Event, events, eventsBy, eventTime } from "../events.ts";
import type { Scenario } from "../scenario.ts";

const written = (name: string) => topic(name, { key: text, value: json<unknown>() });
/** What a schedule gives has no key. */
const keyless = (name: string) => topic(name, { key: json<string | null>(), value: json<unknown>() });

/** Rules that every task knows whole, over streams with keys and without; reminders by both clocks, some of which fail for good. */
export const rules: Scenario = {
  name: "rules",
  topology: topology("rules", ({ from }) => {
    const changes = from(answers, eventTime).filter(({ id }) => id % 3 === 0);
    const all = from(events, eventTime);
    all
      .connectBroadcast("limits", changes, {
        broadcast: { limits: broadcastState<string, number>() },
        onRecord: ({ id, kind }, { broadcast }) => [{ id, limit: broadcast.limits.get(kind) ?? null }],
        onBroadcast({ id, kind }, { broadcast }) {
          broadcast.limits.set(kind, id);
        },
      })
      .to(written("limited"));
    const watched = all.keyBy().connectBroadcast("watched", changes, {
      broadcast: { kinds: broadcastState<string, number>() },
      state: { seen: mapState<string, number>(), total: foldingState(sum<number>((n) => n)) },
      side: { unknown: output<number>() },
      onRecord({ id, kind }, { state, broadcast, timers, timestamp, side }) {
        state.seen.set(kind, (state.seen.get(kind) ?? 0) + 1);
        state.total.add(id);
        if (!broadcast.kinds.has(kind)) side.unknown(id);
        timers.event.set(timestamp + 15_000);
      },
      onBroadcast({ id, kind }, { broadcast, forEachKey }) {
        broadcast.kinds.set(kind, id);
        forEachKey((_key, state) => state.seen.delete(kind));
      },
      onTimer({ timestamp }, { state, broadcast }) {
        if (timestamp % 11_000 === 0) throw new Error("This reminder fails for good");
        return [
          {
            at: timestamp,
            seen: [...state.seen.keys()].sort(),
            total: state.total.get() ?? null,
            rules: [...broadcast.kinds.keys()].length,
          },
        ];
      },
    });
    watched.with({ onError: retry({ attempts: 2, backoff: seconds(1), then: skip() }) }).to(written("reminders"));
    watched.side.unknown.to(written("unknown"));
  }),
  input: (random) => [feed(events, eventsBy(random, 60)), feed(answers, eventsBy(random, 30))],
};

const open = keyValueStore("open-orders", { key: text, value: json<number>() });

/** Functions that are called at regular moments, by the wall clock and by stream time, over a store and over state of the task; and two streams as one, whose every step tells what it has come to. */
export const sweeps: Scenario = {
  name: "sweeps",
  topology: topology("sweeps", ({ from }) => {
    from(events)
      .process("sampled", {
        state: { seen: operatorState<number>() },
        schedules: { half: { every: seconds(20), by: "stream-time" }, often: { every: seconds(2), by: "wall-clock" } },
        onRecord({ id }, { state }) {
          state.seen.add(id);
        },
        onSchedule(_now, { state, schedule }) {
          const seen = [...state.seen.get()];
          state.seen.set(schedule === "half" ? [] : seen.slice(-3));
          return seen.length === 0 ? [] : [{ schedule, seen }];
        },
      })
      .to(keyless("sampled"));
    from(answers)
      .keyBy()
      .process("sweep", {
        state: { open, last: valueState({ initial: -1, ttl: { after: seconds(4) } }) },
        schedules: { sweep: { every: seconds(30), by: "stream-time" } },
        onRecord({ id }, { key, state }) {
          const last = state.last.get();
          state.last.set(id);
          state.open.put(key, id);
          return [{ id, last }];
        },
        onSchedule(now, { state, cancel }) {
          const all = [...state.open.all()];
          for (const [key, id] of all) if (id % 2 === 0) state.open.delete(key);
          if (all.length > 40) cancel();
          return [{ now, open: all.length }];
        },
      })
      .to(written("swept"));
  }),
  input: (random) => [feed(events, eventsBy(random, 50)), feed(answers, eventsBy(random, 40))],
};

/** What belongs together comes into one place: streams of several kinds as one, spread over partitions by a rule, numbered in one task; calls that fail are left out alone. */
export const ledger: Scenario = {
  name: "ledger",
  topology: topology("ledger", ({ from }) => {
    const [orders, refunds] = [from(events), from(answers)];
    const { large, rest } = orders.split({ large: ({ kind }: Event) => kind === "large" });
    const spread = large.union(refunds).repartition("spread", { by: "round-robin", partitions: 2 });
    spread.map(({ id }) => ({ id })).to(written("spread"));
    const numbered = rest.single();
    numbered
      .scan("numbered", { init: () => 0, add: (n) => n + 1, result: (n) => n })
      .map((n) => ({ n }))
      .to(keyless("numbered-in-one"));
    numbered
      .map(({ id }) => {
        if (id % 7 === 3) throw new Error("not this one");
        return { id };
      })
      .with({ onError: skip({ scope: "step" }) })
      .to(keyless("copied-in-one"));
    tagged({ order: orders.keyBy(), refund: refunds.keyBy() })
      .aggregate("balance", {
        init: () => 0,
        add: (total, { from: kind, value: { id } }) => (kind === "order" ? total + id : total - id),
      })
      .to(written("balance") as never);
  }),
  input: (random) => [feed(events, eventsBy(random, 50)), feed(answers, eventsBy(random, 40))],
};
