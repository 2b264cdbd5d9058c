import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "@jest/globals";

const root = join(import.meta.dirname, "../..");
const source = (file: string): string => readFileSync(join(root, file), "utf8");

/** Methods that stand in the interfaces of streams and tables. */
const methods = ["stream", "table", "windowed_stream", "scope"].flatMap((file) =>
  [...source(`topology/${file}.ts`).matchAll(/^ {2}(\w+)[<(]/gm)].map(([, name]) => name!),
);
/** Windows, triggers, evictors, stores and state, as a program imports them. */
const parts = [...source("mod.ts").matchAll(/^export \{([^}]*)\} from "\.\/core\/(?:window|state|time)\/[^"]*"/gm)].flatMap(([, names]) =>
  names!
    .split(",")
    .map((name) => name.trim())
    .filter((name) => /^[a-z]/.test(name) && !name.startsWith("type ")),
);
const fromTopology = ["sink", "records", "tagged", "topicPerRecord", "untilTimeLimit", "untilWindowCloses"];

/** What the simulation has no use for: one writes to the console, one is a serde, one is the absence of a trigger or of watermarks, and aggregators are functions alike. */
const exempt = new Set([
  "print",
  "windowed",
  "pipe",
  "onNever",
  "noWatermarks",
  "average",
  "collect",
  "combine",
  "maxBy",
  "minBy",
  "reducing",
  "top",
]);

describe("the simulation", () => {
  const scenarios = readdirSync(join(root, "test/simulation/scenarios"))
    .map((file) => source(`test/simulation/scenarios/${file}`))
    .concat(source("test/simulation/events.ts"))
    .join("\n");
  const used = (name: string): boolean => new RegExp(`\\b${name}[<(]`).test(scenarios);

  it("has every operator, window, trigger and store in some scenario", () => {
    const wanted = new Set([...methods, ...parts, ...fromTopology].filter((name) => !exempt.has(name)));
    expect(wanted.size).toBeGreaterThan(60);
    expect([...wanted].filter((name) => !used(name))).toEqual([]);
  });
});
