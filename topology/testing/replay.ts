import { StepError } from "../../core/errors.ts";
import type { Operator, OperatorContext, Push } from "../../core/operators/operator.ts";
import { ErrorHandling } from "../../core/runtime/error_handling.ts";
import { stepError } from "../../core/runtime/operator_chain.ts";
import { type Edge, mainOutput, type NodePlan, type SubtopologyPlan } from "../../core/runtime/plan.ts";
import { TopicWriter } from "../../core/runtime/topic_writer.ts";
import { MemoryStore } from "../../core/state/memory_store.ts";
import { StepState } from "../../core/state/step_state.ts";
import type { TimerHandler, TimerOptions, TimerService } from "../../core/state/timer_service.ts";
import type { Stretch, TaskEvent, TaskRun } from "./history.ts";
import { ReplayedAsync } from "./replayed_async.ts";

/** A record that a task has to have written. */
export interface Written {
  readonly topic: string;
  /** -1 where records go to the partitions in turn: a task that is opened anew begins with the first. */
  readonly partition: number;
  readonly key: Uint8Array | null;
  readonly value: Uint8Array | null;
  /** -1 where the moment of writing was taken. */
  readonly timestamp: number;
}

/** What a task comes to when it does what it has committed once more, without any fault. */
export interface Replayed {
  readonly written: readonly Written[];
  /** By the name of the store. */
  readonly stores: ReadonlyMap<string, MemoryStore>;
  /** By the name of the metric, over all steps. */
  readonly counts: ReadonlyMap<string, number>;
}

export interface ReplayOptions {
  readonly partition: number;
  readonly stretches: readonly Stretch[];
  /** The sub-topology as each version of the program has it. */
  readonly plans: readonly SubtopologyPlan[];
  readonly tasks: number;
  readonly topicName: (topic: { readonly name: string; readonly internal: boolean }) => string;
  readonly partitionsOf: (topic: string) => number;
  readonly violated: (what: string) => void;
}

/** Does again what a task has committed, in one go: the same records, timers, watermarks and commits in the same order, on fresh state. What is written and kept has to be what the log holds, or the run was not serialisable. */
export const replay = (options: ReplayOptions): Replayed => {
  const world: World = { ...options, stores: new Map(), written: [], counts: new Map(), streamTime: Number.NEGATIVE_INFINITY };
  let network: Network | undefined;
  for (const { version, run, events } of options.stretches) {
    const isStale = network === undefined || network.version !== version || (network.beginsAnew && network.openedBy !== run);
    if (isStale) network = new Network(world, version, run);
    for (const event of events) network!.run(event);
  }
  return world;
};

/** A generator of watermarks knows what it has seen since the opening of the task, and is not part of its state. */
const hasGenerator = ({ kind }: NodePlan): boolean => kind === "withTime";

/** Schedules are told from the opening of the task on, and are not part of its state. */
const hasSchedules = ({ parameters }: NodePlan): boolean => Object.keys(parameters).some((name) => name.startsWith("schedule "));

interface World extends ReplayOptions {
  readonly stores: Map<string, MemoryStore>;
  readonly written: Written[];
  readonly counts: Map<string, number>;
  streamTime: number;
}

interface ReplayedStep {
  readonly operator: Operator | undefined;
  readonly ports: readonly Push[];
  watermark: number;
  event: ReplayedTimers | undefined;
  processing: ReplayedTimers | undefined;
}

/** Timers that are fired one by one, as the notes say. */
interface ReplayedTimers {
  readonly state: StepState;
  readonly timers: TimerService;
  readonly handler: TimerHandler;
  readonly whenLeftOut: TimerHandler;
}

/** The steps of the task, wired to each other as the runtime does it, and told by the notes what happens when. */
class Network {
  readonly version: number;
  /** It has to be made anew whenever the task was opened anew. */
  readonly beginsAnew: boolean;
  readonly openedBy: TaskRun;
  readonly #world: World;
  readonly #plan: SubtopologyPlan;
  readonly #states: ReadonlyMap<string, StepState>;
  readonly #steps: ReplayedStep[] = [];
  readonly #byName = new Map<string, ReplayedStep>();
  readonly #entries: readonly (readonly Push[])[];
  readonly #errors: ErrorHandling;
  #nowMs: number;
  #monotonicMs = 0;

