import { buildPattern } from "../core/cep/pattern.ts";
import { StepError, TopologyError } from "../core/errors.ts";
import type { AsyncOptions } from "../core/operators/async_options.ts";
import type { Ask } from "../core/operators/async_request.ts";
import { filterOperator } from "../core/operators/filter_operator.ts";
import { flatMapOperator } from "../core/operators/flat_map_operator.ts";
import { mapOperator } from "../core/operators/map_operator.ts";
import type { OperatorFactory } from "../core/operators/operator.ts";
import { peekOperator } from "../core/operators/peek_operator.ts";
import { rewriteOperator } from "../core/operators/rewrite_operator.ts";
import { splitOperator } from "../core/operators/split_operator.ts";
import type { JoinKind } from "../core/operators/table_table_join_operator.ts";
import { rowsView } from "../core/operators/table_view.ts";
import type { Serde } from "../core/serde/serde.ts";
import { type Aggregator, count, reducing } from "../core/state/aggregator.ts";
import type { StoreDescriptor } from "../core/state/stores/store_descriptor.ts";
import type { Assigner } from "../core/window/assigner.ts";
import { GlobalTableHandle } from "./global_table_handle.ts";
import { keyByNode, repartitionNode, singleNode } from "./graph/exchange_node.ts";
import type { GraphBuilder, NodeId } from "./graph/graph.ts";
import type { GraphNode } from "./graph/node.ts";
import { outputNode } from "./graph/output_node.ts";
import { settingsNode } from "./graph/settings_node.ts";
import { sideNode } from "./graph/side_node.ts";
import { plainStep } from "./graph/step_node.ts";
import { taggedNode, unionNode } from "./graph/union_node.ts";
import { RevisedHandle } from "./revised_handle.ts";
import type { ExternalSink } from "./sink.ts";
import { aggregateStep, scanStep } from "./steps/aggregate_step.ts";
import { asyncStep } from "./steps/async_step.ts";
import { asOfJoinStep, globalJoinStep, intervalJoinStep, streamJoinStep, tableJoinStep, temporalJoinStep } from "./steps/join_step.ts";
import { matchPatternsStep, matchStep } from "./steps/match_step.ts";
import { connectBroadcastStep, connectStep, plainConnectBroadcastStep, plainProcessStep, processStep } from "./steps/process_step.ts";
import { storeStep } from "./steps/store_step.ts";
import { tableStep } from "./steps/table_step.ts";
import { timeStep } from "./steps/time_step.ts";
import { coGroupStep } from "./steps/window_step.ts";
import type { RepartitionOptions, StepOptions, ToOptions } from "./stream.ts";
import { streamJoinOf } from "./stream_join.ts";
import { namedStore, TableHandle } from "./table_handle.ts";
import { type TimeOptions, timeOf } from "./time_options.ts";
import type { Topic } from "./topic.ts";
import type { TopicChoice } from "./topic_per_record.ts";
import { WindowedHandle } from "./windowed_handle.ts";
import type { WindowJoin } from "./windowed_stream.ts";

type Callback<R> = (value: any, record: any) => R;
type CoGroupFunction = (left: readonly any[], right: readonly any[], pane: any) => any;
type Sides = Readonly<Record<string, StreamHandle>>;

/**
 * A stream as the program holds it: a place in the graph, and nothing else. What it may be asked, and with which types, is written in `Stream` and `KeyedStream`; here the types are those of any value, since the graph does not know them.
 */
export class StreamHandle {
  readonly graph: GraphBuilder;
  readonly node: NodeId;
  readonly side: Sides;

  constructor(graph: GraphBuilder, node: NodeId, side: Sides = {}) {
    this.graph = graph;
    this.node = node;
    this.side = side;
  }

