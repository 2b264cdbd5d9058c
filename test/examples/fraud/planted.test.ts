import { describe, expect, it } from "@jest/globals";
import type { Alert } from "../../../examples/fraud-detection/alert.ts";
import { generate } from "../../../examples/fraud-detection/generate.ts";
import { ledger, type Planted } from "../../../examples/fraud-detection/planted.ts";
import { expectedAlerts } from "./checker.ts";

const minute = 60_000;
const fraud = (alertId: string, transactionIds: string[], to: number): Planted => ({
  kind: alertId.startsWith("velocity") ? "velocity" : "card-test",
  alertId,
  transactionIds,
  from: to,
  to,
});
const alert = (alertId: string, transactionIds: string[]): Alert => ({
  alertId,
  transactionIds,
  id: `${alertId}@0`,
  kind: "velocity",
  windowEnd: 0,
  timestamp: 0,
  occurrences: 1,
  accountId: "A",
  tier: null,
  country: null,
});

describe("the ledger of planted frauds", () => {
  it("counts a fraud once, however many alerts name it", () => {
    const book = ledger();
    book.plant(fraud("velocity:A", ["1", "2", "3"], 0));
    book.found(alert("velocity:A", ["1", "2", "3"]));
    book.found(alert("velocity:A", ["2", "3", "4"]));
    expect(book.settle(Number.POSITIVE_INFINITY)).toMatchObject({ due: 1, found: 1, missed: [], unplanted: [] });
    expect(book.settle(Number.POSITIVE_INFINITY)).toMatchObject({ due: 1, found: 1 });
  });

  it("names what was missed and what was never planted", () => {
    const book = ledger();
    const missed = fraud("card-test:C", ["1", "2"], 0);
    book.plant(missed);
    const wrongCard = alert("card-test:D", ["1", "2"]);
    const wrongIds = alert("card-test:C", ["7", "8"]);
    book.found(wrongCard);
    book.found(wrongIds);
    expect(book.settle(Number.POSITIVE_INFINITY)).toMatchObject({ due: 1, found: 0, missed: [missed], unplanted: [wrongCard, wrongIds] });
  });

  it("does not call missed what may still be found", () => {
    const book = ledger();
    book.plant(fraud("velocity:A", ["1"], 0));
    book.plant(fraud("velocity:A", ["2"], 30 * minute));
    expect(book.settle(39 * minute).due).toBe(0);
    expect(book.settle(40 * minute)).toMatchObject({ due: 1, found: 0 });
    book.found(alert("velocity:A", ["2"]));
    expect(book.settle(80 * minute)).toMatchObject({ due: 2, found: 1 });
  });

  it("agrees with alerts that come as event time passes, settled as one goes", () => {
    const book = ledger();
    const alerts = expectedAlerts(generate({ transactions: 20_000, seed: 9, onPlanted: (one) => book.plant(one) })).sort(
      (a, b) => a.windowEnd - b.windowEnd,
    );
    for (const one of alerts) {
      book.found(one);
      book.settle(one.windowEnd);
    }
    const { due, found, missed, unplanted } = book.settle(Number.POSITIVE_INFINITY);
    expect({ found, missed, unplanted }).toEqual({ found: due, missed: [], unplanted: [] });
    expect(due).toBeGreaterThan(50);
  });
});
