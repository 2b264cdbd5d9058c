import type { Emitted } from "../../support/operator_harness.ts";

/** One scenario that Flink computed: what was put in, and what came out at which input. */
export interface FlinkVector {
  readonly name: string;
  readonly ordering: "total" | "perKey" | "perKeyAndWindow";
  readonly job: {
    readonly op: string;
    readonly onTimer?: readonly Command[];
    readonly ttl?: { readonly ms: number; readonly updateType: string; readonly visibility: string };
  };
  readonly inputs: readonly FlinkInput[];
  readonly expected: { readonly out: readonly FlinkOutput[]; readonly side?: readonly FlinkOutput[] };
}

export interface FlinkInput {
  readonly element?: { readonly key: string; readonly value: any; readonly timestamp?: number };
  readonly input?: number;
  readonly watermark?: number | "+inf";
  readonly processingTime?: number;
  readonly idle?: boolean;
  readonly snapshotRestore?: true;
}

export interface FlinkOutput {
  readonly step: number;
  readonly timestamp: number | null;
  readonly value: any;
}

/** A command of the vocabulary in which the process functions of the scenarios are written. */
export interface Command {
  readonly do: string;
  readonly t?: number;
  readonly plus?: number;
  readonly until?: number;
  readonly v?: any;
  readonly k?: string;
}

/** One scenario that Kafka Streams computed. */
export interface StreamsVector {
  readonly name: string;
  readonly inputs: readonly {
    readonly topic: string;
    readonly key: string | null;
    readonly value: any;
    readonly timestamp: number;
    readonly headers?: readonly { readonly key: string; readonly value: string }[];
  }[];
  readonly expected: {
    readonly out: readonly {
      readonly key: string | null;
      readonly value: any;
      readonly timestamp: number;
      readonly i: number;
      readonly headers?: readonly unknown[];
    }[];
  };
  readonly stores: Readonly<
    Record<string, { readonly entries: readonly { readonly key: string; readonly value: any; readonly timestamp: number }[] }>
  >;
  readonly metrics: { readonly droppedRecords: number };
}

export const vector = async <V>(name: string): Promise<V> =>
  (await import(`./vectors/${name}.json`, { with: { type: "json" } })).default as V;

/** Groups within which the order of results is defined. */
export const grouped = (ordering: FlinkVector["ordering"], results: readonly FlinkOutput[]): Record<string, readonly FlinkOutput[]> => {
  const groups: Record<string, FlinkOutput[]> = {};
  for (const { step, timestamp, value } of results) {
    const name =
      ordering === "total"
        ? "all"
        : ordering === "perKey"
          ? `${step}|${value.key}`
          : `${step}|${value.key}|${value.start}|${value.end}|${timestamp}`;
    (groups[name] ??= []).push({ step, timestamp, value });
  }
  return groups;
};

/** What was emitted at a step, as the scenarios write it: a record without timestamp has null. */
export const outputs = (step: number, emitted: readonly Emitted[]): readonly FlinkOutput[] =>
  emitted.map(({ timestamp, value }) => ({ step, timestamp: Number.isFinite(timestamp) ? timestamp : null, value }));

/** As the scenarios write watermarks. */
export const shownTime = (time: number): number | string =>
  time === Number.NEGATIVE_INFINITY ? "-inf" : time === Number.POSITIVE_INFINITY ? "+inf" : time;
