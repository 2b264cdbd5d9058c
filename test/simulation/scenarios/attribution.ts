import { minutes, seconds } from "../../../core/duration.ts";
import { json } from "../../../core/serde/json.ts";
import { text } from "../../../core/serde/text.ts";
import { session } from "../../../core/window/session.ts";
import { tumbling } from "../../../core/window/tumbling.ts";
import { feed } from "../../../topology/testing/mod.ts";
import { topic } from "../../../topology/topic.ts";
import { topology } from "../../../topology/topology.ts";
import { answers, type Event, events, eventsBy, eventTime } from "../events.ts";
import type { Scenario } from "../scenario.ts";

const written = (name: string) => topic(name, { key: text, value: json<unknown>() });
const ids = (all: readonly Event[]): readonly number[] => all.map(({ id }) => id).sort((a, b) => a - b);

/** Clicks and purchases by event time: pairs that are close, those that have stayed alone, and what came together in a window. */
export const attribution: Scenario = {
  name: "attribution",
  topology: topology("attribution", ({ from }) => {
    const clicks = from(events, { ...eventTime, idleness: seconds(4) }).keyBy();
    const purchases = from(answers, eventTime).keyBy();
    const pairs = clicks.join("pairs", purchases, { before: seconds(10), after: seconds(20), exclusive: "before" }, (a, b) => ({
      a: a.id,
      b: b.id,
    }));
    pairs.to(written("pairs-by-watermark"));
    pairs.side.lateLeft.map(({ id }) => ({ id })).to(written("late-clicks"));
    clicks
      .leftJoin("unanswered", purchases, { before: seconds(5), after: seconds(15), lateness: seconds(5) }, (a, b) => ({
        a: a.id,
        b: b?.id ?? null,
      }))
      .to(written("unanswered"));
    clicks.join("met", purchases, { window: tumbling({ size: minutes(1) }) }, (a, b) => ({ a: a.id, b: b.id })).to(written("met"));
    clicks
      .coGroup("together", purchases, { window: session({ gap: seconds(20) }), lateness: seconds(10) }, (left, right) => [
        { left: ids(left), right: ids(right) },
      ])
      .to(written("together"));
  }),
  input: (random) => [feed(events, eventsBy(random, 60)), feed(answers, eventsBy(random, 40))],
};
