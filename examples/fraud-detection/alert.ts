import type { Payment } from "./model.ts";

/** What one of the two detectors has seen. */
export interface Finding {
  /** `velocity:<accountId>` or `card-test:<cardId>`: who is under suspicion, and of what. */
  readonly alertId: string;
  readonly kind: "velocity" | "card-test";
  /** Event time of the finding: the last moment of the velocity window, or the time of the large payment. */
  readonly timestamp: number;
  readonly accountId: string;
  readonly cardId?: string;
  readonly tier: string | null;
  readonly country: string | null;
  /** Ordered by (timestamp, transactionId). */
  readonly transactionIds: readonly string[];
  readonly totalCents?: number;
}

/** The first finding about one subject within five minutes, and how many there were. */
export interface Alert extends Finding {
  /** `<alertId>@<windowEnd>`: the same for every replay, so that an index overwrites instead of doubling. */
  readonly id: string;
  readonly windowEnd: number;
  readonly occurrences: number;
}

/** A payment below this looks like somebody trying whether a card works. */
export const smallBelow = 10;
/** A payment above this is worth watching. */
export const largeAbove = 1000;
/** So many large payments in one window make a velocity alert. */
export const velocityCount = 3;

/**
 * Order of payments in event time; of equal times the smaller transactionId comes first, compared by UTF-16 code units (never by locale, which would differ
 * from machine to machine).
 */
export const inEventOrder = (a: Payment, b: Payment): number =>
  a.timestamp - b.timestamp || (a.transactionId < b.transactionId ? -1 : a.transactionId > b.transactionId ? 1 : 0);

/**
 * The velocity finding of one account's window, or nothing when fewer than three large payments fell into it. Tier and country are those of the last payment.
 *
 * @param large the window's payments above `largeAbove`, in any order
 */
export const velocityAlert = (large: readonly Payment[], window: { readonly end: number }): readonly Finding[] => {
  if (large.length < velocityCount) return [];
  const counted = large.toSorted(inEventOrder);
  const last = counted[counted.length - 1]!;
  return [
    {
      alertId: `velocity:${last.accountId}`,
      kind: "velocity",
      timestamp: window.end - 1,
      accountId: last.accountId,
      tier: last.account?.tier ?? null,
      country: last.account?.country ?? null,
      transactionIds: counted.map((payment) => payment.transactionId),
      totalCents: counted.reduce((cents, payment) => cents + Math.round(payment.amount * 100), 0),
    },
  ];
};

/** The finding that a small payment was followed by a large one. */
export const cardTestAlert = (small: Payment, large: Payment): Finding => ({
  alertId: `card-test:${large.cardId}`,
  kind: "card-test",
  timestamp: large.timestamp,
  accountId: large.accountId,
  cardId: large.cardId,
  tier: large.account?.tier ?? null,
  country: large.account?.country ?? null,
  transactionIds: [small.transactionId, large.transactionId],
});

/** The finding that came first in event time; of equal times the one whose last transactionId is smaller. Associative and commutative, so findings may arrive in any order. */
export const earlier = (a: Finding, b: Finding): Finding => {
  if (a.timestamp !== b.timestamp) return a.timestamp < b.timestamp ? a : b;
  return lastTransactionId(b) < lastTransactionId(a) ? b : a;
};

/** The alert of one subject's window: the first of its findings and their number. There must be at least one. */
export const firstOfWindow = (findings: readonly Finding[], window: { readonly end: number }): Alert =>
  alertOf(findings.reduce(earlier), findings.length, window);

/** An alert from the first finding of a window and the number of findings in it. The fields stand in the order in which the JSON has them. */
export const alertOf = (first: Finding, occurrences: number, window: { readonly end: number }): Alert => ({
  id: `${first.alertId}@${window.end}`,
  alertId: first.alertId,
  kind: first.kind,
  windowEnd: window.end,
  timestamp: first.timestamp,
  occurrences,
  accountId: first.accountId,
  ...(first.cardId === undefined ? {} : { cardId: first.cardId }),
  tier: first.tier,
  country: first.country,
  transactionIds: first.transactionIds,
  ...(first.totalCents === undefined ? {} : { totalCents: first.totalCents }),
});

const lastTransactionId = (finding: Finding): string => finding.transactionIds[finding.transactionIds.length - 1]!;
