import { millis } from "../../../../core/duration.ts";
import { noTimestamp } from "../../../../core/record.ts";
import { valueState } from "../../../../core/state/descriptors.ts";
import { type Aggregator, average, collect, count, maxBy, minBy, reducing, resultOf, sum } from "../../../../core/state/aggregator.ts";
import type { Assigner } from "../../../../core/window/assigner.ts";
import { counting } from "../../../../core/window/counting.ts";
import { trigger } from "../../../../core/window/custom_trigger.ts";
import type { Evictor } from "../../../../core/window/evictor.ts";
import { globalWindow } from "../../../../core/window/global_window.ts";
import { keepLast } from "../../../../core/window/keep_last.ts";
import { keepNear } from "../../../../core/window/keep_near.ts";
import { keepRecent } from "../../../../core/window/keep_recent.ts";
import { onCount } from "../../../../core/window/on_count.ts";
import { onDelta } from "../../../../core/window/on_delta.ts";
import { onInterval } from "../../../../core/window/on_interval.ts";
import { onProcessingTime } from "../../../../core/window/on_processing_time.ts";
import { onWatermark } from "../../../../core/window/on_watermark.ts";
import { orTimeout } from "../../../../core/window/or_timeout.ts";
import type { Pane } from "../../../../core/window/pane.ts";
import { purging } from "../../../../core/window/purging.ts";
import { scanOperator } from "../../../../core/window/scan_operator.ts";
import { session } from "../../../../core/window/session.ts";
import { sliding } from "../../../../core/window/sliding.ts";
import type { Trigger } from "../../../../core/window/trigger.ts";
import { tumbling } from "../../../../core/window/tumbling.ts";
import type { Window } from "../../../../core/window/window.ts";
import { type WindowContents, windowOperator } from "../../../../core/window/window_operator.ts";
import type { OperatorFactory } from "../../../../core/operators/operator.ts";

/** The step that a vector describes, in the words of this library. */
export const factoryOf = (job: any): OperatorFactory => {
  if (job.op === "rolling") return scanOperator(rolling(job));
  const keyed = job.keyed !== false;
  return windowOperator({
    assigner: job.op === "countWindow" ? counting({ size: job.size, ...(job.slide === undefined ? {} : { every: job.slide }) }) : assignerOf(job.assigner),
    trigger: job.assigner?.endOfStreamTrigger ? onWatermark() : job.trigger === undefined ? undefined : triggerOf(job.trigger),
    evictor: job.evictor === undefined ? undefined : evictorOf(job.evictor),
    latenessMs: job.allowedLateness ?? 0,
    contents: contentsOf(job.function, keyed),
    single: !keyed,
  });
};

const assignerOf = (a: any): Assigner<any, any> => {
  switch (a.type) {
    case "tumbling":
      return tumbling({ size: millis(a.size), offset: millis(a.offset), time: a.time });
    case "sliding":
      return sliding({ size: millis(a.size), every: millis(a.slide), offset: millis(a.offset), time: a.time, gaps: a.slide > a.size });
    case "session":
      return session<any>({ gap: a.gap === "value.gap" ? (value) => millis(value.gap) : millis(a.gap), time: a.time });
    case "global":
      return globalWindow();
  }
  throw new Error(`Unknown assigner ${a.type}`);
};

const triggerOf = (t: any): Trigger<any> => {
  switch (t.type) {
    case "eventTime":
      return onWatermark();
    case "processingTime":
      return onProcessingTime();
    case "count":
      return onCount(t.n);
    case "purging":
      return purging(triggerOf(t.inner));
    case "continuousEventTime":
      return onInterval(millis(t.interval));
    case "continuousProcessingTime":
      return onInterval(millis(t.interval), { time: "processing" });
    case "delta":
      return onDelta<any>(t.threshold, (last, current) => amount(current) - amount(last));
    case "processingTimeout":
      return orTimeout(triggerOf(t.inner), millis(t.timeout), { restart: t.resetTimerOnNewRecord, clear: t.shouldClearOnTimeout });
    case "earlyCount":
      return earlyCount(t.n);
  }
  throw new Error(`Unknown trigger ${t.type}`);
};

const earlyCount = (n: number): Trigger<unknown> =>
  trigger({
    state: { counter: valueState({ initial: 0 }) },
    onRecord(_value: unknown, _timestamp, { window, watermark, timers, state }) {
      if (window.end - 1 <= watermark) return "fire";
      timers.event.set(window.end - 1);
      if (state.counter.update((seen) => seen + 1) < n) return "continue";
      state.counter.set(0);
      return "fire";
    },
    onTimer: ({ timestamp, domain }, { window }) => (domain === "event" && timestamp === window.end - 1 ? "fire" : "continue"),
    onMerge({ state, timers, window, forEachMerged }) {
      let total = 0;
      forEachMerged(({ counter }) => {
        total += counter.get();
      });
      state.counter.set(total);
      timers.event.set(window.end - 1);
    },
    clear: ({ timers, window }) => timers.event.delete(window.end - 1),
  });