  map(fn: Callback<unknown>): StreamHandle {
    return this.#plain("map", mapOperator(fn));
  }
  flatMap(fn: Callback<Iterable<unknown>>): StreamHandle {
    return this.#plain("flatMap", flatMapOperator(fn));
  }
  filter(fn: Callback<boolean>): StreamHandle {
    return this.#plain("filter", filterOperator(fn));
  }
  peek(fn: Callback<void>): StreamHandle {
    return this.#plain("peek", peekOperator(fn));
  }
  print(label?: string): void {
    this.#plain(
      "print",
      peekOperator((value) => (label === undefined ? console.log(value) : console.log(`${label}:`, value))),
    );
  }
  rewrite(fn: Callback<any>): StreamHandle {
    return new StreamHandle(this.graph, this.graph.add({ ...plainStep("rewrite", this.node, rewriteOperator(fn)), keys: "changed" }));
  }
  split(branches: Readonly<Record<string, Callback<boolean>>>): Sides {
    return this.next(plainStep("split", this.node, splitOperator(branches)), [...Object.keys(branches), "rest"]).side;
  }
  union(other: unknown): StreamHandle {
    const second = this.#other(other, "union");
    const id = this.graph.add(unionNode(this.node, second.node));
    return second instanceof KeyedHandle ? this.at(id) : new StreamHandle(this.graph, id);
  }
  with(options: StepOptions): StreamHandle {
    const { name, onError, partitions, cache } = options;
    return this.at(this.graph.add(settingsNode(this.node, { name, onError, partitions, cache })), this.side);
  }
  pipe<R>(operator: (stream: this) => R): R {
    return operator(this);
  }

  keyBy(key?: Callback<unknown>, serde?: Serde<any>): KeyedHandle {
    return new KeyedHandle(this.graph, this.graph.add(keyByNode(this.node, key, serde)));
  }
  single(): KeyedHandle {
    return new KeyedHandle(this.graph, this.graph.add(singleNode(this.node)));
  }
  repartition(name: string, options: RepartitionOptions<any, any> = {}): StreamHandle {
    const { partitions, by = "key" } = options;
    if (partitions !== undefined && !(Number.isInteger(partitions) && partitions > 0))
      throw new TopologyError(
        "OPTION_INVALID",
        `Repartition '${name}' cannot have ${partitions} partitions: give a whole number above zero`,
      );
    const id = this.graph.add(repartitionNode(this.node, { name, partitions, by }));
    return by === "key" ? this.at(id) : new StreamHandle(this.graph, id);
  }

  mapAsync(name: string, ask: Ask<any, any>, options: AsyncOptions<any, any> = {}): StreamHandle {
    return this.next(asyncStep(name, this.node, ask, options));
  }
  withTime(name: string, options: TimeOptions<any, any>): StreamHandle {
    const { timestamp, watermarks, idlenessMs } = timeOf(options);
    return this.next(timeStep(name, this.node, { timestamp, watermarks, idlenessMs }));
  }

  process(name: string, spec: any): StreamHandle {
    return this.next(plainProcessStep(name, this.node, spec, this.sharedStores(spec)), sidesOf(spec));
  }
  join(name: string, other: unknown, ...rest: readonly any[]): StreamHandle {
    return this.#globalJoin(name, other, false, rest);
  }
  leftJoin(name: string, other: unknown, ...rest: readonly any[]): StreamHandle {
    return this.#globalJoin(name, other, true, rest);
  }
  connectBroadcast(name: string, other: unknown, spec: any): StreamHandle {
    return this.next(plainConnectBroadcastStep(name, this.node, this.#other(other, "connectBroadcast").node, spec), sidesOf(spec));
  }

  to(sink: Topic<any, any> | ExternalSink<any, any>, options: ToOptions<any, any> = {}): void {
    if ("choose" in sink) {
      const { topics, choose, name } = sink as unknown as TopicChoice<any, any>;
      const branches = topics.map((topic) => [topic.name, (value: unknown, record: any) => choose(value, record) === topic.name] as const);
      const ways = this.split(Object.fromEntries(branches));
      for (const topic of topics) ways[topic.name]!.to(topic as Topic<any, any>, options);
      ways["rest"]!.peek((value, record) => {
        throw new StepError(`There is no topic '${choose(value, record)}' among ${name}: list it in topicPerRecord`);
      });
      return;
    }
    const { partition = "key", onError } = options;
    this.graph.add(
      outputNode({ stream: this.node, sink, partition: partition === "all" ? "broadcast" : partition, deletions: false, onError }),
    );
  }

  /** The steps that keep the stores which a function lists in its state: one per store, however many steps list it. */
  protected sharedStores(spec: { readonly state?: Readonly<Record<string, unknown>> }): readonly NodeId[] {
    return Object.values(spec.state ?? {}).flatMap((descriptor) => {
      const store = descriptor as StoreDescriptor<unknown, unknown>;
      return store.scope === "store" ? [storeIn(this.graph, store)] : [];
    });
  }

  #globalJoin(name: string, other: unknown, left: boolean, rest: readonly any[]): StreamHandle {
    const table = handleIn(this.graph, other, GlobalTableHandle, left ? "leftJoin" : "join");
    return this.next(globalJoinStep({ name, left, stream: this.node, view: table.copy(), on: rest[0], joiner: rest[1] }));
  }

  /** The stream of a node behind this one, of the same kind as this one. */
  protected at(id: NodeId, side: Sides = {}): StreamHandle {
    return new StreamHandle(this.graph, id, side);
  }

  /** Adds a step behind this one. */
  next(node: GraphNode, sides: readonly string[] = []): StreamHandle {
    const id = this.graph.add(node);
    return this.at(id, Object.fromEntries(sides.map((side) => [side, this.at(this.graph.add(sideNode(id, side)))])));
  }

  #plain(operation: string, operator: OperatorFactory): StreamHandle {
    return this.next(plainStep(operation, this.node, operator));
  }

  #other(stream: unknown, operation: string): StreamHandle {
    return handleIn(this.graph, stream, StreamHandle, operation);
  }
}

