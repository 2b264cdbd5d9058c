import { type Clock, type Fed, sleep, systemClock } from "../../mod.ts";
import type { FraudTopics } from "./fraud_detection.ts";
import { accountIdOf, eventTimeOf, type Line } from "./model.ts";

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

/** Lines of a file, one JSON object each. */
export async function* linesOf(path: string): AsyncGenerator<Line> {
  const { createReadStream } = await import("node:fs");
  const { createInterface } = await import("node:readline");
  let number = 0;
  for await (const text of createInterface({ input: createReadStream(path), crlfDelay: Number.POSITIVE_INFINITY })) {
    number++;
    if (text.trim() === "") continue;
    const line: unknown = parse(text, path, number);
    if (typeof line !== "object" || line === null || !("account" in line || "transaction" in line))
      throw new Error(`Line ${number} of ${path} is neither {"account":{...}} nor {"transaction":{...}}`);
    yield line as Line;
  }
}

const parse = (text: string, path: string, number: number): unknown => {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new Error(`Line ${number} of ${path} is not JSON: ${error instanceof Error ? error.message : String(error)}`);
  }
};
