import type { OperatorFactory, Push } from "../operators/operator.ts";
import type { Out } from "../operators/process_function.ts";
import type { Assigner } from "./assigner.ts";
import type { Evictor } from "./evictor.ts";
import type { Pane } from "./pane.ts";
import { type TaggedValue, taggedAssigner, taggedEvictor, taggedTrigger } from "./tagged.ts";
import type { Trigger } from "./trigger.ts";
import { windowOperator } from "./window_operator.ts";
import type { WindowSpec } from "./window_spec.ts";

/** Two streams in the same windows. */
export interface CoGroup {
  readonly assigner: Assigner<any, any>;
  readonly trigger?: Trigger<any, any> | undefined;
  readonly evictor?: Evictor<any, any> | undefined;
  readonly latenessMs?: number | undefined;
  /** What is made of a pane: it is told what either side has in it, which may be nothing. */
  readonly fn: (left: readonly any[], right: readonly any[], pane: Pane<any, any>) => Out<unknown>;
}

/** The windows of both streams together: triggers and evictors see the records of both as one. */
export const coGroupSpec = ({ assigner, trigger, evictor, latenessMs, fn }: CoGroup): WindowSpec => ({
  assigner: taggedAssigner(assigner),
  trigger: trigger && taggedTrigger(trigger),
  evictor: evictor && taggedEvictor(evictor),
  latenessMs,
  contents: {
    kind: "process",
    process: (values: readonly TaggedValue[], pane) => {
      const sides: Record<TaggedValue["side"], unknown[]> = { left: [], right: [] };
      for (const { side, value } of values) sides[side].push(value);
      return fn(sides.left, sides.right, pane);
    },
  },
});

/**
 * The step behind `coGroup(...)` and a join by windows. Inputs: left, right; for its windows they are one stream. What is too late goes to the side outputs "lateLeft" and "lateRight" as it came.
 *
 * @throws TopologyError (WINDOW_INVALID) when parts of the spec do not go together.
 */
export const coGroupOperator = (coGroup: CoGroup, options: { readonly single: boolean }): OperatorFactory => {
  const windows = windowOperator({ ...coGroupSpec(coGroup), single: options.single });
  return (context) => {
    const late = { left: context.side("lateLeft"), right: context.side("lateRight") };
    const operator = windows({
      ...context,
      side: (name) =>
        name === "late"
          ? (tagged, record) => {
              const { side, value } = tagged as TaggedValue;
              late[side](value, record);
            }
          : context.side(name),
    });
    const [input] = operator.inputs as [Push];
    const from =
      (side: TaggedValue["side"]): Push =>
      (value, record) =>
        input({ side, value } satisfies TaggedValue, record);
    return Object.assign(operator, { inputs: [from("left"), from("right")], united: true });
  };
};
