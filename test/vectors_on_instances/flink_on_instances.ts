import type { Plan } from "millrace";
import { feed, simulate } from "millrace/testing";
import { toldByTime } from "../../topology/plan/told_by_time.ts";
import { differences } from "../conformance/compare.ts";
import { interpretFlink } from "../conformance/flink_jobs/interpret.ts";
import { shownTimestamp } from "../conformance/flink_jobs/shapes.ts";
import type { Outcome, Output } from "../conformance/vector.ts";
import { type Fed, interleaved } from "./flink_elements.ts";
import { flinkTopology } from "./flink_topology.ts";

/** What becomes of the instances. Topics stay as they are: otherwise nothing is promised but a refusal. */
const faults = { crash: 3, pause: 1, network: 15, rebalance: 4, broker: 2 };
/** Where the clock of a simulation begins; elements are far before it. */
const beginningMs = 1_700_000_000_000;

/** What one harness gives, which has all elements and then the end of event time. */
export const inHarness = (vector: any, elements: readonly Fed[], options: Parameters<typeof interpretFlink>[1] = {}): Promise<Outcome> =>
  interpretFlink({ ...vector, inputs: [...elements.map(({ input, ...element }) => ({ element, input })), { watermark: "+inf" }] }, options);

/**
 * Runs a job of Flink's on two instances, which crash, freeze, come and go as the seed decides, and compares what is committed in the end with what one harness gives, key by key. The elements come from three partitions by key, in an order in which only those of one key stand as
 * they are given.
 *
 * @returns what differs and which promises were broken, in words; nothing where the harness ends with an error
 */
export const flinkOnInstances = async (vector: any, elements: readonly Fed[], seed: number): Promise<readonly string[]> => {
  const expected = await inHarness(vector, elements);
  if (expected.error !== undefined) return [];
  const written = interleaved(elements, seed);
  const { program, inputs, outputs } = flinkTopology(vector, lagOf(written));
  const { violations, account, read } = await simulate(program, {
    seed,
    instances: 2,
    partitions: 3,
    faults,
    input: inputs.map((topic, i) => {
      const own = written.filter(({ input }) => input === i + 1);
      return feed(
        topic,
        own.map(({ key, value, timestamp }) => ({ key, value: { key, value, timestamp }, timestamp })),
      );
    }),
  });
  const found = [...violations];
  if (account.taken !== elements.length) found.push(`${account.taken} of ${elements.length} elements were taken`);
  if (account.late > 0) found.push(`${account.late} elements were late`);
  const given = Object.fromEntries(
    [...outputs].map(([list, topic]) => [
      list,
      read(topic).map(({ value, timestamp }) => ({ timestamp: shown(timestamp), value: value!.value })),
    ]),
  );
  const { ordering, of } = comparison(vector, program.plan());
  for (const { list, expected: should, actual: is } of differences(ordering, of(expected), of(given)))
    found.push(`${list}: the harness gives ${JSON.stringify(should)}, the instances ${JSON.stringify(is)}`);
  return found;
};

type List = "out" | "late" | "timeouts" | "lateRight" | "side";
type Lists = { readonly [L in List]?: readonly Pick<Output, "timestamp" | "value">[] };

/** What of the results is the same in any interleaving, and in which order it comes. */
const comparison = (vector: any, { subtopologies }: Plan): { readonly ordering: string; of(lists: Lists): Outcome } => {
  const [{ inputs, nodes }] = subtopologies as [Plan["subtopologies"][number]];
  const passing = nodes.some(({ kind, parameters }) => kind === "match" && toldByTime(parameters));
  const inOrder = !passing && inputs.length === 1;
  const seen = passing ? matchOnly : inOrder ? (output: Output) => output : inAnyOrder;
  const part = (lists: Lists, list: List): readonly Output[] =>
    passing && list !== "out" ? [] : (lists[list] ?? []).map(({ timestamp, value }) => seen({ step: 0, timestamp, value }));
  return {
    ordering: !inOrder ? "perStepMultiset" : vector.ordering === "total" ? "perKey" : vector.ordering,
    of: (lists) => ({
      out: part(lists, "out"),
      late: part(lists, "late"),
      timeouts: part(lists, "timeouts"),
      lateRight: part(lists, "lateRight"),
      side: part(lists, "side"),
    }),
  };
};

/** What has no time, or stands at the end of all, is written with the time of the clock. */
const shown = (timestamp: number): Output["timestamp"] => (timestamp < beginningMs ? shownTimestamp(timestamp) : "+inf");

/** When it is noticed that time has passed depends on the watermark, and the match bears that time; which matches there are does not. */
const matchOnly = ({ step, value: { key, match } }: Output): Output => ({ step, timestamp: null, value: { key, match } });

/** What a group of two inputs holds comes in the order of arrival, which is another one each time. */
const inAnyOrder = ({ value, ...more }: Output): Output => {
  const sorted = (part: unknown): unknown => (Array.isArray(part) ? part.map((one) => JSON.stringify(one)).sort() : part);
  return { ...more, value: Object.fromEntries(Object.entries(value).map(([name, part]) => [name, sorted(part)])) };
};

/** By how much an element is behind those before it in its input at most. */
const lagOf = (elements: readonly Fed[]): number => {
  const newest = new Map<number, number>();
  let lag = 0;
  for (const { input, timestamp } of elements) {
    const before = newest.get(input) ?? timestamp;
    lag = Math.max(lag, before - timestamp);
    newest.set(input, Math.max(before, timestamp));
  }
  return lag;
};
