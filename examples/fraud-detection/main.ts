// The fraud-detection job: `npm run fraud -- --help` says what it can do.
import { type App, ConfigurationError, TopologyError } from "../../mod.ts";
import { type FraudOptions, fraudArguments } from "./arguments.ts";
import { bounded } from "./bounded.ts";
import { embedded } from "./embedded.ts";
import { live } from "./live.ts";
import { screen } from "./screen.ts";
import type { Surroundings } from "./surroundings.ts";

/** What Node, Deno and Bun have in common here. */
const { argv, stdout, stderr } = process;

/** The exit code: 0 when all is done, 2 when something has to be mended before the start, 1 for everything else. */
const main = async (args: readonly string[]): Promise<number> => {
  const read = fraudArguments(args);
  if (read.kind === "help") {
    stdout.write(`${read.text}\n`);
    return 0;
  }
  if (read.kind === "refused") {
    stderr.write(`${read.message}\n`);
    return 2;
  }
  try {
    const app = await begin(read.options);
    await app.finished;
    return 0;
  } catch (error) {
    stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
    return error instanceof ConfigurationError || error instanceof TopologyError ? 2 : 1;
  }
};

const begin = async (options: FraudOptions): Promise<App> => {
  const surroundings = await surroundingsOf(options);
  if (options.transactions === undefined && options.input === undefined) {
    if (options.brokers !== undefined && !options.json)
      stdout.write("One partition says nothing at all. It counts as idle after a minute, and the first alerts come then.\n");
    const columns = (): number | undefined => (stdout.isTTY ? stdout.columns : undefined);
    return live(options, surroundings, screen({ write: (text) => void stdout.write(text), columns, color: stdout.isTTY === true }));
  }
  const columns = (): number | undefined => undefined;
  const shown = options.json ? undefined : screen({ write: (text) => void stdout.write(text), columns, color: false });
  return bounded(options, surroundings, (alert) =>
    shown === undefined ? void stdout.write(`${JSON.stringify(alert)}\n`) : shown.alert(alert),
  );
};

const surroundingsOf = async (options: FraudOptions): Promise<Surroundings> => {
  const { brokers } = options;
  if (brokers === undefined) return embedded();
  const { onKafka } = await import("./on_kafka.ts");
  return onKafka({ ...options, brokers });
};

process.exitCode = await main(argv.slice(2));
