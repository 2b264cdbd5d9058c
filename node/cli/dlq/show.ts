import type { Log } from "../../../core/ports/log.ts";
import { type DeadLetter, deadLetterOf } from "./dead_letter.ts";
import { extentOf, readPartition } from "./topic_reader.ts";

/** The dead letters of a topic: the last so many of each partition, or the one that is named. */
export const findDeadLetters = async (
  log: Log,
  topic: string,
  which: { readonly last: number } | { readonly partition: number; readonly offset: number },
): Promise<readonly DeadLetter[]> => {
  const found: DeadLetter[] = [];
  for (const { partition, start, end } of await extentOf(log, topic)) {
    const one = "offset" in which;
    if (one && which.partition !== partition) continue;
    const own: DeadLetter[] = [];
    const upTo = one ? Math.min(end, which.offset + 1) : end;
    const from = one ? Math.max(start, which.offset) : start;
    for await (const lying of readPartition(log, { topic, partition, offset: from }, upTo)) {
      const letter = deadLetterOf({ ...lying, key: lying.key?.slice() ?? null, value: lying.value?.slice() ?? null });
      if (letter === undefined) continue;
      own.push(letter);
      if (!one && own.length > which.last) own.shift();
    }
    found.push(...own);
  }
  return found;
};

/** One dead letter for a terminal. What a record holds is shown as a quoted text, so that it cannot give the terminal orders. */
export const letterText = (topic: string, letter: DeadLetter, charactersMax: number): string => {
  const { partition, offset, record, cause, valueLeftOut } = letter;
  const value = valueLeftOut === undefined ? shown(record.value, charactersMax) : `left out by the policy (${valueLeftOut} bytes)`;
  const rows: readonly (readonly [string, string])[] = [
    ["cause", `${cause.class} ${cause.code} in step '${cause.step}'`],
    ["", quoted(cause.message, charactersMax)],
    ["from", `${record.topic}/${record.partition} at offset ${record.offset}, ${timeOf(record.timestamp)}`],
    ["key", shown(record.key, charactersMax)],
    ["value", value],
    ...record.headers.map(([name, content]) => ["header", `${quoted(name, 200)}: ${shown(content, charactersMax)}`] as const),
  ];
  return `${topic}/${partition} at offset ${offset}\n${rows.map(([name, what]) => `  ${name.padEnd(6)}  ${what}`).join("\n")}\n`;
};

/** The same as plain data: bytes that are no text as base64. */
export const letterJson = ({ partition, offset, record, cause, valueLeftOut }: DeadLetter): unknown => ({
  partition,
  offset,
  cause,
  from: { topic: record.topic, partition: record.partition, offset: record.offset, timestamp: record.timestamp },
  key: asJson(record.key),
  value: asJson(record.value),
  ...(valueLeftOut === undefined ? {} : { valueLeftOut }),
  headers: record.headers.map(([name, content]) => [name, asJson(content)]),
});

const asJson = (bytes: Uint8Array | null): unknown => {
  if (bytes === null) return null;
  return textOf(bytes) ?? { base64: Buffer.from(bytes).toString("base64") };
};

const shown = (bytes: Uint8Array | null, charactersMax: number): string => {
  if (bytes === null) return "null";
  const text = textOf(bytes);
  const size = bytes.length === 1 ? "1 byte" : `${bytes.length} bytes`;
  if (text !== undefined) return `${quoted(text, charactersMax)} (${size})`;
  const hex = Buffer.from(bytes.subarray(0, Math.ceil(charactersMax / 2))).toString("hex");
  const framed = bytes[0] === 0 && bytes.length > 5;
  const schema = framed ? `, framed by a schema registry: schema id ${Buffer.from(bytes).readUInt32BE(1)}` : "";
  return `0x${hex}${hex.length < 2 * bytes.length ? "..." : ""} (${size}${schema})`;
};

const textOf = (bytes: Uint8Array): string | undefined => {
  try {
    const text = strict.decode(bytes);
    // Control characters beyond those of a text say that these are numbers.
    return [...text].some((letter) => letter < " " && letter !== "\n" && letter !== "\t" && letter !== "\r") ? undefined : text;
  } catch {
    return undefined;
  }
};

const strict = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Also what JSON leaves as it is, but a terminal may obey: the control characters behind ASCII, and those that turn the direction of writing. */
const quoted = (text: string, charactersMax: number): string => {
  const cut = text.length > charactersMax ? `${text.slice(0, charactersMax)}...` : text;
  return JSON.stringify(cut).replace(
    /[\u007f-\u009f\u200e\u200f\u2028-\u202e\u2066-\u2069]/g,
    (letter) => `\\u${letter.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
};

const timeOf = (timestamp: number): string => {
  const date = new Date(timestamp);
  return Number.isNaN(date.getTime()) || timestamp < 0 ? `timestamp ${timestamp}` : date.toISOString();
};
