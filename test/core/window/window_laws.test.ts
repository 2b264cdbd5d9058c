import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { type Duration, millis } from "../../../core/duration.ts";
import { type Aggregator, collect, count, sum } from "../../../core/state/aggregator.ts";
import { type Assigner, assigner } from "../../../core/window/assigner.ts";
import { keepLast } from "../../../core/window/keep_last.ts";
import { onCount } from "../../../core/window/on_count.ts";
import { onInterval } from "../../../core/window/on_interval.ts";
import { onWatermark } from "../../../core/window/on_watermark.ts";
import { purging } from "../../../core/window/purging.ts";
import { session } from "../../../core/window/session.ts";
import { sliding } from "../../../core/window/sliding.ts";
import type { Trigger } from "../../../core/window/trigger.ts";
import { tumbling } from "../../../core/window/tumbling.ts";
import type { Window } from "../../../core/window/window.ts";
import { type WindowContents, type WindowSpec, windowOperator } from "../../../core/window/window_operator.ts";
import { OperatorHarness } from "../../support/operator_harness.ts";

interface Input {
  readonly key: string;
  readonly at: number;
  readonly id: number;
}

const assigners: Readonly<Record<string, Assigner<any, Window>>> = {
  tumbling: tumbling({ size: millis(10) }),
  "tumbling with offset": tumbling({ size: millis(10), offset: millis(-3) }),
  sliding: sliding({ size: millis(15), every: millis(5) }),
  "sliding that overlaps unevenly": sliding({ size: millis(12), every: millis(5) }),
  "sliding with gaps": sliding({ size: millis(5), every: millis(12), gaps: true }),
  session: session({ gap: millis(5) }),
  "session by value": session<Input>({ gap: ({ id }) => millis(1 + 2 * (id % 4)) }),
};
const pane = (ids: unknown, { key, window }: { readonly key: unknown; readonly window: Window }) => ({
  key,
  start: window.start,
  end: window.end,
  ids,
});
const buffered: WindowContents = {
  kind: "process",
  process: (values: readonly Input[], at) => [
    pane(
      values.map(({ id }) => id),
      at,
    ),
  ],
};
const accumulated: WindowContents = {
  kind: "aggregate",
  aggregator: collect<Input>(),
  result: (values: readonly Input[], at) =>
    pane(
      values.map(({ id }) => id),
      at,
    ),
};
const inOrder = (a: readonly number[], b: readonly number[]): readonly number[] => [...a, ...b].sort((x, y) => x - y);
/** The numbers of the records, whatever the order in which they came. */
const numbers: Aggregator<Input, readonly number[], readonly number[]> = {
  init: () => [],
  add: (ids, { id }) => inOrder(ids, [id]),
  merge: inOrder,
};
const numbered = (anyOrder: boolean): WindowContents => ({
  kind: "aggregate",
  aggregator: { ...numbers, anyOrder },
  result: (ids, at) => pane(ids, at),
});
const kinds = { buffered, accumulated, shared: numbered(true) };

const inputs = fc
  .array(fc.record({ key: fc.constantFrom("a", "b"), at: fc.integer({ min: -30, max: 60 }) }), { maxLength: 40 })
  .map((all) => all.map((each, id): Input => ({ ...each, id })));

const everything = Number.POSITIVE_INFINITY;
/** What is said last of each key and window, the records in no order. */
const finalPanes = (harness: OperatorHarness): readonly string[] => {
  const last = new Map<string, string>();
  for (const { value } of harness.take()) {
    const { key, start, end, ids } = value as { key: string; start: number; end: number; ids: readonly number[] };
    last.set(`${key} ${start} ${end}`, [...ids].sort((a, b) => a - b).join());
  }
  return [...last].map(([name, ids]) => `${name}: ${ids}`).sort();
};

