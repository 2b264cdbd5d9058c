import { wrapped } from "./cells.ts";

/** What a program understands, by name of the option without its dashes. */
export type OptionTable = Readonly<Record<string, OptionEntry>>;

export interface OptionEntry {
  /** What stands for the value in the help, in capitals; a switch without a value has none. */
  readonly value?: string;
  /** One sentence for the help, without a period. */
  readonly help: string;
  /** Turns the text into the value, or says why it cannot be: a phrase that goes on after the text ("is not a number"). A text is taken as it is when absent. */
  readonly read?: (text: string) => Reading;
}

export type Reading = { readonly ok: true; readonly value: string | number } | { readonly ok: false; readonly why: string };

export type CommandLine =
  | { readonly ok: true; readonly values: Readonly<Record<string, string | number | true>> }
  /** A sentence for the user. */
  | { readonly ok: false; readonly message: string };

/**
 * Reads `--name value`, `--name=value` and switches. Pure: the arguments come as an array, so it runs wherever the program runs. An option that the table does
 * not have is refused with the nearest name; the last of several equal options counts.
 */
export const readCommandLine = (table: OptionTable, args: readonly string[]): CommandLine => {
  const values: Record<string, string | number | true> = {};
  for (let i = 0; i < args.length; i++) {
    const arg = args[i]!;
    if (!arg.startsWith("--")) return refused(`Unexpected argument '${arg}': options begin with two dashes, see --help`);
    const equals = arg.indexOf("=");
    const name = equals < 0 ? arg.slice(2) : arg.slice(2, equals);
    const entry = Object.hasOwn(table, name) ? table[name]! : undefined;
    if (entry === undefined) return refused(unknownOption(table, name));
    if (entry.value === undefined) {
      if (equals >= 0) return refused(`Option --${name} takes no value: leave out '${arg.slice(equals)}'`);
      values[name] = true;
      continue;
    }
    const text = equals >= 0 ? arg.slice(equals + 1) : args[++i];
    if (text === undefined || text === "" || (equals < 0 && isOption(table, text)))
      return refused(`Option --${name} needs a value: --${name} ${entry.value}`);
    const reading = entry.read === undefined ? { ok: true as const, value: text } : entry.read(text);
    if (!reading.ok) return refused(`Option --${name} cannot be '${text}' as it ${reading.why}`);
    values[name] = reading.value;
  }
  return { ok: true, values };
};

/** One line per option, wrapped at so many columns. */
export const describeOptions = (table: OptionTable, columns = 100): string => {
  const names = Object.entries(table).map(([name, { value }]) => `  --${name}${value === undefined ? "" : ` ${value}`}`);
  const indent = Math.max(...names.map((name) => name.length)) + 3;
  return Object.values(table)
    .map(({ help }, i) => names[i]!.padEnd(indent) + wrapped(help, Math.max(20, columns - indent)).join(`\n${" ".repeat(indent)}`))
    .join("\n");
};

/** A whole number that is not negative. */
export const wholeNumber = (text: string): Reading => {
  const value = /^\d+$/.test(text) ? Number(text) : Number.NaN;
  return Number.isSafeInteger(value) ? { ok: true, value } : { ok: false, why: "is not a whole number such as 20000" };
};

/** A number above zero. */
export const positiveNumber = (text: string): Reading => {
  const value = /^\d*\.?\d+$/.test(text) ? Number(text) : Number.NaN;
  return Number.isFinite(value) && value > 0 ? { ok: true, value } : { ok: false, why: "is not a number above zero" };
};

const refused = (message: string): CommandLine => ({ ok: false, message });

/** `--seed --json` has forgotten the value; a value that merely begins with dashes is let through. */
const isOption = (table: OptionTable, text: string): boolean => text.startsWith("--") && Object.hasOwn(table, text.slice(2).split("=")[0]!);

const unknownOption = (table: OptionTable, name: string): string => {
  const nearest = Object.keys(table)
    .map((known) => ({ known, far: distance(name, known) }))
    .reduce((a, b) => (b.far < a.far ? b : a));
  const near = nearest.far <= Math.max(2, Math.floor(nearest.known.length / 3));
  return `Unknown option --${name}: ${near ? `did you mean --${nearest.known}? See` : "see"} --help`;
};

/** Levenshtein's distance: the fewest letters to insert, delete or replace. */
const distance = (a: string, b: string): number => {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) next.push(Math.min(row[j]! + 1, next[j - 1]! + 1, row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1)));
    row = next;
  }
  return row[b.length]!;
};
