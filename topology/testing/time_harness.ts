import { TopologyError } from "../../core/errors.ts";
import { Alignment } from "../../core/time/alignment.ts";
import { CombinedWatermark, type PartTime } from "../../core/time/combined_watermark.ts";

/** What one split says of event time. */
export type SplitSignal = ({ readonly watermark: number } | { readonly idle: boolean }) & {
  /** "now": it has its effect at once. "periodically": with the next `periodicEmit`, or when another split speaks. @default "now" */
  readonly emit?: "now" | "periodically";
};

/** Event time alone, without records. */
export interface TimeHarness {
  /** A split is added: time stands until it has said something. */
  register(split: string): void;
  /** A split is gone: it does not hold time back any more, from the next word of another one on. */
  unregister(split: string): void;
  split(split: string, signal: SplitSignal): void;
  periodicEmit(): void;
  /** What has come out since the last call: watermarks, and changes of idleness. */
  read(): readonly (number | "idle" | "active")[];
  /** Every split was idle when they were last joined. */
  readonly idle: boolean;
  /** A reader says how far it is, for alignment. */
  report(reader: number, watermark: number): void;
  /** The smallest watermark that a reader has reported last; undefined before the first. */
  readonly slowest: number | undefined;
  /** A reader that is further waits. */
  readonly maxAllowed: number;
}

/**
 * The rules of event time by themselves: how the watermarks of a source's splits are joined, and how far ahead of the others a reader may be.
 *
 * @example
 * ```ts
 * import { seconds } from "millrace";
 * import { timeHarness } from "millrace/testing";
 *
 * const time = timeHarness({ alignment: { maxDrift: seconds(1) } });
 * time.register("a");
 * time.register("b");
 * time.split("a", { watermark: 20 });
 * time.split("b", { watermark: 10 });
 * console.log(time.read()); // [10]
 * time.report(0, 500);
 * console.log(time.maxAllowed); // 1500
 * ```
 */
export const timeHarness = (options: { readonly alignment?: { readonly maxDrift: number } } = {}): TimeHarness => {
  const combined = new CombinedWatermark();
  const splits = new Map<string, PartTime>();
  const alignment = new Alignment<number>();
  let signals: (number | "idle" | "active")[] = [];
  let idle = false;
  const status = (now: boolean): void => {
    if (idle !== now) signals.push(now ? "idle" : "active");
    idle = now;
  };
  const emit = (): void => {
    if (combined.combine()) {
      status(false);
      signals.push(combined.watermark);
    }
    if (combined.idle) status(true);
  };
  const splitOf = (split: string): PartTime => {
    const part = splits.get(split);
    if (part === undefined) throw new TopologyError("NAME_INVALID", `There is no split '${split}': register it first`);
    return part;
  };
  return {
    register: (split) => {
      if (splits.has(split)) throw new TopologyError("NAME_DUPLICATE", `Split '${split}' is registered already: unregister it first`);
      splits.set(split, combined.add());
    },
    unregister: (split) => {
      combined.remove(splitOf(split));
      splits.delete(split);
    },
    split: (name, signal) => {
      const part = splitOf(name);
      const now = signal.emit !== "periodically";
      if ("idle" in signal) {
        part.idle = signal.idle;
        if (now) emit();
      } else if (part.reach(signal.watermark) && now && signal.watermark > combined.watermark) emit();
    },
    periodicEmit: emit,
    read: () => {
      const read = signals;
      signals = [];
      return read;
    },
    get idle() {
      return combined.idle;
    },
    report: (reader, watermark) => alignment.report(reader, watermark),
    get slowest() {
      return alignment.slowest;
    },
    get maxAllowed() {
      return alignment.allowed(options.alignment?.maxDrift ?? Number.POSITIVE_INFINITY);
    },
  };
};