describe("whatever the windows", () => {
  for (const [name, windows] of Object.entries(assigners))
    for (const [kind, contents] of Object.entries(kinds)) {
      it(`${name}, ${kind}: the same records in any order within the bound give the same panes in the end`, () => {
        fc.assert(
          fc.property(inputs, fc.infiniteStream(fc.nat()), fc.nat(20), (all, chance, lateness) => {
            // Two records of a key which are a gap apart exactly share a session if the second one comes before the watermark closes the first, so
            // only what is not so has one outcome: times are even here, gaps odd. And a session that has spoken is not taken back when a late record
            // makes it part of another.
            const sorted = windows.merging ? all.map((input) => ({ ...input, at: input.at * 2 })) : all;
            const latenessMs = windows.merging ? 0 : lateness;
            const run = (order: readonly Input[]): readonly string[] => {
              const harness = new OperatorHarness(windowOperator({ assigner: windows, latenessMs, contents }));
              // The bound is how far behind a record is at most, less what the lateness allows.
              let largest = Number.NEGATIVE_INFINITY;
              let bound = 0;
              for (const { at } of order) {
                largest = Math.max(largest, at);
                bound = Math.max(bound, largest - at);
              }
              largest = Number.NEGATIVE_INFINITY;
              for (const input of order) {
                harness.record(input.key, input, input.at);
                largest = Math.max(largest, input.at);
                harness.watermark(largest - Math.max(0, bound - latenessMs) - 1);
              }
              harness.watermark(everything);
              expect(harness.side("late")).toEqual([]);
              return finalPanes(harness);
            };
            const shuffled = sorted.map((input) => [chance.next().value as number, input] as const).sort(([a], [b]) => a - b);
            expect(run(shuffled.map(([, input]) => input))).toEqual(run(sorted));
          }),
          { numRuns: 60 },
        );
      });
    }
});

/** What may happen to an operator. All but the first two are to be noticed by nobody. */
const script = fc.array(
  fc.oneof(
    {
      weight: 6,
      arbitrary: fc.record({
        kind: fc.constant("record" as const),
        key: fc.constantFrom("a", "b", "c"),
        behind: fc.integer({ min: -3, max: 25 }),
      }),
    },
    { weight: 3, arbitrary: fc.record({ kind: fc.constant("pass" as const), by: fc.integer({ min: 1, max: 12 }) }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant("restart" as const) }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant("commit" as const) }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant("begin to commit" as const) }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant("evict" as const) }) },
    {
      weight: 1,
      arbitrary: fc.record({
        kind: fc.constant("roll back" as const),
        key: fc.constantFrom("a", "b", "c"),
        behind: fc.integer({ min: -3, max: 25 }),
      }),
    },
  ),
  { maxLength: 60 },
);
type Script = typeof script extends fc.Arbitrary<infer S> ? S : never;

/** What is said in each step of the script; of equal times in no order. Undisturbed, what should not be noticed is left out. */
const outcome = (
  spec: WindowSpec,
  steps: Script,
  disturbed = true,
): { readonly said: readonly (readonly string[])[]; readonly left: number } => {
  const harness = new OperatorHarness(windowOperator(spec));
  const said: (readonly string[])[] = [];
  let now = 0;
  let id = 0;
  const commit = (): void => {
    if (harness.state.isSealed) harness.state.committed(0);
    harness.commit();
  };
  const act = (step: Script[number]): void => {
    switch (step.kind) {
      case "record":
        harness.record(step.key, { key: step.key, at: now - step.behind, id }, now - step.behind);
        id++;
        break;
      case "pass":
        now += step.by;
        harness.watermark(now);
        break;
      case "restart":
        commit();
        harness.restart();
        break;
      case "commit":
        commit();
        break;
      case "begin to commit":
        if (!harness.state.isSealed) harness.state.seal(() => {});
        break;
      case "evict":
        commit();
        harness.state.evict(0);
        harness.state.evict(0);
        break;
      case "roll back":
        harness.state.mark();
        harness.record(step.key, { key: step.key, at: now - step.behind, id: 1000 }, now - step.behind);
        harness.state.rollback();
        harness.take();
        harness.side("late").length = 0;
    }
  };
  harness.watermark(now);
  for (const step of steps) {
    // A restart tells the watermark again; timers that were set for a time before it fire then.
    if (!disturbed && step.kind === "restart") harness.watermark(now);
    if (disturbed || !unnoticed.includes(step.kind)) act(step);
    said.push([...harness.take(), ...harness.side("late").splice(0)].map((output) => JSON.stringify(output)).sort());
  }
  harness.watermark(everything);
  said.push(
    harness
      .take()
      .map((output) => JSON.stringify(output))
      .sort(),
  );
  commit();
  return { said, left: harness.store.approximateEntries };
};

