import { type ParseArgsConfig, parseArgs } from "node:util";

/** The options of a command of this repository. `--help` shows the text; what is not understood is told in one line. Both end the process. */
export const toolOptions = <const T extends ParseArgsConfig>(help: string, config: T): ReturnType<typeof parseArgs<T>> => {
  if (process.argv.slice(2).includes("--help")) {
    process.stdout.write(`${help.trim()}\n`);
    process.exit(0);
  }
  try {
    return parseArgs(config);
  } catch (error) {
    // Node's words go on with advice about arguments that begin with a dash, of which there are none here.
    return refuse((error as Error).message.split(". ")[0]!);
  }
};

/** The number that an option holds; ends the process when it is none, or less than `least`. */
export const numberOption = (name: string, given: string, { least = 1, whole = true }: NumberRange = {}): number => {
  const number = Number(given);
  if (given.trim() !== "" && Number.isFinite(number) && number >= least && (!whole || Number.isInteger(number))) return number;
  return refuse(`'--${name}' is '${given}', and has to be a ${whole ? "whole " : ""}number of at least ${least}`);
};

export interface NumberRange {
  readonly least?: number;
  readonly whole?: boolean;
}

/** Ends the process with one line for whoever called it. */
export const refuse = (message: string): never => {
  process.stderr.write(`${message}: --help shows what there is\n`);
  process.exit(2);
};
