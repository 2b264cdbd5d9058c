import { nearest } from "../../topology/nearest.ts";
import { UsageError } from "./usage_error.ts";

/** What a command understands, by name of the option without its dashes. */
export type OptionTable = Readonly<Record<string, Option>>;

export interface Option {
  /** What stands for the value in the help, in capitals; a switch without a value has none. */
  readonly value?: string;
  /** One sentence for the help, without a period. */
  readonly help: string;
}

/** What was given: the text of an option, or true for a switch. Of several equal options the last one counts. */
export type Given<Options extends OptionTable> = {
  readonly [Name in keyof Options]?: (Options[Name] extends { readonly value: string } ? string : true) | undefined;
};

export interface CommandLine<Options extends OptionTable> {
  readonly given: Given<Options>;
  /** What stands there without dashes. */
  readonly operands: readonly string[];
}

/**
 * Reads `--name value`, `--name=value`, switches and what has no dashes; behind `--` nothing is an option any more. Throws a UsageError, which for an unknown option
 * has the nearest name. `see` is the command that shows the help.
 */
export const readCommandLine = <Options extends OptionTable>(
  table: Options,
  args: readonly string[],
  see: string,
): CommandLine<Options> => {
  const given = new Map<string, string | true>();
  const operands: string[] = [];
  for (let i = 0; i < args.length; i++) {
    const arg = args[i]!;
    if (arg === "--") {
      operands.push(...args.slice(i + 1));
      break;
    }
    if (!arg.startsWith("-") || arg === "-") {
      operands.push(arg);
      continue;
    }
    const equals = arg.indexOf("=");
    const name = arg.slice(arg.startsWith("--") ? 2 : 1, equals < 0 ? undefined : equals);
    const option = arg.startsWith("--") && Object.hasOwn(table, name) ? table[name] : undefined;
    if (option === undefined)
      throw new UsageError(`There is no option '${arg.split("=")[0]}': ${meant(name, Object.keys(table), "--", see)}`);
    if (option.value === undefined) {
      if (equals >= 0) throw new UsageError(`Option --${name} takes no value: leave out '${arg.slice(equals)}'`);
      given.set(name, true);
      continue;
    }
    const text = equals >= 0 ? arg.slice(equals + 1) : args[++i];
    if (text === undefined || text === "" || (equals < 0 && text.startsWith("--")))
      throw new UsageError(`Option --${name} needs a value: write --${name} ${option.value}`);
    given.set(name, text);
  }
  return { given: Object.fromEntries(given) as Given<Options>, operands };
};

/** What follows the colon when a name is not known: the one that was probably meant, or where all of them stand. */
export const meant = (name: string, names: readonly string[], dashes: string, see: string): string => {
  const guess = nearest(name, names);
  return guess === undefined ? `'${see}' lists what there is` : `did you mean '${dashes}${guess}'?`;
};

/** Two columns: names, and what they are, wrapped. */
export const table = (rows: readonly (readonly [name: string, help: string])[], columns = 100): string => {
  const indent = Math.max(...rows.map(([name]) => name.length)) + 4;
  return rows
    .map(([name, help]) => `  ${name}`.padEnd(indent) + wrapped(help, Math.max(20, columns - indent)).join(`\n${" ".repeat(indent)}`))
    .join("\n");
};

/** The rows of the help for options. */
export const optionRows = (options: OptionTable): readonly (readonly [name: string, help: string])[] =>
  Object.entries(options).map(([name, { value, help }]) => [value === undefined ? `--${name}` : `--${name} ${value}`, help]);

/** Breaks a text at spaces so that no line is longer than it has to be. */
export const wrapped = (text: string, columns: number): readonly string[] => {
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(" ")) {
    if (line !== "" && line.length + 1 + word.length > columns) {
      lines.push(line);
      line = word;
    } else line = line === "" ? word : `${line} ${word}`;
  }
  return [...lines, line];
};
