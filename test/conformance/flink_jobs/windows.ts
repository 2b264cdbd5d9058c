import {
  type Assigner,
  counting,
  type Evictor,
  globalWindow,
  type KeyedStream,
  keepLast,
  keepNear,
  keepRecent,
  millis,
  onCount,
  onDelta,
  onInterval,
  onProcessingTime,
  onWatermark,
  orTimeout,
  type Pane,
  purging,
  type reducing,
  session,
  sliding,
  type Trigger,
  trigger,
  tumbling,
  valueState,
  type Window,
} from "millrace";
import { type Element, type Job, lateElement, type Shown, shownTime } from "./shapes.ts";
import { aggregation, amount, folded, reduceElements, rolling, shown } from "./values.ts";

/** `window` and `countWindow`. */
export const windowJob = (job: any): Job => ({
  inputs: Array.from({ length: job.unionInputs ?? 1 }, (_, i) => `in${i + 1}`),
  describe: (streams) => {
    const all = Object.values(streams).reduce((a, b) => a.union(b));
    const keyed = job.keyed === false ? all.single() : all.keyBy();
    const result = outputOf(job, keyed as KeyedStream<Element, string | null>);
    return job.sideOutputLate ? { out: result, late: result.side.late.map(lateElement) } : { out: result };
  },
});

const assignerOf = (job: any): Assigner<any, Window> => {
  if (job.op === "countWindow") return counting({ size: job.size, ...(job.slide === undefined ? {} : { every: job.slide }) });
  const { type, time, size, slide, offset = 0, gap } = job.assigner;
  switch (type) {
    case "tumbling":
      return tumbling({ size: millis(size), offset: millis(offset), time });
    case "sliding":
      return sliding({ size: millis(size), every: millis(slide), offset: millis(offset), time, gaps: slide > size });
    case "session":
      return session<Element>({ gap: gap === "value.gap" ? ({ value }) => millis(value.gap) : millis(gap), time, equal: "begin-anew" });
    case "global":
      return globalWindow();
  }
  throw new Error(`There is no assigner '${type}'`);
};

/** When windows speak and what they keep, as `window`, `join` and `coGroup` take it. */
export const firingOf = (job: any): { window: Assigner<any, Window>; emit?: Trigger<any>; evict?: Evictor<any>; lateness?: any } => ({
  window: assignerOf(job),
  ...(job.trigger !== undefined ? { emit: triggerOf(job.trigger) } : job.assigner?.endOfStreamTrigger ? { emit: onWatermark() } : {}),
  ...(job.evictor === undefined ? {} : { evict: evictorOf(job.evictor) }),
  ...(job.allowedLateness === undefined ? {} : { lateness: millis(job.allowedLateness) }),
});

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
      return orTimeout(triggerOf(t.inner), millis(t.timeout), {
        restart: t.resetTimerOnNewRecord === true,
        clear: t.shouldClearOnTimeout !== false,
      });
    case "earlyCount":
      return earlyCount(t.n);
  }
  throw new Error(`There is no trigger '${t.type}'`);
};

const earlyCount = (n: number): Trigger<unknown> =>
  trigger({
    name: `early count ${n}`,
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
  throw new Error(`There is no evictor '${e.type}'`);
};

type Of = Pane<string | null, Window>;

const outputOf = (job: any, stream: KeyedStream<Element, string | null>) => {
  const { window, ...firing } = firingOf(job);
  const windows = stream.window(window, firing);
  const f = job.function;
  const keyOf = ({ key }: Of) => (job.keyed === false ? {} : { key });
  const wrapped = (result: unknown, pane: Of): Shown => ({
    value: {
      ...keyOf(pane),
      start: Number.isFinite(pane.window.start) ? pane.window.start : null,
      end: Number.isFinite(pane.window.end) ? pane.window.end : null,
      result,
      ...(f.withContext ? { currentWatermark: shownTime(pane.watermark), currentProcessingTime: pane.processingTime } : {}),
    },
  });
  switch (f.type) {
    case "reduce":
      return windows.reduce("window", reduceElements(f.fn), lateElement);
    case "reduceProcess":
      return windows.reduce("window", reduceElements(f.fn), ({ value }, pane) => wrapped(shown(value), pane));
    case "rolling":
      return windows.aggregate("window", rolling(f) as ReturnType<typeof reducing<Element>>, lateElement);
    case "aggregate":
      return windows.aggregate("window", aggregation(f.fn), (result, pane): Shown => ({ value: { ...keyOf(pane), result } }));
    case "aggregateProcess":
      return windows.aggregate("window", aggregation(f.fn), wrapped);
    case "process":
      if (f.fn !== "firings") return windows.process("window", (elements, pane) => [wrapped(folded(f.fn, elements), pane)]);
      return windows.process("window", {
        state: { all: valueState({ initial: 0 }) },
        windowState: { here: valueState({ initial: 0 }) },
        onPane: (elements, pane) => {
          const windowFirings = pane.windowState.here.update((n) => n + 1);
          const globalFirings = pane.state.all.update((n) => n + 1);
          return [wrapped({ sum: folded("sum", elements), windowFirings, globalFirings }, pane)];
        },
      });
  }
  throw new Error(`There is no window function '${f.type}'`);
};
