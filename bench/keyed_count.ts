import type { Log } from "../core/ports/log.ts";
import { bytes } from "../core/serde/bytes.ts";
import { json } from "../core/serde/json.ts";
import { integer } from "../core/serde/numbers.ts";
import type { Serde } from "../core/serde/serde.ts";
import { text } from "../core/serde/text.ts";
import { avro } from "../node/serde/mod.ts";
import { topic } from "../topology/topic.ts";
import { type Topology, topology } from "../topology/topology.ts";
import type { BenchCase } from "./bench_case.ts";
import type { Payment } from "./input_topic.ts";
import { brokerLog, embeddedLog, fresh, type Job, measureJob } from "./job.ts";

/** Counting the records of each key: one store, one changelog record per key and commit, one result per record. */
interface Count {
  readonly user: string;
  readonly count: number;
}

const paymentSchema = {
  type: "record",
  name: "Payment",
  fields: [
    { name: "id", type: "long" },
    { name: "user", type: "string" },
    { name: "amount", type: "double" },
    { name: "timestamp", type: "long" },
    { name: "note", type: "string" },
  ],
} as const;

const countSchema = {
  type: "record",
  name: "Count",
  fields: [
    { name: "user", type: "string" },
    { name: "count", type: "long" },
  ],
} as const;

const plain = (input: string, output: string): Topology =>
  topology("keyed-count", ({ from }) => {
    from(topic(input, { key: text, value: bytes }))
      .keyBy()
      .count("count")
      .to(topic(output, { key: text, value: integer }));
  });

/** The same with records of fields at both ends. */
const withFields =
  (payments: Serde<Payment>, counts: Serde<Count>) =>
  (input: string, output: string): Topology =>
    topology("keyed-count", ({ from }) => {
      from(topic(input, { key: text, value: payments }))
        .keyBy()
        .count("count")
        .toStream()
        .map((count, { key }): Count => ({ user: key, count: count ?? 0 }))
        .to(topic(output, { key: text, value: counts }));
    });

const measure = (
  records: number,
  guarantee: Job["guarantee"],
  log: Log,
  serialize: Job["serialize"],
  make: (input: string, output: string) => Topology,
): ReturnType<BenchCase["run"]> => {
  const [input, output] = [fresh("payments"), fresh("counts")];
  return measureJob({ input, output, topology: make(input, output), records, guarantee, serialize, log });
};

const asJson = json<Payment>();
const asAvro = avro(paymentSchema);
const embeddedRecords = 2_000_000;
const kafkaRecords = 1_000_000;

export const cases: readonly BenchCase[] = [
  {
    name: "keyed count, embedded, exactly-once",
    run: ({ share }) => measure(share(embeddedRecords), "exactly-once", embeddedLog(), (payment) => asJson.serialize(payment, ""), plain),
  },
  {
    name: "keyed count, embedded, exactly-once, JSON",
    run: ({ share }) =>
      measure(
        share(embeddedRecords),
        "exactly-once",
        embeddedLog(),
        (payment) => asJson.serialize(payment, ""),
        withFields(asJson, json<Count>()),
      ),
  },
  {
    name: "keyed count, embedded, exactly-once, Avro",
    run: ({ share }) =>
      measure(
        share(embeddedRecords),
        "exactly-once",
        embeddedLog(),
        (payment) => asAvro.serialize(payment, ""),
        withFields(asAvro, avro(countSchema)),
      ),
  },
  ...(["exactly-once", "at-least-once"] as const).map(
    (guarantee): BenchCase => ({
      name: `keyed count, Kafka, ${guarantee}`,
      needsKafka: true,
      run: async (setting) =>
        measure(setting.share(kafkaRecords), guarantee, await brokerLog(setting), (payment) => asJson.serialize(payment, ""), plain),
    }),
  ),
];