/** A stream whose records are together by their key. */
export class KeyedHandle extends StreamHandle {
  protected override at(id: NodeId, side: Sides = {}): KeyedHandle {
    return new KeyedHandle(this.graph, id, side);
  }

  /** A keyed stream at another place. */
  over(graph: GraphBuilder, id: NodeId): KeyedHandle {
    return new KeyedHandle(graph, id);
  }

  override process(name: string, spec: any): StreamHandle {
    return this.next(processStep(name, this.node, spec, this.sharedStores(spec)), sidesOf(spec));
  }
  connect(name: string, other: unknown, spec: any): StreamHandle {
    const right = handleIn(this.graph, other, KeyedHandle, "connect");
    return this.next(connectStep(name, this.node, right.node, spec, this.sharedStores(spec)), sidesOf(spec));
  }
  override connectBroadcast(name: string, other: unknown, spec: any): StreamHandle {
    const rules = handleIn(this.graph, other, StreamHandle, "connectBroadcast");
    return this.next(connectBroadcastStep(name, this.node, rules.node, spec), sidesOf(spec));
  }

  window(assigner: Assigner<any, any>, options: any = {}): WindowedHandle | RevisedHandle {
    const { emit, lateness, retention } = options;
    if (emit?.speaks === "revise")
      return new RevisedHandle(this, {
        stream: this.node,
        tagged: isTagged(this.graph, this.node),
        assigner,
        emit,
        latenessMs: lateness,
        retentionMs: retention,
      });
    return new WindowedHandle(this, { stream: this.node, assigner, firing: options });
  }
  match(name: string, pattern: any, options: any = {}): StreamHandle {
    return this.next(matchStep(name, this.node, buildPattern(pattern), options), ["timedOut", "late"]);
  }
  matchPatterns(name: string, patterns: unknown, options: any = {}): StreamHandle {
    const control = handleIn(this.graph, patterns, StreamHandle, "matchPatterns");
    return this.next(matchPatternsStep(name, this.node, control.node, options), ["timedOut", "late"]);
  }

