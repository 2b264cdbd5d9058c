import { type ErrorPolicy, policiesIn } from "../../core/error_policy.ts";
import { TopologyError } from "../../core/errors.ts";
import type { Edge, InputPlan, NodePlan, SubtopologyPlan } from "../../core/runtime/plan.ts";
import type { Serde } from "../../core/serde/serde.ts";

/** A table whose rows come back from the topic that it is read from. */
export interface SourcedTable {
  /** The step that keeps the rows, by its place. */
  readonly node: number;
  /** How they are written. */
  readonly value: Serde<any> | undefined;
  /** Somebody behind relies on what a row was before. */
  readonly needsHistory: boolean;
}

/**
 * Takes their changelogs from tables that stand in their topics. Refuses, with a TopologyError, what would let a table come back otherwise than it was: whether a record has become a row has to follow from its bytes.
 */
export const withTableSources = (plan: SubtopologyPlan, tables: readonly SourcedTable[]): SubtopologyPlan => {
  if (tables.length === 0) return plan;
  const inputs = [...plan.inputs];
  const nodes = [...plan.nodes];
  for (const { node: id, value, needsHistory } of tables) {
    const node = nodes[id]!;
    const place = node.inputs[0]!.flatMap((edge) => ("input" in edge ? [edge.input] : []))[0]!;
    const input = inputs[place]!;
    const mayLeaveOut = forgives(input.onError, false);
    if (mayLeaveOut) checkLeavingOut(node.step, input);
    checkBehind(plan, node);
    inputs[place] = { ...input, restores: true };
    nodes[id] = { ...node, store: { ...node.store!, rowsOf: { input: place, value, mayLeaveOut, needsHistory } } };
  }
  return { ...plan, inputs, nodes };
};

/** Whether a record that fails may be passed over. With `callsOnly` leaving out a call, which keeps what it has changed, does not count. */
const forgives = (policy: ErrorPolicy, callsOnly: boolean): boolean =>
  typeof policy === "function" ||
  policiesIn(policy).some((one) => one.kind === "dead-letter" || (one.kind === "skip" && !(callsOnly && one.scope === "step")));

/** The source may leave out records: for their bytes alone. */
const checkLeavingOut = (table: string, { topic, key, value, time, onError }: InputPlan): void => {
  const refuse = (why: string): never => {
    throw refusal(table, `its source may leave out records ${why}`);
  };
  if (policiesIn(onError).some((one) => one.kind === "dead-letter" && (one.retryAfter.length > 0 || one.parkKey)))
    refuse("and take them later, in another order than they have in the topic: leave out retryAfter and parkKey");
  if (key.prepare !== undefined || value.prepare !== undefined)
    refuse(`of topic '${topic.name}' whose schema is not known then, and known when the table comes back: give the table onError: fail()`);
  if (time?.maxFutureMs !== Number.POSITIVE_INFINITY)
    refuse(
      `for a timestamp that is too far ahead of the clock then, and not when the table comes back: give it maxFuture: forever, or onError: fail()`,
    );
};

/** A record that a step behind has failed on may be taken back, with the row that it has become. */
const checkBehind = ({ nodes }: SubtopologyPlan, table: NodePlan): void => {
  const reached = new Set([table.id]);
  const comesFrom = (edge: Edge): boolean => "node" in edge && reached.has(edge.node);
  // In topological order: who stands behind comes later.
  for (const node of nodes) {
    if (node.id !== table.id && !node.inputs.flat().some(comesFrom)) continue;
    reached.add(node.id);
    if (forgives(node.onError, true))
      throw refusal(
        table.step,
        `step '${node.step}' may take back the row of a record that it fails on: give it onError: fail() or skip({ scope: "step" })`,
      );
  }
};

const refusal = (table: string, why: string): TopologyError =>
  new TopologyError("TOPOLOGY_INVALID", `Table '${table}' has changelog: "source", and ${why}`, { step: table });
