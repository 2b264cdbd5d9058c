import type { RawHeaders } from "./ports/log.ts";

/** What a record needs beside key, value and headers is never more than this, the header of its batch included. */
export const recordOverheadMax = 96;

/** How many bytes a batch has that holds just this record, uncompressed: Kafka's record batch, format version 2. It is what a topic's `max.message.bytes` limits. */
export const recordBytes = (key: Uint8Array | null, value: Uint8Array | null, headers: RawHeaders): number => {
  let body = attributesAndDeltas + field(key?.length ?? -1) + field(value?.length ?? -1) + varint(headers.length);
  for (const [name, content] of headers) body += field(encoder.encode(name).length) + field(content?.length ?? -1);
  return batchHeaderBytes + varint(body) + body;
};

const batchHeaderBytes = 61;
const attributesAndDeltas = 3;
const encoder = new TextEncoder();

/** Bytes behind their length; -1 stands for null. */
const field = (length: number): number => varint(length) + Math.max(0, length);

/** A varint in zigzag form, in which lengths are written. */
const varint = (value: number): number => {
  let bytes = 1;
  for (let rest = value < 0 ? -2 * value - 1 : 2 * value; rest >= 128; rest = Math.floor(rest / 128)) bytes++;
  return bytes;
};
