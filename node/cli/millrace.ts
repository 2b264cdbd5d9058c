import { inspect } from "node:util";
import { ConfigurationError, reason, TopologyError } from "../../core/errors.ts";
import type { Command, Terminal } from "./command.ts";
import { meant, optionRows, readCommandLine, table, wrapped } from "./command_line.ts";
import { commands } from "./commands.ts";
import { packageVersion } from "./package_version.ts";
import { UsageError } from "./usage_error.ts";

/**
 * The program `millrace`: finds the command, reads its options, runs it. Gives the exit code: 0 when all is well, 2 when something has to be mended before it can
 * begin (the command line, the configuration), 1 for everything else.
 */
export const millrace = async (args: readonly string[], terminal: Terminal): Promise<number> => {
  const verbose = args.includes("--verbose");
  try {
    return await dispatch(args, terminal);
  } catch (error) {
    terminal.err(`${verbose ? inspect(error) : reason(error)}\n`);
    return error instanceof UsageError || error instanceof ConfigurationError || error instanceof TopologyError ? 2 : 1;
  }
};

const dispatch = async ([name, ...rest]: readonly string[], terminal: Terminal): Promise<number> => {
  if (name === undefined || name === "--help" || name === "help") {
    terminal.out(generalHelp());
    return name === undefined ? 2 : 0;
  }
  if (name === "--version") {
    terminal.out(`${packageVersion()}\n`);
    return 0;
  }
  const see = "millrace --help";
  if (name.startsWith("-"))
    throw new UsageError(
      `There is no option '${name}' before a command: ${meant(name.replace(/^-+/, ""), ["help", "version"], "--", see)}`,
    );
  if (!Object.hasOwn(commands, name)) throw new UsageError(`There is no command '${name}': ${meant(name, Object.keys(commands), "", see)}`);
  const command = await commands[name]!.load();
  const { given, operands } = readCommandLine({ ...command.options, ...common }, rest, `millrace ${name} --help`);
  if (given.help === true) {
    terminal.out(helpOf(name, command));
    return 0;
  }
  if (operands.length > 0 && command.operands === undefined)
    throw new UsageError(`Command ${name} does not take '${operands[0]}': options begin with two dashes, see 'millrace ${name} --help'`);
  return command.run(given, operands, terminal);
};

/** What every command understands. */
const common = {
  verbose: { help: "show errors with their stack and causes" },
  help: { help: "show this" },
} as const;

const generalHelp = (): string => {
  const list = Object.entries(commands).map(([name, { summary }]) => [name, summary] as const);
  return `Usage: millrace COMMAND [options]

Commands:
${table(list)}

'millrace COMMAND --help' says what a command can do, 'millrace --version' which release this is.
`;
};

const helpOf = (
  name: string,
  { about, examples, options, operands }: Command,
): string => `Usage: millrace ${name} ${operands === undefined ? "" : `${operands} `}[options]

${wrapped(`${about}.`, 100).join("\n")}

${examples.map((example) => `  millrace ${example}`).join("\n")}

Options:
${table([...optionRows(options), ...optionRows(common)])}
`;
