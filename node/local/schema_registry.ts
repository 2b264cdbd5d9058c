import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { cacheFolder } from "./cache_folder.ts";
import { startChildServer, stopServerIn } from "./child_server.ts";
import { freePort } from "./free_port.ts";
import { missingCommands } from "./missing_commands.ts";

export interface SchemaRegistryServerOptions {
  /** Where it listens on 127.0.0.1. @default a free port */
  readonly port?: number;
  /**
   * Holds its configuration, its log and its process id.
   * @default a folder for this port beside the built program, which `stop` removes
   */
  readonly folder?: string;
}

export interface LocalSchemaRegistry {
  readonly url: string;
  readonly pid: number;
  readonly folder: string;
  stop(): Promise<void>;
}

/** What this machine lacks to run a schema registry; empty when nothing is missing. What has been built before needs nothing. */
export const schemaRegistryMissing = (): readonly string[] => (existsSync(program()) ? [] : missingCommands(["go"]));

/**
 * Starts a schema registry with Confluent's protocol for trying things out, on 127.0.0.1 only: AxonOps Schema Registry, which forgets everything when it ends. The first
 * start on a machine builds it with Go in the cache folder, which takes some minutes and fetches modules. The server outlives this process; `stop`, or
 * `stopServerIn` with its folder, ends it.
 */
export const startSchemaRegistry = async (options: SchemaRegistryServerOptions = {}): Promise<LocalSchemaRegistry> => {
  const missing = schemaRegistryMissing();
  if (missing.length > 0) throw new Error(`Cannot start a schema registry without ${missing.join(" and ")}: install Go 1.26 or newer`);
  await build();
  const port = options.port ?? (await freePort());
  const folder = options.folder ?? join(cacheFolder(), "run", `schema-registry-${port}`);
  const url = `http://127.0.0.1:${port}`;
  await mkdir(folder, { recursive: true });
  await writeFile(
    join(folder, "registry.yaml"),
    `server: {host: 127.0.0.1, port: ${port}}\nstorage: {type: memory}\ncompatibility: {default_level: BACKWARD}\n`,
  );
  const server = await startChildServer({
    name: "the schema registry",
    command: program(),
    args: ["-config", "registry.yaml"],
    folder,
    ready: async () => (await fetch(`${url}/subjects`, { signal: AbortSignal.timeout(2000) })).ok,
    readyMs: 30_000,
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

const module = "github.com/axonops/axonops-schema-registry";
const version = "v0.2.1";

const program = (): string =>
  join(cacheFolder(), `schema-registry-${version}`, process.platform === "win32" ? "schema-registry.exe" : "schema-registry");

/** The program appears under its name only when it is complete; several processes may build at the same time. */
const build = async (): Promise<void> => {
  const built = program();
  if (existsSync(built)) return;
  await mkdir(cacheFolder(), { recursive: true });
  const work = await mkdtemp(join(cacheFolder(), "schema-registry-building-"));
  const go = async (...args: string[]): Promise<void> => {
    await promisify(execFile)("go", args, {
      cwd: work,
      env: { ...process.env, GOBIN: join(work, "bin"), GOFLAGS: "-mod=mod" },
      maxBuffer: 16 * 1024 * 1024,
    });
  };
  try {
    // A module of our own pins the version and makes `go install` build from it.
    await go("mod", "init", "local");
    await writeFile(join(work, "tools.go"), `//go:build tools\n\npackage local\n\nimport _ "${module}/cmd/schema-registry"\n`);
    await go("get", `${module}@${version}`);
    await go("install", `${module}/cmd/schema-registry`);
    await rename(join(work, "bin"), join(built, "..")).catch((error: unknown) => {
      // Somebody else was faster.
      if (!existsSync(built)) throw error;
    });
  } catch (error) {
    const { stderr } = error as { readonly stderr?: string };
    throw new Error(
      `Cannot build the schema registry ${version} with go: check that it reaches its modules (${(stderr ?? String(error)).trim().split("\n").slice(-3).join(" ")})`,
      { cause: error },
    );
  } finally {
    await rm(work, { recursive: true, force: true });
  }
};
