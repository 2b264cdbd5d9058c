/** What the feeder, the application and the verifier have in common: names, and nothing else. */
export const partitions = 6;
export const accounts = 120;
export const groups = 7;
export const windowMs = 5_000;
/** The brokers allow no less by default. */
export const sessionMs = 6_000;
export const applicationId = "chaos";

export const topics = {
  /** The input: key is an account, value a number that no other record of the feeder has. An account has one partition. */
  orders: "orders",
  /** One record per order: how many its account has had. */
  counts: "counts",
  /** One record per order: how many the group of its account has had. */
  totals: "totals",
  /** How many orders each group had in each window. */
  windows: "windows",
  /** Orders that came too late for their window. */
  late: "late",
} as const;

export const accountName = (number: number): string => `account-${number}`;
export const groupOf = (account: string): string => `group-${Number(account.slice("account-".length)) % groups}`;
export const partitionOf = (account: string): number => Number(account.slice("account-".length)) % partitions;

/** What stands in `counts` and `totals`. */
export interface Counted {
  readonly account: string;
  /** Partition and offset of the order that made it. */
  readonly from: readonly [partition: number, offset: number];
  /** 1 for the first order of the key, and so on. */
  readonly n: number;
}

/** What stands in `windows`. */
export interface WindowCount {
  readonly group: string;
  readonly start: number;
  readonly n: number;
}
