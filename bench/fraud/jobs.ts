import { largeAbove, smallBelow } from "../../examples/fraud-detection/alert.ts";
import { type Transaction, transactionSchema } from "../../examples/fraud-detection/model.ts";
import {
  type Assigner,
  boundedOutOfOrderness,
  type MergingAggregator,
  minutes,
  type Serde,
  type Stream,
  seconds,
  session,
  sliding,
  type Topology,
  text,
  topic,
  topology,
  tumbling,
  type Window,
} from "../../mod.ts";
import { avro } from "../../node/serde/mod.ts";

/** A job over the payments of examples/fraud-detection. */
export interface FraudJob {
  readonly title: string;
  readonly build: (input: string, output: string) => Topology;
}

export type FraudJobName = "tumbling" | "sliding" | "session" | "cep";

/** How many payments, and how much. */
const total: MergingAggregator<
  Transaction,
  { readonly count: number; readonly cents: number },
  { readonly count: number; readonly cents: number }
> = {
  init: () => ({ count: 0, cents: 0 }),
  add: ({ count, cents }, { amount }) => ({ count: count + 1, cents: cents + Math.round(amount * 100) }),
  merge: (a, b) => ({ count: a.count + b.count, cents: a.cents + b.cents }),
  anyOrder: true,
};

const totalSchema = {
  type: "record",
  name: "Total",
  fields: [
    { name: "account", type: "string" },
    { name: "start", type: "long" },
    { name: "end", type: "long" },
    { name: "count", type: "long" },
    { name: "cents", type: "long" },
  ],
} as const;

const cardTestSchema = {
  type: "record",
  name: "CardTest",
  fields: [
    { name: "card", type: "string" },
    { name: "small", type: "string" },
    { name: "large", type: "string" },
    { name: "timestamp", type: "long" },
  ],
} as const;

const job =
  <R>(results: Serde<R>, build: (payments: Stream<Transaction, string | null>) => Stream<R, string>): FraudJob["build"] =>
  (input, output) =>
    topology("job", ({ from }) => {
      const payments = from(topic(input, { key: text, value: avro(transactionSchema) }), {
        timestamp: (payment) => payment.timestamp,
        watermarks: boundedOutOfOrderness(seconds(10)),
      });
      build(payments).to(topic(output, { key: text, value: results }));
    });

const totals = (windows: Assigner<unknown, Window>): FraudJob["build"] =>
  job(avro(totalSchema), (payments) =>
    payments
      .keyBy()
      .window(windows)
      .aggregate("totals", total, ({ count, cents }, { key, window: { start, end } }) => ({ account: key, start, end, count, cents })),
  );

const smallThenLarge: FraudJob["build"] = job(avro(cardTestSchema), (payments) =>
  payments
    .keyBy((payment) => payment.cardId)
    .match(
      "card-test",
      ({ begin }) =>
        begin("small", (payment) => payment.amount < smallBelow)
          .next("large", (payment) => payment.amount > largeAbove)
          .within(minutes(5)),
      { skip: "past-last", order: (a, b) => (a.transactionId < b.transactionId ? -1 : a.transactionId > b.transactionId ? 1 : 0) },
    )
    .map(({ small, large }) => ({
      card: large.cardId,
      small: small.transactionId,
      large: large.transactionId,
      timestamp: large.timestamp,
    })),
);

/** By the names that both programs take: the same as Jobs.java has for Flink. */
export const fraudJobs: Readonly<Record<FraudJobName, FraudJob>> = {
  tumbling: { title: "tumbling windows of 5 min", build: totals(tumbling({ size: minutes(5) })) },
  sliding: { title: "sliding windows of 30 min every 5 min", build: totals(sliding({ size: minutes(30), every: minutes(5) })) },
  session: { title: "session windows 10 min apart", build: totals(session({ gap: minutes(10) })) },
  cep: { title: "CEP small-then-large", build: smallThenLarge },
};
