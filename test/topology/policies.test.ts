import { describe, expect, it } from "@jest/globals";
import { deadLetter, fail, json, millis, minutes, retry, sink, skip, text, topic, topology } from "../../mod.ts";
import { inputOf, nodeOf } from "./shape.ts";

const events = topic("events", { key: text, value: json<{ id: string }>() });
const out = topic("out", { key: text, value: json<unknown>() });

describe("error policies", () => {
  const [ofTopology, ofSource, ofStep, ofOutput] = [skip(), deadLetter("unreadable"), retry({ attempts: 3 }), deadLetter("unwritable")];
  const plan = topology(
    "app",
    ({ from }) => {
      const stream = from(events, { onError: ofSource });
      stream
        .map((event) => event)
        .with({ name: "careful", onError: ofStep })
        .filter(() => true)
        .with({ name: "careless" })
        .to(out, { onError: ofOutput });
      stream.to(sink("index", { async write() {} }));
    },
    { onError: ofTopology },
  ).plan();

  it("are the nearest: of from(), of with(), of to(), and else the topology's", () => {
    expect(inputOf(plan, "events").onError).toBe(ofSource);
    expect(nodeOf(plan, "careful").onError).toBe(ofStep);
    expect(nodeOf(plan, "careless").onError).toBe(ofTopology);
    expect(nodeOf(plan, "to-out").onError).toBe(ofOutput);
    expect(nodeOf(plan, "to-index").onError).toBe(ofTopology);
  });

  it("never leave out what the library itself has written", () => {
    expect(inputOf(plan, "index-sink").onError).toEqual(fail());
  });

  it("are to fail where the program says nothing", () => {
    expect(inputOf(topology("app", ({ from }) => from(events).print()).plan(), "events").onError).toEqual(fail());
  });

  it("the last with() counts", () => {
    const last = skip();
    const app = topology("app", ({ from }) =>
      from(events)
        .map((event) => event)
        .with({ onError: ofStep })
        .with({ name: "m" })
        .with({ onError: last })
        .print(),
    );
    expect(nodeOf(app.plan(), "m").onError).toBe(last);
  });
});

describe("options of time", () => {
  it("that are negative are refused, with their value", () => {
    expect(() => topology("app", ({ from }) => from(events, { idleness: millis(-1) }).print())).toThrow(
      "The option idleness is -1 ms: give a duration that is not negative, such as minutes(1)",
    );
    expect(() => topology("app", ({ from }) => from(events, { alignment: { group: "g", maxDrift: millis(Number.NaN) } }).print())).toThrow(
      "The option alignment.maxDrift is NaN ms",
    );
    expect(() =>
      topology("app", ({ table }) =>
        table(events, { history: millis(-5) })
          .toStream()
          .print(),
      ),
    ).toThrow("The history of the table of topic 'events' is -5 ms");
    expect(() => topology("app", ({ from }) => from(events).print(), { watermarkInterval: millis(-1) })).toThrow(
      "The watermarkInterval of topology 'app' is -1 ms",
    );
  });

  it("come to the plan as they are given", () => {
    const plan = topology(
      "app",
      ({ from }) =>
        from(events, {
          startAt: "latest",
          endAt: { timestamp: 7 },
          maxFuture: minutes(5),
          alignment: { group: "g", maxDrift: minutes(1) },
        }).print(),
      { watermarkInterval: millis(50) },
    ).plan();
    expect(plan.watermarkIntervalMs).toBe(50);
    expect(inputOf(plan, "events")).toMatchObject({
      startAt: "latest",
      endAt: { timestamp: 7 },
      time: { maxFutureMs: 300_000, alignment: { group: "g", maxDriftMs: 60_000 } },
    });
  });
});
