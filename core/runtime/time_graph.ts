import type { Operator } from "../operators/operator.ts";
import type { AroundTimer, TimerService } from "../state/timer_service.ts";
import { CombinedWatermark, type PartTime } from "../time/combined_watermark.ts";
import { Valve } from "../time/valve.ts";
import type { Edge } from "./plan.ts";

/** What the graph needs of one step. */
export interface TimedStep {
  /** Per input port the edges that lead to it. */
  readonly ports: readonly (readonly Edge[])[];
  readonly operator: Operator | undefined;
  /** Asked anew each time, since an operator may ask for its timers late. */
  eventTimers(): TimerService | undefined;
}

class TimeNode {
  readonly step: TimedStep;
  /** One per port: several edges at one port are a union. */
  readonly valves: readonly Valve[];
  /** Where its watermark goes. */
  readonly next: Channel[] = [];
  /** What the step sees while its timers fire. */
  current = Number.NEGATIVE_INFINITY;
  /** What it has finished with. */
  seen = Number.NEGATIVE_INFINITY;
  /** What it has told the steps behind. */
  done = Number.NEGATIVE_INFINITY;
  /** All ports are idle, as far as the step has heard. */
  idle = false;
  /** What it has told the steps behind. */
  idleDone = false;
  dirty = false;
  /** The watermark that waits was said without a valve in front: it counts whatever it is. */
  overruled = false;
  /** Joins the ports of a step for which they are one stream. */
  readonly union: Valve | undefined;
  readonly #ports: CombinedWatermark = new CombinedWatermark();
  readonly #parts: readonly PartTime[];

  constructor(step: TimedStep) {
    this.step = step;
    this.valves = step.ports.map((edges) => new Valve(edges.length));
    this.union = step.operator?.united ? new Valve(this.valves.length) : undefined;
    this.#parts = this.valves.map(() => this.#ports.add());
  }

  /** What it had finished with when it was committed last. */
  committed = Number.NEGATIVE_INFINITY;

  get watermark(): number {
    return Math.max(this.committed, this.#joined);
  }

  /** Several edges lead to it, so that it may be further than what each of them says now. */
  get joins(): boolean {
    return this.valves.reduce((edges, { channels }) => edges + channels, 0) > 1;
  }

  /** The ports are joined: one that comes back from idleness counts at once, a channel of a union only when it has caught up. */
  get #joined(): number {
    const { valves, union } = this;
    if (valves.length === 1) return valves[0]!.watermark;
    if (union !== undefined) {
      valves.forEach(({ watermark, idle }, port) => {
        if (!idle) union.inputStatus(port, false);
        union.inputWatermark(port, watermark);
        if (idle) union.inputStatus(port, true);
      });
      return union.watermark;
    }
    for (let i = 0; i < valves.length; i++) {
      const part = this.#parts[i]!;
      part.watermark = valves[i]!.watermark;
      part.idle = valves[i]!.idle;
    }
    this.#ports.combine();
    return this.#ports.watermark;
  }

  get allIdle(): boolean {
    return this.valves.every((valve) => valve.idle);
  }
}

/** One edge, seen from where it ends. */
interface Channel {
  readonly node: TimeNode;
  readonly valve: Valve;
  readonly channel: number;
}

const hearIdle = (node: TimeNode, idle: boolean): void => {
  if (node.idle === idle) return;
  node.idle = idle;
  node.step.operator?.onIdle?.(idle);
};

const tellIdle = (node: TimeNode, idle: boolean): void => {
  if (node.idleDone === idle) return;
  node.idleDone = idle;
  for (const { node: next, valve, channel } of node.next) if (valve.inputStatus(channel, idle)) next.dirty = true;
};

/**
 * Carries watermarks and idleness through the steps of one task, in topological order: a step sees the new watermark, fires its timers, and only then tells the steps behind. The advance can be interrupted between two timers
 * and goes on where it was; until it is finished the old watermarks are what the task stores and sends.
 */
export class TimeGraph {
  readonly #nodes: readonly TimeNode[];
  readonly #inputs: Channel[][];
  #dirty = false;

