// Runs one case once, in this process, and writes what was measured as a line of JSON: what `run.ts` starts for each run.
import { casesOf } from "./cases.ts";

const [family, name, scale, brokers] = process.argv.slice(2) as [string, string, string, string | undefined];
const found = (await casesOf(family)).find((one) => one.name === name);
if (found === undefined || "compare" in found) throw new Error(`There is no case '${name}' in bench/${family}.ts`);
process.stdout.write(`${JSON.stringify(await found.run({ share: (full) => Math.ceil(full * Number(scale)), brokers }))}\n`);
// What a case leaves open shall not keep the next one waiting.
process.exit(0);