  count(store: unknown): TableHandle {
    return this.#aggregate("count", store, count());
  }
  reduce(store: unknown, fn: (a: any, b: any) => any): TableHandle {
    return this.#aggregate("reduce", store, reducing(fn));
  }
  aggregate(store: unknown, aggregator: Aggregator<any, any, any, any>): TableHandle {
    return this.#aggregate("aggregate", store, aggregator);
  }
  toTable(store: unknown): TableHandle {
    return this.#table(this.graph.add(tableStep(namedStore(store), this.node, false)), undefined);
  }
  scan(name: string, aggregator: Aggregator<any, any, any, any>): StreamHandle {
    return this.next(scanStep(name, this.node, aggregator));
  }

  override join(name: string, other: unknown, ...rest: readonly any[]): StreamHandle {
    if (other instanceof GlobalTableHandle) return super.join(name, other, ...rest);
    if (!(other instanceof StreamHandle)) return this.#join(name, other, false, rest);
    const [within, joiner] = rest;
    if ("window" in within) {
      const pairs = (left: readonly unknown[], right: readonly unknown[], pane: unknown) =>
        left.flatMap((one) => right.map((another) => joiner(one, another, pane)));
      return this.#together("join", name, other, within, pairs);
    }
    if (within.clock === "stream-time") return this.#streamJoin("inner", name, other, rest);
    const right = handleIn(this.graph, other, KeyedHandle, "join").node;
    return this.next(intervalJoinStep({ name, left: this.node, right, interval: within, joiner }), lateSides);
  }
  coGroup(name: string, other: unknown, within: WindowJoin<any, any>, fn: CoGroupFunction): StreamHandle {
    return this.#together("coGroup", name, other, within, fn);
  }
  override leftJoin(name: string, other: unknown, ...rest: readonly any[]): StreamHandle {
    if (other instanceof GlobalTableHandle) return super.leftJoin(name, other, ...rest);
    return other instanceof StreamHandle ? this.#streamJoin("left", name, other, rest) : this.#join(name, other, true, rest);
  }
  outerJoin(name: string, other: unknown, ...rest: readonly any[]): StreamHandle {
    return this.#streamJoin("outer", name, other, rest);
  }

  #streamJoin(kind: JoinKind, name: string, other: unknown, [within, joiner]: readonly any[]): StreamHandle {
    const right = handleIn(this.graph, other, KeyedHandle, `${kind === "inner" ? "j" : `${kind}J`}oin`);
    return this.next(streamJoinStep(name, this.node, right.node, streamJoinOf(name, kind, within, joiner)));
  }

  #together(operation: "join" | "coGroup", name: string, other: unknown, within: WindowJoin<any, any>, fn: CoGroupFunction): StreamHandle {
    const right = handleIn(this.graph, other, KeyedHandle, operation);
    return this.next(coGroupStep(operation, name, this.node, right.node, within, fn), lateSides);
  }

  #join(name: string, table: unknown, left: boolean, rest: readonly any[]): StreamHandle {
    const other = handleIn(this.graph, table, TableHandle, left ? "leftJoin" : "join");
    const asOf = rest.length > 1 ? rest[0] : undefined;
    const join = { name, left, stream: this.node, joiner: rest.at(-1) };
    if (asOf === undefined) return this.next(tableJoinStep({ ...join, view: other.side().view }));
    const { changes, historyMs } = other.history(name, asOf.asOf === "stream-time" ? "stream time" : "the watermark");
    if (asOf.asOf !== "stream-time") return this.next(temporalJoinStep({ ...join, changes, historyMs }));
    return this.next(asOfJoinStep({ ...join, view: other.side().view, latenessMs: asOf.lateness ?? 0 }));
  }

  #aggregate(operation: "count" | "reduce" | "aggregate", store: unknown, aggregator: Aggregator<any, any, any, any>): TableHandle {
    return this.#table(this.graph.add(aggregateStep(operation, namedStore(store), this.node, aggregator)), aggregator.result);
  }

  /** A table that a step keeps the rows of. */
  #table(id: NodeId, row: ((stored: any) => unknown) | undefined): TableHandle {
    const facts = { view: { steps: [id], open: rowsView(row) }, versioned: false, windows: undefined };
    return new TableHandle(this.graph, id, facts, (graph, node) => new KeyedHandle(graph, node));
  }
}