const unnoticed: readonly string[] = ["restart", "commit", "begin to commit", "evict", "roll back"];
const triggers: readonly (Trigger<unknown> | undefined)[] = [
  undefined,
  onCount(2),
  purging(onCount(3)),
  purging(onWatermark()),
  onInterval(millis(4)),
];

describe("restarts, commits, evictions from memory and records that are taken back", () => {
  for (const [name, windows] of Object.entries(assigners))
    for (const [kind, contents] of Object.entries(kinds)) {
      it(`${name}, ${kind}: change nothing, and after the last watermark the store is empty`, () => {
        fc.assert(
          fc.property(script, fc.constantFrom(...triggers), fc.boolean(), fc.constantFrom(0, 7), (steps, trigger, evicts, latenessMs) => {
            const spec: WindowSpec = { assigner: windows, trigger, evictor: evicts ? keepLast(2) : undefined, latenessMs, contents };
            const disturbed = outcome(spec, steps);
            expect(disturbed.said).toEqual(outcome(spec, steps, false).said);
            expect(disturbed.left).toBe(0);
          }),
          { numRuns: 80 },
        );
      });
    }

  it("a window put together from slices is what it would be if it kept its own records", () => {
    const size = 15 as Duration;
    const every = 5 as Duration;
    const sliced = sliding({ size, every });
    const apart = assigner<unknown>({
      assign: (_value, timestamp) => {
        const newest = Math.floor(timestamp / every) * every;
        return [newest, newest - every, newest - 2 * every].map((start) => ({ start, end: start + size }));
      },
    });
    fc.assert(
      fc.property(
        script,
        fc.constantFrom(...triggers.filter((trigger) => trigger?.purges !== true)),
        fc.constantFrom(0, 7),
        (steps, trigger, latenessMs) => {
          expect(outcome({ assigner: sliced, trigger, latenessMs, contents: buffered }, steps)).toEqual(
            outcome({ assigner: apart, trigger, latenessMs, contents: buffered }, steps),
          );
        },
      ),
      { numRuns: 200 },
    );
  });
});

const every = millis(5);
const overlapping = (["event", "processing"] as const).flatMap((time) =>
  [2, 3, 7].map((panes) => sliding({ size: millis(5 * panes), every, time, offset: millis(-2) })),
);
/** Records, a clock that may stand still, and event time that may begin anew behind windows that are gone. */
const moves = fc.array(
  fc.oneof(
    { weight: 5, arbitrary: fc.record({ key: fc.constantFrom("a", "b"), behind: fc.integer({ min: -3, max: 40 }) }) },
    { weight: 3, arbitrary: fc.record({ clock: fc.integer({ min: 0, max: 8 }) }) },
    { weight: 2, arbitrary: fc.record({ back: fc.integer({ min: 0, max: 60 }) }) },
  ),
  { maxLength: 60 },
);
type Moves = typeof moves extends fc.Arbitrary<infer M> ? M : never;

/** What is said after each move; of equal times in no order. */
const saidAfter = (spec: WindowSpec, all: Moves): unknown => {
  const harness = new OperatorHarness(windowOperator(spec));
  let now = 0;
  return all.map((move, id) => {
    if ("key" in move) harness.record(move.key, { key: move.key, at: now - move.behind, id }, now - move.behind);
    else if ("back" in move) harness.watermark(now - move.back);
    else {
      now += move.clock;
      harness.processingTime(now);
      harness.watermark(now - 3);
    }
    return [...harness.take(), ...harness.side("late").splice(0)].map((output) => JSON.stringify(output)).sort();
  });
};

