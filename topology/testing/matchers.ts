import { sameValue } from "../../core/serde/same_value.ts";
import { shownValue } from "./shown_value.ts";
import { type Aligned, inAnyOrder, inOrder } from "./side_by_side.ts";

/** What a record is to be like. What is left out may be anything; in the place of any value may stand a matcher such as `expect.any(Number)`. */
export interface ExpectedRecord {
  /** Of a windowed key the key in it, where `window` is given. */
  readonly key?: unknown;
  readonly value?: unknown;
  readonly timestamp?: unknown;
  /** Of a windowed key: milliseconds since 1970. */
  readonly window?: { readonly start?: unknown; readonly end?: unknown };
  /** As text, by their names; null where a header is null. Others may be there. */
  readonly headers?: Readonly<Record<string, unknown>>;
}

/** The matchers, as `expect` has them when it knows them. */
export interface RecordMatchers<R> {
  /**
   * Exactly these records, as an output topic of `testDriver` holds them that nobody has read yet, or as `read` of a harness or of a simulation gives them.
   * @param options `order: "any"`: each of them once, whatever the order. @default "given"
   */
  toHaveRecords(expected: readonly ExpectedRecord[], options?: { readonly order?: "given" | "any" }): R;
  /** At least one such record, among others. What is read of an output topic is read, whether it was such a record or not. */
  toHaveRecord(expected: ExpectedRecord): R;
}

/** What a test runner offers to a matcher: jest, vitest and the package `expect` in `this`, Deno's `@std/expect` as its first argument. */
interface Around {
  readonly equals?: (a: any, b: any, testers?: any) => boolean;
  readonly equal?: (a: any, b: any, options?: any) => boolean;
  readonly customTesters?: any;
}

interface Verdict {
  readonly pass: boolean;
  message(): string;
}

type Matcher = (this: Around | void, ...given: any[]) => Verdict;

/**
 * Matchers for records, for `expect.extend` of jest, vitest, the package `expect`, and Deno's `@std/expect`. With jest, `import "millrace/testing/jest"` makes them known, and their types.
 *
 * @example
 * ```ts
 * import { expect } from "@jest/globals";
 * import { integer, text, topic, topology } from "millrace";
 * import { testDriver } from "millrace/testing";
 * import "millrace/testing/jest"; // expect.extend(matchers), and the types
 *
 * const words = topic("words", { key: text, value: text });
 * const counts = topic("counts", { key: text, value: integer });
 * const counting = topology("counting", ({ from }) => from(words).keyBy((word) => word).count("count").to(counts));
 *
 * const driver = testDriver(counting);
 * driver.createInputTopic(words).pipeInput("be", { timestamp: 5 });
 * expect(driver.createOutputTopic(counts)).toHaveRecords([{ key: "be", value: 1, timestamp: 5 }]);
 * ```
 */
export const matchers: { readonly toHaveRecords: Matcher; readonly toHaveRecord: Matcher } = {
  toHaveRecords(...given) {
    const { received, rest, equals } = called(this, given);
    const [expected, { order = "given" } = {}] = rest as [readonly ExpectedRecord[], { readonly order?: "given" | "any" }?];
    const records = recordsOf(received);
    const lines = (order === "any" ? inAnyOrder : inOrder)(expected, records, (one, record) => isLike(one, record, equals));
    const how = order === "any" ? "in any order" : "in this order";
    const pass = lines.every(({ kind }) => kind === "both");
    return {
      pass,
      message: () =>
        pass
          ? `Exactly these records have come, ${how}, and were not to:\n\n${listed(lines)}`
          : `Other records have come than were expected, ${how} (- expected, + received):\n\n${listed(lines)}`,
    };
  },
  toHaveRecord(...given) {
    const { received, rest, equals } = called(this, given);
    const [expected] = rest as [ExpectedRecord];
    const lines = recordsOf(received).map((record): Aligned<ExpectedRecord, ReceivedRecord> => {
      return { kind: isLike(expected, record, equals) ? "both" : "extra", received: record };
    });
    const pass = lines.some(({ kind }) => kind === "both");
    return {
      pass,
      message: () =>
        pass
          ? `This has come, and was not to:\n\n${listed(lines.filter(({ kind }) => kind === "both"))}`
          : `No such record has come (- expected, + received):\n\n${listed([{ kind: "missing", expected }, ...lines])}`,
    };
  },
};