const lateSides = ["lateLeft", "lateRight"];

/** Several streams as one, each value with the name of its stream. */
export const taggedHandle = (streams: Readonly<Record<string, StreamHandle>>): StreamHandle => {
  const [first, ...others] = Object.entries(streams).map(([from, stream]) => {
    if (!(stream instanceof StreamHandle))
      throw new TopologyError("TOPOLOGY_INVALID", `Cannot tag what was given as '${from}': it is no stream`);
    return stream.map((value) => (value === null || value === undefined ? null : { from, value }));
  });
  if (first === undefined) throw new TopologyError("TOPOLOGY_INVALID", "Cannot tag no streams at all: give tagged() at least one");
  if (others.length === 0) return first;
  const nodes = [first, ...others.map((other) => handleIn(first.graph, other, StreamHandle, "tagged"))];
  const id = first.graph.add(taggedNode(...nodes.map(({ node }) => node)));
  const keyed = nodes.every((stream) => stream instanceof KeyedHandle);
  return keyed ? new KeyedHandle(first.graph, id) : new StreamHandle(first.graph, id);
};

/** Whether the stream is one that was made of tagged ones, and nothing has been done to it since. */
const isTagged = (graph: GraphBuilder, id: NodeId): boolean => {
  const node = graph.node(id);
  if (node.node === "union") return node.tagged;
  return (node.node === "settings" || node.node === "key-by" || node.node === "repartition") && isTagged(graph, node.stream);
};

/** The step that keeps a store which steps share. Two stores of one name would be one, so that is refused. */
const storeIn = (graph: GraphBuilder, store: StoreDescriptor<unknown, unknown>): NodeId => {
  const known = graph.find((node) => node.node === "step" && node.name === store.name);
  if (known === undefined) return graph.add(storeStep(store));
  const node = graph.node(known);
  if (node.node === "step" && node.operation === "store" && node.reader === store.reader) return known;
  throw new TopologyError(
    "NAME_DUPLICATE",
    `Topology '${graph.topology}' has two stores called '${store.name}', or a step of that name: declare the store once and list it in every step that uses it, or give one of them another name`,
  );
};

/** The handle that is meant, if it belongs to this graph. */
const handleIn = <H extends { readonly graph: GraphBuilder }>(
  graph: GraphBuilder,
  given: unknown,
  kind: new (...args: any) => H,
  operation: string,
): H => {
  if (!(given instanceof kind))
    throw new TopologyError(
      "TOPOLOGY_INVALID",
      `Cannot use what was given to ${operation}() in topology '${graph.topology}': it is no ${kindName(kind)}`,
    );
  if (given.graph === graph) return given;
  throw new TopologyError(
    "TOPOLOGY_INVALID",
    `Cannot use a stream of ${given.graph.topology === graph.topology ? "another build of" : `topology '${given.graph.topology}' in`} topology '${graph.topology}', as ${operation}() would: a stream lives inside the function that is given to topology()`,
  );
};

const kindName = (kind: unknown): string => {
  if (kind === TableHandle) return "table";
  if (kind === GlobalTableHandle) return "global table";
  return kind === KeyedHandle ? "keyed stream" : "stream";
};

const sidesOf = (spec: { readonly side?: Readonly<Record<string, unknown>> }): readonly string[] => Object.keys(spec.side ?? {});
