import { writeFileSync } from "node:fs";
import process from "node:process";
import { parseArgs } from "node:util";
import { check, type Verdict } from "./check.ts";
import { type VectorFile, vectorFiles } from "./files.ts";

const usage = "Usage: npm run conformance -- DIR... [--out FILE]";

const verdictOf = async (file: VectorFile): Promise<Verdict> => {
  try {
    return await check(file.read());
  } catch (thrown) {
    return {
      name: file.path,
      got: undefined,
      failure: `Cannot read the file: ${thrown instanceof Error ? thrown.message : String(thrown)}`,
    };
  }
};

const main = async (): Promise<number> => {
  const { positionals, values } = parseArgs({ allowPositionals: true, options: { out: { type: "string" } } });
  if (positionals.length === 0) {
    console.error(usage);
    return 2;
  }
  const lines: string[] = [];
  let passed = 0;
  let failed = 0;
  for (const place of positionals)
    for (const file of vectorFiles(place)) {
      const { name, got, failure } = await verdictOf(file);
      lines.push(JSON.stringify({ name, got: got ?? null }));
      if (failure === undefined) passed++;
      else {
        failed++;
        console.log(`${name} (${file.path})\n  ${failure.replaceAll("\n", "\n  ")}`);
      }
    }
  if (values.out !== undefined) writeFileSync(values.out, lines.map((line) => `${line}\n`).join(""));
  console.log(`${passed} passed, ${failed} failed`);
  return failed === 0 ? 0 : 1;
};

process.exitCode = await main();
