// The same random calls on the log in memory and on a broker, which have to say the same.
// npm run fuzz -- [--seeds N] [--from S] [--calls N] [--protocol 1|2] [--quick] [--on-and-on] [--show]
import { parseArgs } from "node:util";
import type { ConformanceWorld } from "../../conformance_log/world.ts";
import { type Call, shownCall } from "./call.ts";
import { compare, isLike, shownDifference, shrink } from "./compare.ts";
import { fuzzMemory, fuzzWorld, startFuzzBroker } from "./fuzz_broker.ts";
import { generate } from "./generate.ts";

const { values } = parseArgs({
  options: {
    seeds: { type: "string", default: "100" },
    from: { type: "string", default: "1" },
    calls: { type: "string", default: "40" },
    /** Of transactions: 1 or 2. */
    protocol: { type: "string", default: "2" },
    /** Without groups and time-outs. */
    quick: { type: "boolean", default: false },
    /** Goes on after a difference. */
    "on-and-on": { type: "boolean", default: false },
    /** Shows every call and its answer. */
    show: { type: "boolean", default: false },
  },
});
const whole = (name: "seeds" | "from" | "calls"): number => {
  const number = Number(values[name]);
  if (!Number.isInteger(number) || number < 1) throw new Error(`'--${name}' is '${values[name]}': a whole number above 0 is needed`);
  return number;
};
const protocol = values.protocol === "1" ? 1 : 2;
const memory = (): ConformanceWorld => fuzzMemory(protocol);
const [seeds, from, calls] = [whole("seeds"), whole("from"), whole("calls")];

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
