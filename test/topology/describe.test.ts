import { describe, expect, it } from "@jest/globals";
import { count, hours, json, onCount, seconds, sink, text, topic, topology, tumbling, valueState } from "../../mod.ts";
import { fraudDetection, memory } from "./programs/fraud.ts";

const lines = (...text: readonly string[]): string => `${text.join("\n")}\n`;

const events = topic("events", { key: text, value: json<{ id: string; 'odd "name"': number }>() });
const small = topology("small", ({ from }) => {
  const branches = from(events).split({ odd: () => true });
  const counted = branches.odd
    .keyBy((event) => event.id)
    .window(tumbling({ size: hours(1), offset: seconds(30) }), { emit: onCount(3), lateness: seconds(90) })
    .count("per-hour");
  counted.union(counted.side.late.map(() => 0)).to(sink("index", { async write() {} }));
  branches.rest.single().process("all", { state: { seen: valueState<number>() }, onRecord: () => [1], onTimer: () => [2] });
  branches.rest
    .repartition("spread", { partitions: 3, by: "round-robin" })
    .map(() => 1)
    .print();
});

describe("describe() for a terminal", () => {
  it("tells the fraud job", () => {
    expect(fraudDetection(memory).describe()).toBe(
      lines(
        "Topology fraud-detection",
        "",
        "Sub-topology 0",
        "  reads     transactions             watermarks bounded-out-of-orderness(10000)",
        "  reads     accounts                 table, watermarks bounded-out-of-orderness(10000)",
        "  leftJoin  account                  from transactions and accounts; keeps state, asOf watermark, history forever",
        "  filter    filter-1                 from account",
        "  window    velocity                 from filter-1; sliding windows, size 30 min, every 5 min, keeps slices",
        "  writes    card-test-repartition    from account; by a new key",
        "  writes    deduplicate-repartition  from velocity; by a new key",
        "  transactions and accounts need equally many partitions, for account",
        "",
        "Sub-topology 1",
        "  reads   card-test-repartition",
        "  match   card-test                from card-test-repartition; keeps state, steps begin small, next large, within 5 min, skip past-last, ordered",
        "  map     map-1                    from card-test",
        "  writes  deduplicate-repartition  from map-1; by a new key",
        "",
        "Sub-topology 2",
        "  reads   deduplicate-repartition",
        "  window  deduplicate              from deduplicate-repartition; tumbling windows, size 5 min, keeps records",
        "  writes  alerts                   from deduplicate; by key",
        "  writes  memory-sink              from deduplicate; by key",
        "",
        "Sub-topology 3",
        "  reads     memory-sink",
        "  hands to  memory",
        "",
        "Internal topics",
        "  card-test-repartition    as many partitions as its inputs ask for",
        "  deduplicate-repartition  as many partitions as its inputs ask for",
        "  memory-sink              as many partitions as its inputs ask for",
      ),
    );
  });

  it("tells side outputs, unions, parameters and partitions", () => {
    expect(small.describe()).toBe(
      lines(
        "Topology small",
        "",
        "Sub-topology 0",
        "  reads   events                watermarks monotonic",
        "  split   split-1               from events",
        "  writes  per-hour-repartition  from split-1.odd; by a new key",
        "  writes  all-repartition       from split-1.rest; to one partition",
        "  writes  spread-repartition    from split-1.rest; to each partition in turn",
        "",
        "Sub-topology 1",
        "  reads   per-hour-repartition",
        "  window  per-hour              from per-hour-repartition; tumbling windows, size 1 h, offset 30 s, emit count(3), lateness 90 s, keeps accumulators",
        "  map     map-1                 from per-hour.late",
        "  writes  index-sink            from per-hour + map-1; by key",
        "",
        "Sub-topology 2",
        "  reads    all-repartition",
        "  process  all              from all-repartition; keeps seen, timers",
        "",
        "Sub-topology 3",
        "  reads  spread-repartition",
        "  map    map-2               from spread-repartition",
        "  print  print-1             from map-2",
        "",
        "Sub-topology 4",
        "  reads     index-sink",
        "  hands to  index",
        "",
        "Internal topics",
        "  per-hour-repartition  as many partitions as its inputs ask for",
        "  all-repartition       1 partition",
        "  spread-repartition    3 partitions",
        "  index-sink            as many partitions as its inputs ask for",
      ),
    );
  });
});

