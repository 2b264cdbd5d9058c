import type { OperatorFactory } from "../../../core/operators/operator.ts";
import { noTimestamp } from "../../../core/record.ts";
import { OperatorHarness } from "../../support/operator_harness.ts";
import { type FlinkOutput, type FlinkVector, outputs } from "./vectors.ts";

export interface Outcome {
  readonly out: readonly FlinkOutput[];
  readonly side: readonly FlinkOutput[];
}

/**
 * Runs a scenario through one operator. Results of processing-time timers have no timestamp in Flink; here they have the timer's, which is looked at and then left out.
 * @param options `restarting` commits and starts anew after every step; `keyOf` replaces the keys.
 */
export const play = (
  factory: OperatorFactory,
  { inputs }: Pick<FlinkVector, "inputs">,
  options: { readonly ports?: number; readonly restarting?: boolean; readonly keyOf?: (key: string) => unknown } = {},
): Outcome => {
  const harness = new OperatorHarness(factory);
  const { ports = 1, restarting = false, keyOf = (key) => key } = options;
  const watermarks: number[] = new Array(ports).fill(Number.NEGATIVE_INFINITY);
  const idleInputs = new Set<number>();
  let combined = Number.NEGATIVE_INFINITY;
  // As Flink joins the inputs of one operator: the smallest of those that are active, the largest when none is, and never less than before.
  const tell = (again: boolean): void => {
    const active = watermarks.filter((_, port) => !idleInputs.has(port));
    const smallest = active.length === 0 ? Math.max(...watermarks) : Math.min(...active);
    if (smallest < combined || (smallest === combined && !again)) return;
    combined = smallest;
    harness.watermark(combined);
  };
  const out: FlinkOutput[] = [];
  const side: FlinkOutput[] = [];
  inputs.forEach(({ element, input, watermark, processingTime, idle, snapshotRestore }, step) => {
    if (element !== undefined) harness.record(keyOf(element.key), element.value, element.timestamp ?? noTimestamp, (input ?? 1) - 1);
    if (processingTime !== undefined) harness.processingTime(processingTime);
    if (watermark !== undefined) {
      const time = watermark === "+inf" ? Number.POSITIVE_INFINITY : watermark;
      for (let port = 0; port < ports; port++)
        if (input === undefined || input === port + 1) watermarks[port] = Math.max(watermarks[port]!, time);
      // An operator of one input fires what was set in the past even when it is told the same time again.
      tell(ports === 1);
    }
    if (idle !== undefined) {
      if (idle) idleInputs.add(input! - 1);
      else idleInputs.delete(input! - 1);
      tell(false);
    }
    if (snapshotRestore || restarting) {
      harness.commit();
      harness.abort();
    }
    // A restored operator of Flink's has not seen a watermark yet.
    if (snapshotRestore) {
      combined = Number.NEGATIVE_INFINITY;
      watermarks.fill(combined);
      harness.watermark(combined);
    }
    const untimed = processingTime !== undefined;
    out.push(...outputs(step, harness.take()).map((output) => (untimed ? withoutTime(output) : output)));
    side.push(...outputs(step, harness.side("side").splice(0)));
  });
  return { out, side };
};

const withoutTime = (output: FlinkOutput): FlinkOutput => {
  if (output.value.timer !== undefined && output.value.timer !== output.timestamp)
    throw new Error(`A result of the timer at ${output.value.timer} has the timestamp ${output.timestamp}`);
  return { ...output, timestamp: null };
};
