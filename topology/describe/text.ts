import type { InputDescription, OutputDescription, StepDescription, SubtopologyDescription, TopologyDescription } from "./description.ts";
import { shownParameters } from "./parameters.ts";

/** The plan for a terminal: one line per input, step and output, in the order in which a record meets them. */
export const textOf = ({ name, subtopologies, internalTopics }: TopologyDescription): string => {
  const paragraphs = [`Topology ${name}`, ...subtopologies.map(subtopologyText)];
  if (internalTopics.length > 0)
    paragraphs.push(
      [
        "Internal topics",
        ...table(
          internalTopics.map((topic) => [
            topic.name,
            topic.partitions === undefined ? "as many partitions as its inputs ask for" : partitions(topic.partitions),
          ]),
        ),
      ].join("\n"),
    );
  return `${paragraphs.join("\n\n")}\n`;
};

const subtopologyText = ({ id, inputs, steps, outputs, copartitioned, sink }: SubtopologyDescription): string =>
  [
    `Sub-topology ${id}`,
    ...table([
      ...inputs.map(inputLine),
      ...steps.map(stepLine),
      ...outputs.map(outputLine),
      ...(sink === undefined ? [] : [["hands to", sink]]),
    ]),
    ...copartitioned.map(({ step, topics }) => `  ${listed(topics)} need equally many partitions, for ${step}`),
  ].join("\n");

const inputLine = ({ topic, pattern, table: isTable, watermarks }: InputDescription): readonly string[] => [
  "reads",
  topic,
  [isTable ? "table" : "", pattern === undefined ? "" : "all topics that match", watermarks === undefined ? "" : `watermarks ${watermarks}`]
    .filter((part) => part !== "")
    .join(", "),
];

const stepLine = (step: StepDescription): readonly string[] => [
  step.kind,
  step.step,
  step.from.length === 0 ? "" : `from ${step.from.map((port) => port.join(" + ")).join(" and ")}`,
  [...(step.store === undefined || "keeps" in step.parameters ? [] : ["keeps state"]), ...shownParameters(step)].join(", "),
];

const outputLine = ({ topic, from, by }: OutputDescription): readonly string[] => [
  "writes",
  topic,
  `from ${from.join(" + ")}`,
  choices[by] ?? `by ${by}`,
];

const choices: Readonly<Record<string, string>> = {
  single: "to one partition",
  broadcast: "to all partitions",
  "round-robin": "to each partition in turn",
  "new key": "by a new key",
};

/** Columns as wide as they need to be, but for the last two, which stand after each other. */
const table = (rows: readonly (readonly string[])[]): readonly string[] => {
  const widths = [0, 1].map((column) => Math.max(0, ...rows.map((row) => row[column]?.length ?? 0)));
  return rows.map((row) => {
    const rest = row
      .slice(2)
      .filter((cell) => cell !== "")
      .join("; ");
    return `  ${row[0]!.padEnd(widths[0]!)}  ${row[1]!.padEnd(widths[1]!)}  ${rest}`.trimEnd();
  });
};

const partitions = (count: number): string => (count === 1 ? "1 partition" : `${count} partitions`);

const listed = (items: readonly string[]): string => `${items.slice(0, -1).join(", ")} and ${items.at(-1)}`;
