import { type AnyStream, millis } from "millrace";
import { type HarnessOptions, harness, input } from "millrace/testing";
import type { Outcome, Output, TimeOutput } from "../vector.ts";
import { jobs } from "./jobs.ts";
import { type Driven, type Element, type Job, type Lists, type Shown, shownTime, shownTimestamp } from "./shapes.ts";
import { interpretTime } from "./time.ts";

type List = keyof Lists;

/**
 * Builds the job of a vector of Flink's with the library's own words, and does to it what the vector says.
 * @param options `restartAfter`: after such steps the job starts anew from a snapshot, and hears again how far event time is
 */
export const interpretFlink = async (
  vector: any,
  options: { readonly restartAfter?: (step: number) => boolean } = {},
): Promise<Outcome> => {
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
  for (const [step, happening] of (inputs as readonly any[]).entries()) {
    try {
      await run.step(happening);
    } catch (thrown) {
      if (thrown instanceof UnknownInput) throw thrown;
      // What a failed step has given is not seen.
      return run.outcome({ step, message: messageOf(thrown) });
    }
    run.collect(step);
    if (options.restartAfter?.(step)) run.restart();
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
  readonly #lists: Record<List, Output[]> = { out: [], late: [], timeouts: [], lateRight: [], side: [] };
  readonly #watermarks: TimeOutput[] = [];
  readonly #records: boolean;
  readonly #options: HarnessOptions;
  /** What was said of event time at each input last. */
  readonly #told = new Map<string, { watermark: number; idle: boolean }>();
  #now = 0;
  #seq = 0;
  #job!: Job;
  #test!: Driven;
  #given: readonly List[] = [];

  constructor(job: any) {
    this.#records = recorded.has(job.op) || job.unionInputs !== undefined;
    const { autoWatermarkInterval: every } = job;
    this.#options = every === undefined ? {} : { watermarkPeriod: millis(every > 0 ? every : Number.MAX_SAFE_INTEGER) };
  }

  start(job: Job): void {
    this.#job = job;
    this.#begin(this.#options);
  }

  #begin(options: HarnessOptions): void {
    const { inputs, channels, describe } = this.#job;
    const declared = inputs.map((name) => [name, input<Element>(channels === undefined ? {} : { channels })] as const);
    const test = harness(
      Object.fromEntries(declared),
      (streams): { readonly [output: string]: AnyStream<Shown> } => {
        const lists = describe(streams);
        this.#given = Object.keys(lists) as List[];
        return lists as Required<Lists>;
      },
      options,
    );
    this.#test = test as unknown as Driven;
  }

  async step(input: any): Promise<void> {
    const test = this.#test;
    const { inputs, channels, complete } = this.#job;
    const time = input.watermark === "+inf" ? Number.POSITIVE_INFINITY : input.watermark;
    const channel = channels !== undefined && input.input !== undefined ? input.input - 1 : undefined;
    const name = channels !== undefined ? inputs[0]! : inputs[(input.input ?? 1) - 1]!;
    if (input.element !== undefined) {
      const { key, value, timestamp } = input.element;
      test.element(name, { key, value, timestamp }, { key, ...(timestamp === undefined ? {} : { timestamp }) });
    } else if (input.watermark !== undefined) {
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
    } else if ("complete" in input && complete !== undefined) {
      complete(input.complete, input.results);
      await test.settle();
    } else throw new UnknownInput(`Unknown input ${JSON.stringify(input)}`);
  }

  restart(): void {
    this.#restore();
    const test = this.#test;
    for (const [name, { watermark }] of this.#told) if (watermark !== Number.NEGATIVE_INFINITY) test.watermark(watermark, name);
    for (const [name, { idle }] of this.#told) if (idle) test.idle(name, true);
  }

  #restore(): void {
    this.#begin({ ...this.#options, restore: this.#test.snapshot(), processingTime: this.#now });
  }

  #tell(name: string): { watermark: number; idle: boolean } {
    let told = this.#told.get(name);
    if (told === undefined) this.#told.set(name, (told = { watermark: Number.NEGATIVE_INFINITY, idle: false }));
    return told;
  }

  /** What has come out belongs to this step. */
  collect(step: number): void {
    const test = this.#test;
    const { timed = [] } = this.#job;
    const shown = (list: List, record: Put): Output =>
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
    for (const list of this.#given) if (list !== "out") for (const record of test.read(list)) this.#lists[list].push(shown(list, record));
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
