import { execFile } from "node:child_process";
import { existsSync, rmSync } from "node:fs";
import { mkdtemp, readdir, readFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { cacheFolder } from "../node/local/cache_folder.ts";
import { fetchMavenDependencies } from "../node/local/maven_jars.ts";
import { missingCommands } from "../node/local/missing_commands.ts";

/** The programs of a Maven project beside this file, ready to be started. */
export interface JavaPrograms {
  /** Of what they run on. */
  readonly version: string;
  /** The command that starts a program; it is told, after these arguments, where it may keep its state. */
  command(mainClass: string, args: readonly (string | number)[]): readonly string[];
}

export interface JavaProject {
  /** With its pom.xml and src/main/java; what all projects share stands in the folder `java`. */
  readonly folder: string;
  /** The property that says which release of what it depends on is measured. */
  readonly versionProperty: string;
  /** What `java` is told. */
  readonly machine: readonly string[];
}

/** Compiles the programs against the jars that Maven has fetched; or says what is missing here. What it makes is deleted when this process ends. */
export const javaPrograms = async ({
  folder,
  versionProperty,
  machine,
}: JavaProject): Promise<JavaPrograms | { readonly missing: string }> => {
  const project = fileURLToPath(new URL(folder, import.meta.url));
  const version = new RegExp(`<${versionProperty}>(.+)</`).exec(await readFile(join(project, "pom.xml"), "utf8"))![1]!;
  const fetched = cacheFolder(`${folder}-${version}`);
  const missing = missingCommands(existsSync(fetched) ? ["java", "javac"] : ["java", "javac", "mvn"]);
  if (missing.length > 0) return { missing: `${missing.join(" and ")} not found` };
  try {
    await fetchMavenDependencies(fetched, join(project, "pom.xml"));
  } catch (error) {
    return { missing: (error as Error).message };
  }
  const work = await mkdtemp(join(tmpdir(), `millrace-${folder}-`));
  process.once("exit", () => rmSync(work, { recursive: true, force: true }));
  const jars = join(fetched, "*");
  const sources = [join(project, "src", "main", "java"), fileURLToPath(new URL("java", import.meta.url))];
  const files = await Promise.all(sources.map(async (source) => (await readdir(source)).map((file) => join(source, file))));
  await promisify(execFile)("javac", ["-cp", jars, "-d", work, ...files.flat()]);
  let started = 0;
  return {
    version,
    command: (mainClass, args) => [
      ...["java", ...machine, "-Dorg.slf4j.simpleLogger.defaultLogLevel=error", "-cp", `${work}:${jars}`, mainClass],
      ...args.map(String),
      join(work, `state-${started++}`),
    ],
  };
};
