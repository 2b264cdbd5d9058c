import {
  boundedOutOfOrderness,
  forever,
  json,
  type KeyedStream,
  minutes,
  type Sink,
  type Stream,
  seconds,
  sink,
  sliding,
  type Topology,
  text,
  topic,
  topology,
  tumbling,
} from "../../../mod.ts";

interface Transaction {
  readonly transactionId: string;
  readonly accountId: string;
  readonly cardId: string;
  readonly amount: number;
  readonly timestamp: number;
}
interface Account {
  readonly accountId: string;
  readonly tier: "basic" | "gold";
  readonly since: number;
}
interface Payment extends Transaction {
  readonly account: Account | null;
}
interface Finding {
  readonly alertId: string;
  readonly kind: "velocity" | "card-test";
  readonly accountId: string;
  readonly timestamp: number;
  readonly transactionIds: readonly string[];
}
export interface Alert extends Finding {
  readonly id: string;
  readonly windowEnd: number;
  readonly occurrences: number;
}

export const transactions = topic("transactions", { key: text, value: json<Transaction>() });
export const accounts = topic("accounts", { key: text, value: json<Account>() });
export const alerts = topic("alerts", { key: text, value: json<Alert>() });
export const memory: Sink<Alert> = sink<Alert>("memory", { async write() {} });

const velocity = (payments: KeyedStream<Payment, string>): Stream<Finding, string> =>
  payments
    .filter((payment) => payment.amount > 1000)
    .window(sliding({ size: minutes(30), every: minutes(5) }))
    .process("velocity", (large, { key, timestamp }) =>
      large.length < 3
        ? []
        : [
            {
              alertId: `velocity:${key}`,
              kind: "velocity" as const,
              accountId: key,
              timestamp,
              transactionIds: large.map((payment) => payment.transactionId),
            },
          ],
    );

const cardTest = (payments: Stream<Payment>): Stream<Finding, string> =>
  payments
    .keyBy((payment) => payment.cardId)
    .match(
      "card-test",
      ({ begin }) =>
        begin("small", (payment) => payment.amount < 10)
          .next("large", (payment) => payment.amount > 1000)
          .within(minutes(5)),
      { skip: "past-last", order: (a, b) => (a.transactionId < b.transactionId ? -1 : 1) },
    )
    .map(({ small, large }) => ({
      alertId: `card-test:${large.cardId}`,
      kind: "card-test" as const,
      accountId: large.accountId,
      timestamp: large.timestamp,
      transactionIds: [small.transactionId, large.transactionId],
    }));

const firstPerWindow = (findings: Stream<Finding>): KeyedStream<Alert, string> =>
  findings
    .keyBy((finding) => finding.alertId)
    .window(tumbling({ size: minutes(5) }))
    .process("deduplicate", (found, { key, window }) => {
      const first = found.reduce((a, b) => (b.timestamp < a.timestamp ? b : a));
      return [{ ...first, id: `${key}@${window.end}`, windowEnd: window.end, occurrences: found.length }];
    });

/** The fraud-detection job as an example of everything at once: a temporal join, windows, a pattern, a union in front of a shuffle, two outputs. */
export const fraudDetection = (search: Sink<Alert>): Topology =>
  topology("fraud-detection", ({ from, table }) => {
    const outOfOrder = { watermarks: boundedOutOfOrderness(seconds(10)), idleness: minutes(1), advanceWhenIdle: true };
    const payments: KeyedStream<Payment, string> = from(transactions, { timestamp: (payment) => payment.timestamp, ...outOfOrder })
      .keyBy()
      .leftJoin(
        "account",
        table(accounts, { timestamp: (account) => account.since, history: forever, ...outOfOrder }),
        { asOf: "watermark" },
        (payment, account) => ({
          ...payment,
          account: account ?? null,
        }),
      );
    const found = firstPerWindow(velocity(payments).union(cardTest(payments)));
    found.to(alerts);
    found.to(search);
  });
