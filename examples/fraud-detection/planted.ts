import type { Alert } from "./alert.ts";

/** A fraud that the generator has put into the data. */
export interface Planted {
  readonly kind: "velocity" | "card-test";
  /** Whom the alerts are to name. */
  readonly alertId: string;
  readonly transactionIds: readonly string[];
  /** Event times of its first and last payment. */
  readonly from: number;
  readonly to: number;
}

export interface Comparison {
  /** Planted frauds that were due, that is, whose alerts must have come by now. */
  readonly due: number;
  readonly found: number;
  readonly missed: readonly Planted[];
  /** Alerts that name no planted fraud. */
  readonly unplanted: readonly Alert[];
  readonly byKind: Readonly<Record<Planted["kind"], { readonly due: number; readonly found: number }>>;
}

/** Compares what was planted with what was found, and forgets what is settled: its size follows the frauds under way, not the length of the run. */
export interface Ledger {
  plant(fraud: Planted): void;
  /** An alert that came; one fraud may give several. */
  found(alert: Alert): void;
  /** Everything up to this event time has been looked at: what ended long enough before is either found by now or missed. */
  settle(eventTime: number): Comparison;
}

/** At most so many missed frauds and unplanted alerts are kept by name; beyond that they are lost to the report, which is bad enough by then. */
const namedMax = 100;
/** No alert comes later after the last payment of a fraud than this: its last window ends half an hour later, and the one of its first alert five minutes later still. */
const settledAfterMs = 40 * 60_000;

/** An empty ledger. */
export const ledger = (): Ledger => {
  const open = new Map<string, { readonly fraud: Planted; found: boolean }[]>();
  const counts = { velocity: { due: 0, found: 0 }, "card-test": { due: 0, found: 0 } };
  const missed: Planted[] = [];
  const unplanted: Alert[] = [];

  return {
    plant(fraud) {
      const same = open.get(fraud.alertId);
      if (same === undefined) open.set(fraud.alertId, [{ fraud, found: false }]);
      else same.push({ fraud, found: false });
    },
    found(alert) {
      const meant = open.get(alert.alertId)?.find(({ fraud }) => alert.transactionIds.some((id) => fraud.transactionIds.includes(id)));
      if (meant !== undefined) meant.found = true;
      else if (unplanted.length < namedMax) unplanted.push(alert);
    },
    settle(eventTime) {
      for (const [alertId, entries] of open) {
        const later = entries.filter(({ fraud }) => fraud.to + settledAfterMs > eventTime);
        for (const { fraud, found } of entries) {
          if (fraud.to + settledAfterMs > eventTime) continue;
          counts[fraud.kind].due++;
          if (found) counts[fraud.kind].found++;
          else if (missed.length < namedMax) missed.push(fraud);
        }
        if (later.length === 0) open.delete(alertId);
        else if (later.length < entries.length) open.set(alertId, later);
      }
      return {
        due: counts.velocity.due + counts["card-test"].due,
        found: counts.velocity.found + counts["card-test"].found,
        missed: [...missed],
        unplanted: [...unplanted],
        byKind: { velocity: { ...counts.velocity }, "card-test": { ...counts["card-test"] } },
      };
    },
  };
};
