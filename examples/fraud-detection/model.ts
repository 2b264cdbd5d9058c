/** Avro schema of topic `transactions`. */
export const transactionSchema = {
  type: "record",
  name: "Transaction",
  fields: [
    { name: "transactionId", type: "string" },
    { name: "accountId", type: "string" },
    { name: "cardId", type: "string" },
    { name: "merchant", type: "string" },
    { name: "amount", type: "double" },
    { name: "currency", type: "string" },
    { name: "timestamp", type: "long" },
  ],
} as const;

/** Avro schema of topic `accounts`: each record is one version of an account, valid from `since` on. */
export const accountSchema = {
  type: "record",
  name: "Account",
  fields: [
    { name: "accountId", type: "string" },
    { name: "holder", type: "string" },
    { name: "tier", type: "string" },
    { name: "country", type: "string" },
    { name: "since", type: "long" },
  ],
} as const;

/** A card payment. Event time is `timestamp`, milliseconds since 1970. */
export interface Transaction {
  readonly transactionId: string;
  readonly accountId: string;
  readonly cardId: string;
  readonly merchant: string;
  readonly amount: number;
  readonly currency: string;
  readonly timestamp: number;
}

/** One version of an account. Event time is `since`, milliseconds since 1970. */
export interface Account {
  readonly accountId: string;
  readonly holder: string;
  readonly tier: string;
  readonly country: string;
  readonly since: number;
}

/** A transaction with the account version that was valid at its time; null when there was none. */
export interface Payment extends Transaction {
  readonly account: Account | null;
}

/** One line of input data, in order of arrival. */
export type Line = { readonly account: Account } | { readonly transaction: Transaction };

/** When a line happened, as opposed to when it arrived. */
export const eventTimeOf = (line: Line): number => ("account" in line ? line.account.since : line.transaction.timestamp);

/** What both topics are keyed by. */
export const accountIdOf = (line: Line): string => ("account" in line ? line.account.accountId : line.transaction.accountId);
