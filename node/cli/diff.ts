import { readFileSync } from "node:fs";
import { reason } from "../../core/errors.ts";
import { topologyDiff } from "../../topology/topology_diff.ts";
import { type Command, command } from "./command.ts";
import { UsageError } from "./usage_error.ts";

/** Compares two versions of a topology, as they describe themselves. Exit code 1 when the new one needs more than a start. */
export const diff: Command = command({
  about:
    'Compares two versions of a topology, each a file with what its describe("json") gives, and says of every store and internal topic whether the change is safe, needs migration or needs reset. The exit code is 1 when something is not safe',
  examples: ["diff running.json next.json"],
  operands: "OLD.json NEW.json",
  options: { json: { help: "write the differences as JSON" } },
  async run(given, operands, { out }) {
    const [before, after] = operands;
    if (before === undefined || after === undefined || operands.length > 2)
      throw new UsageError("Give two files: millrace diff OLD.json NEW.json");
    const found = topologyDiff(read(before), read(after));
    if (given.json === true) out(`${JSON.stringify(found, null, 2)}\n`);
    else {
      for (const { verdict, kind, name, why } of found.changes) out(`${verdict.padEnd(16)} ${kind} ${name}: ${why}\n`);
      out(`${found.verdict}\n`);
    }
    return found.verdict === "safe" ? 0 : 1;
  },
});

const read = (path: string): string => {
  try {
    return readFileSync(path, "utf8");
  } catch (thrown) {
    throw new UsageError(`Cannot read '${path}': ${reason(thrown)}`);
  }
};
