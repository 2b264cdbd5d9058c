import { describe, expect, it } from "@jest/globals";
import { count, json, type KeyedStream, type Scope, type Stream, type Topology, text, topic, topology, valueState } from "../../mod.ts";
import { inputOf, outputTo, shapeOf } from "./shape.ts";

interface Event {
  readonly id: string;
  readonly user: string;
  readonly at: number;
}
const events = topic("events", { key: text, value: json<Event>() });
const others = topic("others", { key: text, value: json<Event>() });
const out = topic("out", { key: text, value: json<unknown>() });
const planned = (build: (scope: Scope) => void): Topology => topology("app", build);

/** A step with state on a keyed stream. */
const counted = <K>(stream: KeyedStream<unknown, K>, name: string): KeyedStream<number, K> => stream.scan(name, count());

describe("keyBy() by the records' own key", () => {
  it("moves no record when the stream comes straight from its topic", () => {
    const app = planned(({ from }) => counted(from(events).keyBy(), "n").to(out));
    expect(shapeOf(app)).toEqual(["events -> n -> out"]);
    expect(inputOf(app.plan(), "events").checkPartitioning).toBe(true);
  });

  it("moves no record behind map, filter, flatMap, peek and split, which keep the key", () => {
    const app = planned(({ from }) => {
      const { some } = from(events)
        .map((event) => event)
        .filter(() => true)
        .flatMap((event) => [event])
        .peek(() => {})
        .split({ some: () => true });
      counted(some.keyBy(), "n").to(out);
    });
    expect(shapeOf(app)).toEqual(["events -> map-1, filter-1, flatMap-1, peek-1, split-1, n -> out"]);
  });

  it("moves no record behind a function without keys: its results have the record's key", () => {
    const app = planned(({ from }) => {
      const doubled = from(events).process("doubled", { onRecord: (event) => [event, event] }) as Stream<Event, string | null>;
      counted(doubled.keyBy(), "n").to(out);
    });
    expect(shapeOf(app)).toEqual(["events -> doubled, n -> out"]);
  });

  it("moves no record behind an earlier shuffle", () => {
    const app = planned(({ from }) => {
      const byUser: Stream<Event, string> = from(events)
        .keyBy((event) => event.user)
        .map((event) => event);
      counted(byUser.keyBy(), "n").to(out);
    });
    expect(shapeOf(app)).toEqual(["events ->  -> n-repartition", "n-repartition -> map-1, n -> out"]);
  });

  it("shuffles after rewrite, which may have changed the key", () => {
    const app = planned(({ from }) => {
      counted(
        from(events)
          .rewrite((event) => ({ key: event.user, value: event }))
          .keyBy(),
        "n",
      ).to(out);
    });
    expect(shapeOf(app)).toEqual(["events -> rewrite-1 -> n-repartition", "n-repartition -> n -> out"]);
    expect(outputTo(app.plan(), "n-repartition").rekey).toBeUndefined();
  });

  it("shuffles after a repartition by something else than the key", () => {
    for (const by of ["round-robin", "all", () => 0] as const) {
      const app = planned(({ from }) => counted(from(events).repartition("spread", { by }).keyBy(), "n").to(out));
      expect(shapeOf(app)).toEqual([
        "events ->  -> spread-repartition",
        "spread-repartition ->  -> n-repartition",
        "n-repartition -> n -> out",
      ]);
    }
  });

  it("does not shuffle after a repartition by the key", () => {
    const app = planned(({ from }) => counted(from(events).repartition("wider", { partitions: 12 }).keyBy(), "n").to(out));
    expect(shapeOf(app)).toEqual(["events ->  -> wider-repartition", "wider-repartition -> n -> out"]);
    expect(app.plan().topics).toEqual([{ name: "wider-repartition", kind: "repartition", partitions: 12 }]);
  });
});

