import { partitionForKey } from "../../core/partitioner.ts";
import type { Chance } from "./chance.ts";
import type { Account } from "./model.ts";

/** The people who pay, where their records go, and when a partition is quiet. */
export interface World {
  readonly customers: readonly Customer[];
  /** Those of whom all transactions are late. They have nobody else's account or card, so it never matters whether one of theirs is still counted. */
  readonly latecomers: readonly Customer[];
  /** Whether the partition has something to say during the whole time from `from` to `to`, both included. */
  speaks(partition: number, from: number, to: number): boolean;
  /** The hour in which one partition pauses. */
  readonly pause: { readonly partition: number; readonly from: number; readonly to: number };
}

/** One account and what the generator remembers of it. */
export interface Customer {
  readonly accountId: string;
  readonly partition: number;
  readonly cards: readonly Card[];
  readonly holder: string;
  /** Nobody ever tells of an "unknown" account; that of a "newcomer" is first told of after its first transaction. */
  readonly registered: "known" | "newcomer" | "unknown";
  /** What the newest version says. */
  tier: string;
  country: string;
  /** Transactions so far that belong to no episode. */
  payments: number;
  versions: number;
  /** When the last of them was. */
  paidAt: number;
  /** Until then an episode is under way, or so recent that another one might melt into it. */
  busyUntil: number;
}

export interface Card {
  readonly cardId: string;
  /** Until then an episode needs the card for itself. */
  lockedUntil: number;
}

/** How many partitions the example's topics have. */
export const partitions = 4;

/** Where the records of an account go: both topics are keyed by its id. */
export const partitionOf = (accountId: string): number => partitionForKey(new TextEncoder().encode(accountId), partitions);

export const tiers: readonly string[] = ["basic", "silver", "gold"];

const currencies: Readonly<Record<string, string>> = {
  AT: "EUR",
  DE: "EUR",
  DK: "DKK",
  FR: "EUR",
  GB: "GBP",
  NL: "EUR",
  PL: "PLN",
  US: "USD",
};
export const countries: readonly string[] = Object.keys(currencies);
export const currencyOf = (country: string): string => currencies[country]!;

/**
 * Accounts in three of the four partitions. Of those one falls silent at `middle` for the rest, and one pauses for an hour from `pause` on; the seed decides
 * which. The fourth partition never gets anything.
 */
export const inhabit = (chance: Chance, population: number, times: { readonly middle: number; readonly pause: number }): World => {
  const order = shuffled(chance, [...Array(partitions).keys()]);
  const [empty, silent, pausing] = order as [number, number, number];
  const hour = 3_600_000;
  const pause = { partition: pausing, from: times.pause, to: times.pause + hour };

  // A room per partition with somebody in it, and a place for each kind of customer in each room.
  const perPartition = Math.ceil(population / (partitions - 1));
  const customers: Customer[] = [];
  const latecomers: Customer[] = [];
  const settled: number[] = Array(partitions).fill(0);
  const latePerPartition = 2;
  for (let number = 1; customers.length + latecomers.length < (perPartition + latePerPartition) * (partitions - 1); number++) {
    const accountId = `account-${String(number).padStart(4, "0")}`;
    const partition = partitionOf(accountId);
    if (partition === empty || settled[partition]! === perPartition + latePerPartition) continue;
    const place = settled[partition]!++;
    (place < latePerPartition ? latecomers : customers).push(customer(chance, number, accountId, partition, place));
  }

  return {
    customers,
    latecomers,
    pause,
    speaks: (partition, from, to) => {
      if (partition === empty) return false;
      if (partition === silent) return to < times.middle;
      return partition !== pausing || to < pause.from || from >= pause.to;
    },
  };
};

const customer = (chance: Chance, number: number, accountId: string, partition: number, place: number): Customer => ({
  accountId,
  partition,
  cards: Array.from({ length: chance.between(1, 3) }, (_, card) => ({
    cardId: `card-${String(number).padStart(4, "0")}-${card + 1}`,
    lockedUntil: Number.NEGATIVE_INFINITY,
  })),
  holder: `${chance.oneOf(firstNames)} ${chance.oneOf(lastNames)}`,
  registered: place % 9 === 3 ? "unknown" : place % 9 === 7 ? "newcomer" : "known",
  tier: chance.oneOf(tiers),
  country: chance.oneOf(countries),
  payments: 0,
  versions: 0,
  paidAt: Number.NEGATIVE_INFINITY,
  busyUntil: Number.NEGATIVE_INFINITY,
});

/** One version of the customer's account, as things stand with the customer. */
export const versionOf = (customer: Customer, since: number): Account => ({
  accountId: customer.accountId,
  holder: customer.holder,
  tier: customer.tier,
  country: customer.country,
  since,
});

const shuffled = (chance: Chance, values: number[]): number[] => {
  for (let i = values.length - 1; i > 0; i--) {
    const other = chance.between(0, i);
    [values[i], values[other]] = [values[other]!, values[i]!];
  }
  return values;
};

const firstNames: readonly string[] = ["Ada", "Åse", "Chloé", "Edsger", "Grace", "Jørgen", "Łukasz", "Niklaus", "Radia", "Zoë"];
const lastNames: readonly string[] = [
  "Allen",
  "Backus",
  "Dvořák",
  "Hamilton",
  "Knuth",
  "Liskov",
  "Müller",
  "Nygaard",
  "O'Hara",
  "Østergaard",
];
