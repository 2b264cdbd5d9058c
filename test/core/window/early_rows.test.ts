import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { millis } from "../../../core/duration.ts";
import { beforeOf } from "../../../core/operators/change.ts";
import type { OperatorFactory } from "../../../core/operators/operator.ts";
import { sum } from "../../../core/state/aggregator.ts";
import { around } from "../../../core/window/around.ts";
import type { Assigner } from "../../../core/window/assigner.ts";
import { onClose, onUpdate, type Revision } from "../../../core/window/revision.ts";
import { session } from "../../../core/window/session.ts";
import { sliding } from "../../../core/window/sliding.ts";
import { tumbling } from "../../../core/window/tumbling.ts";
import type { Windowed } from "../../../core/window/window.ts";
import { windowOperator } from "../../../core/window/window_operator.ts";
import { OperatorHarness } from "../../support/operator_harness.ts";

const atLatest = millis(10);
const kinds: Readonly<Record<string, Assigner<any, any>>> = {
  tumbling: tumbling({ size: millis(10) }),
  sliding: sliding({ size: millis(15), every: millis(5) }),
  session: session({ gap: millis(5) }),
  around: around({ difference: millis(6) }),
};

/** A table of windows as those behind know it. */
const table = (assigner: Assigner<any, any>, emit: Revision) => {
  const rows = new Map<string, unknown>();
  const operator = windowOperator({
    assigner,
    // A session that is over and was told may still become part of one that is not, and is then told with that, as in Kafka Streams.
    latenessMs: assigner.merging ? 1000 : 5,
    contents: { kind: "aggregate", aggregator: sum((value: number) => value) },
    revision: { emit, retentionMs: 100_000, before: true },
  });
  const factory: OperatorFactory = (context) =>
    operator({
      ...context,
      emit: (value, record) => {
        const { key, window } = record.key as Windowed<string, { start: number; end: number }>;
        const id = `${key} ${window.start} ${window.end}`;
        if (emit.name === "close") expect([id, beforeOf(record)]).toEqual([id, rows.get(id)]);
        if (value === null) rows.delete(id);
        else rows.set(id, value);
      },
    });
  return { rows, harness: new OperatorHarness(factory) };
};

const steps = fc.array(
  fc.oneof(
    { weight: 6, arbitrary: fc.record({ key: fc.constantFrom("a", "b"), behind: fc.integer({ min: -4, max: 12 }) }) },
    { weight: 2, arbitrary: fc.record({ wait: fc.integer({ min: 1, max: 15 }) }) },
    { weight: 1, arbitrary: fc.constantFrom("restart" as const, "commit" as const) },
  ),
  { maxLength: 50 },
);

describe("rows of windows that wait for no longer than so long by the wall clock", () => {
  for (const [name, assigner] of Object.entries(kinds))
    for (const clock of ["stream-time", "watermark"] as const)
      it(`${name}, ${clock}: are known to those behind as they are when that time has passed, and what was told before is known as well`, () => {
        fc.assert(
          fc.property(steps, (all) => {
            const waiting = table(assigner, onClose({ clock, atLatest }));
            const model = table(assigner, onUpdate({ clock }));
            const both = [waiting.harness, model.harness];
            let wall = 0;
            let now = 50;
            const wait = (ms: number): void => {
              wall += ms;
              waiting.harness.processingTime(wall);
            };
            all.forEach((step, id) => {
              if (step === "restart") waiting.harness.restart();
              else if (step === "commit") waiting.harness.commit();
              else if ("wait" in step) wait(step.wait);
              else {
                const at = now - step.behind;
                now = Math.max(now, at);
                for (const harness of both) harness.record(step.key, 2 ** (id % 30), at);
                for (const harness of both) harness.watermark(now - 3);
              }
            });
            wait(atLatest);
            expect(new Map([...waiting.rows].sort())).toEqual(new Map([...model.rows].sort()));
          }),
          { numRuns: 150 },
        );
      });

  it("are told at their end if that comes first, and then once", () => {
    const { rows, harness } = table(kinds["tumbling"]!, onClose({ atLatest }));
    harness.record("a", 1, 3);
    harness.record("a", 1, 14);
    expect(rows.size).toBe(0);
    harness.record("a", 1, 15);
    expect([...rows]).toEqual([["a 0 10", 1]]);
    rows.clear();
    harness.processingTime(9);
    expect(rows.size).toBe(0);
    harness.processingTime(10);
    expect([...rows]).toEqual([["a 10 20", 2]]);
  });

  it("leave nothing behind but the rows themselves and what time it is", () => {
    const { harness } = table(kinds["session"]!, onClose({ atLatest }));
    for (const at of [10, 12, 14, 30]) {
      harness.record("a", 1, at);
      harness.processingTime(at);
    }
    harness.record("a", 1, 1000);
    harness.record("b", 1, 5000);
    harness.processingTime(100);
    harness.commit();
    const kept = [...harness.store.range(new Uint8Array(0), undefined)].map(([key]) => new TextDecoder().decode(key));
    const waiting = kept.filter((key) => /^(r:due|r:early|r:open|processing-timers)/.test(key));
    // The row of the last record waits for its end, and is known to those behind.
    expect(waiting.map((key) => key.replace(/\0.*/s, "")).sort()).toEqual(["r:early", "r:open"]);
  });
});
