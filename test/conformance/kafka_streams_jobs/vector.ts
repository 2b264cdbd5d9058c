import type { Expression, Json } from "./expression.ts";

/** One step of a scenario's topology. */
export type Step = { readonly op: string; readonly id?: string } & { readonly [field: string]: Json };

export interface WindowOfVector {
  readonly type: "tumbling" | "hopping" | "sliding" | "session" | "unlimited";
  readonly sizeMs?: number;
  readonly advanceMs?: number;
  readonly timeDifferenceMs?: number;
  readonly gapMs?: number;
  readonly graceMs?: number;
  readonly startMs?: number;
}

export interface HeaderOfVector {
  readonly key: string;
  readonly value: string | null;
}

export interface InputOfVector {
  readonly topic?: string;
  readonly key?: Json;
  readonly value?: Json;
  readonly rawKey?: string;
  readonly rawValue?: string;
  readonly timestamp?: number;
  readonly headers?: readonly HeaderOfVector[];
  readonly advanceWallClockMs?: number;
}

export interface OutputOfVector {
  readonly key: Json;
  readonly window?: { readonly start: number; readonly end: number | null };
  readonly value: Json;
  readonly timestamp: number;
  readonly i: number;
  readonly headers?: readonly HeaderOfVector[];
}

export interface StoreOfVector {
  readonly type: string;
  readonly entries: readonly {
    readonly key: Json;
    readonly window?: OutputOfVector["window"];
    readonly value: Json;
    readonly timestamp?: number;
  }[];
}

export interface QueryOfVector {
  readonly store: string;
  readonly key: Json;
  readonly asOf?: number;
  readonly result: Json;
}

/** What comes of a scenario, or should. */
export interface KafkaStreamsOutcome {
  readonly expected: Readonly<Record<string, readonly OutputOfVector[]>>;
  readonly peeks?: Readonly<Record<string, readonly { readonly key: Json; readonly value: Json }[]>>;
  readonly stores?: Readonly<Record<string, StoreOfVector>>;
  readonly storeQueries?: readonly QueryOfVector[];
  readonly changelogs?: Readonly<Record<string, readonly { readonly key: Json; readonly value: Json; readonly timestamp: number }[]>>;
  readonly metrics?: { readonly droppedRecords: number };
  readonly error?: { readonly i: number; readonly rootMessage?: string };
}

/** A scenario that Kafka Streams has computed. */
export interface KafkaStreamsVector extends KafkaStreamsOutcome {
  readonly name: string;
  readonly engine: string;
  readonly description?: string;
  readonly config?: {
    readonly cacheMaxBytes?: number;
    readonly outerJoinEmitIntervalMs?: number;
    readonly windowCloseEmitIntervalMs?: number;
    readonly deserializationExceptionHandler?: "continue" | "fail";
    readonly processingExceptionHandler?: "continue" | "fail";
  };
  readonly topology: readonly Step[];
  readonly inputs: readonly InputOfVector[];
}

export type { Expression, Json };
