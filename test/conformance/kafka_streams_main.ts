import { readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { parseArgs } from "node:util";
import { differencesOfKafkaStreams } from "./kafka_streams_jobs/compare.ts";
import { interpretKafkaStreams } from "./kafka_streams_jobs/interpret.ts";
import type { KafkaStreamsOutcome, KafkaStreamsVector } from "./kafka_streams_jobs/vector.ts";

/** `npm run conformance:kafka-streams -- DIR... [--out FILE]`: runs every scenario below the folders and shows where one differs; with `--out` it writes what came out, one line of JSON for each. */

const { positionals, values } = parseArgs({ allowPositionals: true, options: { out: { type: "string" } } });

const filesIn = (place: string): readonly string[] =>
  statSync(place).isDirectory()
    ? readdirSync(place, { recursive: true, withFileTypes: true })
        .filter((entry) => entry.isFile() && entry.name.endsWith(".json"))
        .map((entry) => join(entry.parentPath, entry.name))
        .sort()
    : [place];

const run = (path: string): { readonly name: string; readonly got: KafkaStreamsOutcome | undefined; readonly found: readonly string[] } => {
  try {
    const vector = JSON.parse(readFileSync(path, "utf8")) as KafkaStreamsVector;
    const got = interpretKafkaStreams(vector);
    return { name: vector.name, got, found: (vector.expected as unknown) === undefined ? [] : differencesOfKafkaStreams(vector, got) };
  } catch (thrown) {
    return { name: path, got: undefined, found: [thrown instanceof Error ? `${thrown.name}: ${thrown.message}` : String(thrown)] };
  }
};

const lines: string[] = [];
let passed = 0;
let failed = 0;
for (const path of positionals.flatMap(filesIn)) {
  const { name, got, found } = run(path);
  if (got !== undefined) lines.push(`${JSON.stringify({ name, got })}\n`);
  if (found.length === 0) passed++;
  else {
    failed++;
    console.log(`${name} (${path})\n  ${found.join("\n  ")}`);
  }
}
if (values.out !== undefined) writeFileSync(values.out, lines.join(""));
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed === 0 && passed > 0 ? 0 : 1;
