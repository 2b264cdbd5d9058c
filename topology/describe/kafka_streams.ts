import { originIn, type SubtopologyDescription, type TopologyDescription } from "./description.ts";

/** A node as Kafka Streams prints it. */
interface PrintedNode {
  readonly name: string;
  readonly line: string;
  readonly next: string[];
  readonly before: string[];
}

/** The plan as `Topology#describe` of Kafka Streams prints it, so that tools which draw that text read this one, too. Steps keep their names; what comes in and goes out is called after its topic. */
export const kafkaStreamsText = ({ subtopologies }: TopologyDescription): string =>
  `Topologies:\n${subtopologies.map(subtopologyText).join("\n")}`;

const subtopologyText = (subtopology: SubtopologyDescription): string => {
  const { id, inputs, steps, outputs, sink } = subtopology;
  const nodes = new Map<string, PrintedNode>();
  const add = (name: string, line: string): void => void nodes.set(name, { name, line, next: [], before: [] });
  const connect = (from: string, to: string): void => {
    const [a, b] = [nodes.get(from)!, nodes.get(to)!];
    if (!a.next.includes(to)) a.next.push(to);
    if (!b.before.includes(from)) b.before.push(from);
  };
  const taken = new Set([...steps, ...outputs].map(({ step }) => step));
  const source = (topic: string): string => {
    let name = `${topic.replace(/[^a-zA-Z0-9._-]+/g, "_")}-source`;
    while (taken.has(name)) name += "-";
    return name;
  };
  const storesOf = new Map(steps.flatMap(({ step, store }) => (store === undefined ? [] : [[step, store] as const])));
  for (const { topic, pattern } of inputs) add(source(topic), `Source: ${source(topic)} (topics: ${pattern ?? `[${topic}]`})`);
  // A store that steps share is no node there; it stands with each that uses it.
  const processors = steps.filter(({ kind }) => kind !== "store");
  for (const { step, uses = [] } of processors) {
    const stores = [step, ...uses].flatMap((each) => storesOf.get(each) ?? []);
    add(step, `Processor: ${step} (stores: [${stores.join(", ")}])`);
  }
  const target = ({ step, topic }: { readonly step: string; readonly topic: string }): string =>
    nodes.has(step) ? `${step}-${topic}` : step;
  const sinks = outputs.map((output) => ({ ...output, name: target(output) }));
  for (const { name, topic } of sinks) add(name, `Sink: ${name} (topic: ${topic})`);
  if (sink !== undefined) add(sink, `Processor: ${sink} (stores: [])`);
  const origin = (from: string): string => {
    const known = originIn(subtopology, from);
    return "topic" in known ? source(known.topic) : known.step;
  };
  for (const { step, from } of processors) for (const each of from.flat()) connect(origin(each), step);
  for (const { name, from } of sinks) for (const each of from) connect(origin(each), name);
  if (sink !== undefined) for (const { topic } of inputs) connect(source(topic), sink);
  return `   Sub-topology: ${id}\n${[...nodes.values()].map(nodeText).join("")}`;
};

const nodeText = ({ line, next, before }: PrintedNode): string => {
  const listed = (names: readonly string[]): string => (names.length === 0 ? "none" : names.join(", "));
  const ahead = line.startsWith("Sink") ? "" : `      --> ${listed(next)}\n`;
  const behind = line.startsWith("Source") ? "" : `      <-- ${listed(before)}\n`;
  return `    ${line}\n${ahead}${behind}`;
};
