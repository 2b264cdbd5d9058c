import { describe, expect, it } from "@jest/globals";
import { millis, seconds } from "../../../core/duration.ts";
import { count } from "../../../core/state/aggregator.ts";
import { onUpdate } from "../../../core/window/revision.ts";
import { session } from "../../../core/window/session.ts";
import { tumbling } from "../../../core/window/tumbling.ts";
import { windowOperator } from "../../../core/window/window_operator.ts";
import { OperatorHarness } from "../../support/operator_harness.ts";

const keys = 20;
const secondsKept = 60;

describe("windows that are rows of a table", () => {
  for (const assigner of [tumbling({ size: seconds(1) }), session({ gap: millis(400) })])
    for (const restartEvery of [Number.POSITIVE_INFINITY, 37])
      it(`${assigner.name}: are let go of soon after nobody can see them any more${restartEvery < 100 ? ", restarts or not" : ""}`, () => {
        const harness = new OperatorHarness(
          windowOperator({ assigner, contents: { kind: "aggregate", aggregator: count() }, revision: { emit: onUpdate() } }),
        );
        let most = 0;
        for (let second = 0; second < 400; second++) {
          for (let key = 0; key < keys; key++) harness.record(`k${key}`, 1, second * 1000 + key);
          harness.commit();
          if (second % restartEvery === restartEvery - 1) harness.restart();
          most = Math.max(most, harness.store.approximateEntries);
        }
        // A round is over when half as many records have come as there are rows: less than half of the rows wait for it, and as many may have come too late for the one before.
        expect(most).toBeLessThan(keys * secondsKept * 2);
        expect(most).toBeGreaterThan(keys * secondsKept);
      });
});
