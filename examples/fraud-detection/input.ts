import type { ReadStream } from "node:fs";
import { type Clock, ConfigurationError, type Fed, sleep, systemClock } from "../../mod.ts";
import type { FraudTopics } from "./fraud_detection.ts";
import { type Account, accountIdOf, accountSchema, eventTimeOf, type Line, type Transaction, transactionSchema } from "./model.ts";

/** A line as a record of its topic. */
export const fed = (line: Line, topics: FraudTopics): Fed => ({
  topic: "account" in line ? topics.accounts : topics.transactions,
  key: accountIdOf(line),
  value: "account" in line ? line.account : line.transaction,
  timestamp: eventTimeOf(line),
});

/** Lines from a number on, as records. */
export function* fedFrom(lines: Iterable<Line>, topics: FraudTopics, skip: number): Generator<Fed> {
  let seen = 0;
  for (const line of lines) if (seen++ >= skip) yield fed(line, topics);
}

/** The same as they come in life: each when the clock has reached its event time. Sleeps in pieces, since timers are coarse. */
export async function* fedInTime(
  lines: Iterable<Line>,
  topics: FraudTopics,
  skip: number,
  pace: { readonly clock: Clock; readonly pieceMs: number; readonly isOver: () => boolean; readonly onSent: (line: Line) => void },
): AsyncGenerator<Fed> {
  const { clock, pieceMs, isOver, onSent } = pace;
  let newest = Number.NEGATIVE_INFINITY;
  let ahead: number | undefined;
  let seen = 0;
  for (const line of lines) {
    if (seen++ < skip) continue;
    if (isOver()) return;
    newest = Math.max(newest, eventTimeOf(line));
    ahead ??= newest - clock.now();
    const earlyMs = newest - ahead - clock.now();
    if (earlyMs > pieceMs) await sleep(clock, earlyMs);
    onSent(line);
    yield fed(line, topics);
  }
}

/** At most so many records per second of the machine's clock. */
export async function* atRate(records: Iterable<Fed> | AsyncIterable<Fed>, perSecond: number): AsyncGenerator<Fed> {
  const startMs = systemClock.monotonic();
  let given = 0;
  for await (const record of records) {
    const earlyMs = (given++ * 1000) / perSecond - (systemClock.monotonic() - startMs);
    if (earlyMs > 10) await sleep(systemClock, earlyMs);
    yield record;
  }
}

/** Lines of a file, one JSON object each. Throws a ConfigurationError that names file and line for what cannot be used. */
export async function* linesOf(path: string): AsyncGenerator<Line> {
  const { createInterface } = await import("node:readline");
  const input = await opened(path);
  let number = 0;
  for await (const text of createInterface({ input, crlfDelay: Number.POSITIVE_INFINITY })) {
    number++;
    if (text.trim() === "") continue;
    const line = read(text);
    if (typeof line === "string") throw new ConfigurationError("OPTION_INVALID", `Cannot use line ${number} of '${path}': ${line}`);
    yield line;
  }
}

/** Resolves when the file can be read. */
export const checkInput = async (path: string): Promise<void> => {
  (await opened(path)).destroy();
};

const opened = async (path: string): Promise<ReadStream> => {
  const { createReadStream } = await import("node:fs");
  const stream = createReadStream(path);
  try {
    await new Promise<void>((resolve, reject) =>
      stream
        .once("readable", () => resolve())
        .once("end", () => resolve())
        .once("error", reject),
    );
    return stream;
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new ConfigurationError(
      "OPTION_INVALID",
      `Cannot read '${path}': ${why}. Give --input a file of lines such as npm run fraud:data writes`,
    );
  }
};

/** A line, or why it is none. */
const read = (text: string): Line | string => {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    return `it is not JSON (${error instanceof Error ? error.message : String(error)})`;
  }
  const { account, transaction } = (value ?? {}) as { readonly account?: unknown; readonly transaction?: unknown };
  if (account !== undefined) return fault("account", account, accountSchema) ?? { account: account as Account };
  if (transaction !== undefined) return fault("transaction", transaction, transactionSchema) ?? { transaction: transaction as Transaction };
  return 'it is neither {"account":{...}} nor {"transaction":{...}}';
};

type Schema = { readonly fields: readonly { readonly name: string; readonly type: keyof typeof fits }[] };

const fault = (what: string, value: unknown, { fields }: Schema): string | undefined => {
  if (typeof value !== "object" || value === null) return `its ${what} is ${JSON.stringify(value)}, an object is needed`;
  for (const { name, type } of fields) {
    const field = (value as Readonly<Record<string, unknown>>)[name];
    const { test, needed } = fits[type];
    if (!test(field))
      return `field '${name}' of its ${what} is ${field === undefined ? "missing" : JSON.stringify(field)}, ${needed} is needed`;
  }
  return undefined;
};

const fits = {
  string: { test: (value: unknown) => typeof value === "string", needed: "a string" },
  double: { test: Number.isFinite, needed: "a number" },
  long: { test: Number.isSafeInteger, needed: "a whole number of milliseconds" },
} as const;
