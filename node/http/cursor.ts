import { badRequest } from "./refusal.ts";

/** How far a list has been given out. Instances may change hands and entries come and go meanwhile: it goes on behind the place where the last one stood. */
export interface Cursor {
  readonly partition: number;
  /** The last entry's place in that partition; undefined when none of it was given. */
  readonly after: Place | undefined;
}

export interface Place {
  /** The bytes of the key. */
  readonly key: Uint8Array;
  readonly first: number;
  readonly second: number;
  /** How many entries were given that stand at this place: a window store may keep duplicates. */
  readonly same: number;
}

/** As callers get it: opaque to them, and safe in a URL. */
export const writeCursor = ({ partition, after }: Cursor): string => {
  const place =
    after === undefined ? [] : [Buffer.from(after.key).toString("base64"), String(after.first), String(after.second), after.same];
  return Buffer.from(JSON.stringify([partition, ...place])).toString("base64url");
};

export const readCursor = (text: string): Cursor => {
  const parts = parsed(text);
  if (!Array.isArray(parts)) throw noCursor();
  const [partition, key, first, second, same] = parts as readonly unknown[];
  if (!isCount(partition)) throw noCursor();
  if (parts.length === 1) return { partition, after: undefined };
  if (parts.length !== 5 || typeof key !== "string" || !isNumber(first) || !isNumber(second) || !isCount(same)) throw noCursor();
  return { partition, after: { key: new Uint8Array(Buffer.from(key, "base64")), first: Number(first), second: Number(second), same } };
};

const parsed = (text: string): unknown => {
  try {
    return JSON.parse(Buffer.from(text, "base64url").toString());
  } catch {
    throw noCursor();
  }
};

const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;

/** Infinities are written as texts, and so are all. */
const isNumber = (value: unknown): value is string => typeof value === "string" && value !== "" && !Number.isNaN(Number(value));

const noCursor = () =>
  badRequest("Parameter 'cursor' is none: give what stood under 'next' in the answer before, as it was, or leave it out to begin");
