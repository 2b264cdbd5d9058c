import * as E from "fp-ts/lib/Either.js";
import { DecodeError, reason } from "../errors.ts";
import { rowWriter } from "../operators/table_rows.ts";
import type { Clock } from "../ports/clock.ts";
import type { RecordCursor } from "../ports/log.ts";
import type { Logger } from "../ports/logger.ts";
import type { StoreWrite } from "../ports/store.ts";
import type { KeyCodec } from "../state/step_state.ts";
import { InputChecks } from "./input_checks.ts";
import { pause } from "./pause.ts";
import type { InputPlan, RowsOfInput } from "./plan.ts";

export interface SourceRowsOptions {
  readonly plan: InputPlan;
  readonly rows: RowsOfInput;
  readonly keys: KeyCodec;
  readonly topic: string;
  readonly partition: number;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly recordBytesMax: number;
}

/** How long a registry that is away is left in peace. */
const pauseMs = 500;

/**
 * Makes of the records of a topic what a table that is read from it has in its store. What became of a record when it came in has to follow from its bytes alone, which the planner sees to: the same records are left out here that were left out then.
 */
export class SourceRows {
  readonly #options: SourceRowsOptions;
  readonly #plan: InputPlan;
  readonly #topic: string;
  readonly #checks: InputChecks;
  readonly #write: ReturnType<typeof rowWriter>;

  constructor(options: SourceRowsOptions) {
    const { plan, rows, keys, topic, partition, clock, recordBytesMax } = options;
    this.#options = options;
    this.#plan = plan;
    this.#topic = topic;
    this.#write = rowWriter(keys, rows.value);
    this.#checks = new InputChecks({
      // What was not too far ahead of the clock then is not so now, even if that was set back.
      plan: plan.time === undefined ? plan : { ...plan, time: { ...plan.time, maxFutureMs: Number.POSITIVE_INFINITY } },
      topic,
      partition,
      partitions: 1,
      clock,
      // Where nothing is left out every record was taken, whatever the bound is now.
      recordBytesMax: rows.mayLeaveOut ? recordBytesMax : Number.POSITIVE_INFINITY,
      bounded: false,
    });
  }

  /** What to wait for before the record can be read, such as its schema. */
  prepare(records: RecordCursor): Promise<void> | undefined {
    const { key, value } = this.#plan;
    return (
      (key.prepare === undefined || records.keyStart < 0 ? undefined : key.prepare(records.key()!, this.#topic)) ??
      (value.prepare === undefined || records.valueStart < 0 ? undefined : value.prepare(records.value()!, this.#topic))
    );
  }

  /** Waits until the record can be read, or never will, or nobody wants it any more. A registry that is away is asked again. */
  async wait(records: RecordCursor, isWanted: () => boolean, signal: AbortSignal): Promise<void> {
    const { clock, logger } = this.#options;
    for (let pending = this.prepare(records); pending !== undefined && isWanted(); pending = this.prepare(records))
      try {
        await pending;
      } catch (error) {
        if (error instanceof DecodeError) return;
        const { topic, partition } = this.#options;
        logger.log("warn", "A table cannot be restored yet: trying again", { topic, partition, reason: reason(error) });
        await pause(clock, pauseMs, signal);
      }
  }

  /** The row that the record is; undefined for a record that is none. */
  row(keyBytes: Uint8Array | null, valueBytes: Uint8Array | null, timestamp: number): StoreWrite | undefined {
    if (keyBytes === null) return undefined;
    if (this.#checks.size(keyBytes.length + (valueBytes?.length ?? 0)) !== undefined) return undefined;
    if (this.#checks.timestamp(timestamp) !== undefined) return undefined;
    const key = this.#plan.key.deserialize(keyBytes, this.#topic);
    if (E.isLeft(key) || key.right === null || key.right === undefined) return undefined;
    if (valueBytes === null) return this.#write(key.right, timestamp, null);
    const value = this.#plan.value.deserialize(valueBytes, this.#topic);
    return E.isLeft(value) ? undefined : this.#write(key.right, timestamp, value.right);
  }
}
