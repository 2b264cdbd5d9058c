import { buildPattern } from "../core/cep/pattern.ts";
import { TopologyError } from "../core/errors.ts";
import { filterOperator } from "../core/operators/filter_operator.ts";
import { flatMapOperator } from "../core/operators/flat_map_operator.ts";
import { mapOperator } from "../core/operators/map_operator.ts";
import type { OperatorFactory } from "../core/operators/operator.ts";
import { peekOperator } from "../core/operators/peek_operator.ts";
import { rewriteOperator } from "../core/operators/rewrite_operator.ts";
import { splitOperator } from "../core/operators/split_operator.ts";
import type { Serde } from "../core/serde/serde.ts";
import { type Aggregator, count, reducing } from "../core/state/aggregator.ts";
import type { Assigner } from "../core/window/assigner.ts";
import { keyByNode, repartitionNode, singleNode } from "./graph/exchange_node.ts";
import type { GraphBuilder, NodeId } from "./graph/graph.ts";
import type { GraphNode } from "./graph/node.ts";
import { outputNode } from "./graph/output_node.ts";
import { settingsNode } from "./graph/settings_node.ts";
import { sideNode } from "./graph/side_node.ts";
import { plainStep } from "./graph/step_node.ts";
import { unionNode } from "./graph/union_node.ts";
import type { ExternalSink } from "./sink.ts";
import { aggregateStep, scanStep } from "./steps/aggregate_step.ts";
import { matchStep } from "./steps/match_step.ts";
import { connectBroadcastStep, connectStep, plainConnectBroadcastStep, plainProcessStep, processStep } from "./steps/process_step.ts";
import type { RepartitionOptions, StepOptions, ToOptions } from "./stream.ts";
import { TableHandle } from "./table_handle.ts";
import type { Topic } from "./topic.ts";
import { WindowedHandle } from "./windowed_handle.ts";

type Callback<R> = (value: any, record: any) => R;
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
    const { name, onError, partitions } = options;
    return this.at(this.graph.add(settingsNode(this.node, { name, onError, partitions })), this.side);
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

  process(name: string, spec: any): StreamHandle {
    return this.next(plainProcessStep(name, this.node, spec), sidesOf(spec));
  }
  connectBroadcast(name: string, other: unknown, spec: any): StreamHandle {
    return this.next(plainConnectBroadcastStep(name, this.node, this.#other(other, "connectBroadcast").node, spec), sidesOf(spec));
  }

  to(sink: Topic<any, any> | ExternalSink<any, any>, options: ToOptions<any, any> = {}): void {
    const { partition = "key", onError } = options;
    this.graph.add(
      outputNode({ stream: this.node, sink, partition: partition === "all" ? "broadcast" : partition, deletions: false, onError }),
    );
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

  override process(name: string, spec: any): StreamHandle {
    return this.next(processStep(name, this.node, spec), sidesOf(spec));
  }
  connect(name: string, other: unknown, spec: any): StreamHandle {
    const right = handleIn(this.graph, other, KeyedHandle, "connect");
    return this.next(connectStep(name, this.node, right.node, spec), sidesOf(spec));
  }
  override connectBroadcast(name: string, other: unknown, spec: any): StreamHandle {
    const rules = handleIn(this.graph, other, StreamHandle, "connectBroadcast");
    return this.next(connectBroadcastStep(name, this.node, rules.node, spec), sidesOf(spec));
  }

  window(assigner: Assigner<any, any>, options: any = {}): WindowedHandle {
    return new WindowedHandle(this, { stream: this.node, assigner, firing: options });
  }
  match(name: string, pattern: any, options: any = {}): StreamHandle {
    return this.next(matchStep(name, this.node, buildPattern(pattern), options), ["timedOut", "late"]);
  }

  count(name: string): TableHandle {
    return this.#table(aggregateStep("count", name, this.node, count()));
  }
  reduce(name: string, fn: (a: any, b: any) => any): TableHandle {
    return this.#table(aggregateStep("reduce", name, this.node, reducing(fn)));
  }
  aggregate(name: string, aggregator: Aggregator<any, any, any, any>): TableHandle {
    return this.#table(aggregateStep("aggregate", name, this.node, aggregator));
  }
  scan(name: string, aggregator: Aggregator<any, any, any, any>): StreamHandle {
    return this.next(scanStep(name, this.node, aggregator));
  }

  join(name: string, table: unknown, ...rest: readonly any[]): StreamHandle {
    return this.#join(name, table, false, rest);
  }
  leftJoin(name: string, table: unknown, ...rest: readonly any[]): StreamHandle {
    return this.#join(name, table, true, rest);
  }

  #join(name: string, table: unknown, left: boolean, rest: readonly any[]): StreamHandle {
    const other = handleIn(this.graph, table, TableHandle, left ? "leftJoin" : "join");
    return this.next(other.joinStep({ name, left, stream: this.node, joiner: rest.at(-1) }, rest.length > 1));
  }

  #table(node: GraphNode): TableHandle {
    return new TableHandle(this.next(node) as KeyedHandle);
  }
}

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
      `Cannot use what was given to ${operation}() in topology '${graph.topology}': it is no ${kind === (TableHandle as unknown) ? "table" : kind === (KeyedHandle as unknown) ? "keyed stream" : "stream"}`,
    );
  if (given.graph === graph) return given;
  throw new TopologyError(
    "TOPOLOGY_INVALID",
    `Cannot use a stream of ${given.graph.topology === graph.topology ? "another build of" : `topology '${given.graph.topology}' in`} topology '${graph.topology}', as ${operation}() would: a stream lives inside the function that is given to topology()`,
  );
};

const sidesOf = (spec: { readonly side?: Readonly<Record<string, unknown>> }): readonly string[] => Object.keys(spec.side ?? {});
