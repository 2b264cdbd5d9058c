import { FatalError } from "../errors.ts";
import type { RawHeaders } from "../ports/log.ts";

const name = "millrace.retry";
const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** What stands beside a record in a retry topic: where it came from, and when it is its turn again. */
export interface PutOff {
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
  readonly timestamp: number;
  /** How often it was put off so far. */
  readonly tries: number;
  /** Not before this moment of the Clock; */
  readonly atMs: number;
  /** but when it has waited for so long since it was read, it has waited enough: the clock of whoever has put it off may have been wrong. */
  readonly delayMs: number;
  /** Its place among the records of its key that are put off, where their order is kept. */
  readonly place?: number;
  /** The replay that it comes from. */
  readonly replay?: string;
}

/** The record's own headers, with what is said of it behind them. */
export const putOffHeaders = (headers: RawHeaders, about: PutOff): RawHeaders => [
  ...headers,
  [name, encoder.encode(JSON.stringify({ ...about, atMs: Math.ceil(about.atMs) }))] as const,
];

/** What is said of a record that was read from a retry topic, and its own headers. */
export const readPutOff = (headers: RawHeaders): { readonly about: PutOff; readonly headers: RawHeaders } => {
  const last = headers.at(-1);
  const about = last?.[0] !== name || last[1] === null ? undefined : putOffOf(last[1]);
  if (about === undefined)
    throw new FatalError(
      "INTERNAL",
      "A record in a retry topic does not say where it came from: nobody else may write there, so delete what others have written",
    );
  return { about, headers: headers.slice(0, -1) };
};

const putOffOf = (bytes: Uint8Array): PutOff | undefined => {
  let about: Partial<Record<keyof PutOff, unknown>> | null;
  try {
    about = JSON.parse(decoder.decode(bytes)) as typeof about;
  } catch {
    return undefined;
  }
  const isNumber = (value: unknown): boolean => Number.isSafeInteger(value);
  const { topic, partition, offset, timestamp, tries, atMs, delayMs, place, replay } = about ?? {};
  const fits =
    typeof topic === "string" &&
    [partition, offset, timestamp, tries, atMs].every(isNumber) &&
    typeof delayMs === "number" &&
    (place === undefined || isNumber(place)) &&
    (replay === undefined || typeof replay === "string");
  return fits ? (about as PutOff) : undefined;
};

/** The last header of a record that `millrace dlq replay` has written back, with the name of that replay. The program does not see it. */
export const replayedHeader = "millrace.replayed";

/** The replay that a record comes from; undefined when it comes from its producer. */
export const replayOf = (headers: RawHeaders): string | undefined => {
  const last = headers.at(-1);
  return last?.[0] === replayedHeader && last[1] !== null ? decoder.decode(last[1]) : undefined;
};
