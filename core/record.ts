import { noHeaders, type RawHeaders } from "./ports/log.ts";

/** The headers of a record, in their order; names may repeat. */
export interface Headers extends Iterable<readonly [string, Uint8Array | null]> {
  /** The last header of that name; undefined when there is none. */
  get(name: string): Uint8Array | null | undefined;
  /** The same as UTF-8 text; undefined when there is none or it is null. */
  text(name: string): string | undefined;
}

/** What a record has beside its value; the second argument of every callback. Immutable, so it may be kept. */
export interface Meta<out K> {
  /** Null where the topic had none. */
  readonly key: K;
  /** Milliseconds since 1970. */
  readonly timestamp: number;
  readonly headers: Headers;
  /** Where it was read; empty for what a timer or a window has made. */
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
}

/** Header values as a program gives them; `undefined` removes a header. */
export type DraftHeaders =
  | Readonly<Record<string, string | Uint8Array | null | undefined>>
  | Iterable<readonly [string, Uint8Array | null]>;

/** A record to be sent on; what is left out stays as it was. */
export interface Draft<out V, out K> {
  readonly key: K;
  readonly value: V;
  /** Milliseconds since 1970. */
  readonly timestamp?: number;
  /** Single headers as fields of an object, or all of them as a list. */
  readonly headers?: DraftHeaders;
}

/** What has no timestamp. Timers and windows never see it: a record without one meets the error policy of its source first. */
export const noTimestamp: number = Number.NEGATIVE_INFINITY;

/** The record that is passed from step to step. Headers are looked at only when somebody asks. */
export class RecordMeta implements Meta<unknown> {
  readonly key: unknown;
  readonly timestamp: number;
  readonly rawHeaders: RawHeaders;
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;

  constructor(key: unknown, timestamp: number, rawHeaders: RawHeaders, topic: string, partition: number, offset: number) {
    this.key = key;
    this.timestamp = timestamp;
    this.rawHeaders = rawHeaders;
    this.topic = topic;
    this.partition = partition;
    this.offset = offset;
  }

  get headers(): Headers {
    return new HeaderView(this.rawHeaders);
  }

  withKey(key: unknown): RecordMeta {
    return new RecordMeta(key, this.timestamp, this.rawHeaders, this.topic, this.partition, this.offset);
  }

  withTimestamp(timestamp: number): RecordMeta {
    return new RecordMeta(this.key, timestamp, this.rawHeaders, this.topic, this.partition, this.offset);
  }

  /** What a timer, a window or a schedule emits comes from no single record: it has a key and a time, and nothing of the log. */
  static ofTime(key: unknown, timestamp: number): RecordMeta {
    return new RecordMeta(key, timestamp, noHeaders, "", -1, -1);
  }
}

/** What a timestamp function is shown: the record as it came, and the largest timestamp of its partition so far. */
export class SourceRecord extends RecordMeta {
  readonly partitionTime: number;
  constructor(
    key: unknown,
    timestamp: number,
    rawHeaders: RawHeaders,
    topic: string,
    partition: number,
    offset: number,
    partitionTime: number,
  ) {
    super(key, timestamp, rawHeaders, topic, partition, offset);
    this.partitionTime = partitionTime;
  }
}

class HeaderView implements Headers {
  readonly #raw: RawHeaders;
  constructor(raw: RawHeaders) {
    this.#raw = raw;
  }
  get(name: string): Uint8Array | null | undefined {
    for (let i = this.#raw.length - 1; i >= 0; i--) if (this.#raw[i]![0] === name) return this.#raw[i]![1];
    return undefined;
  }
  text(name: string): string | undefined {
    const value = this.get(name);
    return value == null ? undefined : new TextDecoder().decode(value);
  }
  [Symbol.iterator](): Iterator<readonly [string, Uint8Array | null]> {
    return this.#raw[Symbol.iterator]();
  }
}

const encoder = new TextEncoder();

/** The headers of a draft over those of the record it came from. A record of fields changes single headers, a list replaces them all. */
export const draftHeaders = (draft: DraftHeaders | undefined, before: RawHeaders): RawHeaders => {
  if (draft === undefined) return before;
  if (Symbol.iterator in draft) return [...(draft as Iterable<readonly [string, Uint8Array | null]>)];
  const fields = draft as Readonly<Record<string, string | Uint8Array | null | undefined>>;
  const headers = before.filter(([name]) => !Object.hasOwn(fields, name)).slice();
  for (const name of Object.keys(fields)) {
    const value = fields[name];
    if (value !== undefined) headers.push([name, typeof value === "string" ? encoder.encode(value) : value]);
  }
  return headers;
};
