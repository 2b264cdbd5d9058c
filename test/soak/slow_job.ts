import type { Fed } from "../../core/runtime/start.ts";
import { json, type Topology, text, topic, topology, valueState } from "../../mod.ts";
import { sink } from "../../topology/sink.ts";

/** A record of the soak: a number that no other one has, and something to carry. */
export interface Parcel {
  readonly number: number;
  readonly place: string;
  readonly padding: string;
}

export interface SlowJob {
  /** How long an answer to the asynchronous step takes. */
  readonly answerMs: number;
  /** How long the sink takes for a batch. */
  readonly writeMs: number;
  /** Told what has come to the sink. */
  readonly onWritten: (numbers: readonly number[]) => void;
}

const accounts = 20_000;
const places = 5_000;
const paddings = Array.from({ length: 16 }, (_, i) => "parcel ".repeat(4 + 4 * i));

const parcels = topic("soak-parcels", { key: text, value: json<Parcel>(), partitions: 4, create: true });

const wait = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** The parcel of that number: always the same one. */
export const parcel = (number: number): Fed => ({
  topic: parcels,
  key: `account-${(number * 7919) % accounts}`,
  value: { number, place: `place-${(number * 104_729) % places}`, padding: paddings[number % paddings.length]! } satisfies Parcel,
});

/** Everything that may pile up: a shuffle, state of many keys, requests under way, a sink that is slower than the input. */
export const slowJob = ({ answerMs, writeMs, onWritten }: SlowJob): Topology =>
  topology("soak", ({ from }) => {
    from(parcels)
      .keyBy(({ place }) => place)
      .process("last-parcel", {
        state: { last: valueState({ initial: { number: -1, place: "", padding: "" } as Parcel }) },
        onRecord(value, { state }) {
          state.last.set(value);
          return [value];
        },
      })
      .mapAsync("ask", (value) => wait(answerMs).then(() => value), { order: "none", capacity: 2_000 })
      .to(
        sink<Parcel>("slow", {
          write: async (batch) => {
            await wait(writeMs);
            onWritten(batch.map(({ value }) => value.number));
          },
        }),
      );
  });
