import type { Serde } from "../../core/serde/serde.ts";
import type { NodeId } from "./graph.ts";

type Callback<R> = (value: any, record: any) => R;

/** A place where records may have to change task. Whether they do, the planner decides. */
export type ExchangeNode = KeyByNode | SingleNode | RepartitionNode;

/** By key: a new one taken from the record, or the one that it carries. */
export interface KeyByNode {
  readonly node: "key-by";
  readonly stream: NodeId;
  readonly key: Callback<unknown> | undefined;
  readonly serde: Serde<any> | undefined;
}

/** Everything to one task, under one key. */
export interface SingleNode {
  readonly node: "single";
  readonly stream: NodeId;
}

/** A topic in between, because the program asks for it. */
export interface RepartitionNode {
  readonly node: "repartition";
  readonly stream: NodeId;
  readonly name: string;
  readonly partitions: number | undefined;
  readonly by: "key" | "round-robin" | "all" | ((value: any, record: any, partitions: number) => number | readonly number[] | "all");
}

export const keyByNode = (stream: NodeId, key: KeyByNode["key"], serde: KeyByNode["serde"]): KeyByNode => ({
  node: "key-by",
  stream,
  key,
  serde,
});

export const singleNode = (stream: NodeId): SingleNode => ({ node: "single", stream });

export const repartitionNode = (stream: NodeId, options: Omit<RepartitionNode, "node" | "stream">): RepartitionNode => ({
  node: "repartition",
  stream,
  ...options,
});
