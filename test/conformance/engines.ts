import { type Difference, differences } from "./compare.ts";
import { interpretFlink } from "./flink_jobs/interpret.ts";
import { differencesOfKafkaStreams } from "./kafka_streams_jobs/compare.ts";
import { interpretKafkaStreams } from "./kafka_streams_jobs/interpret.ts";

/** How the vectors of one engine are run. */
interface Engine {
  /** Builds what a vector describes, does to it what it says, and gives what came out. */
  interpret(vector: any): Promise<unknown>;
  /** What differs, in words; nothing where the vector does not say what should come out. */
  differences(vector: any, got: any): readonly string[];
}

const engines: Readonly<Record<string, Engine>> = {
  flink: {
    interpret: interpretFlink,
    differences: ({ expected, ordering = "total" }, got) =>
      expected === undefined ? [] : differences(ordering, expected, got).map(inWords),
  },
  "kafka-streams": {
    interpret: async (vector) => interpretKafkaStreams(vector),
    differences: (vector, got) => (vector.expected === undefined ? [] : differencesOfKafkaStreams(vector, got)),
  },
};

/** By the first word of what a vector says of its engine. Throws when nothing here understands it. */
export const engineOf = (vector: { readonly engine?: unknown }): Engine => {
  const name = String(vector.engine).split(" ")[0]!;
  const engine = engines[name];
  if (engine === undefined)
    throw new Error(
      `Nothing here understands vectors of the engine '${name}': there are interpreters for ${Object.keys(engines).join(", ")}`,
    );
  return engine;
};

const inWords = ({ list, step, expected, actual }: Difference): string =>
  [`${list} differs first at step ${step}`, `  expected ${shown(expected)}`, `  actual   ${shown(actual)}`].join("\n");

const shown = (value: unknown): string => (value === undefined ? "nothing" : JSON.stringify(value));
