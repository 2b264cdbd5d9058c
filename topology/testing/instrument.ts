import { fail } from "../../core/error_policy.ts";
import type { OperatorContext, OperatorFactory, Push } from "../../core/operators/operator.ts";
import type { Clock } from "../../core/ports/clock.ts";
import type { RecordMeta } from "../../core/record.ts";
import {
  type Edge,
  mainOutput,
  type NodePlan,
  type OutputPlan,
  type Plan,
  type SinkPlan,
  type SubtopologyPlan,
} from "../../core/runtime/plan.ts";
import type { TimerHandler, TimerOptions } from "../../core/state/timer_service.ts";
import type { History, TaskRun } from "./history.ts";
import type { Lent } from "./lent_log.ts";
import { notedWork } from "./noted_work.ts";
import { recordText } from "./record_text.ts";

/**
 * The same plan, in which every task notes what sets it off: a step in front of each input notes the records, and around each step its timers and watermarks are noted. Nothing else is different, so state and topics are those of the plan itself.
 *
 * @param version of the program, where several run
 * @param belongings of the process: steps and tasks that are opened, and closed
 */
export const instrument = (plan: Plan, version: number, history: History, belongings: Belongings): Plan => ({
  ...plan,
  subtopologies: plan.subtopologies.map((one) =>
    one.sink === undefined
      ? withTaps(one, new Runs(one, version, history, belongings), history.isSerial)
      : { ...one, sink: noted(one.sink, one, history) },
  ),
});

/** What a process has. */
export interface Belongings {
  readonly lent: Lent;
  readonly runs: Set<TaskRun>;
}

/** The runs of the tasks of one sub-topology, in one process. A task makes its steps from the last one to the first, which is the tap of its first input: then the run is complete. */
class Runs {
  readonly #plan: SubtopologyPlan;
  readonly #version: number;
  readonly #history: History;
  readonly #opening = new Map<number, TaskRun>();
  readonly lent: Lent;
  /** Of tasks that are open. */
  readonly #alive: Set<TaskRun>;

  constructor(plan: SubtopologyPlan, version: number, history: History, { lent, runs }: Belongings) {
    this.lent = lent;
    this.#alive = runs;
    this.#plan = plan;
    this.#version = version;
    this.#history = history;
  }

  of(partition: number): TaskRun {
    let run = this.#opening.get(partition);
    if (run === undefined) {
      run = this.#history.openRun(`${this.#plan.id}_${partition}`, this.#version);
      this.#opening.set(partition, run);
    }
    return run;
  }

  last(partition: number): TaskRun {
    const run = this.of(partition);
    this.#opening.delete(partition);
    return run;
  }

  opened(run: TaskRun): void {
    this.#alive.add(run);
  }

  closed(run: TaskRun): void {
    this.#alive.delete(run);
  }

  sealed(run: TaskRun, commit: string): void {
    this.#history.sealed(run, commit);
  }
}

const withTaps = (plan: SubtopologyPlan, runs: Runs, isSerial: boolean): SubtopologyPlan => {
  const nodes = isSerial ? plan.nodes : withEffectTaps(plan.nodes, runs);
  const taps = plan.inputs.length;
  const moved = (edge: Edge): Edge =>
    "input" in edge ? { node: edge.input, output: mainOutput } : { node: edge.node + taps, output: edge.output };
  return {
    ...plan,
    nodes: [
      ...plan.inputs.map(
        (input, i): NodePlan => ({
          id: i,
          step: tapOf(plan.id, i, plan.inputs),
          kind: "tap",
          parameters: {},
          inputs: [[{ input: i }]],
          operator: tap(i, input.putOff !== undefined, runs),
          onError: fail(),
        }),
      ),
      ...nodes.map(
        (node): NodePlan => ({
          ...node,
          id: node.id + taps,
          inputs: node.inputs.map((edges) => edges.map(moved)),
          ...(node.operator === undefined || node.kind === "tap" ? {} : { operator: watched(node.step, node.operator, runs) }),
        }),
      ),
    ],
  };
};

/** The name of the step in front of an input. */
export const tapOf = (subtopology: number, input: number, inputs: SubtopologyPlan["inputs"]): string =>
  `input ${input} of ${subtopology} (${inputs[input]!.step})`;

/** In front of each output one step more, which notes what is sent there. */
const withEffectTaps = (nodes: readonly NodePlan[], runs: Runs): readonly NodePlan[] => {
  const places: number[] = [];
  let place = 0;
  for (const { output } of nodes) {
    if (output !== undefined) place++;
    places.push(place++);
  }
  const moved = (edge: Edge): Edge => ("input" in edge ? edge : { node: places[edge.node]!, output: edge.output });
  return nodes.flatMap((node, i): readonly NodePlan[] => {
    const id = places[i]!;
    const inputs = node.inputs.map((edges) => edges.map(moved));
    if (node.output === undefined) return [{ ...node, id, inputs }];
    const before: NodePlan = {
      id: id - 1,
      step: `before ${node.step}`,
      kind: "tap",
      parameters: {},
      inputs,
      operator: effectTap(node.output, inputs.length, runs),
      onError: fail(),
    };
    return [before, { ...node, id, inputs: [[{ node: id - 1, output: mainOutput }]] }];
  });
};