describe("describe() for a program", () => {
  it("gives the same as data", () => {
    const { subtopologies, internalTopics } = JSON.parse(small.describe("json"));
    expect(subtopologies[1]).toEqual({
      id: 1,
      inputs: [{ step: "per-hour-repartition", topic: "per-hour-repartition", kind: "repartition", table: false }],
      steps: [
        {
          step: "per-hour",
          kind: "window",
          parameters: {
            windows: "tumbling",
            time: "event",
            size: 3_600_000,
            every: 3_600_000,
            offset: 30_000,
            emit: "count(3)",
            lateness: 90_000,
            keeps: "accumulators",
          },
          from: [["per-hour-repartition"]],
          store: "per-hour",
        },
        { step: "map-1", kind: "map", parameters: {}, from: [["per-hour.late"]] },
      ],
      outputs: [{ step: "to-index", topic: "index-sink", internal: true, from: ["per-hour", "map-1"], by: "key" }],
      copartitioned: [],
    });
    expect(internalTopics).toContainEqual({ name: "spread-repartition", kind: "repartition", partitions: 3 });
  });

  it("refuses a format that it does not know", () => {
    expect(() => small.describe("svg" as never)).toThrow(
      'Cannot describe a topology as \'svg\': choose "text", "json", "mermaid" or "kafka-streams"',
    );
  });
});

describe("describe() as a drawing", () => {
  it("has a frame for each sub-topology, topics between them, and drums for state", () => {
    expect(small.describe("mermaid")).toBe(
      lines(
        "---",
        "title: small",
        "---",
        "flowchart LR",
        '  topic0[/"events"/]:::topic',
        '  topic1[/"per-hour-repartition"/]:::internal',
        '  topic2[/"all-repartition"/]:::internal',
        '  topic3[/"spread-repartition"/]:::internal',
        '  topic4[/"index-sink"/]:::internal',
        '  subgraph sub0["Sub-topology 0"]',
        '    s0_0["split-1<br/>split"]',
        "  end",
        '  subgraph sub1["Sub-topology 1"]',
        '    s1_0[("per-hour<br/>window<br/>tumbling windows<br/>size 1 h<br/>offset 30 s<br/>emit count(3)<br/>lateness 90 s<br/>keeps accumulators")]:::state',
        '    s1_1["map-1<br/>map"]',
        "  end",
        '  subgraph sub2["Sub-topology 2"]',
        '    s2_0[("all<br/>process<br/>keeps seen<br/>timers")]:::state',
        "  end",
        '  subgraph sub3["Sub-topology 3"]',
        '    s3_0["map-2<br/>map"]',
        '    s3_1["print-1<br/>print"]',
        "  end",
        '  subgraph sub4["Sub-topology 4"]',
        '    s4_sink(["index<br/>sink"])',
        "  end",
        "  topic0 --> s0_0",
        '  s0_0 -->|"odd, by a new key"| topic1',
        '  s0_0 -->|"rest, to one partition"| topic2',
        '  s0_0 -->|"rest, in turn"| topic3',
        "  topic1 --> s1_0",
        '  s1_0 -->|"late"| s1_1',
        "  s1_0 --> topic4",
        "  s1_1 --> topic4",
        "  topic2 --> s2_0",
        "  topic3 --> s3_0",
        "  s3_0 --> s3_1",
        "  topic4 --> s4_sink",
        "  classDef topic fill:#dbeafe,stroke:#1d4ed8,color:#111827",
        "  classDef internal fill:#f3f4f6,stroke:#6b7280,stroke-dasharray:4 3,color:#111827",
        "  classDef state fill:#dcfce7,stroke:#15803d,color:#111827",
      ),
    );
  });

  it("writes what Mermaid would take for its own as text", () => {
    const odd = topology("odd", ({ from }) => {
      const { '"<b>"': bold } = from(events).split({ '"<b>"': () => true });
      bold.keyBy().scan("n", count()).print();
    });
    expect(odd.describe("mermaid")).toContain('s0_0 -->|"#quot;&lt;b&gt;#quot;"| s0_1');
  });
});
