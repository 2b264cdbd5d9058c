import type { Given, OptionTable } from "./command_line.ts";

/** What a command may touch: tests hand in their own. */
export interface Terminal {
  /** Standard output: what was asked for. */
  out(text: string): void;
  /** Standard error: everything else. */
  err(text: string): void;
  readonly env: Readonly<Record<string, string | undefined>>;
}

/** One command of `millrace`; each has a file of its own, which is loaded when it is called. */
export interface Command<Options extends OptionTable = OptionTable> {
  /** The help's first paragraph, without its period. */
  readonly about: string;
  /** Command lines that are typical, without the leading `millrace`. */
  readonly examples: readonly string[];
  readonly options: Options;
  /** How the help writes what stands there without dashes, "ACTION TOPIC" for instance. Without it nothing may stand there. */
  readonly operands?: string;
  /** Gives the exit code. Throws UsageError for what the command line lacks, and anything else for what went wrong. */
  run(given: Given<Options>, operands: readonly string[], terminal: Terminal): Promise<number>;
}

/** Lets the compiler infer the options of a command, so that `given` has their names. */
export const command = <const Options extends OptionTable>(definition: Command<Options>): Command<Options> => definition;
