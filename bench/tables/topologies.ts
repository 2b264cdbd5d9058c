import { millis, seconds } from "../../core/duration.ts";
import { bytes } from "../../core/serde/bytes.ts";
import { integer } from "../../core/serde/numbers.ts";
import { text } from "../../core/serde/text.ts";
import { windowed } from "../../core/serde/windowed.ts";
import { onUpdate } from "../../core/window/revision.ts";
import { tumbling } from "../../core/window/tumbling.ts";
import { topic } from "../../topology/topic.ts";
import { type Topology, topology } from "../../topology/topology.ts";

/** A job that both systems do. */
export interface TableJob {
  readonly title: string;
  /** What the input consists of: payments, two streams of them, or payments and a table of users. */
  readonly inputs: "stream" | "two streams" | "stream and table";
  /** What is in the output when everything was handled: a result for so many of the input's records, or counts whose last values add up to their number. */
  readonly output: { readonly kind: "records"; readonly share: number } | { readonly kind: "counts" };
  readonly build: (inputs: readonly string[], output: string) => Topology;
}

/** By the names that both programs take. */
export const tableJobs: Readonly<Record<string, TableJob>> = {
  map: {
    title: "stateless map",
    inputs: "stream",
    output: { kind: "records", share: 1 },
    build: ([input], output) =>
      topology("map", ({ from }) => {
        from(topic(input!, { value: bytes }))
          .map((value) => value.subarray(1))
          .to(topic(output, { value: bytes }));
      }),
  },
  count: {
    title: "keyed count",
    inputs: "stream",
    output: { kind: "counts" },
    build: ([input], output) =>
      topology(
        "count",
        ({ from }) => {
          from(topic(input!, { key: text, value: bytes }))
            .keyBy()
            .count("count")
            .to(topic(output, { key: text, value: integer }));
        },
        cached,
      ),
  },
  window: {
    title: "10 s tumbling count",
    inputs: "stream",
    output: { kind: "counts" },
    build: ([input], output) =>
      topology(
        "window",
        ({ from }) => {
          from(topic(input!, { key: text, value: bytes }))
            .keyBy()
            .window(tumbling({ size: seconds(10) }), { emit: onUpdate() })
            .count("count")
            .to(topic(output, { key: windowed(text), value: integer }));
        },
        cached,
      ),
  },
  "stream-join": {
    title: "stream-stream join",
    inputs: "two streams",
    output: { kind: "records", share: 0.5 },
    build: ([left, right], output) =>
      topology("stream-join", ({ from }) => {
        const authorizations = from(topic(right!, { key: text, value: text })).keyBy();
        from(topic(left!, { key: text, value: text }))
          .keyBy()
          .join("join", authorizations, { before: millis(500), after: millis(500) }, (payment, authorization) => payment + authorization)
          .to(topic(output, { key: text, value: text }));
      }),
  },
  "table-join": {
    title: "stream-table join",
    inputs: "stream and table",
    output: { kind: "records", share: 1 },
    build: ([payments, users], output) =>
      topology("table-join", ({ from, table }) => {
        const known = table(topic(users!, { key: text, value: text }));
        from(topic(payments!, { key: text, value: text }))
          .keyBy()
          .join("join", known, (payment, user) => payment + user)
          .to(topic(output, { key: text, value: text }));
      }),
  },
};

/** As Kafka Streams does by default: of several changes of a row between two commits only the last is told. */
const cached = { cache: true };
