import type { RawHeaders } from "../ports/log.ts";
import { RecordMeta } from "../record.ts";
import { valueCodec } from "../state/codecs.ts";
import type { MapTable } from "../state/map_table.ts";
import type { StepState } from "../state/step_state.ts";
import { numberSubKey } from "../state/sub_key.ts";
import { enterTask } from "../state/task_state.ts";
import type { ValueTable } from "../state/value_table.ts";

/** A record that waits for its result. */
export interface Asked {
  readonly value: unknown;
  readonly record: RecordMeta;
}

type Stored =
  | readonly [value: unknown, key: unknown, timestamp: number, headers: RawHeaders, topic: string, partition: number, offset: number]
  /** A watermark between two records. */
  | readonly [watermark: number];

/** What waits in an asynchronous step, in the order of arrival: records, and the watermarks between them. Part of the state of the task, so that no record is lost with the requests that were under way. */
export class AsyncQueue {
  readonly #state: StepState;
  readonly #entries: MapTable<number, Stored>;
  readonly #passed: ValueTable<number>;
  /** Never given twice, also where a record that has failed takes its entry back. */
  #next = 0;

  constructor(state: StepState) {
    this.#state = state;
    this.#entries = state.map("a:queue", numberSubKey, valueCodec<Stored>());
    this.#passed = state.value("a:passed", valueCodec<number>());
  }

  /** What was under way when the state was written, from the first to the last. */
  load(): readonly (readonly [number: number, entry: Asked | number])[] {
    enterTask(this.#state);
    return this.#entries.entries().map(([number, stored]) => {
      this.#next = number + 1;
      return [number, entryOf(stored)];
    });
  }

  add(value: unknown, { key, timestamp, rawHeaders, topic, partition, offset }: RecordMeta): number {
    return this.#add([value, key, timestamp, rawHeaders, topic, partition, offset]);
  }

  addWatermark(watermark: number): number {
    return this.#add([watermark]);
  }

  raiseWatermark(number: number, watermark: number): void {
    enterTask(this.#state);
    this.#entries.set(number, [watermark]);
  }

  /** Undefined when the record was taken back, since another step has failed on it. */
  get(number: number): Asked | undefined {
    enterTask(this.#state);
    const stored = this.#entries.get(number);
    return stored === undefined ? undefined : (entryOf(stored) as Asked);
  }

  delete(number: number): void {
    enterTask(this.#state);
    this.#entries.delete(number);
  }

  /** About how many bytes one that waits takes in memory. */
  get recordBytes(): number {
    return this.#entries.entryBytes;
  }

  /** How far event time has passed the step. */
  get passed(): number {
    enterTask(this.#state);
    return this.#passed.get() ?? Number.NEGATIVE_INFINITY;
  }

  set passed(watermark: number) {
    enterTask(this.#state);
    this.#passed.set(watermark);
  }

  #add(stored: Stored): number {
    enterTask(this.#state);
    const number = this.#next++;
    this.#entries.set(number, stored);
    return number;
  }
}

const entryOf = (stored: Stored): Asked | number => {
  if (stored.length === 1) return stored[0];
  const [value, key, timestamp, headers, topic, partition, offset] = stored;
  return { value, record: new RecordMeta(key, timestamp, headers, topic, partition, offset) };
};
