import { spawnSync } from "node:child_process";

/** Those of the commands that this machine does not have, in the words of a message. */
export const missingCommands = (commands: readonly string[]): readonly string[] =>
  commands.filter((command) => spawnSync(command, ["-version"], { stdio: "ignore" }).error !== undefined);

/** The major version of the Java on the path; undefined when there is none or it does not say. */
export const javaVersion = (): number | undefined => {
  const { stderr } = spawnSync("java", ["-version"], { encoding: "utf8" });
  const version = /version "(?:1\.)?(\d+)/.exec(stderr ?? "")?.[1];
  return version === undefined ? undefined : Number(version);
};
