import { TopologyError } from "../core/errors.ts";
import type { ForeignKeyJoin } from "../core/operators/foreign_key_join_operators.ts";
import { filterRow } from "../core/operators/table_step_operators.ts";
import type { JoinKind } from "../core/operators/table_table_join_operator.ts";
import { joinedView } from "../core/operators/table_table_join_operator.ts";
import { derivedView, rowsView, versionedView } from "../core/operators/table_view.ts";
import type { Serde } from "../core/serde/serde.ts";
import { type Aggregator, count } from "../core/state/aggregator.ts";
import { keyByNode } from "./graph/exchange_node.ts";
import type { GraphBuilder, NodeId } from "./graph/graph.ts";
import { outputNode } from "./graph/output_node.ts";
import { settingsNode } from "./graph/settings_node.ts";
import type { SourceNode } from "./graph/source_node.ts";
import { foreignKeyJoin } from "./steps/foreign_key_step.ts";
import { regroupedStep, regroupStep } from "./steps/regroup_step.ts";
import { suppressStep } from "./steps/suppress_step.ts";
import {
  changesStep,
  filterTableStep,
  mapTableStep,
  materializeStep,
  type NamedStore,
  type TableSide,
  tableStep,
  tableTableJoinStep,
  type View,
  versionedTableStep,
} from "./steps/table_step.ts";
import type { StepOptions } from "./stream.ts";
import type { Suppression } from "./suppression.ts";
import type { Topic } from "./topic.ts";

type Callback<R> = (value: any, record: any) => R;

/** What is known of a table beside its changes. */
export interface TableFacts {
  /** How to look into it; undefined: nobody keeps its rows yet. */
  readonly view: View | undefined;
  /** Changes of the past are among its changes. */
  readonly versioned: boolean;
  /** Of windows: how long after its end a row of that key can still change, and when that end is. */
  readonly windows: { readonly latenessMs: number; readonly end: (key: any) => number } | undefined;
}

/** A table as the program holds it: the stream of its changes. Its types are those of `Table`. */
export class TableHandle {
  readonly graph: GraphBuilder;
  /** The stream of its changes; it becomes another one when somebody asks for rows that nobody has kept so far. */
  #changes: NodeId;
  #facts: TableFacts;
  readonly #stream: (graph: GraphBuilder, id: NodeId) => unknown;

  /** @param stream makes the handle of a stream of changes */
  constructor(graph: GraphBuilder, changes: NodeId, facts: TableFacts, stream: (graph: GraphBuilder, id: NodeId) => unknown) {
    this.graph = graph;
    this.#changes = changes;
    this.#facts = facts;
    this.#stream = stream;
  }

  toStream(): unknown {
    this.#checkKeys();
    return this.#stream(this.graph, this.#changes);
  }

