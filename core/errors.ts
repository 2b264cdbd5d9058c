/** Every code that a MillraceError can carry: what a program may switch on. */
export type ErrorCode =
  | "DECODE_FAILED"
  | "SCHEMA_UNKNOWN"
  | "SCHEMA_INCOMPATIBLE"
  | "NULL_VALUE"
  | "LIMIT_EXCEEDED"
  | "BAD_TIMESTAMP"
  | "STEP_FAILED"
  | "ENCODE_FAILED"
  | "RECORD_REFUSED"
  | "REGISTRY_UNREACHABLE"
  | "TOPOLOGY_INVALID"
  | "WINDOW_INVALID"
  | "PATTERN_INVALID"
  | "NAME_INVALID"
  | "NAME_DUPLICATE"
  | "PARTITIONS_DIFFER"
  | "KEY_MISPLACED"
  | "KEY_PARKED"
  | "OPTION_INVALID"
  | "TOPIC_MISSING"
  | "TOPIC_CHANGED"
  | "TOPIC_MISCONFIGURED"
  | "NOT_AUTHORIZED"
  | "NOT_AUTHENTICATED"
  | "BROKER_UNREACHABLE"
  | "BROKER_UNSUPPORTED"
  | "TRANSACTION_TIMEOUT_TOO_LARGE"
  | "OFFSET_OUT_OF_RANGE"
  | "TOPOLOGY_CHANGED"
  | "INSTANCE_REPLACED"
  | "INSTANCES_DIFFER"
  | "PACKAGE_MISSING"
  | "STORE_FAILED"
  | "STATE_TOO_LARGE"
  | "STORE_UNKNOWN"
  | "STORE_NOT_READY"
  | "KEY_ELSEWHERE"
  | "TASK_TIMEOUT"
  | "APP_CLOSED"
  | "INTERNAL";

/** Where an error happened, as far as it is known, and what caused it. */
export interface ErrorPlace {
  readonly step?: string | undefined;
  readonly topic?: string | undefined;
  readonly partition?: number | undefined;
  readonly offset?: number | undefined;
  readonly cause?: unknown;
}

/**
 * What all errors of the library have: a code to switch on, the place, the cause. Each subclass stands for one thing the reader can do.
 */
export class MillraceError extends Error {
  override readonly name: string = "MillraceError";
  readonly code: ErrorCode;
  /** The name of the step in the program. */
  readonly step: string | undefined;
  readonly topic: string | undefined;
  readonly partition: number | undefined;
  readonly offset: number | undefined;

  constructor(code: ErrorCode, message: string, place: ErrorPlace = {}) {
    super(message, place.cause === undefined ? undefined : { cause: place.cause });
    this.code = code;
    this.step = place.step;
    this.topic = place.topic;
    this.partition = place.partition;
    this.offset = place.offset;
  }
}

/** A record that cannot be read. Skip it, park it in a dead-letter topic, or mend the producer. */
export class DecodeError extends MillraceError {
  override readonly name = "DecodeError";
  /** The part of the record that could not be read. */
  readonly where: "key" | "value" | "timestamp";
  constructor(code: ErrorCode, message: string, options: ErrorPlace & { readonly where?: "key" | "value" | "timestamp" } = {}) {
    super(code, message, options);
    this.where = options.where ?? "value";
  }
  /** The same error with the place that only the caller knows. */
  at(place: Omit<ErrorPlace, "cause"> & { readonly where?: "key" | "value" | "timestamp" }): DecodeError {
    const where = place.where ?? this.where;
    const position =
      place.topic === undefined ? "" : ` (${where} of ${place.topic}/${place.partition ?? "?"} at offset ${place.offset ?? "?"})`;
    return new DecodeError(this.code, this.message + position, {
      step: this.step,
      topic: this.topic,
      partition: this.partition,
      offset: this.offset,
      cause: this.cause,
      ...place,
      where,
    });
  }
}

/** The user's function threw while handling a record. Mend the function, or choose a policy for such records. */
export class StepError extends MillraceError {
  override readonly name = "StepError";
  /** What the function was called with; absent for a timer. Not shown when the error is printed: logs are no place for records. */
  declare readonly value: unknown;
  constructor(message: string, options: ErrorPlace & { readonly value?: unknown } = {}) {
    super("STEP_FAILED", message, options);
    Object.defineProperty(this, "value", { value: options.value, enumerable: false });
  }
}

/** A record that cannot be written: it does not encode, or the broker refuses it. */
export class ProduceError extends MillraceError {
  override readonly name = "ProduceError";
}

/** The program describes something that cannot work. Mend the program. */
export class TopologyError extends MillraceError {
  override readonly name = "TopologyError";
}

/** Something around the program is not as it has to be: an option, a topic, a right, an address. Mend it and start again. */
export class ConfigurationError extends MillraceError {
  override readonly name = "ConfigurationError";
}

/** Local state cannot be read or written, or is not here. */
export class StoreError extends MillraceError {
  override readonly name = "StoreError";
}

/** Something did not become possible in the time allowed; other tasks went on meanwhile. */
export class TaskTimeoutError extends MillraceError {
  override readonly name = "TaskTimeoutError";
}

/** A broken promise of the library itself, or a fault nobody can handle here: the instance stops. */
export class FatalError extends MillraceError {
  override readonly name = "FatalError";
}

/** What was thrown, as one clear phrase: also for things that are no Error. Never throws itself. */
export const reason = (thrown: unknown): string => {
  if (thrown === null || thrown === undefined) return `${String(thrown)} was thrown`;
  if (typeof thrown === "string") return thrown;
  try {
    // Not by instanceof: an error may come from another realm, such as a worker or a sandbox.
    const { message } = thrown as { readonly message?: unknown };
    if (typeof message === "string") return message;
    return `${typeof thrown} ${String(thrown)} was thrown`;
  } catch {
    // No prototype, or one with a will of its own.
    return `${typeof thrown === "object" ? "an object" : `a ${typeof thrown}`} was thrown that cannot be shown`;
  }
};
