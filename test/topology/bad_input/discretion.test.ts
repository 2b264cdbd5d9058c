import { describe, expect, it } from "@jest/globals";
import { millis } from "../../../core/duration.ts";
import { deadLetter, type ErrorPolicy, fail, retry, skip } from "../../../core/error_policy.ts";
import type { Logger } from "../../../core/ports/logger.ts";
import { json } from "../../../core/serde/json.ts";
import { integer } from "../../../core/serde/numbers.ts";
import { text } from "../../../core/serde/text.ts";
import { topic } from "../../../topology/topic.ts";
import { topology } from "../../../topology/topology.ts";
import { BadInput, utf8 } from "./outcome.ts";

/** Stands in every record, in every part that a program could print by mistake. */
const secret = "4111222233334444";

/** All that a logger or a console would show of something: messages, fields, causes. */
const shownOf = (thing: unknown, seen: Set<unknown> = new Set()): string => {
  if (typeof thing !== "object" || thing === null) return String(thing);
  if (seen.has(thing)) return "";
  seen.add(thing);
  const { message, stack, cause } = thing as Partial<Error>;
  return [message, stack, shownOf(cause, seen), ...Object.entries(thing).map(([name, value]) => `${name}: ${shownOf(value, seen)}`)].join(
    "\n",
  );
};

const cards = topic("cards", {
  key: text,
  value: json<{ card: string }>((value): value is { card: string } => typeof (value as { card?: unknown }).card === "string"),
});
const numbers = topic("numbers", { key: text, value: integer });
const texts = topic("texts", { key: text, value: text });

const program = (onError: ErrorPolicy) =>
  topology(
    "discreet",
    ({ from }) => {
      const read = from(cards);
      // The step's own message does not quote the record: what a program writes into its errors is its own affair.
      read
        .filter(({ card }) => {
          if (card.startsWith("throw")) throw new Error("it cannot be");
          return true;
        })
        .with({ name: "thrower" })
        .map(({ card }) => card as unknown as number)
        .to(numbers);
      read
        .rewrite(({ card }) => ({ key: null, value: card, timestamp: card.startsWith("late") ? Number.NaN : 0 }))
        .with({ name: "rewriter" })
        .to(texts);
    },
    { onError },
  );

const bad: readonly (readonly [what: string, value: Uint8Array | null])[] = [
  ["no JSON", utf8(`{"card":"${secret}", oops`)],
  ["no UTF-8", Uint8Array.of(...utf8(`{"card":"${secret}`), 0xff)],
  ["a number that cannot be held", utf8(`{"card":${secret}${secret}}`)],
  ["a value that its check refuses", utf8(`{"card":{"digits":"${secret}"}}`)],
  ["a function that throws", utf8(`{"card":"throw ${secret}"}`)],
  ["a value that cannot be written", utf8(`{"card":"${secret}"}`)],
  ["a field that would change what others inherit", utf8(`{"card":"${secret}","__proto__":{"${secret}":"${secret}"}}`)],
  ["no value", null],
];

const world = async (value: Uint8Array | null) => {
  const opened = await BadInput.open({ cards: 1, numbers: 1, texts: 1, parked: 1 });
  await opened.write("cards", { key: utf8(secret), value });
  const lines: string[] = [];
  const logger: Logger = { log: (level, message, fields = {}) => lines.push(`${level} ${message} ${shownOf(fields)}`) };
  return { opened, lines, logger };
};

describe("what a run says", () => {
  const policies: readonly (readonly [name: string, policy: ErrorPolicy])[] = [
    ["leaves it out", skip()],
    ["tries it again and leaves it out", retry({ attempts: 2, backoff: millis(10), then: skip() })],
    ["parks it", deadLetter("parked")],
  ];
  for (const [what, value] of bad) {
    it(`does not hold what its records hold, when it stops at ${what}`, async () => {
      const { opened, lines, logger } = await world(value);
      const error = await opened.failure(program(fail()), { logger });
      expect(error.message).not.toBe("");
      expect(shownOf(error)).not.toContain(secret);
      expect(lines.filter((line) => line.includes(secret))).toEqual([]);
    });
    for (const [name, policy] of policies)
      it(`does not hold what its records hold, when it ${name}: ${what}`, async () => {
        const { opened, lines, logger } = await world(value);
        await opened.run(program(policy), { logger });
        expect(lines.length).toBeGreaterThan(0);
        expect(lines.filter((line) => line.includes(secret))).toEqual([]);
        await opened.close();
      });
  }
});
