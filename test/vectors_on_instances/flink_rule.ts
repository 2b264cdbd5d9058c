import type { Plan } from "millrace";
import { jobs } from "../conformance/flink_jobs/jobs.ts";
import { flinkTopology } from "./flink_topology.ts";

type Node = Plan["subtopologies"][number]["nodes"][number];

/**
 * Why what comes out for a key may depend on more than the order of that key's elements in each input; undefined where it does not, as long as nothing is late. Such a job gives for each key the same on any number of partitions and instances, whatever happens to them.
 */
export const flinkLeftOut = (vector: any): string | undefined => {
  const { job, inputs, expected } = vector;
  if (jobs[job.op] === undefined) return "there are no records in it";
  if (expected?.error !== undefined) return "it ends with an error";
  const elements = inputs.filter(({ element }: any) => element !== undefined);
  if (elements.some(({ element }: any) => element.timestamp === undefined)) return "some of its elements have no timestamp";
  if (elements.length === 0) return "there are no records in it";
  if (job.function?.withContext === true) return "its results tell the watermark";
  const { subtopologies } = flinkTopology(vector).program.plan();
  const [first, ...more] = subtopologies;
  if (more.length > 0) return "the elements of all keys meet in one task";
  for (const node of first!.nodes) {
    const reason = shows(node);
    if (reason !== undefined) return reason;
  }
  return undefined;
};

const withoutState = new Set(["filter", "flatMap", "map", "scan"]);
/** Of those that speak with a record, and of those that speak when event time has come so far. */
const [byRecord, byTime] = [/^(purging\()*(count|delta|early count)\b/, /^(purging\()*(watermark|never)\b/];

const shows = ({ kind, parameters, inputs, output }: Node): string | undefined => {
  if (output !== undefined || withoutState.has(kind)) return inputs.length === 1 && inputs[0]!.length === 1 ? undefined : meets;
  const { time, emit, evict, clock } = parameters;
  if (time === "processing" || /processing|timeout/.test(String(emit))) return "it goes by the clock";
  switch (kind) {
    case "match":
      return undefined;
    case "window":
      if (inputs[0]!.length > 1) return meets;
      return byRecord.test(String(emit)) || byTime.test(String(emit)) ? undefined : "it looks now and then at what has come until then";
    case "coGroup":
    case "join":
      if (clock === "watermark") return undefined;
      return byTime.test(String(emit)) && evict === undefined ? undefined : meets;
    default:
      return `the function of a step '${kind}' may look at the watermark or the clock`;
  }
};

const meets = "in which order the elements of two inputs come shows in it";
