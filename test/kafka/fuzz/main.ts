import type { ConformanceWorld } from "../../conformance_log/world.ts";
import { numberOption, toolOptions } from "../../support/tool_options.ts";
import { type Call, shownCall } from "./call.ts";
import { compare, isLike, shownDifference, shrink } from "./compare.ts";
import { fuzzMemory, fuzzWorld, startFuzzBroker } from "./fuzz_broker.ts";
import { generate } from "./generate.ts";

const help = `
npm run fuzz -- [options]

The same random calls on the log in memory and on a broker, which have to say the same. Exit code 1 when they do not.

  --seeds N        how many sequences (100)
  --from S         the first seed (1)
  --calls N        how many calls a sequence has (40)
  --protocol 1|2   of transactions (2)
  --quick          without groups and time-outs
  --on-and-on      goes on after a difference
  --show           shows every call and its answer
`;

const { values } = toolOptions(help, {
  options: {
    seeds: { type: "string", default: "100" },
    from: { type: "string", default: "1" },
    calls: { type: "string", default: "40" },
    protocol: { type: "string", default: "2" },
    quick: { type: "boolean", default: false },
    "on-and-on": { type: "boolean", default: false },
    show: { type: "boolean", default: false },
  },
});
const protocol = values.protocol === "1" ? 1 : 2;
const memory = (): ConformanceWorld => fuzzMemory(protocol);
const [seeds, from, calls] = [numberOption("seeds", values.seeds), numberOption("from", values.from), numberOption("calls", values.calls)];

// The broker is ended by a handler of "exit".
for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => process.exit(130));
const kafka = await startFuzzBroker();
const world = fuzzWorld(kafka, protocol);
const show = (index: number, call: Call, answer: string): void => console.log(`  ${index} ${shownCall(call)}\n    ${answer}`);
let [played, differing, unsteady] = [0, 0, 0];
try {
  for (let seed = from; seed < from + seeds && (differing === 0 || values["on-and-on"]); seed++) {
    const sequence = generate(seed, { calls, slow: !values.quick });
    const difference = await compare(sequence, memory, world, values.show ? show : undefined);
    played++;
    if (difference === undefined) continue;
    console.log(`seed ${seed} differs ${shownDifference(difference)}`);
    const alike = async (part: readonly Call[]): Promise<boolean> => isLike(difference, await compare(part, memory, world));
    if (!(await alike(sequence))) {
      unsteady++;
      console.log("and does not when it is played again, as may be where a broker does several things at once");
      continue;
    }
    differing++;
    const shortest = await shrink(sequence.slice(0, difference.index + 1), alike);
    console.log(`a shorter sequence that differs alike:\n${shortest.map((call, i) => `  ${i} ${shownCall(call)}`).join("\n")}`);
    const shown = await compare(shortest, memory, world);
    if (shown !== undefined) console.log(`it differs ${shownDifference(shown)}`);
  }
} finally {
  await world.close();
  await kafka.stop();
}
console.log(`${played} seeds from ${from}, ${calls} calls each: ${differing} differ, ${unsteady} differed once and not again`);
process.exit(differing === 0 ? 0 : 1);
