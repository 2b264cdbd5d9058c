import type { Outbox, RawHeaders, RecordCursor } from "../../core/ports/log.ts";

/** A record as it stands in a topic. */
export interface RawRecord {
  readonly topic: string;
  readonly key: Uint8Array | null;
  readonly value: Uint8Array | null;
  readonly timestamp: number;
  readonly headers: RawHeaders;
}

/** An outbox that keeps what is appended, in its order. */
export class CollectingOutbox implements Outbox {
  readonly written: RawRecord[] = [];
  bytes = 0;

  append(
    topic: string,
    _partition: number,
    key: Uint8Array | null,
    value: Uint8Array | null,
    timestamp: number,
    headers: RawHeaders,
  ): void {
    this.bytes += (key?.length ?? 0) + (value?.length ?? 0);
    this.written.push({ topic, key: key?.slice() ?? null, value: value?.slice() ?? null, timestamp, headers });
  }

  get records(): number {
    return this.written.length;
  }
}

/** A fetch of one record. */
export class OneRecord implements RecordCursor {
  readonly offset: number;
  readonly timestamp: number;
  readonly bytes: Uint8Array;
  readonly keyStart: number;
  readonly keyEnd: number;
  readonly valueStart: number;
  readonly valueEnd: number;
  readonly #record: RawRecord;
  #at = -1;

  constructor(record: RawRecord, offset: number) {
    const { key, value } = record;
    this.#record = record;
    this.keyStart = key === null ? -1 : 0;
    this.keyEnd = key?.length ?? 0;
    this.valueStart = value === null ? -1 : this.keyEnd;
    this.valueEnd = this.keyEnd + (value?.length ?? 0);
    this.bytes = new Uint8Array(this.valueEnd);
    if (key !== null) this.bytes.set(key);
    if (value !== null) this.bytes.set(value, this.keyEnd);
    this.offset = offset;
    this.timestamp = record.timestamp;
  }

  next(): boolean {
    return ++this.#at === 0;
  }
  key(): Uint8Array | null {
    return this.#record.key;
  }
  value(): Uint8Array | null {
    return this.#record.value;
  }
  headers(): RawHeaders {
    return this.#record.headers;
  }
}
