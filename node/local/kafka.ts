import { cacheFolder } from "./cache_folder.ts";
import { serverIn, stopServerIn } from "./child_server.ts";
import { kafkaNodeFolder, startKafka } from "./kafka_broker.ts";

/**
 * `npm run kafka start|stop|status`: one Kafka broker on 127.0.0.1:9092 for development. Its data is kept between starts, in the cache folder.
 * `--port N` takes another port, `--nodes N` starts up to five brokers.
 */
const main = async (args: readonly string[]): Promise<void> => {
  const [action = "start"] = args.filter((arg) => !arg.startsWith("--") && !/^\d+$/.test(arg));
  switch (action) {
    case "start":
      return start(option(args, "port", 9092), option(args, "nodes", 1));
    case "stop":
      return stop();
    case "status":
      return status();
    default:
      throw new Error(`Unknown action '${action}': use start, stop or status`);
  }
};

const start = async (port: number, nodes: number): Promise<void> => {
  const running = runningNodes();
  if (running.length > 0)
    throw new Error(`Kafka runs already (process ${running.map(({ pid }) => pid).join(", ")}): stop it first with 'npm run kafka stop'`);
  const { brokers } = await startKafka({ port, nodes, dataDir: dataFolder(nodes), outlives: true });
  console.log(`Kafka is ready at ${brokers.join(",")}. Stop it with 'npm run kafka stop'`);
};

const stop = async (): Promise<void> => {
  const running = runningNodes();
  await Promise.all(running.map(({ folder }) => stopServerIn(folder)));
  console.log(running.length === 0 ? "Kafka does not run" : "Kafka is stopped");
};

const status = (): void => {
  const running = runningNodes();
  console.log(
    running.length === 0 ? "Kafka does not run" : running.map(({ pid, folder }) => `Kafka runs in ${folder} (process ${pid})`).join("\n"),
  );
};

/** A cluster of another size has another folder: a log that was made for one node is of no use to three. */
const dataFolder = (nodes: number): string => cacheFolder(`kafka-data-${nodes}`);

const runningNodes = (): { readonly folder: string; readonly pid: number }[] =>
  Array.from({ length: nodesMax }, (_, index) => index + 1).flatMap((nodes) =>
    Array.from({ length: nodes }, (_, node) => kafkaNodeFolder(dataFolder(nodes), node)).flatMap((folder) => {
      const pid = serverIn(folder);
      return pid === undefined ? [] : [{ folder, pid }];
    }),
  );

const nodesMax = 5;

const option = (args: readonly string[], name: string, otherwise: number): number => {
  const at = args.indexOf(`--${name}`);
  if (at < 0) return otherwise;
  const value = Number(args[at + 1]);
  if (!Number.isInteger(value) || value < 1 || (name === "nodes" && value > nodesMax))
    throw new Error(
      `'--${name}' is '${args[at + 1] ?? ""}': a whole number above 0 is needed${name === "nodes" ? `, at most ${nodesMax}` : ""}`,
    );
  return value;
};

main(process.argv.slice(2)).catch((thrown: unknown) => {
  console.error(thrown instanceof Error ? thrown.message : thrown);
  process.exitCode = 1;
});
