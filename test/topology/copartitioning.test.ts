import { describe, expect, it } from "@jest/globals";
import { partitionCounts } from "../../core/runtime/partition_counts.ts";
import { bytes, count, forever, int64, json, type Scope, type Serde, type Topology, text, topic, topology } from "../../mod.ts";
import { inputOf, nodeOf, outputTo, shapeOf } from "./shape.ts";

interface Event {
  readonly id: string;
  readonly user: string;
}
const events = topic("events", { key: text, value: json<Event>() });
const users = topic("users", { key: text, value: json<{ name: string }>() });
const out = topic("out", { key: text, value: json<unknown>() });
const planned = (build: (scope: Scope) => void): Topology => topology("app", build);
const counts = (app: Topology, topics: Readonly<Record<string, number>>): Readonly<Record<string, number>> =>
  Object.fromEntries(partitionCounts(app.plan(), new Map(Object.entries({ out: 3, ...topics }))).topics);
const tasks = (app: Topology, topics: Readonly<Record<string, number>>): readonly number[] => [
  ...partitionCounts(app.plan(), new Map(Object.entries({ out: 3, ...topics }))).tasks.values(),
];

describe("steps that bring equal keys together", () => {
  it("a plain join runs where the table's rows are, and asks both topics for equally many partitions", () => {
    const app = planned(({ from, table }) => {
      from(events)
        .keyBy()
        .join("user", table(users), (event, user) => [event, user])
        .to(out);
    });
    expect(shapeOf(app)).toEqual(["events, users -> users, user -> out"]);
    expect(app.plan().subtopologies[0]!.copartitioned).toEqual([{ inputs: [0, 1], step: "user" }]);
    expect(nodeOf(app.plan(), "users").store!.name).toBe("users");
    expect(nodeOf(app.plan(), "user").store).toBeUndefined();
  });

  it("a join in time keeps its own state, and the table needs none", () => {
    const app = planned(({ from, table }) => {
      from(events)
        .keyBy()
        .join("user", table(users, { history: forever }), { asOf: "watermark" }, (event, user) => [event, user])
        .to(out);
    });
    expect(shapeOf(app)).toEqual(["events, users -> user -> out"]);
    expect(nodeOf(app.plan(), "user").inputs).toEqual([[{ input: 0 }], [{ input: 1 }]]);
  });

  it("a join with an aggregated table looks into the aggregate's own store", () => {
    const app = planned(({ from }) => {
      const perUser = from(events)
        .keyBy((event) => event.user)
        .count("per-user");
      from(users)
        .keyBy()
        .leftJoin("with-count", perUser, (user, n) => ({ ...user, n: n ?? 0 }))
        .to(out);
    });
    expect(shapeOf(app)).toEqual(["events ->  -> per-user-repartition", "per-user-repartition, users -> per-user, with-count -> out"]);
    expect(app.plan().subtopologies[1]!.copartitioned).toEqual([{ inputs: [0, 1], step: "with-count" }]);
  });

  it("joins two streams into one table in one task, by one store", () => {
    const app = planned(({ from, table }) => {
      const user = table(users, { store: "user-rows" });
      from(events)
        .keyBy()
        .join("a", user, (event) => event)
        .join("b", user, (event) => event)
        .to(out);
    });
    expect(shapeOf(app)).toEqual(["users, events -> user-rows, a, b -> out"]);
    expect(app.plan().subtopologies[0]!.copartitioned).toEqual([{ inputs: [0, 1], step: "a" }]);
  });

  it("a join in time wants a history", () => {
    expect(() =>
      planned(({ from, table }) => {
        from(events)
          .keyBy()
          .join("user", table(users), { asOf: "watermark" }, (event) => event)
          .to(out);
      }),
    ).toThrow(
      "Step 'user' joins a table as of the watermark, and the table of topic 'users' keeps only present rows: read it with table(topic, { history: ... })",
    );
    expect(() =>
      planned(({ from }) => {
        const stream = from(events).keyBy();
        stream.join("user", stream.count("n"), { asOf: "watermark" }, (event) => event).to(out);
      }),
    ).toThrow("the table of step 'n' keeps only present rows: write it to a topic and read that with table(topic, { history: ... })");
  });
});