  constructor(steps: readonly TimedStep[], inputs: number) {
    const nodes = steps.map((step) => new TimeNode(step));
    this.#nodes = nodes;
    this.#inputs = Array.from({ length: inputs }, () => []);
    for (const node of nodes)
      node.step.ports.forEach((edges, port) => {
        edges.forEach((edge, channel) => {
          ("input" in edge ? this.#inputs[edge.input]! : nodes[edge.node]!.next).push({ node, valve: node.valves[port]!, channel });
        });
      });
  }

  inputWatermark(input: number, watermark: number): void {
    for (const { node, valve, channel } of this.#inputs[input]!) if (valve.inputWatermark(channel, watermark)) this.#touch(node);
  }

  /**
   * Tells the first steps behind an input a watermark as an operator hears it that has no valve in front: one that does not rise is heard as well, and fires what was set in the past. For tests of operators; in a run time never falls.
   */
  overrule(input: number, watermark: number): void {
    for (const channel of this.#inputs[input]!) if (this.#overrule(channel, watermark)) this.#touch(channel.node);
  }

  inputStatus(input: number, idle: boolean): void {
    for (const { node, valve, channel } of this.#inputs[input]!) if (valve.inputStatus(channel, idle)) this.#touch(node);
  }

  /** True while an advance is not finished: no record may be handled before it is. */
  get advancing(): boolean {
    return this.#dirty;
  }

  /**
   * Fires what is due and passes watermarks on. After each timer `goOn` is asked; when it says no the advance stops there and false is returned.
   * @param around runs each timer
   */
  advance(goOn: () => boolean, around?: AroundTimer): boolean {
    if (!this.#dirty) return true;
    for (const node of this.#nodes) {
      if (!node.dirty) continue;
      const { watermark, overruled, allIdle } = node;
      const { operator } = node.step;
      // Of an idle input nothing is heard: it is active before it says a watermark, also for a moment only, and says the last one before it falls idle.
      if (!allIdle || (watermark > node.seen && !overruled)) hearIdle(node, false);
      if (watermark > node.seen || overruled) {
        node.current = watermark;
        const timers = node.step.eventTimers();
        if (timers !== undefined) while (timers.fireNext(watermark, around)) if (!goOn()) return false;
        operator?.onWatermark?.(watermark);
        node.seen = watermark;
        node.overruled = false;
      }
      if (allIdle) hearIdle(node, true);
      const idle = operator?.time?.idle ?? allIdle;
      const passed = operator?.time?.watermark ?? node.seen;
      const asSaid = overruled && operator?.time === undefined;
      if (!idle || (passed > node.done && !asSaid)) tellIdle(node, false);
      if (passed > node.done || asSaid) {
        node.done = passed;
        for (const channel of node.next) {
          const { valve } = channel;
          if (asSaid ? this.#overrule(channel, passed) : valve.inputWatermark(channel.channel, passed)) channel.node.dirty = true;
        }
      }
      if (idle) tellIdle(node, true);
      node.dirty = false;
    }
    this.#dirty = false;
    return true;
  }

  /** How far the steps are to which several edges lead, in their order. Which of the edges were idle, and had not caught up yet, is forgotten at a restart; so this is what keeps their time from falling behind. */
  get joined(): readonly number[] {
    return this.#nodes.flatMap((node) => (node.joins ? [node.seen] : []));
  }

  /** Goes on where the steps were that join several edges. What was not committed by a graph of this form is passed over. */
  restore(joined: readonly number[]): void {
    const nodes = this.#nodes.filter(({ joins }) => joins);
    if (nodes.length !== joined.length) return;
    nodes.forEach((node, i) => {
      node.committed = joined[i]!;
      if (node.committed > Number.NEGATIVE_INFINITY) this.#touch(node);
    });
  }

  /** What the step may look at. */
  watermarkOf(node: number): number {
    return this.#nodes[node]!.current;
  }

  /** What the step has finished with: what an edge to a topic tells the tasks behind. */
  finishedWatermarkOf(node: number): number {
    return this.#nodes[node]!.done;
  }

  idleOf(node: number): boolean {
    return this.#nodes[node]!.idleDone;
  }

  /** True while some step holds an event timer, or something else that waits for event time. */
  holds(): boolean {
    for (const { step } of this.#nodes) if (step.operator?.holds?.() || (step.eventTimers()?.size ?? 0) > 0) return true;
    return false;
  }

  /** The time that a step says of itself has changed. */
  moved(node: number): void {
    this.#touch(this.#nodes[node]!);
  }

  /** True when the node has something to do. */
  #overrule({ node, valve, channel }: Channel, watermark: number): boolean {
    if (valve.channels > 1 || node.union !== undefined) return valve.inputWatermark(channel, watermark);
    if (node.valves.length === 1) {
      valve.overrule(watermark);
      node.overruled = true;
      return true;
    }
    // As in Flink, an idle input of several is active again when it says a watermark, and nobody hears of that.
    valve.inputStatus(channel, false);
    node.idle = node.idleDone = node.allIdle;
    valve.inputWatermark(channel, watermark);
    return true;
  }

  #touch(node: TimeNode): void {
    node.dirty = true;
    this.#dirty = true;
  }
}
