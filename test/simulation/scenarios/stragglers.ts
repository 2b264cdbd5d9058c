import { seconds } from "../../../core/duration.ts";
import { json } from "../../../core/serde/json.ts";
import { text } from "../../../core/serde/text.ts";
import { monotonic, watermarks } from "../../../core/time/watermark_strategy.ts";
import { assigner } from "../../../core/window/assigner.ts";
import { tumbling } from "../../../core/window/tumbling.ts";
import { records } from "../../../topology/source.ts";
import { feed, type SimulationReport } from "../../../topology/testing/mod.ts";
import { topic } from "../../../topology/topic.ts";
import { topology } from "../../../topology/topology.ts";
import { answers, type Event, events, eventsBy } from "../events.ts";
import type { Scenario } from "../scenario.ts";

const written = <V>(name: string) => topic(name, { key: text, value: json<V>() });
const eventsMax = 60;
const ids = (all: readonly Event[]): readonly (readonly number[])[] => [all.map(({ id }) => id).sort((a, b) => a - b)];

/** Moves on with every fifth record, whatever the others say. */
const byEveryFifth = watermarks<Event>(() => ({ onRecord: ({ id, at }) => (id % 5 === 4 ? at - 5_000 : undefined) }));

/** Half a minute for what is small, a minute for all else, each from the record's own time on. */
const byKind = assigner<Event>({
  assign: ({ kind }, timestamp) => [
    { start: timestamp - (timestamp % 30_000), end: timestamp - (timestamp % 30_000) + (kind === "small" ? 30_000 : 60_000) },
  ],
});

const inTime = written<readonly number[]>("in-time");
const tooLate = written<Event>("too-late");

/** Every record is in a window that was told, or was told as too late, and once. */
const accounted = ({ read }: SimulationReport): readonly string[] => {
  const times = new Map<number, number>();
  const seen = [...read(inTime).flatMap(({ value }) => value ?? []), ...read(tooLate).map(({ value }) => value!.id)];
  for (const id of seen) times.set(id, (times.get(id) ?? 0) + 1);
  const wrong = Array.from({ length: eventsMax }, (_, id) => id).filter((id) => times.get(id) !== 1);
  return wrong.map((id) => `I16: event ${id} stands ${times.get(id) ?? 0} times in the windows and among what was too late`);
};

/** Event time that runs ahead of some records: what is too late is told as such, and nothing gets lost on the way. */
export const stragglers: Scenario = {
  name: "stragglers",
  topology: topology("stragglers", ({ from }) => {
    const windows = from(events, { timestamp: ({ at }) => at, watermarks: monotonic() })
      .keyBy()
      .window(tumbling({ size: seconds(20) }))
      .process("in-time", ids);
    windows.to(inTime);
    windows.side.late.to(tooLate);
    const byRule = from(answers, { timestamp: ({ at }) => at, watermarks: byEveryFifth, idleness: seconds(2) })
      .keyBy()
      .window(byKind, { lateness: seconds(5) })
      .process("by-rule", ids);
    byRule.to(written("by-rule"));
    byRule.side.late.map(({ id }) => ({ id })).to(written("too-late-by-rule"));
    from(records(Array.from({ length: 12 }, (_, id) => ({ id }))))
      .keyBy(({ id }) => `k${id % 3}`)
      .count("given")
      .to(written("given"));
  }),
  input: (random) => [feed(events, eventsBy(random, eventsMax)), feed(answers, eventsBy(random, 40))],
  check: accounted,
};