describe("the number of partitions", () => {
  const shuffledJoin = planned(({ from, table }) => {
    from(events)
      .keyBy((event) => event.user)
      .join("user", table(users), (event) => event)
      .to(out);
  });

  it("of a repartition topic follows the table that its records meet", () => {
    expect(counts(shuffledJoin, { events: 12, users: 5 })).toEqual({ "user-repartition": 5 });
    expect(tasks(shuffledJoin, { events: 12, users: 5 })).toEqual([12, 5]);
  });

  it("of a repartition topic is otherwise that of the widest input of those that write it", () => {
    const app = planned(({ from }) => {
      from(events)
        .union(from(users))
        .keyBy(() => 1)
        .count("n")
        .toStream()
        .map((n) => n)
        .repartition("spread")
        .print();
    });
    expect(counts(app, { events: 3, users: 8 })).toEqual({ "n-repartition": 8, "spread-repartition": 8 });
  });

  it("of two repartition topics that meet is that of the wider one", () => {
    const app = planned(({ from }) => {
      from(events)
        .keyBy((event) => event.user)
        .connect(
          "both",
          from(users).keyBy((user) => user.name),
          { onLeft: (event) => [event], onRight: (user) => [user] },
        )
        .print();
    });
    expect(counts(app, { events: 3, users: 8 })).toEqual({ "both-left-repartition": 8, "both-right-repartition": 8 });
  });

  it("of a broadcast topic is that of the stream it is read with", () => {
    const app = planned(({ from }) => {
      from(events)
        .connectBroadcast("rules", from(users), { broadcast: {}, onRecord: (value) => [value], onBroadcast() {} })
        .print();
    });
    expect(counts(app, { events: 6, users: 2 })).toEqual({ "rules-funnel-repartition": 1, "rules-broadcast-repartition": 6 });
  });

  it("that a repartition asks for must fit to what it meets", () => {
    const app = planned(({ from, table }) => {
      from(events)
        .keyBy((event) => event.user)
        .with({ partitions: 4 })
        .join("user", table(users), (event) => event)
        .to(out);
    });
    expect(() => counts(app, { events: 4, users: 6 })).toThrow(
      /^Step 'user' brings equal keys together, but topic 'user-repartition' has 4 partitions and topic 'users' has 6 partitions|^Step 'user' brings equal keys together, but topic 'users' has 6 partitions and topic 'user-repartition' has 4 partitions/,
    );
    expect(counts(app, { events: 9, users: 4 })).toEqual({ "user-repartition": 4 });
  });

  it("cannot be told of a topic that is missing, be it read or written", () => {
    expect(() => counts(shuffledJoin, { events: 1 })).toThrow(
      "Topic 'users', which step 'table-users' of topology 'app' reads, does not exist: create it, or check its name",
    );
    expect(() =>
      partitionCounts(
        shuffledJoin.plan(),
        new Map([
          ["events", 1],
          ["users", 1],
        ]),
      ),
    ).toThrow("Topic 'out', which step 'to-out' of topology 'app' writes, does not exist: create it, or check its name");
  });

  it("must be what the program says of the topic", () => {
    const declared = topic("declared", { key: text, value: json<Event>(), partitions: 4 });
    const app = planned(({ from }) => from(declared).print());
    expect(tasks(app, { declared: 4 })).toEqual([4]);
    expect(() => tasks(app, { declared: 5 })).toThrow("Topic 'declared' has 5 partitions, and the program says 4");
  });

  it("may differ between inputs that only meet in a union", () => {
    const app = planned(({ from }) => from(events).union(from(users)).print());
    expect(tasks(app, { events: 2, users: 5 })).toEqual([2, 5]);
  });
});

describe("key serdes", () => {
  it("a repartition topic takes the serde of the topic that its records meet", () => {
    const plan = planned(({ from, table }) => {
      from(events)
        .keyBy((event) => event.user)
        .join("user", table(users), (event) => event)
        .to(out);
    }).plan();
    expect(inputOf(plan, "user-repartition").key).toBe(text);
    expect(outputTo(plan, "user-repartition").key).toBe(text);
  });

  it("a repartition topic keeps the serde of keys that are not changed, and has the default for new ones", () => {
    const plan = planned(({ from }) => {
      from(events).repartition("same").print();
      from(events)
        .keyBy((event) => event.user)
        .count("n")
        .to(out);
    }).plan();
    expect(inputOf(plan, "same-repartition").key).toBe(text);
    expect(inputOf(plan, "n-repartition").key.name).toBe("typed");
  });

  it("a serde that is given with the key is used, for state as well", () => {
    const pair: Serde<readonly [string, string]> = {
      ...(json<readonly [string, string]>() as Serde<readonly [string, string]>),
      name: "pair",
    };
    const plan = planned(({ from }) => {
      from(events)
        .keyBy((event) => [event.id, event.user] as const, pair)
        .scan("n", count())
        .print();
    }).plan();
    expect(inputOf(plan, "n-repartition").key).toBe(pair);
    expect(nodeOf(plan, "n").store!.keySerde).toBe("pair");
  });

  it("state is not written with a serde that has to be opened for its topic first", () => {
    const registered: Serde<string> = { ...text, name: "registered", open: async () => {} };
    const plan = planned(({ from }) => {
      from(topic("registered", { key: registered, value: json<Event>() }))
        .keyBy()
        .count("n")
        .to(out as never);
    }).plan();
    expect(nodeOf(plan, "n").store!.keys.decode(nodeOf(plan, "n").store!.keys.encode("a"))).toBe("a");
    expect(nodeOf(plan, "n").store!.keySerde).toBeUndefined();
  });

  it("is found also where records meet what was made of them", () => {
    const plan = planned(({ from }) => {
      const stream = from(events);
      stream.repartition("again").keyBy().union(stream.keyBy()).scan("n", count()).print();
      const first = stream.keyBy((event) => event.user).repartition("first");
      first.union(first.repartition("second")).scan("m", count()).print();
    }).plan();
    expect(inputOf(plan, "again-repartition").key).toBe(text);
    expect(inputOf(plan, "second-repartition").key.name).toBe("typed");
  });

  it("of two kinds cannot meet", () => {
    const numbered = topic("numbered", { key: int64, value: json<{ name: string }>() });
    const raw = topic("raw", { key: bytes, value: json<{ name: string }>() });
    expect(() =>
      planned(({ from }) => {
        from(numbered)
          .keyBy()
          .connect("both", from(raw).keyBy() as never, { onLeft: (value) => [value], onRight: () => [] })
          .print();
      }),
    ).toThrow(
      /^Step 'both' \(connect at .*\) brings together keys that are written in different ways, by the serde of topic 'numbered' \(int64\) and by that of topic 'raw' \(bytes\): equal keys would not meet\. Use one key serde for both, or keyBy\(key, serde\) on one side$/,
    );
  });
});
