import { cacheFolder } from "./cache_folder.ts";
import { serverIn, stopServerIn } from "./child_server.ts";
import { schemaRegistryMissing, startSchemaRegistry } from "./schema_registry.ts";
import { searchServerMissing, startSearchServer } from "./search_server.ts";

/**
 * `npm run services start|stop|status`: a schema registry on 127.0.0.1:8081 and a search server on 127.0.0.1:9200, for development without containers. What a machine lacks for one of them is said, and the other one starts all the same.
 */
const main = async (action = "start"): Promise<void> => {
  if (action === "start") return start();
  if (action === "stop") return stop();
  if (action === "status") return status();
  throw new Error(`Unknown action '${action}': use start, stop or status`);
};

interface Service {
  readonly name: string;
  readonly option: string;
  readonly folder: string;
  readonly missing: () => readonly string[];
  readonly start: (folder: string) => Promise<{ readonly url: string }>;
}

const services: readonly Service[] = [
  {
    name: "Schema registry",
    option: "--registry",
    folder: cacheFolder("schema-registry-data"),
    missing: schemaRegistryMissing,
    start: (folder) => startSchemaRegistry({ port: 8081, folder }),
  },
  {
    name: "Search server",
    option: "--search",
    folder: cacheFolder("search-server-data"),
    missing: searchServerMissing,
    start: (folder) => startSearchServer({ port: 9200, folder }),
  },
];

const start = async (): Promise<void> => {
  for (const { name, option, folder, missing, start: begin } of services) {
    if (serverIn(folder) !== undefined) {
      console.log(`${name} runs already`);
      continue;
    }
    const lacking = missing();
    if (lacking.length > 0) {
      console.error(`${name} is left out: ${lacking.join(" and ")} not found`);
      process.exitCode = 1;
      continue;
    }
    console.log(`${name} is being started; the first time it has to be fetched`);
    const { url } = await begin(folder);
    console.log(`${name} is ready: ${option} ${url}`);
  }
};

const stop = async (): Promise<void> => {
  for (const { name, folder } of services) console.log((await stopServerIn(folder)) ? `${name} is stopped` : `${name} does not run`);
};

const status = (): void => {
  for (const { name, folder } of services) {
    const pid = serverIn(folder);
    console.log(pid === undefined ? `${name} does not run` : `${name} runs (process ${pid})`);
  }
};

main(process.argv[2]).catch((thrown: unknown) => {
  console.error(thrown instanceof Error ? thrown.message : thrown);
  process.exitCode = 1;
});
