import type { OperatorFactory } from "../../core/operators/operator.ts";
import type { Serde } from "../../core/serde/serde.ts";
import type { StoreReader } from "../../core/state/stores/store_descriptor.ts";
import type { NodeId } from "./graph.ts";

/** One step that the program asked for: what the planner must know of it, and how its operator is made. */
export interface StepNode {
  readonly node: "step";
  /** What it does, in a word: `map`, `window`, `join`. */
  readonly operation: string;
  /** As the user gave it. Steps that keep state always have one. */
  readonly name: string | undefined;
  readonly ports: readonly Port[];
  /** The steps that keep the rows which this one looks into; they run in the same task. */
  readonly lookups: readonly NodeId[];
  /** Steps whose stores this one uses, without having their keys: they run in the same task. */
  readonly stores: readonly NodeId[];
  /** "changed": keys of the results may be others than those of the records. "wrapped": they are those of the records with something more, such as a window, and stay in the task of these. */
  readonly keys: "kept" | "changed" | "wrapped";
  readonly stateful: boolean;
  /** How others read what its store holds. */
  readonly reader: StoreReader | ((cached: boolean) => StoreReader) | undefined;
  /** Whether the changes of its store go to a changelog. */
  readonly changelog: boolean;
  /** Present: it keeps the rows of a topic as they come in, written so, and they come back from that topic; undefined stands for self-describing. */
  readonly rows: { readonly value: Serde<any> | undefined } | undefined;
  readonly parameters: Readonly<Record<string, string | number | boolean>>;
  readonly operator: (wiring: Wiring) => OperatorFactory;
}

/** One way in. */
export interface Port {
  readonly stream: NodeId;
  /** "key": all records of one key in one task, in order. "everywhere": all records in every task. */
  readonly needs: "anything" | "key" | "everywhere";
  /** Records without a key are let through instead of dropped: the left side of a left join. */
  readonly keyless?: boolean;
  /** The changes of a table: they stay in the tasks where they came in. */
  readonly table?: boolean;
  /** The changes of a table, of which the step asks what was there before: always, or as far as somebody behind asks it. */
  readonly changes?: "asked" | "passed on";
  /** What is there at the start comes before anything that comes in by other ports of its task. */
  readonly bootstrap?: boolean;
}

/** What is known of the surroundings of a step only when the whole graph is. */
export interface Wiring {
  /** Everything is under one key, null. */
  readonly single: boolean;
  /** The stores of the steps that it looks into. */
  readonly tables: readonly string[];
  /** The stores that it uses otherwise. */
  readonly stores: readonly string[];
  /** Steps behind ask what was there before a change. */
  readonly before: boolean;
  /** Of several changes of a row between two commits the last one is enough. */
  readonly cached: boolean;
}

export const stepNode = (step: Pick<StepNode, "operation" | "ports" | "operator"> & Partial<Omit<StepNode, "node">>): StepNode => ({
  node: "step",
  name: undefined,
  lookups: [],
  stores: [],
  keys: "kept",
  stateful: false,
  reader: undefined,
  changelog: true,
  rows: undefined,
  ...step,
  parameters: writable(step.parameters ?? {}),
});

/** Descriptions are written as JSON, which knows no infinity. */
const writable = (parameters: StepNode["parameters"]): StepNode["parameters"] =>
  Object.fromEntries(Object.entries(parameters).map(([name, value]) => [name, value === Number.POSITIVE_INFINITY ? "forever" : value]));

/** A step without state on one stream. */
export const plainStep = (operation: string, stream: NodeId, operator: OperatorFactory): StepNode =>
  stepNode({ operation, ports: [{ stream, needs: "anything" }], operator: () => operator });