describe("keyBy(fn)", () => {
  it("shuffles through a topic that is called after the one step behind it, also when other steps stand in between", () => {
    const app = planned(({ from }) => {
      const byUser = from(events).keyBy((event) => event.user);
      counted(
        byUser.map((event) => event.at).filter((at) => at > 0),
        "by-user",
      ).to(out);
    });
    expect(shapeOf(app)).toEqual(["events ->  -> by-user-repartition", "by-user-repartition -> map-1, filter-1, by-user -> out"]);
  });

  it("counts only the first step with state on each way: those behind it have the same key", () => {
    const app = planned(({ from }) =>
      counted(
        counted(
          from(events).keyBy((event) => event.user),
          "first",
        ),
        "second",
      ).to(out),
    );
    expect(shapeOf(app)).toEqual(["events ->  -> first-repartition", "first-repartition -> first, second -> out"]);
  });

  it("drops records for which there is no key, except in front of a left join, which lets them through", () => {
    const inner = planned(({ from, table }) => {
      from(events)
        .keyBy((event) => event.user)
        .join("user", table(others), (event) => event)
        .to(out);
    });
    expect(outputTo(inner.plan(), "user-repartition").dropNullKeys).toBe(true);
    const left = planned(({ from, table }) => {
      from(events)
        .keyBy((event) => event.user)
        .leftJoin("user", table(others), (event) => event)
        .to(out);
    });
    expect(outputTo(left.plan(), "user-repartition").dropNullKeys).toBe(false);
  });

  it("wants a name of its own when several steps read it, and says of which steps it speaks", () => {
    const build = ({ from }: Scope): void => {
      const byUser = from(events).keyBy((event) => event.user);
      counted(byUser, "first").to(out);
      counted(
        byUser.filter(() => true),
        "second",
      ).to(out);
    };
    expect(() => planned(build)).toThrow(
      /^The steps 'first' \(scan at [^)]*shuffles.test.ts:\d+:\d+\) and 'second' \(scan at .*\) of topology 'app' read the same keyBy\(\).*: name it, with \.repartition\(name\) behind it$/,
    );
  });

  it("serves several steps through one topic when it has a name", () => {
    for (const name of [
      (stream: KeyedStream<Event, string>) => stream.repartition("by-user"),
      (stream: KeyedStream<Event, string>) => stream.with({ name: "by-user" }),
    ]) {
      const app = planned(({ from }) => {
        const byUser = name(from(events).keyBy((event) => event.user));
        counted(byUser, "first").to(out);
        counted(byUser, "second").to(out);
      });
      expect(shapeOf(app)).toEqual(["events ->  -> by-user-repartition", "by-user-repartition -> first, second -> out, out"]);
      expect(outputTo(app.plan(), "by-user-repartition").rekey!({ user: "u" }, undefined as never)).toBe("u");
    }
  });

  it("only changes the key on the spot when no step behind it relies on it", () => {
    const app = planned(({ from }) =>
      from(events)
        .keyBy((event) => event.user)
        .to(out),
    );
    expect(shapeOf(app)).toEqual(["events -> keyBy-1 -> out"]);
  });

  it("takes the number of partitions that with() gives it", () => {
    const app = planned(({ from }) => {
      counted(
        from(events)
          .keyBy((event) => event.user)
          .with({ partitions: 7 }),
        "n",
      ).to(out);
    });
    expect(app.plan().topics).toEqual([{ name: "n-repartition", kind: "repartition", partitions: 7 }]);
  });
});

describe("a union", () => {
  it("in front of a shuffle does not join sub-topologies: each branch writes the topic itself", () => {
    const app = planned(({ from }) => {
      const both: Stream<Event, unknown> = from(events)
        .map((event) => event)
        .union(from(others).filter(() => true));
      counted(
        both.map((event) => event).keyBy((event) => event.user),
        "n",
      ).to(out);
    });
    expect(shapeOf(app)).toEqual([
      "events -> map-1, map-2 -> n-repartition",
      "others -> filter-1, map-2 -> n-repartition",
      "n-repartition -> n -> out",
    ]);
  });

  it("in front of steps without state and an output runs them in each branch", () => {
    const app = planned(({ from }) =>
      from(events)
        .union(from(others))
        .map((event) => event)
        .to(out),
    );
    expect(shapeOf(app)).toEqual(["events -> map-1 -> out", "others -> map-1 -> out"]);
  });

  it("in front of a step that needs the key joins them, and they need equally many partitions", () => {
    const app = planned(({ from }) => counted(from(events).keyBy().union(from(others).keyBy()), "n").to(out));
    expect(shapeOf(app)).toEqual(["events, others -> n -> out"]);
    expect(app.plan().subtopologies[0]!.copartitioned).toEqual([{ inputs: [0, 1], step: "n" }]);
  });

  it("of two shuffles in front of one step shares that step's topic", () => {
    const app = planned(({ from }) => {
      counted(
        from(events)
          .keyBy((event) => event.user)
          .union(from(others).keyBy((event) => event.id)),
        "n",
      ).to(out);
    });
    expect(shapeOf(app)).toEqual(["events ->  -> n-repartition", "others ->  -> n-repartition", "n-repartition -> n -> out"]);
  });

  it("of two shuffles with steps in between wants them named", () => {
    const build = ({ from }: Scope): void => {
      const left = from(events).keyBy((event) => event.user);
      const right = from(others).keyBy((event) => event.id);
      counted(left.map((event) => event).union(right), "n").to(out);
    };
    expect(() => planned(build)).toThrow(
      /reads more than one keyBy\(\), with steps in between.*name them, with \.repartition\(name\) behind each/,
    );
  });

  it("of a stream with itself gives every record twice", () => {
    const app = planned(({ from }) => {
      const stream = from(events);
      stream.union(stream).to(out);
    });
    const [{ nodes }] = app.plan().subtopologies as [ReturnType<Topology["plan"]>["subtopologies"][number]];
    expect(nodes.map(({ kind, inputs }) => [kind, inputs])).toEqual([["to", [[{ input: 0 }, { input: 0 }]]]]);
  });
});

