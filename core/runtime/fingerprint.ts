import type { Plan } from "./plan.ts";

type Parameters = Readonly<Record<string, string | number | boolean>>;

/** Something that outlives the process: a store with its changelog, or an internal topic. What is not equal in two versions of a program cannot be read by the other one. */
export interface StatefulPart {
  readonly kind: "store" | "topic";
  readonly name: string;
  /** What it was made for. */
  readonly parameters: Parameters;
}

/** The parameter of a store that has no changelog: the topic that it stands in instead. */
export const comesBackFrom = "comes back from";

/** All that a plan leaves behind on the log, in the order of names: independent of the order in which the program says it, and of steps without state. */
export const statefulParts = (plan: Plan): readonly StatefulPart[] => {
  const stores = plan.subtopologies.flatMap(({ nodes, inputs: all }): readonly StatefulPart[] =>
    nodes.flatMap(({ store, kind, parameters }) =>
      store === undefined
        ? []
        : [
            {
              kind: "store",
              name: store.name,
              parameters: {
                step: kind,
                ...parameters,
                ...(store.keySerde === undefined ? {} : { keys: store.keySerde }),
                ...(store.rowsOf === undefined ? {} : { [comesBackFrom]: all[store.rowsOf.input]!.topic.name }),
                "reads from": all
                  .flatMap(({ topic, kind }) => (kind === "retry" ? [] : [topic.name]))
                  .sort()
                  .join(", "),
              },
            },
          ],
    ),
  );
  const putOff = plan.subtopologies.flatMap(({ inputs }) =>
    inputs.flatMap((input): readonly StatefulPart[] =>
      input.putOff === undefined
        ? []
        : [{ kind: "store", name: input.putOff.store, parameters: { step: "put-off", "reads from": input.topic.name } }],
    ),
  );
  const topics = plan.topics.map(({ name, kind, partitions }): StatefulPart => {
    const keys = plan.subtopologies.flatMap(({ inputs }) => inputs).find(({ topic }) => topic.internal && topic.name === name)?.key.name;
    return {
      kind: "topic",
      name,
      parameters: { kind, ...(partitions === undefined ? {} : { partitions }), ...(keys === undefined ? {} : { keys }) },
    };
  });
  return [...stores, ...putOff, ...topics].sort((a, b) => (id(a) < id(b) ? -1 : 1));
};

/** 16 hexadecimal digits that are equal for plans with equal stateful parts. */
export const fingerprint = (plan: Plan): string => {
  const parts = statefulParts(plan).map(({ kind, name, parameters }) => [
    kind,
    name,
    Object.entries(parameters).sort(([a], [b]) => (a < b ? -1 : 1)),
  ]);
  return fnv1a(new TextEncoder().encode(JSON.stringify(parts)));
};

/** One thing that is not as it was. */
export interface TopologyChange {
  readonly kind: "store" | "topic";
  readonly name: string;
  /** "table": from now on it comes back from its topic and from no changelog. "changelog": the other way round. "changed": anything else. */
  readonly change: "added" | "removed" | "changed" | "table" | "changelog";
  /** A sentence without its period. */
  readonly words: string;
}

/** What has changed between two versions of a program, as far as it concerns what they keep. */
export const topologyChanges = (before: readonly StatefulPart[], after: readonly StatefulPart[]): readonly TopologyChange[] => {
  const was = new Map(before.map((part) => [id(part), part]));
  const is = new Map(after.map((part) => [id(part), part]));
  return [...new Set([...was.keys(), ...is.keys()])].sort().flatMap((key): readonly TopologyChange[] => {
    const old = was.get(key);
    const now = is.get(key);
    const { kind, name } = (now ?? old)!;
    const part = kind === "store" ? `The store of step '${name}'` : `Internal topic '${name}'`;
    if (old === undefined) return [{ kind, name, change: "added", words: `${part} is new` }];
    if (now === undefined) return [{ kind, name, change: "removed", words: `${part} is no longer there` }];
    const differences = differencesOf(old.parameters, now.parameters);
    const [before, after] = [old, now].map(({ parameters }) => parameters[comesBackFrom]);
    if (differences.length === 1 && before !== after) {
      if (before === undefined) return [{ kind, name, change: "table", words: `${part} now comes back from topic '${after}'` }];
      if (after === undefined)
        return [
          { kind, name, change: "changelog", words: `${part} now comes back from a changelog, and came back from topic '${before}'` },
        ];
    }
    return differences.length === 0 ? [] : [{ kind, name, change: "changed", words: `${part} has changed: ${differences.join("; ")}` }];
  });
};

const differencesOf = (before: Parameters, after: Parameters): readonly string[] =>
  [...new Set([...Object.keys(before), ...Object.keys(after)])].flatMap((name) => {
    const old = before[name];
    const now = after[name];
    if (old === now) return [];
    if (old === undefined) return [`'${name}' is now ${now}, and was not there`];
    return [now === undefined ? `'${name}' was ${old}, and is no longer there` : `'${name}' was ${old}, and is now ${now}`];
  });

const id = ({ kind, name }: StatefulPart): string => `${kind} ${name}`;

/** FNV-1a with 64 bits (Fowler, Noll, Vo). Not for adversaries: it only has to tell versions of one program apart. */
const fnv1a = (bytes: Uint8Array): string => {
  let hash = 0xcbf29ce484222325n;
  for (const byte of bytes) hash = BigInt.asUintN(64, (hash ^ BigInt(byte)) * 0x100000001b3n);
  return hash.toString(16).padStart(16, "0");
};
