import { MillraceError, reason, StepError } from "../errors.ts";
import type { Operator, OperatorContext, OwnWork, Push } from "../operators/operator.ts";
import type { Clock } from "../ports/clock.ts";
import type { RecordMeta } from "../record.ts";
import type { StepState } from "../state/step_state.ts";
import type { AroundTimer, TimerHandler, TimerOptions, TimerService } from "../state/timer_service.ts";
import type { Counters } from "./counters.ts";
import { type Edge, mainOutput, type NodePlan, type SubtopologyPlan } from "./plan.ts";
import type { Pending } from "./sealed_task.ts";
import { TimeGraph } from "./time_graph.ts";
import type { TopicWriter } from "./topic_writer.ts";

/** What the steps of one task need of the task. */
export interface ChainOptions {
  readonly plan: SubtopologyPlan;
  readonly partition: number;
  readonly partitions: number;
  readonly clock: Clock;
  readonly counters: Counters;
  readonly states: ReadonlyMap<string, StepState>;
  readonly streamTime: () => number;
  readonly requestCommit: () => void;
  /** Something has come from outside: the task is to look what there is to do. */
  readonly wake: () => void;
  readonly writer: (node: NodePlan) => TopicWriter;
  /** Whether a policy says that a call which failed is left out, and the record goes on to other steps. @default never */
  readonly skipsCall?: (error: StepError) => boolean;
}

interface Step {
  readonly node: NodePlan;
  readonly operator: Operator | undefined;
  readonly writer: TopicWriter | undefined;
  readonly ports: readonly Push[];
  eventTimers: TimerService | undefined;
  processingTimers: TimerService | undefined;
}

/**
 * The steps of one task, made from their factories and wired to each other by plain function calls. It is made anew whenever what was not committed is taken back, so nothing that a step holds in memory can outlive its state.
 */
export class OperatorChain {
  /** One per input of the sub-topology: where its records enter. */
  readonly entries: readonly Push[];
  readonly time: TimeGraph;
  readonly writers: readonly { readonly node: number; readonly writer: TopicWriter }[];
  readonly #steps: readonly Step[];
  /** Those that look at the Clock by themselves, and those that look at each record when it is through. */
  readonly #clocked: readonly Step[];
  readonly #watching: readonly Step[];
  /** Of the steps that do something on their own. */
  readonly #working: readonly OwnWork[];

  constructor(options: ChainOptions) {
    const { plan } = options;
    const steps: Step[] = [];
    // The last steps first, so that each finds those behind it.
    for (let id = plan.nodes.length - 1; id >= 0; id--) steps[id] = makeStep(options, id, steps, () => this.time);
    this.#steps = steps;
    this.#clocked = steps.filter(({ operator }) => operator?.nextClock !== undefined);
    this.#watching = steps.filter(({ operator }) => operator?.afterRecord !== undefined);
    this.#working = steps.flatMap(({ operator }) => operator?.work ?? []);
    this.entries = plan.inputs.map((_, input) => fanOut(consumers(plan, steps, (edge) => "input" in edge && edge.input === input)));
    this.time = new TimeGraph(
      steps.map((step) => ({ ports: step.node.inputs, operator: step.operator, eventTimers: () => step.eventTimers })),
      plan.inputs.length,
    );
    this.writers = steps.flatMap(({ writer, node }) => (writer === undefined ? [] : [{ node: node.id, writer }]));
  }

