import { TopologyError } from "../../core/errors.ts";
import { noHeaders } from "../../core/ports/log.ts";
import { type DraftHeaders, draftHeaders, noTimestamp, RecordMeta } from "../../core/record.ts";
import { Counters } from "../../core/runtime/counters.ts";
import { OperatorChain } from "../../core/runtime/operator_chain.ts";
import type { SubtopologyPlan } from "../../core/runtime/plan.ts";
import { StepState } from "../../core/state/step_state.ts";
import { Valve } from "../../core/time/valve.ts";
import { HandClock } from "./hand_clock.ts";
import type { Input } from "./input.ts";
import { restoredStores, type Stores, snapshotOf } from "./snapshot.ts";

export interface StepRunOptions {
  readonly restore?: Uint8Array;
  readonly processingTime?: number;
  readonly watermarkPeriod?: number;
}

interface Entry {
  readonly index: number;
  /** Joins the channels, where the input has some. */
  readonly valve: Valve | undefined;
}

const always = (): boolean => true;

/** One task that is driven by hand: its steps, their state in memory, and no log. */
export class StepRun {
  readonly #chain: OperatorChain;
  readonly #clock: HandClock;
  readonly #entries: ReadonlyMap<string, Entry>;
  readonly #stores: Stores;
  readonly #states: ReadonlyMap<string, StepState>;
  readonly #periodMs: number;
  #nextPeriod: number;
  #streamTime = Number.NEGATIVE_INFINITY;
  #offset = 0;
  #woken = false;

  constructor(plan: SubtopologyPlan, inputs: Readonly<Record<string, Input<unknown>>>, options: StepRunOptions) {
    const { processingTime = 0, watermarkPeriod = 200 } = options;
    this.#clock = new HandClock(processingTime);
    this.#periodMs = watermarkPeriod;
    this.#nextPeriod = processingTime + watermarkPeriod;
    const stores = plan.nodes.flatMap(({ store }) => (store === undefined ? [] : [store]));
    this.#stores = restoredStores(
      stores.map(({ name }) => name),
      options.restore,
    );
    this.#states = new Map(stores.map(({ name, keys }) => [name, new StepState(this.#stores.get(name)!, keys)]));
    this.#chain = new OperatorChain({
      plan,
      partition: 0,
      partitions: 1,
      clock: this.#clock,
      counters: new Counters(),
      states: this.#states,
      streamTime: () => this.#streamTime,
      requestCommit: () => {},
      wake: () => {
        this.#woken = true;
      },
      writer: () => {
        throw new Error("A fused plan writes to no topic");
      },
    });
    this.#entries = new Map(
      Object.entries(inputs).map(([name, { channels }]) => [
        name,
        {
          index: plan.inputs.findIndex(({ topic }) => topic.name === name),
          valve: channels === undefined ? undefined : new Valve(channels),
        },
      ]),
    );
    this.#chain.open();
    this.#advance();
  }

  element(
    name: string,
    value: unknown,
    at: { readonly key?: unknown; readonly timestamp?: number; readonly headers?: DraftHeaders },
  ): void {
    const { key = null, timestamp = noTimestamp, headers } = at;
    const { index } = this.#entry(name);
    if (timestamp > this.#streamTime) this.#streamTime = timestamp;
    this.#chain.entries[index]?.(value, new RecordMeta(key, timestamp, draftHeaders(headers, noHeaders), name, 0, this.#offset++));
    this.#advance();
  }

  watermark(watermark: number, name: string | undefined, channel: number | undefined): void {
    for (const each of name === undefined ? this.#entries.keys() : [name]) {
      const { index, valve } = this.#entry(each);
      if (index < 0) continue;
      if (valve === undefined) this.#chain.time.overrule(index, watermark);
      else for (const one of channelsOf(each, valve, channel)) if (valve.inputWatermark(one, watermark)) this.#tell(index, valve);
      this.#advance();
    }
  }

  idle(name: string, idle: boolean, channel: number | undefined): void {
    const { index, valve } = this.#entry(name);
    if (index < 0) return;
    if (valve === undefined) this.#chain.time.inputStatus(index, idle);
    else for (const one of channelsOf(name, valve, channel)) if (valve.inputStatus(one, idle)) this.#tell(index, valve);
    this.#advance();
  }

  processingTime(timestamp: number): void {
    this.#clock.set(timestamp);
    this.#do(timestamp);
    if (timestamp < this.#nextPeriod) return;
    this.#nextPeriod = timestamp + this.#periodMs;
    this.#chain.onPeriod();
    this.#advance();
  }

  async settle(): Promise<void> {
    do {
      this.#woken = false;
      await this.#clock.yield();
      this.#advance();
    } while (this.#woken);
  }

  snapshot(): Uint8Array {
    this.#chain.beforeCommit("");
    for (const state of this.#states.values()) {
      state.seal(() => {});
      state.committed(undefined);
    }
    return snapshotOf(this.#stores);
  }

  #entry(name: string): Entry {
    const entry = this.#entries.get(name);
    if (entry !== undefined) return entry;
    throw new TopologyError("NAME_INVALID", `The harness has no input '${name}': it has ${[...this.#entries.keys()].join(", ")}`);
  }

  /** What the valve has flushed goes before idleness, since of an idle input nothing is heard. */
  #tell(index: number, valve: Valve): void {
    if (!valve.idle) this.#chain.time.inputStatus(index, false);
    this.#chain.time.inputWatermark(index, valve.watermark);
    if (valve.idle) this.#chain.time.inputStatus(index, true);
    this.#advance();
  }

  /** Event time goes on as far as it can. A timer of the clock that was set in the past waits until the test moves the clock. */
  #advance(): void {
    this.#chain.time.advance(always);
    this.#do(Number.NEGATIVE_INFINITY);
  }

  /** What is due up to a moment of the clock, and what follows from it. */
  #do(upTo: number): void {
    while (this.#chain.nextWake() <= upTo) {
      this.#chain.doDue(upTo, always, undefined);
      this.#chain.time.advance(always);
    }
  }
}

const channelsOf = (name: string, valve: Valve, channel: number | undefined): Iterable<number> => {
  if (channel === undefined) return Array.from({ length: valve.channels }, (_, each) => each);
  if (Number.isInteger(channel) && channel >= 0 && channel < valve.channels) return [channel];
  throw new TopologyError("OPTION_INVALID", `Input '${name}' has no channel ${channel}: it has ${valve.channels}, counted from 0`);
};
