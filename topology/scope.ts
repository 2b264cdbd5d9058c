import type { Duration } from "../core/duration.ts";
import type { ErrorPolicy } from "../core/error_policy.ts";
import { TopologyError } from "../core/errors.ts";
import type { KeyValueStore } from "../core/state/stores/key_value_store.ts";
import type { WatermarkStrategy } from "../core/time/watermark_strategy.ts";
import { GlobalTableHandle } from "./global_table_handle.ts";
import type { GraphBuilder, NodeId } from "./graph/graph.ts";
import { type SourceNode, sameReading, sourceNode } from "./graph/source_node.ts";
import { unionNode } from "./graph/union_node.ts";
import type { Source } from "./source.ts";
import type { NamedStore } from "./steps/table_step.ts";
import type { Stream } from "./stream.ts";
import { KeyedHandle, StreamHandle } from "./stream_handle.ts";
import type { GlobalTable, Table } from "./table.ts";
import { namedStore, TableHandle } from "./table_handle.ts";
import { type TimeOptions, timeOf } from "./time_options.ts";
import type { Topic } from "./topic.ts";

/** How a topic is read as a stream. */
export interface FromOptions<V, K> extends TimeOptions<V, K> {
  /** Where to begin when the application has never read the topic. @default "earliest" */
  readonly startAt?: "earliest" | "latest" | "none" | { readonly timestamp: number };
  /** Makes the input bounded: it ends there, with an infinite watermark. @default it does not end */
  readonly endAt?: "latest" | { readonly timestamp: number };
  /** What happens with a record that cannot be read. @default the topology's */
  readonly onError?: ErrorPolicy;
}

/** How a topic is read as a table. */
export interface TableOptions<V, K = any> extends Omit<TimeOptions<V>, "timestamp" | "watermarks"> {
  /** Names the store of the rows, and keeps them in any case. @default the topic's name, where a step looks into the table */
  readonly store?: string | KeyValueStore<K, V>;
  /** For how long older versions of a row are kept, for joins as of an earlier time; `forever` is a duration. @default only the present row is kept */
  readonly history?: Duration;
  /**
   * Where the rows come back from after a restart: from a changelog of their own, or from the topic itself, as far as it was read, which saves writing every row once more. "source" is refused where the topic does not say it all: with `history`, `timestamp` or another `startAt` than "earliest", where a policy may
   * take rows back, or when the topic deletes rows by time or size.
   *
   * @default "own"
   */
  readonly changelog?: "own" | "source";
  /** When the row began to be so. A deletion has the record's own timestamp. @default the record's own timestamp */
  readonly timestamp?: (value: V) => number;
  /** A deletion has the value null. @default monotonic() */
  readonly watermarks?: WatermarkStrategy<V | null>;
  readonly startAt?: FromOptions<V, unknown>["startAt"];
  readonly endAt?: FromOptions<V, unknown>["endAt"];
  readonly onError?: ErrorPolicy;
}

/** What a topology begins with. */
export interface Scope {
  /** The records of a topic, of several, of all topics of a pattern (`topics(/.../)`), or of `records([...])`. */
  from<V, K>(source: Source<V, K> | readonly Source<V, K>[], options?: FromOptions<V, K>): Stream<V, K>;
  /** A topic as a table: each record is the new row of its key, a null value deletes it. */
  table<K, V>(topic: Topic<K, V>, options?: TableOptions<V, K>): Table<K, V>;
  /** A topic as a table of which every task has a copy, so that a stream can be joined with it under any key; what is there at the start is read first. For what is small: settings, rates, names. */
  globalTable<K, V>(topic: Topic<K, V>, options?: Omit<TableOptions<V, K>, "history" | "changelog">): GlobalTable<K, V>;
}

