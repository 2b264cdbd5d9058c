import { describe, expect, it } from "@jest/globals";
import { count, json, type KeyedStream, type Scope, sink, type Topology, TopologyError, text, topic, topology } from "../../mod.ts";

const events = topic("events", { key: text, value: json<{ id: string }>() });
const out = topic("out", { key: text, value: json<unknown>() });
const planned = (build: (scope: Scope) => void): Topology => topology("app", build);
const keyed = (scope: Scope): KeyedStream<{ id: string }, string> => scope.from(events).keyBy();

const codeOf = (build: () => unknown): string => {
  try {
    build();
  } catch (thrown) {
    if (thrown instanceof TopologyError) return thrown.code;
    throw thrown;
  }
  return "nothing was thrown";
};

describe("names of steps", () => {
  it("are given once: two steps of one name would share a store, so both are named, with their places in the program", () => {
    const build = (scope: Scope): void => {
      keyed(scope).count("n").to(out);
      keyed(scope).scan("n", count()).to(out);
    };
    expect(() => planned(build)).toThrow(
      /^Topology 'app' has two steps with one name, 'n' \(count at topology\/names\.test\.ts:\d+:\d+\) and 'n' \(scan at topology\/names\.test\.ts:\d+:\d+\): give one of them another name, since stores and topics are called after it$/,
    );
    expect(codeOf(() => planned(build))).toBe("NAME_DUPLICATE");
  });

  it("are given once, also by with(), by repartition() and by the store of a table", () => {
    expect(
      codeOf(() =>
        planned((scope) =>
          keyed(scope)
            .map((x) => x)
            .with({ name: "n" })
            .count("n")
            .to(out),
        ),
      ),
    ).toBe("NAME_DUPLICATE");
    expect(codeOf(() => planned((scope) => keyed(scope).repartition("n").count("n").to(out)))).toBe("NAME_DUPLICATE");
    expect(
      codeOf(() =>
        planned((scope) => {
          keyed(scope)
            .join("users", scope.table(topic("users", { key: text, value: json<string>() })), (x) => x)
            .to(out);
        }),
      ),
    ).toBe("NAME_DUPLICATE");
  });

  it("that would make the same internal topic are refused", () => {
    const build = ({ from }: Scope): void => {
      const users = topic("users", { key: text, value: json<{ id: string }>() });
      from(events)
        .keyBy((event) => event.id)
        .connect(
          "n",
          from(users).keyBy((user) => user.id),
          { onLeft: () => [], onRight: () => [] },
        )
        .print();
      from(events).repartition("n-left").print();
    };
    expect(() => planned(build)).toThrow("Topology 'app' would have two internal topics called 'n-left-repartition'");
  });

  const impossible: readonly (readonly [what: string, name: string, why: string])[] = [
    ["a slash", "a/b", "it contains '/'"],
    ["a space", "a b", "it contains a space"],
    ["nothing", "", "it is empty"],
    ["a dot alone", ".", "the log keeps that name for itself"],
    ["too many characters", "n".repeat(230), "249 are allowed"],
  ];
  for (const [what, name, why] of impossible)
    it(`cannot be made of ${what}`, () => {
      const build = (): unknown => planned((scope) => keyed(scope).count(name).to(out));
      expect(build).toThrow(why);
      expect(codeOf(build)).toBe("NAME_INVALID");
    });

  it("are only refused for their length when their topics would be too long", () => {
    const longest = 249 - "app-".length - "-broadcast-repartition".length;
    expect(codeOf(() => planned((scope) => keyed(scope).count("n".repeat(longest)).to(out)))).toBe("nothing was thrown");
    expect(
      codeOf(() =>
        planned((scope) =>
          keyed(scope)
            .count("n".repeat(longest + 1))
            .to(out),
        ),
      ),
    ).toBe("NAME_INVALID");
  });

  it("must be strings", () => {
    expect(() =>
      planned((scope) =>
        keyed(scope)
          .count(7 as never)
          .to(out),
      ),
    ).toThrow("Cannot name count step '7': a name is a string, this is of type number");
  });

  it("that the planner makes keep out of the way of those that are given", () => {
    const app = planned((scope) =>
      keyed(scope)
        .map((x) => x)
        .map((x) => x)
        .with({ name: "map-1" })
        .print(),
    );
    expect(app.plan().subtopologies[0]!.nodes.map(({ step }) => step)).toEqual(["map-2", "map-1", "print-1"]);
  });
});

