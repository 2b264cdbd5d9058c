import { expect, it } from "@jest/globals";
import { millis } from "../../core/duration.ts";
import { deadLetter } from "../../core/error_policy.ts";
import { json } from "../../core/serde/json.ts";
import { text } from "../../core/serde/text.ts";
import { topic } from "../../topology/topic.ts";
import { topology } from "../../topology/topology.ts";
import { type InWorld, total } from "./app_world.ts";

/** What is parked is part of the transaction in which it was parked. */
export const deadLetters = (on: InWorld): void => {
  it(
    "parks bad records in the transaction of the good ones: together or not at all",
    on(async (world) => {
      const raw = topic(world.unique("payments"), { key: text, value: text });
      const payments = topic(raw.name, { key: text, value: json<{ readonly id: string }>() });
      const ids = topic(world.unique("ids"), { key: text, value: text });
      const parked = topic(world.unique("parked"), { key: text, value: text });
      for (const { name } of [raw, ids, parked]) await world.create(name, 1);
      const program = topology(
        world.unique("parking"),
        ({ from }) => {
          from(payments)
            .map(({ id }) => {
              if (id === "unlucky") throw new Error("no luck");
              return id;
            })
            .to(ids);
        },
        { onError: deadLetter(parked.name) },
      );
      const group = { sessionTimeout: millis(world.sessionMs) };
      await world.produce(
        raw,
        ['{"id":"first"}', "{broken", '{"id":"unlucky"}', '{"id":"last"}'].map((value) => ({ key: "k", value })),
      );
      const first = await world.start(program, { group, commit: { interval: millis(20_000) }, transactionTimeout: millis(120_000) });
      await world.until("two records are parked, and nothing is committed", () =>
        total(first, "dead_letter_records") === 2 ? true : undefined,
      );
      expect([await world.read(parked), await world.read(ids)]).toEqual([[], []]);
      first.kill();

      await world.start(program, { group });
      await world.until("what was not committed is done again", async () => ((await world.read(ids)).length >= 2 ? true : undefined));
      expect((await world.read(ids)).map(({ value }) => value)).toEqual(["first", "last"]);
      expect((await world.read(parked)).map(({ key, value }) => [key, value])).toEqual([
        ["k", "{broken"],
        ["k", '{"id":"unlucky"}'],
      ]);
    }),
  );
};