const evictorOf = (e: any): Evictor<any> => {
  const when = { after: e.after === true };
  switch (e.type) {
    case "count":
      return keepLast(e.n, when);
    case "time":
      return keepRecent(millis(e.size), when);
    case "delta":
      return keepNear<any>(e.threshold, (value, last) => amount(last) - amount(value), when);
  }
  throw new Error(`Unknown evictor ${e.type}`);
};

const contentsOf = (f: any, keyed: boolean): WindowContents => {
  const wrapped = (result: unknown, pane: Pane<unknown, Window>) => ({
    ...(keyed ? { key: pane.key } : {}),
    start: bound(pane.window.start),
    end: bound(pane.window.end),
    result,
    ...(f.withContext ? { currentWatermark: bound(pane.watermark, "inf"), currentProcessingTime: pane.processingTime } : {}),
  });
  const element = (value: unknown, { key }: Pane<unknown, Window>) => ({ key, value });
  switch (f.type) {
    case "reduce":
      return { kind: "aggregate", aggregator: reducing(reduction(f.fn)), result: element };
    case "rolling":
      return { kind: "aggregate", aggregator: rolling(f), result: element };
    case "aggregate":
      return { kind: "aggregate", aggregator: aggregation(f.fn), result: (result, pane) => ({ ...(keyed ? { key: pane.key } : {}), result }) };
    case "reduceProcess":
      return { kind: "aggregate", aggregator: reducing(reduction(f.fn)), result: wrapped };
    case "aggregateProcess":
      return { kind: "aggregate", aggregator: aggregation(f.fn), result: wrapped };
    case "process":
      if (f.fn === "firings") return firings(wrapped);
      return {
        kind: "process",
        process: (values, pane) => {
          const aggregator = aggregation(f.fn);
          let accumulator = aggregator.init();
          for (const value of values) accumulator = aggregator.add(accumulator, value, pane.key);
          return [wrapped(resultOf(aggregator, accumulator), pane)];
        },
      };
  }
  throw new Error(`Unknown function ${f.type}`);
};

const firings = (wrapped: (result: unknown, pane: Pane<unknown, Window>) => unknown): WindowContents => ({
  kind: "process",
  process: {
    state: { all: valueState({ initial: 0 }) },
    windowState: { here: valueState({ initial: 0 }) },
    onPane: (values: readonly unknown[], pane: any) => {
      const windowFirings = pane.windowState.here.update((n: number) => n + 1);
      const globalFirings = pane.state.all.update((n: number) => n + 1);
      return [wrapped({ sum: values.reduce((total: number, value) => total + amount(value), 0), windowFirings, globalFirings }, pane)];
    },
  },
});

const amount = (value: any): number => (typeof value === "object" ? value.amount : value);
const shown = (value: any): unknown => (typeof value === "object" ? value.amount : value);
const bound = (at: number, infinite?: "inf"): number | string | null => (Number.isFinite(at) ? at : infinite === undefined ? null : at > 0 ? "+inf" : "-inf");

const aggregation = (fn: string): Aggregator<any, any, unknown> => {
  switch (fn) {
    case "sum":
      return sum(amount);
    case "count":
      return count();
    case "avg":
      return average(amount);
    case "max":
      return { ...reducing<number>(Math.max), add: (most: number | undefined, value: unknown) => Math.max(most ?? Number.NEGATIVE_INFINITY, amount(value)) };
    case "min":
      return { ...reducing<number>(Math.min), add: (least: number | undefined, value: unknown) => Math.min(least ?? Number.POSITIVE_INFINITY, amount(value)) };
    case "list":
      return { ...collect<any>(), add: (values: readonly unknown[], value: unknown) => [...values, shown(value)] };
    case "concat":
      return { ...collect<any>(), add: (values: readonly unknown[], value: unknown) => [...values, shown(value)], result: (values: readonly unknown[]) => values.join("|") };
  }
  throw new Error(`Unknown function ${fn}`);
};

/** What becomes of two values. */
const reduction =
  (fn: string) =>
  (a: any, b: any): any => {
    switch (fn) {
      case "sum":
        return a + b;
      case "max":
        return Math.max(a, b);
      case "min":
        return Math.min(a, b);
      case "concat":
        return `${a}|${b}`;
    }
    throw new Error(`Unknown reduction ${fn}`);
  };

const rolling = (f: any): Aggregator<any, any, any> => {
  const field = f.field as string;
  const first = f.first ? "first" : "last";
  switch (f.fn) {
    case "minBy":
      return minBy<any>((value) => value[field], first);
    case "maxBy":
      return maxBy<any>((value) => value[field], first);
    case "sum":
    case "min":
    case "max": {
      const fn = reduction(f.fn);
      return reducing<any>((a, b) => ({ ...a, [field]: fn(a[field], b[field]) }));
    }
    case "reduce":
      return reducing<any>(reduction(f.reduce));
  }
  throw new Error(`Unknown rolling function ${f.fn}`);
};

/** A timestamp as the vectors write it. */
export const written = (timestamp: number): number | string | null => (timestamp === noTimestamp ? null : Number.isFinite(timestamp) ? timestamp : "+inf");