  to(topic: Topic<any, any>): void {
    this.#checkKeys();
    this.graph.add(outputNode({ stream: this.#changes, sink: topic, partition: "key", deletions: true, onError: undefined }));
  }

  with({ name, onError, partitions, cache }: StepOptions): TableHandle {
    return this.#next(this.graph.add(settingsNode(this.#changes, { name, onError, partitions, cache })), this.#facts);
  }

  map(fn: Callback<unknown>): TableHandle {
    return this.#derived((changes) => mapTableStep(changes, fn), fn);
  }

  filter(fn: Callback<boolean>): TableHandle {
    return this.#derived((changes) => filterTableStep(changes, fn, this.#facts.versioned), filterRow(fn));
  }

  groupBy(key: Callback<unknown>, serde?: Serde<any>): GroupedTableHandle {
    // A group has to be told what a row was before, and a topic alone does not know.
    if (this.#facts.view === undefined && this.#comesFromTopic()) this.#keepRows();
    const regrouped = this.graph.add(regroupStep(this.#changes, key, this.#facts.versioned));
    // The key is on the record already; only a serde has something more to say of it.
    const own = serde === undefined ? undefined : (_change: unknown, record: { readonly key: unknown }) => record.key;
    return new GroupedTableHandle(this, this.graph.add(keyByNode(regrouped, own, serde)));
  }

  materialize(store: unknown): TableHandle {
    const named = namedStore(store);
    const id = this.graph.add(materializeStep(named, this.#changes, this.#behind()));
    return this.#next(id, { ...this.#facts, versioned: false, view: { steps: [id], open: rowsView(undefined) } });
  }

  suppress(name: string, suppression: Suppression<any>): TableHandle {
    const { until, afterMs, clock, atLatestMs, recordsMax, bytesMax, whenFull } = suppression;
    // Those behind are told what was there before, and a topic alone does not know.
    if (this.#facts.view === undefined && this.#comesFromTopic()) this.#keepRows();
    const { windows } = this.#facts;
    const final = until === "window closes";
    if (final && windows === undefined)
      throw new TopologyError(
        "TOPOLOGY_INVALID",
        `Step '${name}' waits until windows close, and the table before it has none: use untilTimeLimit, or put it behind a table of windows`,
        { step: name },
      );
    const { end, latenessMs } = windows ?? { end: () => 0, latenessMs: 0 };
    const id = this.graph.add(
      suppressStep(name, this.#changes, {
        time: final ? (key) => end(key) : (_key, record) => record.timestamp,
        // The end of a window does not belong to it: a watermark that has come to the last millisecond in it has seen all.
        afterMs: final ? latenessMs - (clock === "watermark" ? 1 : 0) : afterMs,
        final,
        clock,
        atLatestMs,
        recordsMax,
        bytesMax,
        whenFull,
      }),
    );
    return this.#next(id, { ...this.#facts, view: undefined });
  }

  join(name: string, other: unknown, ...rest: readonly any[]): TableHandle {
    return this.#join("inner", name, other, rest);
  }
  leftJoin(name: string, other: unknown, ...rest: readonly any[]): TableHandle {
    return this.#join("left", name, other, rest);
  }
  outerJoin(name: string, other: unknown, ...rest: readonly any[]): TableHandle {
    return this.#join("outer", name, other, rest);
  }

  // ---------------------------------------------------------------- for other handles

  /** What a step needs to look into the table; somebody keeps its rows from now on. */
  side(): TableSide {
    if (this.#facts.view === undefined) this.#keepRows();
    return { changes: this.#changes, view: this.#facts.view!, versioned: this.#facts.versioned };
  }

  /** The changes as they come, and for how long versions are kept: of a topic that was read with a history. */
  history(step: string, asOf: "the watermark" | "stream time"): { readonly changes: NodeId; readonly historyMs: number } {
    let id = this.#changes;
    let node = this.graph.node(id);
    while (node.node === "settings" || (node.node === "step" && (node.operation === "table" || node.operation === "changes"))) {
      id = node.node === "settings" ? node.stream : node.ports[0]!.stream;
      node = this.graph.node(id);
    }
    const historyMs = node.node === "source" ? node.table?.historyMs : undefined;
    if (historyMs !== undefined) return { changes: id, historyMs };
    throw new TopologyError(
      "TOPOLOGY_INVALID",
      `Step '${step}' joins a table as of ${asOf}, and ${node.node === "source" ? `the table of topic '${node.source.name}' keeps only present rows: read it with table(topic, { history: ... })` : `the table of step '${node.node === "step" ? node.name : ""}' keeps only present rows: write it to a topic and read that with table(topic, { history: ... })`}`,
      { step },
    );
  }

  /** A table behind this one, of the same graph. */
  at(id: NodeId, facts: TableFacts): TableHandle {
    return this.#next(id, facts);
  }

  // ----------------------------------------------------------------

  #next(id: NodeId, facts: TableFacts): TableHandle {
    return new TableHandle(this.graph, id, facts, this.#stream);
  }

  /** A table without keys is none: where nobody keeps its rows, and so would find out, a step of its own leaves out records that have none. */
  #checkKeys(): void {
    if (this.#facts.view === undefined && this.#source() !== undefined) this.#changes = this.graph.add(changesStep(this.#changes));
  }

  #derived(step: (changes: NodeId) => Parameters<GraphBuilder["add"]>[0], fn: (value: any, record: any) => unknown): TableHandle {
    this.#checkKeys();
    const { view } = this.#facts;
    const id = this.graph.add(step(this.#changes));
    return this.#next(id, {
      ...this.#facts,
      view: view === undefined ? undefined : { steps: view.steps, open: derivedView(view.open, fn) },
    });
  }

  #join(kind: JoinKind, name: string, other: unknown, rest: readonly any[]): TableHandle {
    if (!(other instanceof TableHandle))
      throw new TopologyError("TOPOLOGY_INVALID", `Cannot join a table with what was given to step '${name}': it is no table`, {
        step: name,
      });
    if (other.graph !== this.graph)
      throw new TopologyError(
        "TOPOLOGY_INVALID",
        `Cannot join a table of another topology in step '${name}': a table lives inside the function that is given to topology()`,
        { step: name },
      );
    const joiner = rest.at(-1);
    const [left, right] = [this.side(), other.side()];
    if (rest.length > 1) {
      const join: ForeignKeyJoin = { left: kind === "left", on: rest[0], joiner };
      const { result, view } = foreignKeyJoin(this.graph, name, join, left, right);
      return this.#next(result, { view, versioned: false, windows: undefined });
    }
    const id = this.graph.add(tableTableJoinStep({ name, kind, joiner, left, right }));
    const view: View = {
      steps: [...left.view.steps, ...right.view.steps],
      open: joinedView({ kind, joiner }, { view: left.view.open, stores: left.view.steps.length }, right.view.open),
    };
    return this.#next(id, { view, versioned: false, windows: this.#facts.windows });
  }

  /** A step behind the changes that keeps their rows: one per topic, however often it is asked for. */
  #keepRows(): void {
    const source = this.#source();
    const table = source?.table;
    if (table !== undefined && source !== undefined) {
      const { store, value, historyMs, fromSource } = table;
      const known = this.graph.find((node) => node.node === "step" && node.operation === "table" && node.name === store);
      const id =
        known ??
        this.graph.add(
          historyMs === undefined
            ? tableStep({ name: store, value, changelog: true }, this.#changes, fromSource)
            : versionedTableStep(store, this.#changes, historyMs),
        );
      this.#changes = id;
      this.#facts = {
        ...this.#facts,
        versioned: historyMs !== undefined,
        view: { steps: [id], open: historyMs === undefined ? rowsView(undefined) : versionedView(historyMs) },
      };
      return;
    }
    const made = this.materialize(`${this.#name()}-rows`);
    this.#changes = made.#changes;
    this.#facts = made.#facts;
  }

  /** The topic that the changes come from, if nothing is done to them on the way. */
  #source(): SourceNode | undefined {
    let node = this.graph.node(this.#changes);
    while (node.node === "settings" || (node.node === "step" && node.operation === "changes"))
      node = this.graph.node(node.node === "step" ? node.ports[0]!.stream : node.stream);
    return node.node === "source" ? node : undefined;
  }

  /** What makes the rows, as far as those who keep them have to know: a filter of rows that are known, or a join of tables. */
  #behind(): "filter" | "join" | undefined {
    const node = this.graph.node(this.#changes);
    if (node.node !== "step") return undefined;
    if (node.operation === "filter" && this.#facts.view !== undefined && !this.#facts.versioned) return "filter";
    return node.lookups.length > 0 && node.ports.length === 2 ? "join" : undefined;
  }

  /** The same where each change by itself is turned into another one. */
  #comesFromTopic(): boolean {
    let node = this.graph.node(this.#changes);
    while (node.node === "settings" || (node.node === "step" && ["changes", "map", "filter"].includes(node.operation)))
      node = this.graph.node(node.node === "step" ? node.ports[0]!.stream : node.stream);
    return node.node === "source";
  }

  /** Of the nearest step before that has one: what is kept behind it is called after it. */
  #name(): string {
    let id = this.#changes;
    for (;;) {
      const node = this.graph.node(id);
      if (node.node === "step" && node.name !== undefined) return node.name;
      if (node.node === "source") return node.table?.store ?? node.source.name;
      id = node.node === "step" ? node.ports[0]!.stream : (node as { readonly stream: NodeId }).stream;
    }
  }
}

/** The groups of a table. Its types are those of `GroupedTable`. */
export class GroupedTableHandle {
  readonly #table: TableHandle;
  readonly #groups: NodeId;

  constructor(table: TableHandle, groups: NodeId) {
    this.#table = table;
    this.#groups = groups;
  }

  count(store: unknown): TableHandle {
    return this.#step("count", store, count());
  }
  reduce(
    store: unknown,
    { add, subtract }: { readonly add: (a: any, b: any) => any; readonly subtract: (a: any, b: any) => any },
  ): TableHandle {
    return this.#step("reduce", store, {
      init: () => undefined,
      add: (acc, value) => (acc === undefined ? value : add(acc, value)),
      subtract,
    });
  }
  aggregate(store: unknown, aggregator: Aggregator<any, any, any, any>): TableHandle {
    return this.#step("aggregate", store, aggregator);
  }

  #step(operation: "count" | "reduce" | "aggregate", store: unknown, aggregator: Aggregator<any, any, any, any>): TableHandle {
    const id = this.#table.graph.add(regroupedStep(operation, namedStore(store), this.#groups, aggregator));
    return this.#table.at(id, { view: { steps: [id], open: rowsView(aggregator.result) }, versioned: false, windows: undefined });
  }
}

/** The name of a step with a store, or the store that it is to keep. */
export const namedStore = (given: unknown): NamedStore => {
  if (typeof given !== "object" || given === null) return { name: given as string, value: undefined, changelog: true };
  const { name, value, changelog = true } = given as { readonly name: string } & Partial<NamedStore>;
  return { name, value, changelog };
};