describe("other names", () => {
  it("of topics, sinks and topologies follow the same rules", () => {
    expect(() => topic("a b", { value: text })).toThrow(
      "Cannot use 'a b' as the name of a topic: it contains a space: use letters, digits, '.', '_' and '-' only",
    );
    expect(() => sink("a/b", { async write() {} })).toThrow("Cannot use 'a/b' as the name of a sink: it contains '/'");
    expect(() => topology("ä", () => {})).toThrow("Cannot use 'ä' as the name of a topology: it contains 'ä'");
  });

  it("of two different sinks must differ", () => {
    const build = ({ from }: Scope): void => {
      from(events).to(sink("index", { async write() {} }));
      from(events).to(sink("index", { async write() {} }));
    };
    expect(() => planned(build)).toThrow(
      /^Topology 'app' writes to two different sinks that are both called 'index', at .*names\.test\.ts:\d+:\d+ and .*: give one of them another name/,
    );
  });

  it("one sink may be written from several places, and has one topic", () => {
    const index = sink("index", { async write() {} });
    const app = planned(({ from }) => {
      from(events).to(index);
      from(out).to(index);
    });
    expect(app.plan().topics).toEqual([{ name: "index-sink", kind: "sink", partitions: undefined }]);
    expect(app.plan().subtopologies.map(({ sink: to }) => to?.name)).toEqual([undefined, undefined, "index"]);
  });
});

describe("a topology", () => {
  it("that does nothing is refused", () => {
    expect(() => topology("empty", () => {})).toThrow(
      "Topology 'empty' does nothing: read a topic with from(), and do something with its records, such as to(topic)",
    );
    expect(codeOf(() => topology("empty", ({ from }) => void from(events)))).toBe("TOPOLOGY_INVALID");
  });

  it("may name sources that nobody reads: they are left out", () => {
    const app = planned(({ from, table }) => {
      from(out);
      table(topic("users", { key: text, value: text }));
      from(events).print();
    });
    expect(app.plan().subtopologies.map(({ inputs }) => inputs.map(({ topic: { name } }) => name))).toEqual([["events"]]);
  });

  it("reads a topic once, however often it asks for it in the same way", () => {
    const app = planned(({ from }) => {
      from(events).print("a");
      from(events).print("b");
    });
    expect(app.plan().subtopologies.map(({ inputs }) => inputs.length)).toEqual([1]);
  });

  it("cannot read a topic in two ways", () => {
    expect(() =>
      planned(({ from }) => {
        from(events).print();
        from(events, { startAt: "latest" }).print();
      }),
    ).toThrow("Topology 'app' reads topic 'events' twice and in different ways: call from() once and use its result twice");
    expect(codeOf(() => planned(({ from, table }) => from(events).union(table(events).toStream()).print()))).toBe("TOPOLOGY_INVALID");
  });

  it("cannot be added to when it is built, nor use the streams of another one", () => {
    const kept: { scope?: Scope } = {};
    planned((scope) => {
      kept.scope = scope;
      scope.from(events).print();
    });
    expect(() => kept.scope!.from(events).print()).toThrow(
      "Topology 'app' is built: add steps inside the function that is given to topology(), not afterwards",
    );
    expect(() =>
      topology("other", ({ from }) => {
        planned((scope) => scope.from(events).union(from(out)).print());
      }),
    ).toThrow("Cannot use a stream of topology 'other' in topology 'app', as union() would");
  });
});

describe("with()", () => {
  it("says nothing of a union, gives no second name, and partitions only to keyBy", () => {
    expect(() => planned(({ from }) => from(events).union(from(out)).with({ name: "u" }).print())).toThrow("a union is no step of its own");
    expect(() => planned((scope) => keyed(scope).count("n").with({ name: "m" }).to(out))).toThrow(
      "it is called 'n' already, which also names its store or topic",
    );
    expect(() =>
      planned(({ from }) =>
        from(events)
          .map((x) => x)
          .with({ partitions: 3 })
          .print(),
      ),
    ).toThrow("partitions can be given to keyBy() only");
    expect(() => planned(({ from }) => from(events).keyBy().with({ partitions: 0 }).print())).toThrow("0 is no number of partitions");
  });
});
