import { type AnyStream, boundedOutOfOrderness, json, millis, type Topic, type Topology, text, topic, topology } from "millrace";
import { jobs } from "../conformance/flink_jobs/jobs.ts";
import type { Element, Shown } from "../conformance/flink_jobs/shapes.ts";

/** A vector's job as a program of its own. */
export interface FlinkTopology {
  readonly program: Topology;
  /** In the order in which vectors count them. */
  readonly inputs: readonly Topic<string, Element>[];
  readonly outputs: ReadonlyMap<string, Topic<string, Shown>>;
}

/**
 * The job between topics: each input and each list of results is one. Throws where the job cannot be built.
 * @param latenessMs an element of a topic is behind those before it by at most so much, so that none is ever late
 */
export const flinkTopology = ({ job }: any, latenessMs = 0): FlinkTopology => {
  const { inputs: names, describe } = jobs[job.op]!(job);
  const inputs = names.map((name) => topic(name, { key: text, value: json<Element>() }));
  const outputs = new Map<string, Topic<string, Shown>>();
  const program = topology("job", ({ from }) => {
    const time = { timestamp: ({ timestamp }: Element) => timestamp!, watermarks: boundedOutOfOrderness(millis(latenessMs)) };
    const lists = describe(Object.fromEntries(inputs.map((input) => [input.name, from(input, time)])));
    for (const [list, results] of Object.entries(lists) as [string, AnyStream<Shown, string> & { to(to: Topic<string, Shown>): void }][]) {
      const to = topic(list, { key: text, value: json<Shown>() });
      outputs.set(list, to);
      results.to(to);
    }
  });
  return { program, inputs, outputs };
};
