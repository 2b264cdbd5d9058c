// Prints made-up input of the fraud example as JSON lines, in order of arrival: npm run fraud:data -- --transactions N --seed S
import { once } from "node:events";
import { describeOptions, type OptionTable, readCommandLine, wholeNumber } from "./command_line.ts";
import { generate } from "./generate.ts";

const table: OptionTable = {
  transactions: { value: "N", read: wholeNumber, help: "stop after N transactions; without it the lines do not end" },
  seed: { value: "S", read: wholeNumber, help: "what the data depends on (1)" },
  help: { help: "show this" },
};

const line = readCommandLine(table, process.argv.slice(2));
if (!line.ok) {
  process.stderr.write(`${line.message}\n`);
  process.exitCode = 2;
} else if (line.values["help"]) {
  process.stdout.write(`Prints accounts and card payments as JSON lines, in order of arrival.\n\nOptions:\n${describeOptions(table)}\n`);
} else {
  await print(line.values["transactions"] as number | undefined, (line.values["seed"] as number | undefined) ?? 1);
}

/** Writes in larger pieces and waits for a slow reader; a reader that goes away ends the program quietly. */
async function print(transactions: number | undefined, seed: number): Promise<void> {
  process.stdout.on("error", (error: NodeJS.ErrnoException) => {
    process.exit(error.code === "EPIPE" ? 0 : 1);
  });
  let piece = "";
  for (const one of generate({ transactions, seed })) {
    piece += `${JSON.stringify(one)}\n`;
    if (piece.length < 64 * 1024) continue;
    if (!process.stdout.write(piece)) await once(process.stdout, "drain");
    piece = "";
  }
  process.stdout.write(piece);
}
