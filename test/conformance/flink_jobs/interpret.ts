import { millis } from "millrace";
import type { HarnessOptions } from "millrace/testing";
import type { Outcome, Output, TimeOutput } from "../vector.ts";
import { jobs } from "./jobs.ts";
import { type Shown, type Stage, type Start, shownTime, shownTimestamp } from "./shapes.ts";
import { interpretTime } from "./time.ts";

type Lists = { [L in "out" | "late" | "timeouts" | "lateRight" | "side"]: Output[] };

/**
 * Builds the job of a vector of Flink's with the library's own words, and does to it what the vector says.
 * @param options `restarting`: after each step the job starts anew from a snapshot, and hears again how far event time is
 */
export const interpretFlink = async (vector: any, options: { readonly restarting?: boolean } = {}): Promise<Outcome> => {
  const { job, inputs } = vector;
  if (job.op === "watermarkMultiplexer" || job.op === "watermarkAlignment") return interpretTime(job, inputs);
  const build = jobs[job.op];
  if (build === undefined) throw new Error(`There is no job '${job.op}': there are ${Object.keys(jobs).join(", ")}`);
  const run = new Run(job);
  try {
    run.start(build(job));
  } catch (thrown) {
    return run.outcome({ step: -1, message: messageOf(thrown) });
  }
  for (const [step, input] of (inputs as readonly any[]).entries()) {
    try {
      await run.step(input);
    } catch (thrown) {
      if (thrown instanceof UnknownInput) throw thrown;
      // What a failed step has given is not seen.
      return run.outcome({ step, message: messageOf(thrown) });
    }
    run.collect(step);
    if (options.restarting) run.restart();
  }
  return run.outcome(undefined);
};

class UnknownInput extends Error {}

/** Flink's harness records watermarks of these jobs. */
const recorded = new Set([
  "async",
  "keyedBroadcast",
  "coMap",
  "coProcess",
  "keyedCoProcess",
  "watermarkValve",
  "assignTimestampsAndWatermarks",
]);

class Run {
  readonly #lists: Lists = { out: [], late: [], timeouts: [], lateRight: [], side: [] };
  readonly #watermarks: TimeOutput[] = [];
  readonly #records: boolean;
  readonly #options: HarnessOptions;
  /** What was said of event time at each input last. */
  readonly #told = new Map<string, { watermark: number; idle: boolean }>();
  #now = 0;
  #seq = 0;
  #start!: Start;
  #stage!: Stage;

  constructor(job: any) {
    this.#records = recorded.has(job.op) || job.unionInputs !== undefined;
    const { autoWatermarkInterval: every } = job;
    this.#options = every === undefined ? {} : { watermarkPeriod: millis(every > 0 ? every : Number.MAX_SAFE_INTEGER) };
  }

  start(start: Start): void {
    this.#start = start;
    this.#stage = start(this.#options);
  }

  async step(input: any): Promise<void> {
    const { test, channels } = this.#stage;
    const time = input.watermark === "+inf" ? Number.POSITIVE_INFINITY : input.watermark;
    const channel = channels && input.input !== undefined ? input.input - 1 : undefined;
    const name = channels ? this.#stage.inputs[0]! : this.#stage.inputs[(input.input ?? 1) - 1]!;
    if (input.element !== undefined) {
      const { key, value, timestamp } = input.element;
      test.element(name, { key, value, timestamp }, { key, ...(timestamp === undefined ? {} : { timestamp }) });
    } else if (input.watermark !== undefined) {
      const { inputs } = this.#stage;
      for (const each of input.input === undefined ? inputs : [name]) {
        const told = this.#tell(each);
        told.watermark = inputs.length > 1 ? Math.max(told.watermark, time) : time;
      }
      test.watermark(time, input.input === undefined ? undefined : name, channel);
    } else if (input.processingTime !== undefined) {
      this.#now = input.processingTime;
      test.processingTime(this.#now);
    } else if (input.idle !== undefined) {
      this.#tell(name).idle = input.idle;
      test.idle(name, input.idle, channel);
    } else if (input.snapshotRestore) {
      this.#restore();
      this.#told.clear();
    } else if ("complete" in input && this.#stage.complete !== undefined) {
      this.#stage.complete(input.complete, input.results);
      await test.settle();
    } else throw new UnknownInput(`Unknown input ${JSON.stringify(input)}`);
  }

  restart(): void {
    this.#restore();
    const { test } = this.#stage;
    for (const [name, { watermark }] of this.#told) if (watermark !== Number.NEGATIVE_INFINITY) test.watermark(watermark, name);
    for (const [name, { idle }] of this.#told) if (idle) test.idle(name, true);
  }

  #restore(): void {
    this.#stage = this.#start({ ...this.#options, restore: this.#stage.test.snapshot(), processingTime: this.#now });
  }

  #tell(name: string): { watermark: number; idle: boolean } {
    let told = this.#told.get(name);
    if (told === undefined) this.#told.set(name, (told = { watermark: Number.NEGATIVE_INFINITY, idle: false }));
    return told;
  }

  /** What has come out belongs to this step. */
  collect(step: number): void {
    const { test, also, timed = [] } = this.#stage;
    const shown = (list: keyof Lists, record: Put): Output =>
      output(
        step,
        record,
        timed.some((one) => one === list),
      );
    for (const event of test.events("out")) {
      const place = this.#records ? { seq: this.#seq++ } : {};
      if (event.kind === "record") this.#lists.out.push({ ...shown("out", event.record), ...place });
      else if (!this.#records) continue;
      else if (event.kind === "watermark") this.#watermarks.push({ step, ...place, watermark: shownTime(event.watermark) });
      else this.#watermarks.push({ step, ...place, status: event.kind });
    }
    for (const list of also) for (const record of test.read(list)) this.#lists[list].push(shown(list, record));
  }

  outcome(error: Outcome["error"]): Outcome {
    const { out, late, timeouts, lateRight, side } = this.#lists;
    return {
      out,
      late,
      timeouts,
      ...(lateRight.length === 0 ? {} : { lateRight }),
      ...(side.length === 0 ? {} : { side }),
      ...(this.#watermarks.length === 0 ? {} : { watermarks: this.#watermarks }),
      ...(error === undefined ? {} : { error }),
    };
  }
}

interface Put {
  readonly value: Shown;
  readonly timestamp: number;
}

const output = (step: number, { value, timestamp }: Put, timed: boolean): Output => ({
  step,
  timestamp: value.untimed ? null : timed ? shownTime(timestamp) : shownTimestamp(timestamp),
  value: value.value,
});

const messageOf = (thrown: unknown): string => (thrown instanceof Error ? thrown.message : String(thrown));
