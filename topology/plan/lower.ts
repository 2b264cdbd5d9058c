import { type ErrorPolicy, fail } from "../../core/error_policy.ts";
import { TopologyError } from "../../core/errors.ts";
import { rewriteOperator } from "../../core/operators/rewrite_operator.ts";
import type { Edge, InternalTopicPlan, OutputPlan, StorePlan, SubtopologyPlan, TopicRef } from "../../core/runtime/plan.ts";
import { typedKey } from "../../core/serde/canonical_key.ts";
import { selfDescribing } from "../../core/serde/self_describing.ts";
import type { Serde } from "../../core/serde/serde.ts";
import { keyCodec } from "../../core/state/codecs.ts";
import type { Graph, NodeId } from "../graph/graph.ts";
import type { OutputNode } from "../graph/output_node.ts";
import type { SourceNode } from "../graph/source_node.ts";
import type { StepNode } from "../graph/step_node.ts";
import type { ExternalSink } from "../sink.ts";
import { askedForChanges } from "./changes.ts";
import type { Component } from "./components.ts";
import type { Exchange, Writer } from "./exchanges.ts";
import type { KeyDomains } from "./key_domains.ts";
import type { Keying } from "./keying.ts";
import type { InsertedExchange, Layout } from "./layout.ts";
import { withRetryTopics } from "./retry_topics.ts";
import { operationOf, policyOf, type StepNames } from "./step_names.ts";
import { SubtopologyDraft } from "./subtopology_draft.ts";

/** All that is known of a graph before it is put together. */
export interface Analysis {
  readonly graph: Graph;
  readonly names: StepNames;
  readonly keying: Keying;
  readonly domains: KeyDomains;
  readonly layout: Layout;
  readonly onError: ErrorPolicy;
  /** Tables hold their changes back until a commit. */
  readonly cached: boolean;
}

/** Puts the steps of each part together, with their inputs, outputs and stores. */
export const lower = (
  analysis: Analysis,
): { readonly subtopologies: readonly SubtopologyPlan[]; readonly topics: readonly InternalTopicPlan[] } => new Lowering(analysis).run();

class Lowering {
  readonly #graph: Graph;
  readonly #names: StepNames;
  readonly #keying: Keying;
  readonly #domains: KeyDomains;
  readonly #layout: Layout;
  readonly #onError: ErrorPolicy;
  /** The steps of which somebody asks what was there before a change. */
  readonly #asked: ReadonlySet<NodeId>;
  readonly #cached: boolean;
  readonly #drafts = new Map<Component, SubtopologyDraft>();
  readonly #topics = new Map<string, InternalTopicPlan>();
  readonly #sinks = new Map<string, { readonly sink: ExternalSink<any, any>; readonly writers: NodeId[] }>();

  constructor({ graph, names, keying, domains, layout, onError, cached }: Analysis) {
    this.#graph = graph;
    this.#names = names;
    this.#keying = keying;
    this.#domains = domains;
    this.#layout = layout;
    this.#onError = onError;
    this.#asked = askedForChanges(graph);
    this.#cached = cached;
  }