export const scopeOf = (graph: GraphBuilder): Scope => ({
  from: (sources, options = {}) => {
    const list = (Array.isArray(sources) ? sources : [sources]) as readonly SourceNode["source"][];
    if (list.length === 0)
      throw new TopologyError("OPTION_INVALID", `Topology '${graph.topology}' reads from no topic at all: give from() at least one`);
    const { startAt = "earliest", endAt, onError } = options;
    const ids = list.map((source) => read(graph, sourceNode({ source, table: undefined, time: timeOf(options), startAt, endAt, onError })));
    const id = ids.length === 1 ? ids[0]! : graph.add(unionNode(...ids));
    return new StreamHandle(graph, id) as any;
  },
  table: (topic, options = {}) => {
    const { startAt = "earliest", endAt, onError, history, changelog = "own" } = options;
    if (history !== undefined && !(history >= 0))
      throw new TopologyError(
        "OPTION_INVALID",
        `The history of the table of topic '${topic.name}' is ${history} ms: give a duration that is not negative, such as hours(1) or forever`,
      );
    const { name: store, value } = rowStore(topic, options.store);
    if (changelog === "source") checkSourced(store, options);
    const table = { store, value, historyMs: history, fromSource: changelog === "source" };
    const id = read(graph, sourceNode({ source: topic, table, time: timeOf(options as TimeOptions<any>), startAt, endAt, onError }));
    const handle = new TableHandle(graph, id, { view: undefined, versioned: false, windows: undefined }, streamAt);
    if (options.store !== undefined) handle.side();
    return handle as any;
  },
  globalTable: (topic, options = {}) => {
    const { startAt = "earliest", endAt, onError } = options;
    const store = rowStore(topic, options.store);
    const table = { store: store.name, value: store.value, historyMs: undefined, fromSource: false };
    const id = read(graph, sourceNode({ source: topic, table, time: timeOf(options as TimeOptions<any>), startAt, endAt, onError }));
    return new GlobalTableHandle(graph, id, store) as any;
  },
});

/** The rows of a topic are what its records say, from the first one on. */
const checkSourced = (store: string, { history, timestamp, startAt = "earliest" }: TableOptions<any>): void => {
  const other =
    history !== undefined
      ? "a history, which the topic does not keep: leave one of them out"
      : timestamp !== undefined
        ? "a timestamp function, and the topic has only the records' own timestamps: leave one of them out"
        : startAt !== "earliest"
          ? `startAt: ${JSON.stringify(startAt)}, and comes back with what stands before that: leave one of them out`
          : undefined;
  if (other !== undefined)
    throw new TopologyError("OPTION_INVALID", `Table '${store}' has changelog: "source" and ${other}`, { step: store });
};

/** Where the rows of a topic are kept. The topic is not read from its beginning again at each start, so they have to outlive the run. */
const rowStore = (topic: Topic<any, any>, given: unknown): NamedStore => {
  const store = namedStore(given ?? topic.name);
  if (store.changelog) return store;
  throw new TopologyError(
    "OPTION_INVALID",
    `Store '${store.name}' has changelog: false and is to keep the rows of topic '${topic.name}', which would be gone after a restart: leave that out`,
  );
};

const streamAt = (graph: GraphBuilder, id: NodeId): KeyedHandle => new KeyedHandle(graph, id);

/** A topic is read once, however often the program asks for it: positions are kept per topic. */
const read = (graph: GraphBuilder, reading: SourceNode): NodeId => {
  if (reading.source.kind === "records") return graph.add(reading);
  const known = graph.find((node) => node.node === "source" && node.source.name === reading.source.name);
  if (known === undefined) return graph.add(reading);
  if (sameReading(graph.node(known) as SourceNode, reading)) return known;
  throw new TopologyError(
    "TOPOLOGY_INVALID",
    `Topology '${graph.topology}' reads topic '${reading.source.name}' twice and in different ways: call ${reading.table === undefined ? "from" : "table"}() once and use its result twice`,
    { topic: reading.source.name },
  );
};
