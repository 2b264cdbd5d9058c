import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, rename, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { promisify } from "node:util";

/** `org.apache.kafka:kafka_2.13:4.1.0`: what Maven calls an artifact. */
export type MavenArtifact = `${string}:${string}:${string}`;

/**
 * Makes sure that the folder holds the jars of the artifacts and of everything they need at run time, fetched by Maven; a folder that is there is complete, as it appears
 * under its name only in the end. Several processes may ask at the same time.
 */
export const fetchMavenJars = (folder: string, artifacts: readonly MavenArtifact[]): Promise<void> =>
  fetched(folder, artifacts.join(", "), async (work) => {
    const project = join(work, "pom.xml");
    await writeFile(project, projectOf(artifacts));
    return project;
  });

/** The same for what a project, given by its `pom.xml`, needs at run time. */
export const fetchMavenDependencies = (folder: string, project: string): Promise<void> =>
  fetched(folder, `what ${project} depends on`, async () => project);

const fetched = async (folder: string, what: string, projectIn: (work: string) => Promise<string>): Promise<void> => {
  if (existsSync(folder)) return;
  await mkdir(dirname(folder), { recursive: true });
  const work = await mkdtemp(`${folder}-fetching-`);
  try {
    const project = await projectIn(work);
    const jars = join(work, "jars");
    await promisify(execFile)(
      "mvn",
      ["-q", "-B", "-f", project, "dependency:copy-dependencies", "-DincludeScope=runtime", `-DoutputDirectory=${jars}`],
      { maxBuffer: 16 * 1024 * 1024 },
    );
    await rename(jars, folder).catch((error: unknown) => {
      // Somebody else was faster.
      if (!existsSync(folder)) throw error;
    });
  } catch (error) {
    throw new Error(`Cannot fetch ${what} by Maven: check that mvn reaches its repositories (${outputOf(error)})`, {
      cause: error,
    });
  } finally {
    await rm(work, { recursive: true, force: true });
  }
};

const projectOf = (artifacts: readonly MavenArtifact[]): string => {
  const dependencies = artifacts.map((artifact) => {
    const [group, name, version] = artifact.split(":");
    return `<dependency><groupId>${group}</groupId><artifactId>${name}</artifactId><version>${version}</version></dependency>`;
  });
  return `<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion><groupId>millrace</groupId><artifactId>fetched</artifactId><version>1</version><dependencies>${dependencies.join("")}</dependencies></project>\n`;
};

/** Maven tells its reasons on standard output. */
const outputOf = (error: unknown): string => {
  const { stdout, message } = error as { readonly stdout?: string; readonly message?: string };
  return (stdout?.trim() || message || "no output").split("\n").slice(0, 5).join(" ");
};