  constructor(world: World, version: number, openedBy: TaskRun) {
    this.version = version;
    this.openedBy = openedBy;
    this.#nowMs = openedBy.openedAt;
    this.#world = world;
    const plan = world.plans[version]!;
    this.#plan = plan;
    this.beginsAnew = plan.nodes.some((node) => hasSchedules(node) || hasGenerator(node));
    this.#errors = new ErrorHandling(plan);
    this.#states = new Map(
      plan.nodes.flatMap(({ store }) =>
        store === undefined ? [] : [[store.name, new StepState(this.#store(store.name), store.keys)] as const],
      ),
    );
    for (let id = plan.nodes.length - 1; id >= 0; id--) {
      const step = this.#make(id);
      this.#steps[id] = step;
      this.#byName.set(plan.nodes[id]!.step, step);
    }
    this.#entries = plan.inputs.map((_, input) => this.#consumers((edge) => "input" in edge && edge.input === input));
    for (const { operator } of this.#steps) operator?.open?.();
  }

  run(event: TaskEvent): void {
    this.#nowMs = event.times ?? this.#nowMs;
    switch (event.kind) {
      case "record":
        this.#world.streamTime = Math.max(this.#world.streamTime, event.record.timestamp);
        for (const push of this.#entries[event.input]!) push(event.value, event.record);
        for (const { operator } of this.#steps) operator?.afterRecord?.();
        return;
      case "watermark": {
        const step = this.#byName.get(event.step)!;
        step.watermark = event.watermark;
        this.#checkSaid(event.step, event.watermark);
        step.operator?.onWatermark?.(event.watermark);
        return;
      }
      case "period":
        this.#monotonicMs = event.monotonicMs;
        return this.#byName.get(event.step)!.operator!.onPeriod!();
      case "clock":
        return this.#byName.get(event.step)!.operator!.onClock!(event.now);
      case "work":
        return (this.#byName.get(event.step)!.operator as ReplayedAsync).did(event.did);
      case "timer":
        return this.#fire(event);
      case "commit":
        for (const { operator } of this.#steps) operator?.onCommit?.("");
        for (const state of this.#states.values()) {
          state.seal(() => {});
          state.committed(undefined);
        }
    }
  }

  /** Behind a step that says itself how far time has come, nobody hears of a later time. */
  #checkSaid(name: string, watermark: number): void {
    const [edges, ...others] = this.#plan.nodes.find(({ step }) => step === name)!.inputs;
    const [edge, ...more] = edges ?? [];
    if (edge === undefined || "input" in edge || others.length + more.length > 0) return;
    const said = this.#steps[edge.node]!.operator?.time?.watermark ?? Number.POSITIVE_INFINITY;
    if (watermark > said)
      this.#world.violated(
        `I8: step '${name}' of task ${this.#plan.id}_${this.#world.partition} heard of ${watermark} when the step before it had come to ${said}`,
      );
  }

  #fire({ step: name, domain, timestamp, watermark, key, namespace, leftOut }: TaskEvent & { readonly kind: "timer" }): void {
    const step = this.#byName.get(name)!;
    if (domain === "event") step.watermark = watermark;
    const { state, timers, handler, whenLeftOut } = step[domain]!;
    const wrong = (why: string): void =>
      this.#world.violated(
        `I9: step '${name}' of task ${this.#plan.id}_${this.#world.partition} has fired a timer of ${timestamp} which without faults ${why}`,
      );
    const next = timers.next();
    if (next < timestamp) wrong(`would come after one of ${next}`);
    state.setKey(key);
    state.setNamespace(namespace);
    if (timers.set(timestamp)) wrong("was not set");
    timers.delete(timestamp);
    (leftOut ? whenLeftOut : handler)(timestamp);
  }

  #make(id: number): ReplayedStep {
    const world = this.#world;
    const node = this.#plan.nodes[id]!;
    const step: { -readonly [P in keyof ReplayedStep]: ReplayedStep[P] } = {
      operator: undefined,
      ports: [],
      watermark: Number.NEGATIVE_INFINITY,
      event: undefined,
      processing: undefined,
    };
    if (node.output !== undefined) {
      const topic = world.topicName(node.output.topic);
      const { partition: choice } = node.output;
      const writer = new TopicWriter({
        plan: node.output,
        step: node.step,
        topic,
        partitions: world.partitionsOf(topic),
        task: world.partition,
        outlet: {
          write: (_topic, partition, key, value, timestamp) => {
            const inTurn = choice === "round-robin" || (choice === "key" && key === null);
            const place = inTurn ? -1 : partition;
            world.written.push({ topic, partition: place, key: key?.slice() ?? null, value: value?.slice() ?? null, timestamp });
          },
        },
        now: () => -1,
        nullKeyDropped: () => this.#count("dropped_null_key", 1),
      });
      step.ports = node.inputs.map(() => writer.push);
      return step;
    }
    const output = (name: string): Push => fanOut(this.#consumers((edge) => "node" in edge && edge.node === id && edge.output === name));
    const states = this.#states;
    const now = (): number => this.#nowMs;
    const timersOf = (domain: "event" | "processing", handler: TimerHandler, options: TimerOptions = {}): TimerService => {
      const { state } = context;
      const timers = state.timers(`${domain}-timers`, handler, options);
      step[domain] = { state, timers, handler, whenLeftOut: options.leftOut ?? (() => {}) };
      return timers;
    };
    const context: OperatorContext = {
      step: node.step,
      partition: world.partition,
      partitions: world.tasks,
      emit: output(mainOutput),
      side: output,
      sideIsRead: (name) => this.#consumers((edge) => "node" in edge && edge.node === id && edge.output === name).length > 0,
      get state() {
        return states.get(node.store!.name)!;
      },
      stateOf: (store) => states.get(store)!,
      eventTimers: (handler, options) => timersOf("event", handler, options),
      processingTimers: (handler, options) => timersOf("processing", handler, options),
      watermark: () => step.watermark,
      streamTime: () => world.streamTime,
      processingTime: now,
      clock: { now, monotonic: () => this.#monotonicMs, after: () => ({ cancel: () => {} }), yield: async () => {} },
      count: (metric, by = 1) => this.#count(metric, by),
      requestCommit: () => {},
      timeMoved: () => {},
      wake: () => {},
    };
    const operator: Operator =
      node.kind === "mapAsync" ? new ReplayedAsync(context, node.parameters["order"], world.violated) : node.operator!(context);
    if (operator.work !== undefined) throw new Error(`Step '${node.step}' does something on its own that a replay cannot do again`);
    step.operator = operator;
    step.ports = operator.inputs.map((push) => this.#forgiving(push, node.step));
    return step;
  }

  /** A policy may leave out single calls that fail: then the record goes on to other steps. */
  #forgiving(push: Push, step: string): Push {
    return (value, record) => {
      try {
        push(value, record);
      } catch (thrown) {
        const error = stepError(thrown, step, value, record);
        const policy = error instanceof StepError && error.step === step ? this.#errors.policyFor(error) : undefined;
        if (policy?.kind !== "skip" || policy.scope !== "step") throw error;
      }
    };
  }

  #consumers(leadsHere: (edge: Edge) => boolean): readonly Push[] {
    return this.#plan.nodes.flatMap((node) =>
      node.inputs.flatMap((edges, port) => edges.filter(leadsHere).map(() => this.#steps[node.id]!.ports[port]!)),
    );
  }

  #store(name: string): MemoryStore {
    const { stores } = this.#world;
    let store = stores.get(name);
    if (store === undefined) stores.set(name, (store = new MemoryStore()));
    return store;
  }

  #count(metric: string, by: number): void {
    const { counts } = this.#world;
    counts.set(metric, (counts.get(metric) ?? 0) + by);
  }
}

const fanOut =
  (pushes: readonly Push[]): Push =>
  (value, record) => {
    for (const push of pushes) push(value, record);
  };
