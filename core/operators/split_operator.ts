import { TopologyError } from "../errors.ts";
import type { Meta } from "../record.ts";
import type { OperatorFactory } from "./operator.ts";

/** Each record to the side output of the first branch whose condition holds; to `rest` when none does. */
export const splitOperator = <V>(branches: { readonly [name: string]: (value: V, record: Meta<any>) => boolean }): OperatorFactory => {
  if (Object.hasOwn(branches, "rest"))
    throw new TopologyError(
      "NAME_INVALID",
      "A branch cannot be called 'rest', since that is where all other records go: choose another name",
    );
  return (context) => {
    const ways = Object.entries(branches).map(([name, holds]) => ({ holds, push: context.side(name) }));
    const rest = context.side("rest");
    return {
      inputs: [
        (value, record) => {
          for (let i = 0; i < ways.length; i++) {
            const { holds, push } = ways[i]!;
            if (holds(value as V, record)) {
              push(value, record);
              return;
            }
          }
          rest(value, record);
        },
      ],
    };
  };
};
