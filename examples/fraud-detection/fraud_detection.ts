import {
  boundedOutOfOrderness,
  forever,
  json,
  type KeyedStream,
  minutes,
  type Serde,
  type Sink,
  type Stream,
  seconds,
  sliding,
  type Topic,
  type Topology,
  text,
  topic,
  topology,
  tumbling,
} from "../../mod.ts";
import { type Alert, alertOf, cardTestAlert, earlier, type Finding, largeAbove, smallBelow, velocityAlert } from "./alert.ts";
import type { Account, Payment, Transaction } from "./model.ts";

/** The topics of one run: two that it reads, one that it writes. */
export interface FraudTopics {
  readonly transactions: Topic<string, Transaction>;
  readonly accounts: Topic<string, Account>;
  readonly alerts: Topic<string, Alert>;
}

/** What the topics of a run are made with. */
export interface FraudTopicOptions {
  /** Stands before the names, so that runs do not meet. */
  readonly prefix: string;
  readonly transaction: Serde<Transaction>;
  readonly account: Serde<Account>;
  /** Of topics that are made. @default kept for ever */
  readonly config?: Readonly<Record<string, string>>;
}

export const fraudTopics = ({ prefix, config = {}, ...serdes }: FraudTopicOptions): FraudTopics => {
  // Event times are old: kept by time, the records would be gone before they are read.
  const declared = { partitions: 4, create: true, config: { "retention.ms": "-1", ...config } };
  return {
    transactions: topic(`${prefix}transactions`, { key: text, value: serdes.transaction, ...declared }),
    accounts: topic(`${prefix}accounts`, { key: text, value: serdes.account, ...declared }),
    alerts: topic(`${prefix}alerts`, { key: text, value: json<Alert>(), ...declared }),
  };
};

/** Three or more payments over 1000 by one account within half an hour; a window every five minutes. */
const velocity = (payments: KeyedStream<Payment, string>): Stream<Finding> =>
  payments
    .filter((payment) => payment.amount > largeAbove)
    .window(sliding({ size: minutes(30), every: minutes(5) }))
    .process("velocity", (large, { window }) => velocityAlert(large, window));

/** A payment under 10 and, strictly next on that card, one over 1000, less than five minutes after. */
const cardTest = (payments: Stream<Payment>): Stream<Finding> =>
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
    .map(({ small, large }) => cardTestAlert(small, large));

/** The first finding about each subject in five minutes, and how many there were. */
const firstPerWindow = (findings: Stream<Finding>): KeyedStream<Alert, string> =>
  findings
    .keyBy((finding) => finding.alertId)
    .window(tumbling({ size: minutes(5) }))
    .aggregate(
      "deduplicate",
      {
        init: (): { readonly first: Finding | undefined; readonly n: number } => ({ first: undefined, n: 0 }),
        add: ({ first, n }, finding) => ({ first: first === undefined ? finding : earlier(first, finding), n: n + 1 }),
      },
      ({ first, n }, { window }) => alertOf(first!, n, window),
    );

/**
 * The fraud-detection job: payments with the account as it was at their time, two detectors, one alert per subject and five minutes.
 * @param sinks where alerts go beside their topic: a search index, a screen
 */
export const fraudDetection = (prefix: string, topics: FraudTopics, sinks: readonly Sink<Alert>[]): Topology =>
  topology(`${prefix}fraud-detection`, ({ from, table }) => {
    const outOfOrder = { watermarks: boundedOutOfOrderness(seconds(10)), idleness: minutes(1), advanceWhenIdle: true };
    const accounts = table(topics.accounts, { timestamp: (account) => account.since, history: forever, ...outOfOrder });

    const payments = from(topics.transactions, { timestamp: (payment) => payment.timestamp, ...outOfOrder })
      .keyBy()
      .leftJoin("account", accounts, { asOf: "watermark" }, (payment, account): Payment => ({ ...payment, account: account ?? null }));

    const found = firstPerWindow(velocity(payments).union(cardTest(payments)));
    found.to(topics.alerts);
    for (const sink of sinks) found.to(sink);
  });
