import { describe, expect, it } from "@jest/globals";
import {
  fingerprint,
  hours,
  json,
  minutes,
  type Scope,
  statefulParts,
  type Topology,
  text,
  topic,
  topology,
  topologyChanges,
  tumbling,
} from "../../mod.ts";
import { fraudDetection, memory } from "./programs/fraud.ts";

const events = topic("events", { key: text, value: json<{ id: string; user: string }>() });
const others = topic("others", { key: text, value: json<{ id: string; user: string }>() });
const out = topic("out", { key: text, value: json<unknown>() });

const perUser = ({ from }: Scope, size = hours(1)): void =>
  from(events)
    .keyBy((event) => event.user)
    .window(tumbling({ size }))
    .count("per-user")
    .to(out);
const before = topology("app", perUser);
const changed = (after: Topology): readonly string[] =>
  topologyChanges(statefulParts(before.plan()), statefulParts(after.plan())).map(({ words }) => words);

describe("the fingerprint of a topology", () => {
  it("is 16 hexadecimal digits, and the same for the same program", () => {
    expect(fingerprint(before.plan())).toMatch(/^[0-9a-f]{16}$/);
    expect(fingerprint(topology("app", perUser).plan())).toBe(fingerprint(before.plan()));
    expect(fingerprint(fraudDetection(memory).plan())).toBe(fingerprint(fraudDetection(memory).plan()));
  });

  it("does not change with steps without state, outputs, and the order in which the program speaks", () => {
    const print = ({ from }: Scope): void => {
      from(others)
        .keyBy((event) => event.user)
        .scan("n", { init: () => 0, add: (n: number) => n + 1 })
        .print();
    };
    const one = topology("app", (scope) => {
      perUser(scope);
      print(scope);
    });
    const other = topology("app", (scope) => {
      print(scope);
      scope
        .from(events)
        .filter(() => true)
        .print();
      perUser(scope);
    });
    expect(fingerprint(other.plan())).toBe(fingerprint(one.plan()));
    expect(topologyChanges(statefulParts(one.plan()), statefulParts(other.plan()))).toEqual([]);
  });

  it("changes with a window's size, and the words say how", () => {
    const after = topology("app", (scope) => perUser(scope, minutes(5)));
    expect(fingerprint(after.plan())).not.toBe(fingerprint(before.plan()));
    expect(changed(after)).toEqual([
      "The store of step 'per-user' has changed: 'size' was 3600000, and is now 300000; 'every' was 3600000, and is now 300000",
    ]);
  });

  it("tells what is new and what is gone", () => {
    const after = topology("app", ({ from }) => {
      from(events)
        .keyBy((event) => event.user)
        .window(tumbling({ size: hours(1) }))
        .count("per-person")
        .to(out);
    });
    expect(changed(after)).toEqual([
      "The store of step 'per-person' is new",
      "The store of step 'per-user' is no longer there",
      "Internal topic 'per-person-repartition' is new",
      "Internal topic 'per-user-repartition' is no longer there",
    ]);
  });

  it("tells where a store's records come from now, and with which keys", () => {
    const after = topology("app", ({ from }) =>
      from(events)
        .keyBy()
        .window(tumbling({ size: hours(1) }))
        .count("per-user")
        .to(out),
    );
    expect(changed(after)).toEqual([
      "The store of step 'per-user' has changed: 'reads from' was per-user-repartition, and is now events; 'keys' is now text, and was not there",
      "Internal topic 'per-user-repartition' is no longer there",
    ]);
  });

  it("tells of a topic's partitions", () => {
    const wider = topology("app", ({ from }) =>
      from(events)
        .keyBy((event) => event.user)
        .with({ partitions: 8 })
        .window(tumbling({ size: hours(1) }))
        .count("per-user")
        .to(out),
    );
    expect(changed(wider)).toEqual(["Internal topic 'per-user-repartition' has changed: 'partitions' is now 8, and was not there"]);
  });

  it("survives being written as JSON", () => {
    const parts = JSON.parse(JSON.stringify(statefulParts(before.plan())));
    expect(topologyChanges(parts, statefulParts(before.plan()))).toEqual([]);
  });
});