  open(): void {
    for (const { operator } of this.#steps) operator?.open?.();
  }

  close(): void {
    for (const { operator } of this.#steps) operator?.close?.();
  }

  /** Once per watermark period. */
  onPeriod(): void {
    for (const { operator } of this.#steps) operator?.onPeriod?.();
  }

  beforeCommit(commit: string): void {
    for (const { operator } of this.#steps) operator?.onCommit?.(commit);
  }

  /** The next moment of the Clock at which a timer is due, or a step has something to do on its own. */
  nextWake(): number {
    let next = Math.min(this.#earliestTimers().at, this.#earliestWork().at);
    for (const { operator } of this.#clocked) next = Math.min(next, operator!.nextClock!());
    return next;
  }

  /** True while some step wants no more records. */
  get isFull(): boolean {
    return this.#working.some((work) => work.full);
  }

  /** Records that wait in all steps for something outside; undefined where no step ever does. */
  get pending(): Pending | undefined {
    if (this.#working.length === 0) return undefined;
    let [records, bytes] = [0, 0];
    for (const { pending } of this.#working) {
      records += pending.records;
      bytes += pending.bytes;
    }
    return { records, bytes };
  }

  /** True when no step has anything left to do on its own. */
  get isFinished(): boolean {
    return this.#working.every((work) => work.finished);
  }

  /**
   * Fires timers of the Clock, the earliest over all steps first, and does what steps do on their own. It stops where event time has moved, for that comes before all else.
   * @returns false when it was interrupted
   */
  doDue(now: number, goOn: () => boolean, around: AroundTimer | undefined): boolean {
    for (;;) {
      if (this.time.advancing) return true;
      const { work, at } = this.#earliestWork();
      const { timers, at: timersAt } = this.#earliestTimers();
      if (work !== undefined && at <= now && at <= timersAt) {
        if (around === undefined) work.run();
        else
          around(
            () => work.run(),
            () => work.leaveOut(),
          );
      } else if (timers !== undefined && timersAt <= now) timers.fireNext(now, around);
      else return this.#callClocked(now, goOn, around);
      if (!goOn()) return false;
    }
  }

  #callClocked(now: number, goOn: () => boolean, around: AroundTimer | undefined): boolean {
    for (const { operator, node } of this.#clocked) {
      if (operator!.nextClock!() > now) continue;
      const call = namedTimer(() => operator!.onClock!(now), node.step);
      if (around === undefined) call(now);
      else
        around(
          () => call(now),
          () => {},
        );
      if (!goOn()) return false;
    }
    return true;
  }

  /** A record is through. */
  afterRecord(): void {
    for (const { operator, node } of this.#watching) namedTimer(() => operator!.afterRecord!(), node.step)(0);
  }

  #earliestTimers(): { readonly timers: TimerService | undefined; readonly at: number } {
    let timers: TimerService | undefined;
    let at = Number.POSITIVE_INFINITY;
    for (const { processingTimers } of this.#steps) {
      const next = processingTimers?.next() ?? Number.POSITIVE_INFINITY;
      if (next < at) {
        at = next;
        timers = processingTimers;
      }
    }
    return { timers, at };
  }

  #earliestWork(): { readonly work: OwnWork | undefined; readonly at: number } {
    let work: OwnWork | undefined;
    let at = Number.POSITIVE_INFINITY;
    for (const each of this.#working) {
      const next = each.nextAt();
      if (next < at) {
        at = next;
        work = each;
      }
    }
    return { work, at };
  }
}

const makeStep = (options: ChainOptions, id: number, behind: readonly Step[], time: () => TimeGraph): Step => {
  const { plan } = options;
  const node = plan.nodes[id]!;
  if (node.output !== undefined) {
    const writer = options.writer(node);
    return {
      node,
      operator: undefined,
      writer,
      ports: node.inputs.map(() => named(writer.push, node.step)),
      eventTimers: undefined,
      processingTimers: undefined,
    };
  }
  const step: { -readonly [P in keyof Step]: Step[P] } = {
    node,
    operator: undefined,
    writer: undefined,
    ports: [],
    eventTimers: undefined,
    processingTimers: undefined,
  };
  const outputOf = (name: string) => consumers(plan, behind, (edge) => "node" in edge && edge.node === id && edge.output === name);
  const stateOf = (store: string): StepState => {
    const state = options.states.get(store);
    if (state === undefined) throw new Error(`The plan gives task ${plan.id}_${options.partition} no store '${store}'`);
    return state;
  };
  const context: OperatorContext = {
    step: node.step,
    partition: options.partition,
    partitions: options.partitions,
    emit: fanOut(outputOf(mainOutput)),
    side: (name) => fanOut(outputOf(name)),
    sideIsRead: (name) => outputOf(name).length > 0,
    get state() {
      return stateOf(node.store?.name ?? `of step ${node.step}`);
    },
    stateOf,
    eventTimers: (handler, timerOptions) =>
      (step.eventTimers = context.state.timers("event-timers", namedTimer(handler, node.step), namedOptions(timerOptions, node.step))),
    processingTimers: (handler, timerOptions) =>
      (step.processingTimers = context.state.timers(
        "processing-timers",
        namedTimer(handler, node.step),
        namedOptions(timerOptions, node.step),
      )),
    watermark: () => time()?.watermarkOf(id) ?? Number.NEGATIVE_INFINITY,
    streamTime: options.streamTime,
    processingTime: () => options.clock.now(),
    wake: options.wake,
    timeMoved: () => time()?.moved(id),
    clock: options.clock,
    count: (metric, by = 1) => options.counters.counter(metric, { step: node.step }).add(by),
    requestCommit: options.requestCommit,
  };
  const operator = node.operator!(context);
  step.operator = operator;
  const skipped = (error: StepError): boolean => {
    if (options.skipsCall?.(error) !== true) return false;
    options.counters.counter("skipped_calls", { step: node.step }).add();
    return true;
  };
  step.ports = operator.inputs.map((push) => named(push, node.step, skipped));
  return step;
};

const consumers = (plan: SubtopologyPlan, steps: readonly Step[], leadsHere: (edge: Edge) => boolean): readonly Push[] =>
  plan.nodes.flatMap((node) => node.inputs.flatMap((edges, port) => edges.filter(leadsHere).map(() => steps[node.id]!.ports[port]!)));

const fanOut = (pushes: readonly Push[]): Push => {
  if (pushes.length === 0) return () => {};
  if (pushes.length === 1) return pushes[0]!;
  return (value, record) => {
    for (const push of pushes) push(value, record);
  };
};

/** What a step throws leaves with its name; the innermost step is the one that failed. */
const named =
  (push: Push, step: string, skipped?: (error: StepError) => boolean): Push =>
  (value, record) => {
    try {
      push(value, record);
    } catch (thrown) {
      const error = stepError(thrown, step, value, record);
      if (error instanceof StepError && error.step === step && skipped?.(error) === true) return;
      throw error;
    }
  };

const namedTimer =
  (handler: TimerHandler, step: string): TimerHandler =>
  (timestamp) => {
    try {
      handler(timestamp);
    } catch (thrown) {
      throw stepError(thrown, step, undefined, undefined);
    }
  };

const namedOptions = (options: TimerOptions = {}, step: string): TimerOptions =>
  options.leftOut === undefined ? options : { ...options, leftOut: namedTimer(options.leftOut, step) };

/** The error of the user's function, or of a step that says itself what is wrong with its input, with the place. What else the library throws stays as it is. */
export const stepError = (thrown: unknown, step: string, value: unknown, record: RecordMeta | undefined): MillraceError => {
  const ofStep = thrown instanceof StepError && thrown.step === undefined;
  if (thrown instanceof MillraceError && !ofStep) return thrown;
  return new StepError(ofStep ? `Step '${step}': ${thrown.message}` : `Step '${step}' threw: ${reason(thrown)}`, {
    step,
    value,
    cause: thrown,
    ...(record === undefined || record.offset < 0 ? {} : { topic: record.topic, partition: record.partition, offset: record.offset }),
  });
};
