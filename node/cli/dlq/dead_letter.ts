import type { RawHeaders } from "../../../core/ports/log.ts";
import { errorHeaders } from "../../../core/runtime/error_handling.ts";
import type { RawRecord } from "../../../core/runtime/task_input.ts";

/** A record in a dead-letter topic, taken apart: what it was, and why it is there. */
export interface DeadLetter {
  /** Where it lies now. */
  readonly partition: number;
  readonly offset: number;
  /** As it came in, at the place where it came in. */
  readonly record: RawRecord;
  readonly cause: { readonly class: string; readonly code: string; readonly message: string; readonly step: string };
  /** So many bytes had the value that the policy has left out; undefined when it is here. */
  readonly valueLeftOut: number | undefined;
}

/** A record as it lies in the topic. */
export type LyingRecord = Omit<RawRecord, "topic">;

/** Undefined for a record that no error policy has written. */
export const deadLetterOf = ({ headers, ...lying }: LyingRecord): DeadLetter | undefined => {
  // One that was a dead letter before it failed has two sets: the last one is what brought it here.
  const begin = headers.findLastIndex(([name]) => name === errorHeaders.class);
  if (begin < 0) return undefined;
  const said = new Map(headers.slice(begin).map(([name, value]) => [name, value === null ? "" : decoder.decode(value)]));
  const text = (name: string): string => said.get(name) ?? "";
  const { partition, offset, key, value, timestamp } = lying;
  const leftOut = said.get(errorHeaders.valueLeftOut);
  const own = said.get(errorHeaders.timestamp);
  const place = {
    topic: text(errorHeaders.topic),
    partition: wholeNumber(text(errorHeaders.partition)),
    offset: wholeNumber(text(errorHeaders.offset)),
  };
  // Headers of these names may be anybody's.
  if (place.topic === "" || place.partition === undefined || place.offset === undefined) return undefined;
  return {
    partition,
    offset,
    record: {
      topic: place.topic,
      partition: place.partition,
      offset: place.offset,
      key,
      value,
      timestamp: own === undefined ? timestamp : Number(own),
      headers: headers.slice(0, begin),
    },
    cause: {
      class: text(errorHeaders.class),
      code: text(errorHeaders.code),
      message: text(errorHeaders.message),
      step: text(errorHeaders.step),
    },
    valueLeftOut: leftOut === undefined ? undefined : Number(leftOut),
  };
};

/** Whether a record has what an error policy writes behind its own headers. */
export const isDeadLetter = (headers: RawHeaders): boolean => headers.some(([name]) => name === errorHeaders.class);

const wholeNumber = (text: string): number | undefined => (/^\d{1,15}$/.test(text) ? Number(text) : undefined);

const decoder = new TextDecoder();
