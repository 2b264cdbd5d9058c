import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import {
  alertOf,
  cardTestAlert,
  earlier,
  type Finding,
  firstOfWindow,
  inEventOrder,
  velocityAlert,
} from "../../../examples/fraud-detection/alert.ts";
import { generate } from "../../../examples/fraud-detection/generate.ts";
import type { Account, Payment } from "../../../examples/fraud-detection/model.ts";
import { expectedAlerts } from "./checker.ts";

const minute = 60_000;
const gold: Account = { accountId: "A", holder: "H", tier: "gold", country: "AT", since: 0 };
const payment = (transactionId: string, timestamp: number, amount: number, account: Account | null = gold): Payment => ({
  transactionId,
  accountId: "A",
  cardId: "C",
  merchant: "M",
  amount,
  currency: "EUR",
  timestamp,
  account,
});

describe("the alerts of the fraud example", () => {
  it("have their fields in the order of the JSON that goes out, and leave out what a kind does not have", () => {
    const velocity = velocityAlert([payment("b", 2, 1500), payment("a", 1, 1500), payment("c", 2, 1500.5, null)], { end: 5 * minute });
    expect(JSON.stringify(firstOfWindow(velocity, { end: 5 * minute }))).toBe(
      '{"id":"velocity:A@300000","alertId":"velocity:A","kind":"velocity","windowEnd":300000,"timestamp":299999,"occurrences":1,"accountId":"A","tier":null,"country":null,"transactionIds":["a","b","c"],"totalCents":450050}',
    );
    const cardTest = cardTestAlert(payment("s", 1, 5), payment("l", 2, 1500));
    expect(JSON.stringify(firstOfWindow([cardTest, cardTest], { end: 5 * minute }))).toBe(
      '{"id":"card-test:C@300000","alertId":"card-test:C","kind":"card-test","windowEnd":300000,"timestamp":2,"occurrences":2,"accountId":"A","cardId":"C","tier":"gold","country":"AT","transactionIds":["s","l"]}',
    );
  });

  it("need three payments for a velocity finding", () => {
    expect(velocityAlert([], { end: 1 })).toEqual([]);
    expect(velocityAlert([payment("a", 1, 1500), payment("b", 1, 1500)], { end: 5 })).toEqual([]);
  });

  it("do not depend on the order in which payments or findings come", () => {
    const payments = fc.array(
      fc.record({ id: fc.constantFrom("a", "B", "\u{1f600}", "\u{ff5e}", "c"), time: fc.integer({ min: 0, max: 2 }) }),
      { minLength: 3, maxLength: 6 },
    );
    const unique = payments.map((all) => [...new Map(all.map(({ id, time }) => [id, payment(id, time, 1000 + time + 0.07)])).values()]);
    fc.assert(
      fc.property(
        unique.chain((all) => fc.tuple(fc.constant(all), fc.shuffledSubarray(all, { minLength: all.length }))),
        ([all, shuffled]) => {
          expect(velocityAlert(shuffled, { end: 10 })).toEqual(velocityAlert(all, { end: 10 }));
          const findings = (from: readonly Payment[]): Finding[] => from.map((large) => cardTestAlert(payment("s", 0, 1), large));
          expect(firstOfWindow(findings(shuffled), { end: 10 })).toEqual(firstOfWindow(findings(all), { end: 10 }));
        },
      ),
    );
  });

  it("fold to the same alert one by one as all at once", () => {
    const findings = [3, 1, 2, 1].map((time, i) => cardTestAlert(payment("s", 0, 1), payment(`l${9 - i}`, time, 1500)));
    expect(alertOf(findings.reduce(earlier), findings.length, { end: 5 })).toEqual(firstOfWindow(findings, { end: 5 }));
    expect(findings.reduce(earlier).transactionIds).toEqual(["s", "l6"]);
  });

  it("order payments of the same time by UTF-16 code units", () => {
    const ids = ["\u{ff5e}", "a", "\u{1f600}", "B"]
      .map((id) => payment(id, 1, 1))
      .sort(inEventOrder)
      .map(({ transactionId }) => transactionId);
    expect(ids).toEqual(["B", "a", "\u{1f600}", "\u{ff5e}"]);
  });

  it.each([1, 2, 3])("are those of the checker when they are made by hand from generated payments: seed %d", (seed) => {
    const lines = [...generate({ transactions: 20_000, seed })];
    const versions = lines.flatMap((line) => ("account" in line ? [line.account] : [])).sort((a, b) => a.since - b.since);
    const joined = (timestamp: number, accountId: string) =>
      versions.findLast((one) => one.accountId === accountId && one.since <= timestamp) ?? null;
    const noteworthy = lines.flatMap((line) => ("transaction" in line ? [line.transaction] : []));
    const large = noteworthy
      .filter((tx) => tx.amount > 1000)
      .map((tx): Payment => ({ ...tx, account: joined(tx.timestamp, tx.accountId) }));
    const windows = new Map<string, Payment[]>();
    for (const one of large)
      for (let i = 1; i <= 6; i++) {
        const end = (Math.floor(one.timestamp / (5 * minute)) + i) * 5 * minute;
        windows.set(`${one.accountId} ${end}`, [...(windows.get(`${one.accountId} ${end}`) ?? []), one]);
      }
    const alerts = [...windows].flatMap(([name, inWindow]) => {
      const end = Number(name.split(" ")[1]);
      return velocityAlert(inWindow, { end }).map((finding) => firstOfWindow([finding], { end }));
    });
    expect(alerts.sort((a, b) => (a.id < b.id ? -1 : 1))).toEqual(expectedAlerts(lines).filter(({ kind }) => kind === "velocity"));
  });
});
