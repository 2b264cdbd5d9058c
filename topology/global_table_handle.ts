import { materializeOperator } from "../core/operators/table_operator.ts";
import { rowsReader } from "../core/operators/table_readers.ts";
import { rowsView } from "../core/operators/table_view.ts";
import type { GraphBuilder, NodeId } from "./graph/graph.ts";
import { stepNode } from "./graph/step_node.ts";
import type { NamedStore, View } from "./steps/table_step.ts";

/** A table that every task has a copy of, as the program holds it. Its types are those of `GlobalTable`. */
export class GlobalTableHandle {
  readonly graph: GraphBuilder;
  readonly #changes: NodeId;
  readonly #store: NamedStore;

  constructor(graph: GraphBuilder, changes: NodeId, store: NamedStore) {
    this.graph = graph;
    this.#changes = changes;
    this.#store = store;
  }

  /** A copy for one step that looks into it: another one for each, since steps in different tasks have nothing in common. */
  copy(): View {
    const { name, value } = this.#store;
    const taken = (candidate: string): boolean => this.graph.find((node) => node.node === "step" && node.name === candidate) !== undefined;
    let free = name;
    for (let n = 2; taken(free); n++) free = `${name}-${n}`;
    const id = this.graph.add(
      stepNode({
        operation: "globalTable",
        name: free,
        ports: [{ stream: this.#changes, needs: "everywhere", bootstrap: true }],
        stateful: true,
        reader: rowsReader(undefined, value),
        operator: () => materializeOperator({ serde: value }),
      }),
    );
    return { steps: [id], open: rowsView(undefined) };
  }
}