describe("overlapping windows that keep each record once", () => {
  it("say what each would with records of its own, whatever is late for some of them or all, and where event time begins anew behind windows that are gone", () => {
    fc.assert(
      fc.property(moves, fc.constantFrom(...overlapping), fc.constantFrom(0, 7), (all, windows, latenessMs) => {
        const { slices: _, ...apart } = windows;
        const [once, each] = [windows, apart].map((assigner) => saidAfter({ assigner, latenessMs, contents: buffered }, all));
        expect(once).toEqual(each);
      }),
      {
        numRuns: 1000,
        // A record that is late for the older of its windows, and one that is not, as the older window is there again by then.
        examples: [[[{ clock: 0 }, { key: "a", behind: 3 }, { back: 4 }, { key: "a", behind: 3 }, { clock: 0 }], overlapping[0]!, 0]],
      },
    );
  });
});

describe("windows that share accumulators", () => {
  const byWatermark = overlapping.filter(({ time }) => time === "event");

  it("say by the watermark what each would with an accumulator of its own", () => {
    fc.assert(
      fc.property(script, fc.constantFrom(...byWatermark), fc.constantFrom(0, 7, 40), (steps, windows, latenessMs) => {
        const [together, apart] = [true, false].map((anyOrder) =>
          outcome({ assigner: windows, latenessMs, contents: numbered(anyOrder) }, steps),
        );
        expect(together).toEqual(apart);
      }),
      { numRuns: 300 },
    );
  });

  it("do so by a clock that stands still where windows end, and where event time begins anew behind windows that are gone", () => {
    fc.assert(
      fc.property(moves, fc.constantFrom(...overlapping), fc.constantFrom(0, 7), (all, windows, latenessMs) => {
        const [together, apart] = [true, false].map((anyOrder) =>
          saidAfter({ assigner: windows, latenessMs, contents: numbered(anyOrder) }, all),
        );
        expect(together).toEqual(apart);
      }),
      { numRuns: 500 },
    );
  });

  it("write one accumulator for a record, however many windows it belongs to", () => {
    const written = (panes: number): number => {
      const harness = new OperatorHarness(
        windowOperator({ assigner: sliding({ size: millis(5 * panes), every }), contents: { kind: "aggregate", aggregator: count() } }),
      );
      harness.watermark(0);
      for (let i = 0; i < 3; i++) harness.record("a", 1, 5000 + i);
      harness.commit();
      harness.changelog.length = 0;
      harness.record("a", 1, 5004);
      harness.commit();
      return harness.changelog.length;
    };
    expect([written(2), written(60), written(600)]).toEqual([1, 1, 1]);
  });
});

describe("sums", () => {
  it("over all tumbling windows are the total", () => {
    fc.assert(
      fc.property(inputs, fc.integer({ min: 1, max: 40 }), (all, size) => {
        const harness = new OperatorHarness(
          windowOperator({
            assigner: tumbling({ size: millis(size) }),
            contents: { kind: "aggregate", aggregator: sum<Input>(({ id }) => id) },
          }),
        );
        for (const input of all) harness.record(input.key, input, input.at);
        harness.watermark(everything);
        const total = harness.take().reduce((before, { value }) => before + (value as number), 0);
        expect(total).toBe(all.reduce((before, { id }) => before + id, 0));
      }),
    );
  });
});

describe("sessions", () => {
  it("are the clusters of records that are at most a gap apart", () => {
    fc.assert(
      fc.property(inputs, fc.integer({ min: 1, max: 20 }), (all, gap) => {
        const clusters: string[] = [];
        for (const key of ["a", "b"]) {
          let open: Input[] = [];
          const close = (): void => {
            if (open.length > 0)
              clusters.push(
                `${key} ${open[0]!.at} ${open.at(-1)!.at + gap}: ${open
                  .map(({ id }) => id)
                  .sort((a, b) => a - b)
                  .join()}`,
              );
            open = [];
          };
          for (const input of all.filter((each) => each.key === key).sort((a, b) => a.at - b.at)) {
            if (open.length > 0 && input.at - open.at(-1)!.at > gap) close();
            open.push(input);
          }
          close();
        }
        const harness = new OperatorHarness(windowOperator({ assigner: session({ gap: millis(gap) }), contents: buffered }));
        for (const input of all) harness.record(input.key, input, input.at);
        harness.watermark(everything);
        expect(finalPanes(harness)).toEqual(clusters.sort());
      }),
    );
  });
});
