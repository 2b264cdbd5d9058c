import { describe, expect, it } from "@jest/globals";
import { boundedOutOfOrderness, json, millis, text, topic, topology } from "../../mod.ts";
import { feed, simulate } from "../../topology/testing/mod.ts";

interface Event {
  readonly id: number;
  readonly kind: string;
  readonly at: number;
}
const events = topic("events", { key: text, value: json<Event>() });
const out = topic("out", { key: text, value: json<unknown>() });
const time = { timestamp: ({ at }: Event) => at, watermarks: boundedOutOfOrderness(millis(0)) };

/** A program with one pattern over events in their order. */
const matching = (pattern: (begin: any) => any, skip: "none" | "past-last" = "none") =>
  topology("app", ({ from }) => {
    from(events, time)
      .keyBy()
      .match("match", ({ begin }) => pattern(begin), { skip, order: (a, b) => a.id - b.id })
      .to(out);
  });
const is = (kind: string) => (event: Event) => event.kind === kind;
const silent = (begin: any) => begin("a", is("a")).notFollowedBy("b", is("b")).within(millis(10));

describe("a pattern's matches depend on nothing but the events", () => {
  for (const [where, pattern] of [
    ["where each is told with its last event", (begin: any) => begin("a", is("a")).followedBy("b", is("b"))],
    ["also within a time, as long as none waits for another", (begin: any) => begin("a").followedBy("b").within(millis(10))],
    ["also when something must not come in between", (begin: any) => begin("a").notFollowedBy("b").next("c").within(millis(10))],
  ] as const)
    it(where, () => {
      expect(matching(pattern).plan().orderFree).toBe(true);
    });
});

describe("a pattern's matches depend on when the watermark moves", () => {
  for (const [where, program] of [
    ["where the last thing must not come", matching(silent)],
    [
      "where a match waits until older ones have run out of time",
      matching((begin) => begin("a").followedBy("b").within(millis(10)), "past-last"),
    ],
    ["where a step comes too late", matching((begin) => begin("a").followedBy("b").within(millis(10), "neighbours"))],
    [
      "where a round of a loop comes too late",
      matching((begin) =>
        begin("a")
          .oneOrMore({ within: millis(10) })
          .next("b"),
      ),
    ],
  ] as const)
    it(where, () => {
      expect(program.plan().orderFree).toBe(false);
    });

  // The same match once counted as lost, since one instance without faults had noticed it later.
  it("so a simulation does not compare their times with those of another run", async () => {
    const records = Array.from({ length: 60 }, (_, id) => ({
      key: `k${id % 4}`,
      value: { id, kind: id % 3 === 0 ? "a" : "c", at: id * 4 },
    }));
    const { violations, read } = await simulate(matching(silent), {
      seed: 3,
      input: [feed(events, records)],
      faults: { crash: 2, rebalance: 2 },
    });
    expect(violations).toEqual([]);
    expect(read(out).length).toBeGreaterThan(0);
  });
});