const effectTap =
  (output: OutputPlan, ports: number, runs: Runs): OperatorFactory =>
  ({ partition, emit }) => {
    const run = runs.of(partition);
    const { topic, rekey, dropNullKeys } = output;
    const push: Push = (value, record) => {
      const newKey = rekey === undefined ? record.key : rekey(value, record);
      emit(value, record);
      if (newKey == null && dropNullKeys) return;
      const [key, text] = recordText(output, newKey, value);
      run.effect({ topic, key, value: text });
    };
    return { inputs: Array.from({ length: ports }, () => push) };
  };

const tap =
  (input: number, mayBePutOff: boolean, runs: Runs): OperatorFactory =>
  (context) => {
    const run = input === 0 ? runs.last(context.partition) : runs.of(context.partition);
    return {
      inputs: [
        (value, record) =>
          run.within(() => {
            run.begin({ kind: "record", input, value, record, mayBePutOff });
            context.emit(value, record);
          }),
      ],
      onWatermark: (watermark) => {
        run.heard.set(context.step, watermark);
        run.inputWatermark(input, watermark);
      },
      ...(input === 0 && {
        open: () => runs.opened(run),
        close: () => runs.closed(run),
        onCommit: (commit: string) => {
          run.begin({ kind: "commit" });
          runs.sealed(run, commit);
        },
      }),
    };
  };

const watched =
  (step: string, factory: OperatorFactory, runs: Runs): OperatorFactory =>
  (context) => {
    const { clock } = context;
    const run = runs.of(context.partition);
    const now = (): number => run.time(context.processingTime());
    run.openedAt = context.processingTime();
    const noting =
      (domain: "event" | "processing", handler: TimerHandler, leftOut = false): TimerHandler =>
      (timestamp) =>
        run.within(() => {
          const { key, namespace } = context.state;
          run.begin({ kind: "timer", step, domain, timestamp, watermark: context.watermark(), key, namespace, leftOut });
          handler(timestamp);
        });
    const options = (domain: "event" | "processing", { leftOut = () => {}, ...others }: TimerOptions = {}): TimerOptions => ({
      ...others,
      leftOut: noting(domain, leftOut, true),
    });
    let look: Push | undefined;
    // What the context computes when it is asked must not be asked for here.
    const same = Object.defineProperties({}, Object.getOwnPropertyDescriptors(context)) as OperatorContext;
    const around: OperatorContext = Object.assign(same, {
      emit: (value: unknown, record: RecordMeta) => {
        look?.(value, record);
        context.emit(value, record);
      },
      processingTime: now,
      clock: {
        now,
        monotonic: () => clock.monotonic(),
        after: (delayMs: number, callback: () => void) => clock.after(delayMs, callback),
        yield: () => clock.yield(),
      } satisfies Clock,
      eventTimers: (handler: TimerHandler, given?: TimerOptions) => context.eventTimers(noting("event", handler), options("event", given)),
      processingTimers: (handler: TimerHandler, given?: TimerOptions) =>
        context.processingTimers(noting("processing", handler), options("processing", given)),
    });
    const operator = factory(around);
    const { united, time, work } = operator;
    if (time !== undefined) run.said.set(step, () => time.watermark);
    return {
      inputs: operator.inputs,
      ...(united !== undefined && { united }),
      ...(time !== undefined && { time }),
      ...(work !== undefined && {
        work: notedWork(work, {
          step,
          run,
          watermark: () => time?.watermark,
          lookAtResults: (at) => {
            look = at;
          },
        }),
      }),
      open: () => {
        runs.lent.open("steps");
        operator.open?.();
      },
      close: () => {
        runs.lent.close("steps");
        operator.close?.();
      },
      onIdle: (idle) => operator.onIdle?.(idle),
      onWatermark: (watermark) =>
        run.within(() => {
          run.heard.set(step, watermark);
          run.begin({ kind: "watermark", step, watermark });
          operator.onWatermark?.(watermark);
        }),
      ...(operator.onPeriod && {
        onPeriod: () => {
          run.begin({ kind: "period", step, monotonicMs: context.clock.monotonic() });
          operator.onPeriod!();
        },
      }),
      // Belongs to the record that it is called for, and fails with it.
      ...(operator.afterRecord && { afterRecord: () => run.within(() => operator.afterRecord!()) }),
      ...(operator.nextClock && { nextClock: () => operator.nextClock!() }),
      ...(operator.onClock && {
        onClock: (moment: number) =>
          run.within(() => {
            run.begin({ kind: "clock", step, now: moment });
            operator.onClock!(moment);
          }),
      }),
      onCommit: (commit) => operator.onCommit?.(commit),
      holds: () => operator.holds?.() ?? false,
    };
  };

/** What a system outside has been given, whether it is given again or not. */
const noted = (sink: SinkPlan, plan: SubtopologyPlan, history: History): SinkPlan => {
  const { writer } = sink;
  const [input] = plan.inputs;
  return {
    ...sink,
    writer: {
      ...(writer.open && { open: () => writer.open!() }),
      ...(writer.close && { close: () => writer.close!() }),
      write: async (batch, signal) => {
        await writer.write(batch, signal);
        for (const { key, value } of batch) history.wroteOutside(sink.name, recordText(input!, key, value).join(" = "));
      },
    },
  };
};
