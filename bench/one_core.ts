import { existsSync, readFileSync } from "node:fs";
import { missingCommands } from "../node/local/missing_commands.ts";

/** What stands before a command so that all its threads run on one core, the last that this process may use; nothing where the machine has no `taskset`. */
export const onOneCore = (): readonly string[] => {
  const status = "/proc/self/status";
  if (!existsSync(status) || missingCommands(["taskset"]).length > 0) return [];
  const last = /^Cpus_allowed_list:.*?(\d+)$/m.exec(readFileSync(status, "utf8"))?.[1];
  return last === undefined ? [] : ["taskset", "-c", last];
};
