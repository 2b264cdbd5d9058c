import type { OperatorFactory } from "../../core/operators/operator.ts";
import type { TestEvent, TestRecord } from "./test_record.ts";

/** Sees what comes out of a stream. */
export class OutputTap {
  #records: TestRecord<unknown>[] = [];
  #events: TestEvent<unknown>[] = [];

  readonly operator: OperatorFactory = () => ({
    inputs: [
      (value, { key, timestamp, headers }) => {
        const record = { key, value, timestamp, headers };
        this.#records.push(record);
        this.#events.push({ kind: "record", record });
      },
    ],
    onWatermark: (watermark) => this.#events.push({ kind: "watermark", watermark }),
    onIdle: (idle) => this.#events.push({ kind: idle ? "idle" : "active" }),
  });

  read(): readonly TestRecord<unknown>[] {
    const records = this.#records;
    this.#records = [];
    return records;
  }

  events(): readonly TestEvent<unknown>[] {
    const events = this.#events;
    this.#events = [];
    return events;
  }
}
