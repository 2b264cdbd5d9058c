import { TopologyError } from "../core/errors.ts";
import type { GraphBuilder, NodeId } from "./graph/graph.ts";
import { outputNode } from "./graph/output_node.ts";
import type { SourceNode } from "./graph/source_node.ts";
import type { StepNode } from "./graph/step_node.ts";
import { tableJoinStep, temporalJoinStep } from "./steps/join_step.ts";
import { tableStep } from "./steps/table_step.ts";
import type { StepOptions } from "./stream.ts";
import type { KeyedHandle, StreamHandle } from "./stream_handle.ts";
import type { Topic } from "./topic.ts";

interface JoinRequest {
  readonly name: string;
  readonly left: boolean;
  readonly stream: NodeId;
  readonly joiner: (left: any, right: any, record: any) => unknown;
}

/** A table as the program holds it: the stream of its changes. Its types are those of `Table`. */
export class TableHandle {
  readonly #changes: KeyedHandle;

  constructor(changes: KeyedHandle) {
    this.#changes = changes;
  }

  get graph(): GraphBuilder {
    return this.#changes.graph;
  }

  toStream(): StreamHandle {
    return this.#changes;
  }

  to(topic: Topic<any, any>): void {
    this.graph.add(outputNode({ stream: this.#changes.node, sink: topic, partition: "key", deletions: true, onError: undefined }));
  }

  with(options: StepOptions): TableHandle {
    return new TableHandle(this.#changes.with(options) as KeyedHandle);
  }

  /** The step that joins a stream with this table, as it is or as it was. */
  joinStep(join: JoinRequest, asOf: boolean): StepNode {
    return asOf ? this.#temporalJoin(join) : this.#tableJoin(join);
  }

  #tableJoin(join: JoinRequest): StepNode {
    const maker = this.#maker();
    if (maker.node === "step") return tableJoinStep({ ...join, table: this.#makerId(), row: maker.rows?.row });
    const { store } = maker.table!;
    const table =
      this.graph.find((node) => node.node === "step" && node.operation === "table" && node.name === store) ??
      this.graph.add(tableStep(store, this.#changes.node));
    return tableJoinStep({ ...join, table, row: undefined });
  }

  #temporalJoin(join: JoinRequest): StepNode {
    const maker = this.#maker();
    const historyMs = maker.node === "source" ? maker.table!.historyMs : undefined;
    if (historyMs === undefined || maker.node === "step")
      throw new TopologyError(
        "TOPOLOGY_INVALID",
        `Step '${join.name}' joins a table as of the watermark, and ${maker.node === "source" ? `the table of topic '${maker.source.name}' keeps only present rows: read it with table(topic, { history: ... })` : `the table of step '${maker.name}' keeps only present rows: write it to a topic and read that with table(topic, { history: ... })`}`,
        { step: join.name },
      );
    return temporalJoinStep({ ...join, changes: this.#changes.node, historyMs });
  }

  /** The topic or the step that the rows come from, whatever `with` said of it. */
  #maker(): SourceNode | StepNode {
    return this.graph.node(this.#makerId()) as SourceNode | StepNode;
  }

  #makerId(): NodeId {
    let id = this.#changes.node;
    for (let node = this.graph.node(id); node.node === "settings"; node = this.graph.node(id)) id = node.stream;
    return id;
  }
}