/** A record as it was read, wherever that was. */
interface ReceivedRecord {
  readonly key: unknown;
  readonly value: unknown;
  readonly timestamp?: number;
  readonly headers?: { get(name: string): Uint8Array | null | undefined; text(name: string): string | undefined } & Iterable<
    readonly [string, Uint8Array | null]
  >;
}

interface Call {
  readonly received: unknown;
  readonly rest: readonly unknown[];
  readonly equals: (expected: unknown, received: unknown) => boolean;
}

const called = (self: Around | void, [first, ...rest]: readonly unknown[]): Call => {
  const { equals, customTesters } = self ?? {};
  if (equals !== undefined) return { received: first, rest, equals: (a, b) => equals(b, a, customTesters) };
  if (isContext(first)) {
    const { value, equal, customTesters: testers } = first;
    return { received: value, rest, equals: (a, b) => equal(b, a, { customTesters: testers }) };
  }
  return { received: first, rest, equals: sameValue };
};

const isContext = (first: unknown): first is Required<Pick<Around, "equal">> & Around & { readonly value: unknown } =>
  typeof first === "object" && first !== null && "equal" in first && "isNot" in first && "value" in first;

const recordsOf = (received: unknown): readonly ReceivedRecord[] => {
  const { readRecords } = (received ?? {}) as { readonly readRecords?: () => readonly ReceivedRecord[] };
  const records: unknown = typeof readRecords === "function" ? readRecords() : received;
  if (Array.isArray(records) && records.every((one) => typeof one === "object" && one !== null && "value" in one)) return records;
  throw new TypeError(
    `Cannot look for records in ${shownValue(received)}: give an output topic of testDriver(...), or the records that were read, each with key and value`,
  );
};

const isLike = (expected: ExpectedRecord, record: ReceivedRecord, equals: Call["equals"]): boolean => {
  const { key, window } = partsOf(expected, record.key);
  return (
    (!("key" in expected) || equals(expected.key, key)) &&
    (!("value" in expected) || equals(expected.value, record.value)) &&
    (!("timestamp" in expected) || equals(expected.timestamp, record.timestamp)) &&
    Object.entries(expected.window ?? {}).every(([bound, at]) => window !== undefined && equals(at, window[bound as "start"])) &&
    Object.entries(expected.headers ?? {}).every(([name, text]) => equals(text, headerOf(record, name)))
  );
};

interface KeyParts {
  readonly key: unknown;
  readonly window: { readonly start: number; readonly end: number } | undefined;
}

const partsOf = (expected: ExpectedRecord, key: unknown): KeyParts =>
  expected.window !== undefined && typeof key === "object" && key !== null && "window" in key
    ? (key as KeyParts)
    : { key, window: undefined };

const headerOf = ({ headers }: ReceivedRecord, name: string): string | null | undefined =>
  headers?.get(name) === null ? null : headers?.text(name);

const listed = (lines: readonly Aligned<ExpectedRecord, ReceivedRecord>[]): string =>
  lines.length === 0
    ? "  (no record)"
    : lines
        .map((line) =>
          line.kind === "missing"
            ? `- ${fields(line.expected)}`
            : `${line.kind === "both" ? " " : "+"} ${fields({ ...line.received, ...shownHeaders(line.received) })}`,
        )
        .join("\n");

const fields = (record: object): string => {
  const shown = ["key", "window", "value", "timestamp", "headers"].flatMap((field) =>
    field in record && (record as Record<string, unknown>)[field] !== undefined
      ? [`${field} ${shownValue((record as Record<string, unknown>)[field])}`]
      : [],
  );
  return shown.length === 0 ? "any record" : shown.join(", ");
};

/** As text, and only where there are some. */
const shownHeaders = (record: ReceivedRecord): { readonly headers: Readonly<Record<string, unknown>> | undefined } => {
  const names = Array.from(record.headers ?? [], ([name]) => name);
  return { headers: names.length === 0 ? undefined : Object.fromEntries(names.map((name) => [name, headerOf(record, name)])) };
};
