import { type ChildProcess, spawn } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { numberOption, toolOptions } from "../support/tool_options.ts";
import { type Planted, planted } from "./planted.ts";

const help = `
npm run mutants -- [options]

Plants one bug after the other in a copy of the sources and looks after how many seeds the simulation finds it. Exit code 1 when one is not found.

  --seeds N      with how many seeds a bug is looked for (2000)
  --from S       the first of them (1)
  --every N      only every so many of the bugs, for a look in passing (1)
  --skip N       not the first ones: to go on where a look has ended (0)
  --named TEXT   only those with TEXT in their names
`;

const { values } = toolOptions(help, {
  options: {
    seeds: { type: "string", default: "2000" },
    from: { type: "string", default: "1" },
    every: { type: "string", default: "1" },
    skip: { type: "string", default: "0" },
    named: { type: "string" },
  },
});
const [seedsMax, from, every, skip] = [
  numberOption("seeds", values.seeds),
  numberOption("from", values.from),
  numberOption("every", values.every),
  numberOption("skip", values.skip, { least: 0 }),
];
const atOnce = 2;
/** A seed that says nothing for so long does not come to an end. */
const silenceMs = 120_000;
const root = join(import.meta.dirname, "../..");
const parts = ["core", "topology", "examples", "mod.ts", "package.json", "test/simulation", "test/support/tool_options.ts"];

const copySources = (): string => {
  const copy = mkdtempSync(join(tmpdir(), "millrace-mutants-"));
  for (const part of parts) cpSync(join(root, part), join(copy, part), { recursive: true });
  symlinkSync(join(root, "node_modules"), join(copy, "node_modules"));
  return copy;
};

/** The source with the bug in it. */
const withBug = ({ name, file, find, replace }: Planted): string => {
  const pieces = readFileSync(join(root, file), "utf8").split(find);
  if (pieces.length !== 2) throw new Error(`Bug '${name}' should apply once and applies ${pieces.length - 1} times in ${file}: '${find}'`);
  return pieces.join(replace);
};

interface Finding {
  readonly found: boolean;
  readonly words: string;
}

const look = async (bug: Planted, copy: string): Promise<Finding> => {
  const file = join(copy, bug.file);
  writeFileSync(file, withBug(bug));
  const args = ["test/simulation/simulate.ts", "--first", "--seeds", String(seedsMax), "--from", String(from)];
  const child: ChildProcess = spawn(process.execPath, args, { cwd: copy, stdio: ["ignore", "pipe", "ignore"] });
  let [seeds, violation, silent] = [0, "", false];
  const watch = (): NodeJS.Timeout =>
    setTimeout(() => {
      silent = true;
      child.kill("SIGKILL");
    }, silenceMs);
  let watching = watch();
  const over = new Promise<number | null>((resolve) => child.on("close", resolve));
  for await (const line of createInterface({ input: child.stdout! })) {
    clearTimeout(watching);
    watching = watch();
    const [, seed] = /^Seed (\d+)/.exec(line) ?? [];
    if (seed !== undefined) seeds = Number(seed) - from + 1;
    else if (violation === "") violation = line.trim();
  }
  clearTimeout(watching);
  const code = await over;
  writeFileSync(file, readFileSync(join(root, bug.file)));
  if (silent) return { found: true, words: `after ${seeds + 1} seeds: it does not come to an end` };
  if (seeds === 0) return { found: false, words: "as the program does not start with it: mend the bug" };
  if (code === 0) return { found: false, words: `in ${seeds} seeds` };
  return {
    found: true,
    words: `after ${seeds} seeds: ${violation === "" ? "the simulation itself breaks down" : violation.slice(0, 140)}`,
  };
};

const bugs = planted.slice(skip).filter(({ name }, i) => i % every === 0 && name.includes(values.named ?? ""));
// All have to apply before the first one is tried.
for (const bug of bugs) withBug(bug);
const left = [...bugs];
let found = 0;
const work = async (): Promise<void> => {
  const copy = copySources();
  try {
    for (let bug = left.shift(); bug !== undefined; bug = left.shift()) {
      const finding = await look(bug, copy);
      if (finding.found) found++;
      console.log(`${finding.found ? "found" : "NOT FOUND"} ${finding.words}  (${bug.name})`);
    }
  } finally {
    rmSync(copy, { recursive: true, force: true });
  }
};
await Promise.all(Array.from({ length: atOnce }, work));
console.log(`${found} of ${bugs.length} found`);
process.exitCode = found === bugs.length ? 0 : 1;
