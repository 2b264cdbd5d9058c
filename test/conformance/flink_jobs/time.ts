import { millis } from "millrace";
import { timeHarness } from "millrace/testing";
import type { Outcome, TimeOutput } from "../vector.ts";
import { shownTime } from "./shapes.ts";

/** Event time alone: the splits of a source, and readers that are held together. */
export const interpretTime = (job: any, inputs: readonly any[]): Outcome => {
  const time = timeHarness(job.maxDrift === undefined ? {} : { alignment: { maxDrift: millis(job.maxDrift) } });
  const watermarks: TimeOutput[] = [];
  for (const [step, input] of inputs.entries()) {
    if (input.subtask !== undefined) {
      const before = time.slowest;
      time.report(input.subtask, input.reportedWatermark);
      const aligned = { aggregated: time.slowest!, changed: time.slowest !== before, maxAllowedWatermark: time.maxAllowed };
      watermarks.push({ step, ...aligned });
      continue;
    }
    const emit = input.mode === "deferred" ? "periodically" : "now";
    if (input.register !== undefined) time.register(input.register);
    else if (input.unregister !== undefined) time.unregister(input.unregister);
    else if (input.periodicEmit) time.periodicEmit();
    else if (input.splitIdle !== undefined) time.split(input.split, { idle: input.splitIdle, emit });
    else time.split(input.split, { watermark: input.splitWatermark, emit });
    for (const said of time.read()) if (typeof said === "number") watermarks.push({ step, watermark: shownTime(said) });
    // Flink's multiplexer says that all are idle whenever it finds it, and nothing when they are not any more: that is for who hears it to find out.
    if (time.idle && (input.periodicEmit || (input.splitIdle !== undefined && emit === "now"))) watermarks.push({ step, status: "idle" });
  }
  return { out: [], late: [], timeouts: [], ...(watermarks.length === 0 ? {} : { watermarks }) };
};
