import type { SubtopologyPlan } from "./plan.ts";
import type { TaskEnvironment } from "./task_environment.ts";
import type { TaskInput } from "./task_input.ts";
import type { TimeGraph } from "./time_graph.ts";

/**
 * What the inputs of one task say of event time, and when they count as idle.
 *
 * A source partition is idle when its position has stood at the partition's end for its idleness time; a repartition topic is idle when its writers say so. A task whose inputs are all idle but which holds something that waits for event
 * time must not be left behind: it takes the smallest watermark of its live siblings, and with no live sibling, where its sources ask for it, it goes on at the pace of the Clock.
 */
export class InputTimes {
  readonly #plan: SubtopologyPlan;
  readonly #partition: number;
  readonly #inputs: readonly TaskInput[];
  readonly #time: TimeGraph;
  readonly #environment: TaskEnvironment;
  readonly #told: number[];
  readonly #toldIdle: boolean[];
  readonly #advanceWhenIdle: boolean;
  /** Since when all inputs are idle: by the Clock, with the watermark of that moment. */
  #idleSince: { readonly now: number; readonly watermark: number } | undefined;

  constructor(options: {
    readonly plan: SubtopologyPlan;
    readonly partition: number;
    readonly inputs: readonly TaskInput[];
    readonly time: TimeGraph;
    readonly environment: TaskEnvironment;
  }) {
    this.#plan = options.plan;
    this.#partition = options.partition;
    this.#inputs = options.inputs;
    this.#time = options.time;
    this.#environment = options.environment;
    this.#told = options.plan.inputs.map(() => Number.NEGATIVE_INFINITY);
    this.#toldIdle = options.plan.inputs.map(() => false);
    this.#advanceWhenIdle = options.plan.inputs.some((input) => input.time?.advanceWhenIdle ?? false);
  }

  /** After opening: the steps hear where their inputs stand before the first record. */
  tell(): void {
    for (const input of this.#inputs) this.#raise(input.index, input.watermark);
    // Topics with fewer partitions than the task's number have nothing for it, and never will: as an idle one, such an input never decides how late it is.
    const present = new Set(this.#inputs.map((input) => input.index));
    this.#told.forEach((_, index) => {
      if (!present.has(index)) this.#setIdle(index, true);
    });
  }

  onRecord(input: TaskInput, value: unknown, timestamp: number): void {
    const { source } = input;
    if (source === undefined) return;
    if (this.#toldIdle[input.index]) this.#setIdle(input.index, false);
    // A deletion tells of time as any record does: a table that only loses rows would hold everybody back.
    if (source.onRecord(value, timestamp)) this.changed(input);
  }

  /** A source's generator or a writer of a repartition topic has brought something new. */
  changed(input: TaskInput): void {
    const { index } = input;
    const idle = input.vector !== undefined && !input.finished && input.vector.idle;
    // What the writers reached before they fell silent goes first: said by an idle input it would not be heard. Of silence that was broken between two of their reports only the watermark tells.
    if (!idle || input.watermark > this.#told[index]!) this.#setIdle(index, false);
    this.#raise(index, input.watermark);
    this.#setIdle(index, idle);
  }

  tick(): void {
    const { bounded } = this.#environment;
    for (const input of this.#inputs) if (input.source?.onPeriod() && !input.finished) this.#raise(input.index, input.watermark);
    this.settleEnds();
    if (bounded) return;
    const open = this.#inputs.filter((input) => !input.finished);
    if (open.length === 0) return;
    const allIdle = open.every((input) => this.#isIdle(input));
    if (!allIdle) {
      this.#idleSince = undefined;
      for (const input of open) {
        this.#setIdle(input.index, this.#isIdle(input));
        this.#raise(input.index, input.watermark);
      }
      return;
    }
    // What is held keeps the task from falling idle: it would arrive late behind it. So time goes on as the siblings' does.
    if (this.#time.holds()) {
      this.#idleSince ??= { now: this.#environment.clock.now(), watermark: this.watermark };
      const watermark = this.#borrowed(this.#idleSince);
      if (watermark === undefined) return;
      for (const { index } of open) {
        this.#setIdle(index, false);
        this.#raise(index, watermark);
      }
    } else for (const { index } of open) this.#setIdle(index, true);
  }

  #borrowed(since: { readonly now: number; readonly watermark: number }): number | undefined {
    const sibling = this.#environment.siblingWatermark(this.#plan.id, this.#partition);
    if (sibling !== undefined) {
      // Live siblings set the pace; when they have gone, the Clock goes on from here.
      this.#idleSince = { now: this.#environment.clock.now(), watermark: Math.max(since.watermark, sibling) };
      return sibling;
    }
    if (!this.#advanceWhenIdle || since.watermark === Number.NEGATIVE_INFINITY) return undefined;
    return since.watermark + (this.#environment.clock.now() - since.now);
  }

  /** The smallest watermark over the inputs that are not idle; over all when all are. */
  get watermark(): number {
    let live = Number.POSITIVE_INFINITY;
    let any = false;
    let highest = Number.NEGATIVE_INFINITY;
    for (const input of this.#inputs) {
      const told = this.#told[input.index]!;
      if (told > highest) highest = told;
      if (this.#isIdle(input)) continue;
      any = true;
      live = Math.min(live, told);
    }
    return any ? live : highest;
  }

  /** Every input is idle, whatever the task tells the steps behind. */
  get allIdle(): boolean {
    return !this.finished && this.#inputs.every((input) => input.finished || this.#isIdle(input));
  }

  /** Every input is at its end, and the steps have been told so: what the end sets off is under way or done. */
  get finished(): boolean {
    return this.#inputs.every((input) => input.finished && input.isEmpty && this.#told[input.index] === Number.POSITIVE_INFINITY);
  }

  /** Inputs at their end bring their infinite watermark; true when one did. */
  settleEnds(): boolean {
    let changed = false;
    for (const input of this.#inputs) {
      const { index } = input;
      if (!input.finished || this.#told[index] === Number.POSITIVE_INFINITY) continue;
      this.#setIdle(index, false);
      this.#raise(index, Number.POSITIVE_INFINITY);
      changed = true;
    }
    return changed;
  }

  /** The advance is finished: this is what may be stored. */
  advanced(): void {
    for (const input of this.#inputs) {
      const told = this.#told[input.index]!;
      if (told > input.doneWatermark && told !== Number.POSITIVE_INFINITY) input.doneWatermark = told;
    }
  }

  #isIdle(input: TaskInput): boolean {
    return input.vector === undefined ? input.idle : input.vector.idle;
  }

  #raise(index: number, watermark: number): void {
    if (watermark <= this.#told[index]!) return;
    this.#told[index] = watermark;
    this.#time.inputWatermark(index, watermark);
  }

  #setIdle(index: number, idle: boolean): void {
    if (this.#toldIdle[index] === idle) return;
    this.#toldIdle[index] = idle;
    this.#time.inputStatus(index, idle);
    // What was said while the channel was idle did not count; it is said again.
    if (!idle) this.#time.inputWatermark(index, this.#told[index]!);
  }
}
