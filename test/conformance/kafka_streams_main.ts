import { readdirSync, readFileSync } from "node:fs";
import { differencesOfKafkaStreams } from "./kafka_streams_jobs/compare.ts";
import { interpretKafkaStreams } from "./kafka_streams_jobs/interpret.ts";

const dir = process.argv[2]!;
let passed = 0,
  failed = 0;
for (const f of readdirSync(dir).filter((f) => f.endsWith(".json") && (process.argv[3] === undefined || f.includes(process.argv[3])))) {
  const vector = JSON.parse(readFileSync(`${dir}/${f}`, "utf8"));
  let found: readonly string[];
  try {
    found = differencesOfKafkaStreams(vector, interpretKafkaStreams(vector));
  } catch (e) {
    found = [process.argv[3] ? (e as Error).stack! : String(e)];
  }
  if (found.length === 0) passed++;
  else {
    failed++;
    console.log(
      f,
      "\n   " +
        found
          .slice(0, 3)
          .map((s) => s.slice(0, 600))
          .join("\n   "),
    );
  }
}
console.log(`${passed} passed, ${failed} failed`);