  run(): { readonly subtopologies: readonly SubtopologyPlan[]; readonly topics: readonly InternalTopicPlan[] } {
    this.#collectSinks();
    const read = new Set<Exchange>();
    this.#graph.nodes.forEach((node, id) => {
      for (const component of this.#layout.components.roots(this.#layout.placed[id]!)) {
        switch (node.node) {
          case "source":
            this.#source(id, node, component);
            break;
          case "step":
            this.#step(id, node, component);
            break;
          case "output":
            this.#output(id, node, component);
            break;
          default:
        }
      }
      const exchange = this.#layout.exchanges.get(id);
      if (exchange === undefined) return;
      if (!read.has(exchange)) this.#read(exchange);
      read.add(exchange);
      for (const writer of exchange.writers) if (writer.node === id) this.#write(exchange, writer);
    });
    this.#readSinks();
    const drafts = this.#layout.components.inOrder().flatMap((component) => this.#drafts.get(component) ?? []);
    // Nothing reads behind a sink, so sinks can stand last: one more of them changes the id of no task that has state.
    const subtopologies = [...drafts.filter(({ sink }) => sink === undefined), ...drafts.filter(({ sink }) => sink !== undefined)].map(
      (draft, id) => withRetryTopics(draft.finish(id), (topic, step) => this.#internal(topic, step)),
    );
    return { subtopologies, topics: [...this.#topics.values()] };
  }

  #draft(component: Component): SubtopologyDraft {
    const root = this.#layout.components.root(component);
    let draft = this.#drafts.get(root);
    if (draft === undefined) this.#drafts.set(root, (draft = new SubtopologyDraft()));
    return draft;
  }

  /** Where the records of a stream come from within one part. */
  #edges(id: NodeId, component: Component): readonly Edge[] {
    const draft = this.#draft(component);
    const known = draft.edges.get(id);
    if (known !== undefined) return known;
    const node = this.#graph.nodes[id]!;
    switch (node.node) {
      case "settings":
        return this.#edges(node.stream, component);
      case "side":
        return this.#edges(node.step, component).map((edge) => ("node" in edge ? { ...edge, output: node.output } : edge));
      case "union":
        return node.streams.flatMap((stream) => this.#edges(stream, component));
      case "single":
      case "key-by":
        return this.#keyOnTheSpot(id, node.stream, node.node === "single" ? () => null : node.key, component);
      default:
        return [];
    }
  }

  /** A `keyBy` or `single` on which nobody relies moves no record. */
  #keyOnTheSpot(
    id: NodeId,
    stream: NodeId,
    key: ((value: any, record: any) => unknown) | undefined,
    component: Component,
  ): readonly Edge[] {
    // Behind an exchange its records are in the part that reads the topic, and nowhere else.
    if (this.#layout.exchanges.has(id)) return [];
    const before = this.#edges(stream, component);
    if (key === undefined || before.length === 0 || !this.#keying.spread[id]!.exchanges.has(id)) return before;
    const draft = this.#draft(component);
    const edge = draft.add({
      step: this.#names.names.get(id) ?? `single-${id}`,
      kind: operationOf(this.#graph.nodes[id]!),
      parameters: {},
      inputs: [before],
      operator: rewriteOperator((value, record) => ({ key: key(value, record) ?? null, value })),
      onError: policyOf(id, undefined, this.#names, this.#onError),
    });
    draft.edges.set(id, [edge]);
    return [edge];
  }

  #source(id: NodeId, node: SourceNode, component: Component): void {
    const draft = this.#draft(component);
    const step = this.#names.names.get(id)!;
    const shared = {
      step,
      table: node.table !== undefined,
      time: node.time,
      startAt: node.startAt,
      onError: policyOf(id, node.onError, this.#names, this.#onError),
    };
    const { source } = node;
    if (source.kind !== "records") {
      const topic: TopicRef =
        source.kind === "topics"
          ? { name: source.name, internal: false, pattern: source.pattern }
          : { name: source.name, internal: false, declared: source.declared };
      draft.edges.set(id, [draft.read({ ...shared, topic, kind: "source", key: source.key, value: source.value, endAt: node.endAt })]);
    } else {
      const topic = this.#internal({ name: step, kind: "records", partitions: 1 }, step);
      draft.edges.set(id, [
        draft.read({
          ...shared,
          topic,
          kind: "records",
          key: typedKey,
          value: selfDescribing,
          endAt: node.endAt ?? "latest",
          records: source.read,
        }),
      ]);
    }
  }

  #step(id: NodeId, node: StepNode, component: Component): void {
    const draft = this.#draft(component);
    const step = this.#names.names.get(id)!;
    const inserted = this.#layout.inserted.get(id) ?? [];
    for (const each of inserted) this.#insert(each);
    const inputs = node.ports.map(({ stream, needs }, port) => [
      ...(needs === "everywhere" ? [] : this.#edges(stream, component)),
      ...inserted.flatMap((each) => (each.port === port ? this.#inputOf(each.exchange) : [])),
    ]);
    const keyed = node.ports.some(({ needs }) => needs === "key");
    const single = keyed && this.#keying.spread[node.ports[0]!.stream]!.by === "single";
    const cached = this.#cached && this.#names.settings.get(id)?.cache !== false;
    const [tables, stores] = [node.lookups, node.stores].map((ids) => ids.map((other) => this.#names.names.get(other)!));
    const edge = draft.add({
      step,
      kind: node.operation,
      parameters: node.parameters,
      inputs,
      operator: node.operator({
        single,
        tables: tables!,
        stores: stores!,
        before: this.#asked.has(id),
        cached,
      }),
      ...(tables!.length + stores!.length > 0 ? { uses: [...new Set([...tables!, ...stores!])] } : {}),
      ...(node.stateful ? { store: this.#store(step, node, keyed ? this.#stateKey(node) : undefined, cached) } : {}),
      onError: policyOf(id, undefined, this.#names, this.#onError),
    });
    draft.edges.set(id, [edge]);
    if (node.rows !== undefined)
      draft.sourced.push({ node: edge.node, value: node.rows.value, needsHistory: cached || this.#asked.has(id) });
    if (keyed)
      draft.rely(
        edge,
        node.ports.flatMap(({ needs }, port) => (needs === "key" ? inputs[port]! : [])),
        node.lookups.flatMap((table) => this.#edges(table, component)),
      );
  }

  #store(name: string, { changelog, reader }: StepNode, key: Serde<any> | undefined, cached: boolean): StorePlan {
    return {
      name,
      keys: keyCodec(key),
      changelog,
      ...(key?.name === undefined ? {} : { keySerde: key.name }),
      ...(reader === undefined ? {} : { reader: typeof reader === "function" ? reader(cached) : reader }),
    };
  }

  /** A serde that has to be opened for its topic first cannot write state; there keys are written canonically. */
  #stateKey({ ports }: StepNode): Serde<any> | undefined {
    const serde = this.#domains.common(ports.flatMap(({ needs, stream }) => (needs === "key" ? [stream] : [])));
    return serde?.open === undefined ? serde : undefined;
  }

  #output(id: NodeId, node: OutputNode, component: Component): void {
    const draft = this.#draft(component);
    const { sink } = node;
    const shared = { partition: node.partition, dropNullKeys: false };
    const output: OutputPlan =
      sink.kind === "topic"
        ? {
            ...shared,
            topic: { name: sink.name, internal: false, declared: sink.declared },
            key: sink.key,
            value: sink.value,
            watermarks: false,
            nullDeletes: node.deletions || sink.value.takesNull === true,
          }
        : {
            ...shared,
            topic: { name: `${sink.name}-sink`, internal: true },
            key: this.#sinkKey(sink.name),
            value: selfDescribing,
            watermarks: true,
            nullDeletes: false,
          };
    const inputs = [this.#edges(node.stream, component)];
    draft.add({
      step: this.#names.names.get(id)!,
      kind: "to",
      parameters: {},
      inputs,
      output,
      onError: policyOf(id, node.onError, this.#names, this.#onError),
    });
  }

  // ---------------------------------------------------------------- exchanges

  #insert({ exchange, funnel }: InsertedExchange): void {
    const [writer] = exchange.writers;
    if (funnel === undefined) {
      this.#read(exchange);
      this.#write(exchange, writer!);
    } else {
      this.#read(funnel);
      this.#write(funnel, writer!);
      this.#read(exchange);
      this.#writeFrom(funnel.reader, exchange, writer!, this.#inputOf(funnel));
    }
  }

  #key(exchange: Exchange): Serde<any> {
    return this.#domains.serdeOf(exchange.keysOf) ?? typedKey;
  }

  #read(exchange: Exchange): void {
    const topic = this.#internal({ name: exchange.topic, kind: "repartition", partitions: exchange.partitions }, exchange.topic);
    const draft = this.#draft(exchange.reader);
    const edge = draft.read({
      topic,
      kind: "repartition",
      step: exchange.topic,
      key: this.#key(exchange),
      value: selfDescribing,
      table: false,
      time: undefined,
      startAt: "earliest",
      endAt: undefined,
      onError: fail(),
      ...(exchange.bootstrap === true ? { bootstrap: true } : {}),
    });
    draft.inputOf.set(exchange.topic, edge);
    // Exchanges that share a topic meet in a union right behind it, where its records must not stand once for each of them.
    let first = true;
    for (const [id, other] of this.#layout.exchanges) {
      if (other !== exchange) continue;
      draft.edges.set(id, first ? [edge] : []);
      first = false;
    }
  }

  #inputOf(exchange: Exchange): readonly Edge[] {
    return [this.#draft(exchange.reader).inputOf.get(exchange.topic)!];
  }

  #write(exchange: Exchange, writer: Writer): void {
    const { components, placed } = this.#layout;
    for (const component of components.roots(writer.from ?? placed[writer.stream]!))
      this.#writeFrom(component, exchange, writer, this.#edges(writer.stream, component));
  }

  #writeFrom(component: Component, exchange: Exchange, writer: Writer, edges: readonly Edge[]): void {
    const draft = this.#draft(component);
    const step = draft.freeName(`to-${exchange.topic}`);
    draft.add({
      step,
      kind: "repartition",
      parameters: {},
      inputs: [edges],
      output: {
        topic: { name: exchange.topic, internal: true },
        key: this.#key(exchange),
        value: selfDescribing,
        partition: exchange.partition,
        dropNullKeys: exchange.dropNullKeys,
        watermarks: true,
        nullDeletes: false,
        ...(writer.rekey === undefined ? {} : { rekey: writer.rekey }),
      },
      onError: policyOf(writer.node, undefined, this.#names, this.#onError),
    });
  }

  // ---------------------------------------------------------------- sinks and topics

  #collectSinks(): void {
    this.#graph.nodes.forEach((node, id) => {
      if (node.node !== "output" || node.sink.kind !== "external") return;
      const known = this.#sinks.get(node.sink.name);
      if (known === undefined) this.#sinks.set(node.sink.name, { sink: node.sink, writers: [id] });
      else if (known.sink === node.sink) known.writers.push(id);
      else
        throw new TopologyError(
          "NAME_DUPLICATE",
          `Topology '${this.#graph.topology}' writes to two different sinks that are both called '${node.sink.name}', at ${this.#graph.sites[known.writers[0]!]} and ${this.#graph.sites[id]}: give one of them another name, since their topics are called after them`,
        );
    });
  }

  #sinkKey(sink: string): Serde<any> {
    return this.#domains.common(this.#sinks.get(sink)!.writers) ?? typedKey;
  }

  #readSinks(): void {
    for (const [name, component] of this.#layout.sinks) {
      const topic = this.#internal({ name: `${name}-sink`, kind: "sink", partitions: undefined }, name);
      const draft = this.#draft(component);
      draft.sink = { name, writer: this.#sinks.get(name)!.sink.writer };
      draft.read({
        topic,
        kind: "sink",
        step: name,
        key: this.#sinkKey(name),
        value: selfDescribing,
        table: false,
        time: undefined,
        startAt: "earliest",
        endAt: undefined,
        onError: fail(),
      });
    }
  }

  #internal(topic: InternalTopicPlan, step: string): TopicRef {
    if (this.#topics.has(topic.name))
      throw new TopologyError(
        "NAME_DUPLICATE",
        `Topology '${this.#graph.topology}' would have two internal topics called '${topic.name}': give step '${step}' another name`,
      );
    this.#topics.set(topic.name, topic);
    return { name: topic.name, internal: true };
  }
}
