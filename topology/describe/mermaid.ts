import { originIn, type StepDescription, type SubtopologyDescription, type TopologyDescription } from "./description.ts";
import { shownParameters } from "./parameters.ts";

/**
 * The plan as a Mermaid flowchart, which GitHub and many editors draw: a frame per sub-topology, topics between the frames, and steps with state as drums, with a dotted line to steps that look into it.
 */
export const mermaidOf = (description: TopologyDescription): string => {
  const { name, subtopologies } = description;
  const internal = new Set(description.internalTopics.map((topic) => topic.name));
  const topics = new Map<string, string>();
  const topic = (of: string, isInternal: boolean): string => {
    const id = `${isInternal ? "i" : "t"}:${of}`;
    if (!topics.has(id)) topics.set(id, `topic${topics.size}`);
    return topics.get(id)!;
  };
  const frames: string[] = [];
  const edges: string[] = [];
  for (const subtopology of subtopologies) {
    const { id, inputs, steps, outputs, sink } = subtopology;
    const stepId = new Map(steps.map(({ step }, index) => [step, `s${id}_${index}`]));
    const inputId = new Map(inputs.map((input) => [input.topic, topic(input.topic, input.kind !== "source")]));
    const connect = (from: string, to: string, label?: string): void => {
      const origin = originIn(subtopology, from);
      const [start, output] = "topic" in origin ? [inputId.get(origin.topic)!, undefined] : [stepId.get(origin.step)!, origin.output];
      const said = [output, label].filter((part) => part !== undefined).join(", ");
      edges.push(`  ${start} -->${said === "" ? "" : `|${quoted(escaped(said))}|`} ${to}`);
    };
    if (steps.length > 0 || sink !== undefined) frames.push(frame(subtopology, stepId));
    for (const { step, from, uses = [] } of steps) {
      for (const each of from.flat()) connect(each, stepId.get(step)!);
      for (const used of uses) if (stepId.has(used)) edges.push(`  ${stepId.get(used)!} -.- ${stepId.get(step)!}`);
    }
    for (const output of outputs)
      for (const each of output.from)
        connect(each, topic(output.topic, output.internal), labels[output.by] ?? (output.by === "key" ? undefined : `by ${output.by}`));
    if (sink !== undefined) for (const input of inputs) edges.push(`  ${inputId.get(input.topic)!} --> s${id}_sink`);
  }
  const drawn = [...topics].map(([key, id]) => {
    const of = key.slice(2);
    return internal.has(of) && key.startsWith("i:") ? `  ${id}[/${quoted(of)}/]:::internal` : `  ${id}[/${quoted(of)}/]:::topic`;
  });
  return [
    "---",
    `title: ${name}`,
    "---",
    "flowchart LR",
    ...drawn,
    ...frames,
    ...edges,
    "  classDef topic fill:#dbeafe,stroke:#1d4ed8,color:#111827",
    "  classDef internal fill:#f3f4f6,stroke:#6b7280,stroke-dasharray:4 3,color:#111827",
    "  classDef state fill:#dcfce7,stroke:#15803d,color:#111827",
    "",
  ].join("\n");
};

const frame = ({ id, steps, sink }: SubtopologyDescription, stepId: ReadonlyMap<string, string>): string =>
  [
    `  subgraph sub${id}["Sub-topology ${id}"]`,
    ...steps.map((step) => `    ${stepId.get(step.step)!}${shape(step)}`),
    ...(sink === undefined ? [] : [`    s${id}_sink([${quoted(`${escaped(sink)}<br/>sink`)}])`]),
    "  end",
  ].join("\n");

const shape = (step: StepDescription): string => {
  const text = quoted([step.step, step.kind, ...shownParameters(step)].map(escaped).join("<br/>"));
  return step.store === undefined ? `[${text}]` : `[(${text})]:::state`;
};

const labels: Readonly<Record<string, string>> = {
  single: "to one partition",
  broadcast: "to all",
  "round-robin": "in turn",
  "new key": "by a new key",
};

const quoted = (text: string): string => `"${text.replaceAll('"', "#quot;")}"`;

const escaped = (text: string): string => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
