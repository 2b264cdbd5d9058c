import type { Headers } from "../../core/record.ts";

/** A record as it came out. */
export interface TestRecord<out V, out K = unknown> {
  readonly key: K;
  readonly value: V;
  /** -Infinity where there is none; +Infinity for the result of a window without an end. */
  readonly timestamp: number;
  readonly headers: Headers;
}

/** What came out of a stream, in its order: records, and what was said of event time. */
export type TestEvent<V, K = unknown> =
  | { readonly kind: "record"; readonly record: TestRecord<V, K> }
  | { readonly kind: "watermark"; readonly watermark: number }
  | { readonly kind: "idle" }
  | { readonly kind: "active" };
