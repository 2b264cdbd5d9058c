import type { AnyStream, Stream } from "millrace";

/** An element as a vector has it. */
export interface Element {
  readonly key: string;
  readonly value: any;
  readonly timestamp: number | undefined;
}

/** What the jobs put out: a value in the vectors' form. */
export interface Shown {
  readonly value: unknown;
  /** A result of a processing-time timer: in Flink it has no timestamp, here it has the timer's. */
  readonly untimed?: boolean;
}

/** What the interpreter asks of a harness, whatever goes in and comes out. */
export interface Driven {
  element(input: string, value: Element, at: { readonly key: unknown; readonly timestamp?: number }): void;
  watermark(timestamp: number, input?: string, channel?: number): void;
  idle(input: string, idle: boolean, channel?: number): void;
  processingTime(timestamp: number): void;
  settle(): Promise<void>;
  snapshot(): Uint8Array;
  read(output: string): readonly { readonly value: Shown; readonly timestamp: number }[];
  events(
    output: string,
  ): readonly (
    | { readonly kind: "record"; readonly record: { readonly value: Shown; readonly timestamp: number } }
    | { readonly kind: "watermark"; readonly watermark: number }
    | { readonly kind: "idle" | "active" }
  )[];
}

/** What comes in and goes out, by name; `out` is always there. */
export type Streams = { readonly [input: string]: Stream<Element, any> };
export type Lists = { readonly [L in "out" | "late" | "lateRight" | "side" | "timeouts"]?: AnyStream<Shown> };

/** A vector's job: a part of a program, whatever is around it. */
export interface Job {
  /** In the order in which vectors count them, from 1. */
  readonly inputs: readonly string[];
  /** Of the lists of a vector those that the job gives. Throws where Flink refuses the job. */
  readonly describe: (streams: Streams) => Lists;
  /** Present: the inputs of the vector are so many channels of the one input. */
  readonly channels?: number;
  /** The lists in which Flink gives what has no time the smallest there is. */
  readonly timed?: readonly ("out" | "side")[];
  /** Answers the request for the element with this value. */
  readonly complete?: (id: unknown, results: readonly unknown[]) => void;
}

/** An element as it stands in the list of late ones. */
export const lateElement = ({ key, value }: Element): Shown => ({ value: { key, value } });

/** As vectors write event time. */
export const shownTime = (time: number): number | string =>
  time === Number.NEGATIVE_INFINITY ? "-inf" : time === Number.POSITIVE_INFINITY ? "+inf" : time;

/** As vectors write timestamps: null where there is none. */
export const shownTimestamp = (timestamp: number): number | string | null =>
  timestamp === Number.NEGATIVE_INFINITY ? null : shownTime(timestamp);
