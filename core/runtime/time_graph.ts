import type { TimerService } from "../state/timer_service.ts";
import { Valve } from "../time/valve.ts";
import type { Operator } from "./operator.ts";
import type { Edge } from "./plan.ts";

/** What the graph needs of one step. */
export interface TimedStep {
  readonly edges: readonly Edge[];
  readonly operator: Operator | undefined;
  /** Asked anew each time, since an operator may ask for its timers late. */
  eventTimers(): TimerService | undefined;
}

class TimeNode {
  readonly step: TimedStep;
  readonly valve: Valve;
  /** Where its watermark goes: node and channel. */
  readonly next: { readonly node: TimeNode; readonly channel: number }[] = [];
  /** What the step sees while its timers fire. */
  current = Number.NEGATIVE_INFINITY;
  /** What it has finished with, and so has told the steps behind. */
  done = Number.NEGATIVE_INFINITY;
  idle = false;
  dirty = false;

  constructor(step: TimedStep) {
    this.step = step;
    this.valve = new Valve(step.edges.length);
  }
}

/**
 * Carries watermarks and idleness through the steps of one task, in topological order: a step sees the new watermark, fires its timers, and only then tells the steps behind. The advance can be interrupted between two timers
 * and goes on where it was; until it is finished the old watermarks are what the task stores and sends.
 */
export class TimeGraph {
  readonly #nodes: readonly TimeNode[];
  readonly #inputs: { readonly node: TimeNode; readonly channel: number }[][];
  #dirty = false;

  constructor(steps: readonly TimedStep[], inputs: number) {
    const nodes = steps.map((step) => new TimeNode(step));
    this.#nodes = nodes;
    this.#inputs = Array.from({ length: inputs }, () => []);
    for (const node of nodes)
      node.step.edges.forEach((edge, channel) => {
        ("input" in edge ? this.#inputs[edge.input]! : nodes[edge.node]!.next).push({ node, channel });
      });
  }

  inputWatermark(input: number, watermark: number): void {
    for (const { node, channel } of this.#inputs[input]!) if (node.valve.inputWatermark(channel, watermark)) this.#touch(node);
  }

  inputStatus(input: number, idle: boolean): void {
    for (const { node, channel } of this.#inputs[input]!) if (node.valve.inputStatus(channel, idle)) this.#touch(node);
  }

  /** True while an advance is not finished: no record may be handled before it is. */
  get advancing(): boolean {
    return this.#dirty;
  }

  /**
   * Fires what is due and passes watermarks on. After each timer `goOn` is asked; when it says no the advance stops there and false is returned.
   * @param around runs each timer's handler
   */
  advance(goOn: () => boolean, around?: (handle: () => void) => void): boolean {
    if (!this.#dirty) return true;
    for (const node of this.#nodes) {
      if (!node.dirty) continue;
      const { watermark, idle } = node.valve;
      if (watermark > node.done) {
        node.current = watermark;
        const timers = node.step.eventTimers();
        if (timers !== undefined) while (timers.fireNext(watermark, around)) if (!goOn()) return false;
        node.step.operator?.onWatermark?.(watermark);
        node.done = watermark;
        for (const { node: next, channel } of node.next) if (next.valve.inputWatermark(channel, watermark)) next.dirty = true;
      }
      if (idle !== node.idle) {
        node.idle = idle;
        for (const { node: next, channel } of node.next) if (next.valve.inputStatus(channel, idle)) next.dirty = true;
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
