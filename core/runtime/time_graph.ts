import type { Operator } from "../operators/operator.ts";
import type { AroundTimer, TimerService } from "../state/timer_service.ts";
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
  /** What it has finished with, and so has told the steps behind. */
  done = Number.NEGATIVE_INFINITY;
  idle = false;
  dirty = false;
  #combined = Number.NEGATIVE_INFINITY;

  constructor(step: TimedStep) {
    this.step = step;
    this.valves = step.ports.map((edges) => new Valve(edges.length));
  }

  /** The smallest watermark of the ports that are not idle; it never falls. A port that comes back counts at once (Flink: IndexedCombinedWatermarkStatus), a channel of a union only when it has caught up. */
  get watermark(): number {
    if (this.valves.length === 1) return this.valves[0]!.watermark;
    let smallest = Number.POSITIVE_INFINITY;
    for (const valve of this.valves) if (!valve.idle && valve.watermark < smallest) smallest = valve.watermark;
    if (!this.allIdle && smallest > this.#combined) this.#combined = smallest;
    return this.#combined;
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
      const { watermark, allIdle: idle } = node;
      if (watermark > node.done) {
        node.current = watermark;
        const timers = node.step.eventTimers();
        if (timers !== undefined) while (timers.fireNext(watermark, around)) if (!goOn()) return false;
        node.step.operator?.onWatermark?.(watermark);
        node.done = watermark;
        for (const { node: next, valve, channel } of node.next) if (valve.inputWatermark(channel, watermark)) next.dirty = true;
      }
      if (idle !== node.idle) {
        node.idle = idle;
        for (const { node: next, valve, channel } of node.next) if (valve.inputStatus(channel, idle)) next.dirty = true;
      }
      node.dirty = false;
    }
    this.#dirty = false;
    return true;
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
    return this.#nodes[node]!.idle;
  }

  /** True while some step holds an event timer, or something else that waits for event time. */
  holds(): boolean {
    for (const { step } of this.#nodes) if (step.operator?.holds?.() || (step.eventTimers()?.size ?? 0) > 0) return true;
    return false;
  }

  #touch(node: TimeNode): void {
    node.dirty = true;
    this.#dirty = true;
  }
}
