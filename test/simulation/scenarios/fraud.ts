import type { Random } from "../../../core/ports/random.ts";
import { json } from "../../../core/serde/json.ts";
import { fraudDetection, fraudTopics } from "../../../examples/fraud-detection/fraud_detection.ts";
import type { Account, Transaction } from "../../../examples/fraud-detection/model.ts";
import { sink } from "../../../topology/sink.ts";
import { type FeedRecord, feed } from "../../../topology/testing/mod.ts";
import { oneOf, type Scenario, startMs } from "../scenario.ts";

const topics = fraudTopics({ prefix: "", transaction: json<Transaction>(), account: json<Account>() });
const owners = ["a1", "a2", "a3"];

const accountsBy = (random: Random): readonly FeedRecord<string, Account>[] =>
  Array.from({ length: 12 }, (_, i) => {
    const accountId = oneOf(random, owners);
    const since = startMs + i * 100_000;
    return {
      key: accountId,
      value: { accountId, holder: `holder ${i}`, tier: oneOf(random, ["gold", "plain"]), country: "SE", since },
      timestamp: since,
    };
  });

/** Payments ten seconds apart, at most nine seconds out of order; many are small or large, so that there is something to find. */
const transactionsBy = (random: Random): readonly FeedRecord<string, Transaction>[] =>
  Array.from({ length: 80 }, (_, i) => {
    const accountId = oneOf(random, owners);
    const timestamp = startMs + i * 10_000 + Math.floor(random.next() * 9) * 1_000;
    const amount = oneOf(random, [5, 50, 1_500, 2_500]);
    const value = {
      transactionId: `t${i}`,
      accountId,
      cardId: `${accountId}-${oneOf(random, [1, 2])}`,
      merchant: "m",
      amount,
      currency: "SEK",
      timestamp,
    };
    return { key: accountId, value, timestamp };
  });

/** The example: a join as of event time, windows, a pattern, and a sink outside. */
export const fraud: Scenario = {
  name: "fraud",
  topology: fraudDetection("", topics, [sink("search", { write: async () => {} })]),
  input: (random) => [feed(topics.accounts, accountsBy(random)), feed(topics.transactions, transactionsBy(random))],
};
