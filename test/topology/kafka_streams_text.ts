/** A node of a topology, as a viewer draws it. */
export interface ViewedNode {
  readonly kind: "Source" | "Processor" | "Sink";
  /** The topics of a source or sink, the stores of a processor. */
  readonly holds: readonly string[];
  readonly next: readonly string[];
  readonly before: readonly string[];
}

const node = /^ {4}(Source|Processor|Sink): (\S+) \((topics|topic|stores|extractor class): (.*)\)$/;
const arrow = /^ {6}(-->|<--) (\S+(?:, \S+)*)$/;
const part = /^ {2,3}Sub-topology: (\d+)( for global store \(will not generate tasks\))?$/;

/**
 * What the text of Kafka Streams' `Topology#describe` says, found line by line as viewers of that text do: the nodes of each sub-topology by name. Throws where a line is none that Kafka Streams prints, or a name comes twice.
 */
export const viewTopology = (text: string): readonly ReadonlyMap<string, ViewedNode>[] => {
  const [title, ...lines] = text.split("\n");
  if (title !== "Topologies:") throw new Error(`The text begins with '${title}'`);
  const parts: Map<string, ViewedNode>[] = [];
  let last: { next: readonly string[]; before: readonly string[] } | undefined;
  for (const line of lines) {
    if (line === "") continue;
    const [, id] = part.exec(line) ?? [];
    const [, kind, name, , holds] = node.exec(line) ?? [];
    const [, direction, names] = arrow.exec(line) ?? [];
    if (id !== undefined) {
      if (Number(id) !== parts.length) throw new Error(`Sub-topology ${id} stands at place ${parts.length}`);
      parts.push(new Map());
    } else if (name !== undefined) {
      const nodes = parts.at(-1)!;
      if (nodes.has(name)) throw new Error(`There are two nodes '${name}'`);
      const read = { kind: kind as ViewedNode["kind"], holds: listed(holds!), next: [], before: [] };
      nodes.set(name, read);
      last = read;
    } else if (direction !== undefined && last !== undefined) {
      last[direction === "-->" ? "next" : "before"] = names === "none" ? [] : names!.split(", ");
    } else throw new Error(`Kafka Streams prints no such line: '${line}'`);
  }
  return parts;
};

const listed = (holds: string): readonly string[] => {
  const [, inside] = /^\[(.*)\]$/.exec(holds) ?? [];
  return inside === undefined ? [holds] : inside.split(", ").filter((name) => name !== "");
};
