import { matchOperator } from "../../../core/cep/match_operator.ts";
import { type BuiltPattern, buildPattern } from "../../../core/cep/pattern.ts";
import { type Duration, millis } from "../../../core/duration.ts";
import { OperatorHarness } from "../../support/operator_harness.ts";
import { condition, type Event, taken } from "./condition.ts";

/** One scenario that Flink computed: what was put in, and what came out at which input. */
export interface Scenario {
  readonly name: string;
  readonly job: {
    readonly pattern: {
      readonly steps: readonly Step[];
      readonly skip?: { readonly type: string; readonly name?: string; readonly throwOnMiss?: boolean };
      readonly within?: Within;
    };
    readonly keyed?: boolean;
    readonly sideOutputLate?: boolean;
    readonly time?: "event" | "processing";
    readonly comparator?: { readonly field: "amount"; readonly desc: boolean };
  };
  readonly inputs: readonly {
    readonly element?: { readonly key: string; readonly value: Event; readonly timestamp?: number };
    readonly watermark?: number;
    readonly processingTime?: number;
    readonly snapshotRestore?: true;
  }[];
  readonly expected: {
    readonly out: readonly Output[];
    readonly late: readonly Output[];
    readonly timeouts: readonly Output[];
    readonly error?: { readonly step: number };
  };
}

interface Within {
  readonly ms: number;
  readonly type: "FIRST_AND_LAST" | "PREVIOUS_AND_CURRENT";
}

interface Step {
  readonly name?: string;
  readonly contiguity: string;
  readonly where?: string | readonly string[];
  readonly or?: readonly string[];
  readonly until?: string;
  readonly within?: Within;
  readonly group?: { readonly steps: readonly Step[] };
  readonly quantifier?: {
    readonly type: "one" | "oneOrMore" | "times" | "timesOrMore";
    readonly n?: number;
    readonly from?: number;
    readonly to?: number;
    readonly within?: number;
    readonly optional?: boolean;
    readonly greedy?: boolean;
    readonly consecutive?: boolean;
    readonly allowCombinations?: boolean;
  };
}

export interface Output {
  readonly step: number;
  readonly timestamp: number | null;
  readonly value: unknown;
}

const whereOf = (step: Step) => {
  if (step.where === undefined) return undefined;
  const all = [step.where].flat().map(condition);
  const or = (step.or ?? []).map(condition);
  return (event: Event, soFar: unknown) => all.every((test) => test(event, soFar)) || or.some((test) => test(event, soFar));
};

// The scenarios are data, so they are written with the builder as it is without its types.
const write = (start: any, steps: readonly Step[]): any => {
  let pattern = start;
  for (const step of steps) {
    pattern = pattern[step.contiguity](
      ...(step.group === undefined ? [step.name, whereOf(step)] : [(inner: unknown) => write(inner, step.group!.steps)]),
    );
    const { type = "one", n, from, to, within, optional, greedy, consecutive, allowCombinations } = step.quantifier ?? {};
    const options = {
      ...(within === undefined ? {} : { within: millis(within) }),
      ...(step.until === undefined ? {} : { until: condition(step.until) }),
      greedy: greedy ?? false,
      consecutive: consecutive ?? false,
      combinations: allowCombinations ?? false,
    };
    if (type === "oneOrMore") pattern = pattern.oneOrMore(options);
    if (type === "timesOrMore") pattern = pattern.times({ min: n }, options);
    if (type === "times") pattern = pattern.times(n ?? { min: from, max: to }, options);
    if (optional) pattern = pattern.optional();
    pattern = add(pattern, step.within);
  }
  return pattern;
};

const add = (pattern: any, within: Within | undefined) =>
  within === undefined
    ? pattern
    : pattern.within(within.ms as Duration, within.type === "FIRST_AND_LAST" ? "first-and-last" : "neighbours");

const skipOf = (skip: Scenario["job"]["pattern"]["skip"]): any => {
  const orFail = skip?.throwOnMiss ?? false;
  switch (skip?.type) {
    case "skipToNext":
      return "to-next";
    case "skipPastLastEvent":
      return "past-last";
    case "skipToFirst":
      return { toFirst: skip.name, orFail };
    case "skipToLast":
      return { toLast: skip.name, orFail };
    default:
      return "none";
  }
};

export const patternOf = ({ job }: Scenario): BuiltPattern<Event, Record<string, unknown>> =>
  buildPattern((start) => add(write(start, job.pattern.steps), job.pattern.within));

const ids = (match: unknown): Record<string, readonly number[]> =>
  Object.fromEntries(
    Object.entries(match as Record<string, unknown>)
      .map(([name, events]) => [name, taken(events).map(({ id }) => id)] as const)
      .filter(([, events]) => events.length > 0),
  );

/** Runs the scenario and gives what came out, in the form of the scenario. */
export const run = (
  scenario: Scenario,
): {
  readonly out: readonly Output[];
  readonly late: readonly Output[];
  readonly timeouts: readonly Output[];
  readonly entriesLeft: number;
} => {
  const { job } = scenario;
  const { comparator, time = "event", keyed = true } = job;
  const harness = new OperatorHarness(
    matchOperator(patternOf(scenario), {
      skip: skipOf(job.pattern.skip),
      time,
      nullKey: !keyed,
      ...(comparator === undefined
        ? {}
        : { order: (a: Event, b: Event) => (a[comparator.field] - b[comparator.field]) * (comparator.desc ? -1 : 1) }),
    }),
  );
  const out: Output[] = [];
  const late: Output[] = [];
  const timeouts: Output[] = [];
  // Without keys the scenarios show the key of the match's last event.
  const keys = new Map<number, string>();
  const keyOf = (key: unknown, match: unknown) => (keyed ? key : keys.get(Object.values(ids(match)).flat().at(-1)!));
  scenario.inputs.forEach(({ element, watermark, processingTime, snapshotRestore }, step) => {
    if (element !== undefined) {
      keys.set(element.value.id, element.key);
      harness.record(keyed ? element.key : null, element.value, element.timestamp ?? 0);
    }
    if (watermark !== undefined) harness.watermark(watermark);
    if (processingTime !== undefined) harness.processingTime(processingTime);
    if (snapshotRestore) harness.restart();
    harness.commit();
    const at = (timestamp: number) => ({ step, timestamp: time === "event" ? timestamp : null });
    for (const { value, key, timestamp } of harness.take())
      out.push({ ...at(timestamp), value: { key: keyOf(key, value), match: ids(value), ctxTimestamp: timestamp } });
    for (const { value, key, timestamp } of harness.side("timedOut").splice(0))
      timeouts.push({ ...at(timestamp), value: { key: key ?? null, match: ids(value), ctxTimestamp: timestamp } });
    for (const { value, key, timestamp } of harness.side("late").splice(0))
      late.push({ ...at(timestamp), value: { key: key ?? null, value } });
  });
  return { out, late, timeouts, entriesLeft: harness.store.approximateEntries };
};
