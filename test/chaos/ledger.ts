/** What the feeder knows of an order: where the brokers have put it, or that nobody knows whether they have it. */
export type LedgerEntry =
  | { readonly kind: "acknowledged"; readonly account: string; readonly value: number; readonly partition: number; readonly offset: number }
  | { readonly kind: "doubtful"; readonly account: string; readonly value: number };

export const readLedger = (lines: string): LedgerEntry[] =>
  lines
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as LedgerEntry);
