import type { Descriptors } from "../state/descriptors.ts";
import type { OperatorContext, Push } from "./operator.ts";

/** What a step with keys does with records that have none. */
export interface KeyOptions {
  /** Null is a key like any other: so after `single()`, where everything has it. @default false: such records are dropped and counted */
  readonly nullKey?: boolean;
}

/** Whether a process function keeps anything of its own: one that does not needs no store. */
export const needsStore = (spec: { readonly state?: Descriptors; readonly broadcast?: Descriptors; onTimer?: unknown }): boolean =>
  spec.onTimer !== undefined ||
  Object.values(spec.state ?? {}).some(({ scope }) => scope !== "store") ||
  Object.keys(spec.broadcast ?? {}).length > 0;

/** Lets records with a key through to `handle`, with the state's key set to theirs; what has none is dropped and counted. */
export const keyed = (context: OperatorContext, options: KeyOptions & { readonly stateless?: boolean }, handle: Push): Push => {
  const state = options.stateless ? undefined : context.state;
  const { nullKey = false } = options;
  return (value, record) => {
    const { key } = record;
    if ((key === null || key === undefined) && !nullKey) {
      context.count("dropped_null_key");
      return;
    }
    state?.setKey(key);
    handle(value, record);
  };
};