describe("no sub-topology reads what it writes", () => {
  const connect = (left: KeyedStream<Event, string>, right: KeyedStream<Event, string>, name: string): KeyedStream<Event, string> =>
    left.connect(name, right, { state: { seen: valueState<number>() }, onLeft: (event) => [event], onRight: (event) => [event] });

  it("so both sides of a step go through topics when one of them comes from a shuffle of the other", () => {
    const app = planned(({ from }) => {
      const stream = from(events);
      connect(
        stream.keyBy(),
        stream.keyBy((event) => event.user),
        "parents",
      ).to(out);
    });
    expect(shapeOf(app)).toEqual([
      "events ->  -> parents-right-repartition, parents-left-repartition",
      "parents-right-repartition, parents-left-repartition -> parents -> out",
    ]);
    expect(outputTo(app.plan(), "parents-left-repartition").rekey).toBeUndefined();
  });

  it("also not by way of others", () => {
    const app = planned(({ from }) => {
      const byKey = from(events).keyBy();
      const there = counted(
        byKey.map((event) => event).keyBy((event) => event.user),
        "there",
      );
      counted(byKey.union(there.keyBy((_n, { key }) => key)), "back").to(out);
    });
    expect(shapeOf(app)).toEqual([
      "events -> map-1 -> there-repartition, back-2-repartition",
      "there-repartition -> there -> back-repartition",
      "back-repartition, back-2-repartition -> back -> out",
    ]);
  });

  it("and where a table would have to move it says what to do instead", () => {
    const build = ({ table }: Scope): void => {
      const users = table(events);
      users
        .toStream()
        .filter((user) => user !== null)
        .keyBy((user) => user.user)
        .join("manager", users, (user, manager) => [user, manager])
        .to(out);
    };
    expect(() => planned(build)).toThrow(
      /^Step 'manager' .* the same tasks would write and read that topic: a table stays where it is, so write its changes to a topic of your own, and read that as the table$/,
    );
  });

  it("and where a step without keys would, it asks for a repartition", () => {
    const build = ({ from }: Scope): void => {
      const stream = from(events);
      stream
        .union(
          counted(
            stream.keyBy((event) => event.user),
            "n",
          ),
        )
        .connectBroadcast("rules", from(others), { broadcast: {}, onRecord: (value) => [value], onBroadcast() {} })
        .to(out);
    };
    expect(() => planned(build)).toThrow(/^Step 'rules' .*: put \.repartition\(name\) behind the stream that comes there directly$/);
  });
});

describe("single and broadcast", () => {
  it("single() sends everything through a topic with one partition, under the key null", () => {
    const app = planned(({ from }) => counted(from(events).single(), "all").to(out));
    expect(shapeOf(app)).toEqual(["events ->  -> all-repartition", "all-repartition -> all -> out"]);
    const output = outputTo(app.plan(), "all-repartition");
    expect(output).toMatchObject({ partition: "single", dropNullKeys: false });
    expect(output.rekey!({}, undefined as never)).toBeNull();
    expect(app.plan().topics).toEqual([{ name: "all-repartition", kind: "repartition", partitions: 1 }]);
  });

  it("single() behind single() moves nothing", () => {
    const app = planned(({ from }) => counted(counted(from(events).single(), "all").single(), "again").to(out));
    expect(shapeOf(app)).toEqual(["events ->  -> all-repartition", "all-repartition -> all, again -> out"]);
  });

  const ruled = (rules: typeof others): Topology =>
    planned(({ from }) => {
      from(events)
        .keyBy()
        .connectBroadcast("rules", from(rules), { broadcast: {}, onRecord: (value) => [value], onBroadcast() {} })
        .to(out);
    });

  it("a broadcast passes one task, so that every task has it in the same order", () => {
    expect(shapeOf(ruled(others))).toEqual([
      "others ->  -> rules-funnel-repartition",
      "rules-funnel-repartition ->  -> rules-broadcast-repartition",
      "events, rules-broadcast-repartition -> rules -> out",
    ]);
    const plan = ruled(others).plan();
    expect(outputTo(plan, "rules-funnel-repartition").partition).toBe("single");
    expect(outputTo(plan, "rules-broadcast-repartition").partition).toBe("broadcast");
    expect(plan.topics).toEqual([
      { name: "rules-funnel-repartition", kind: "repartition", partitions: 1 },
      { name: "rules-broadcast-repartition", kind: "repartition", partitions: "tasks" },
    ]);
  });

  it("a broadcast of a topic that is said to have one partition needs no such task", () => {
    const control = topic("control", { key: text, value: json<Event>(), partitions: 1 });
    expect(shapeOf(ruled(control))).toEqual([
      "control ->  -> rules-broadcast-repartition",
      "events, rules-broadcast-repartition -> rules -> out",
    ]);
  });
});
