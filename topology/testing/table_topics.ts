import type { InputPlan, Plan, RowsOfInput } from "../../core/runtime/plan.ts";
import { storeId } from "../../core/runtime/task_stores.ts";
import type { KeyCodec } from "../../core/state/step_state.ts";

/** What a table that has no changelog comes back from. */
export interface TableTopic {
  readonly topic: string;
  readonly plan: InputPlan;
  readonly rows: RowsOfInput;
  readonly keys: KeyCodec;
}

/** By the name of the store, and by what the engine knows it. */
export const tableTopics = (plans: readonly Plan[]): ReadonlyMap<string, TableTopic> =>
  new Map(
    plans
      .flatMap(({ subtopologies }) => subtopologies)
      .flatMap(({ nodes, inputs }) =>
        nodes.flatMap(({ store }): readonly (readonly [string, TableTopic])[] => {
          if (store?.rowsOf === undefined) return [];
          const plan = inputs[store.rowsOf.input]!;
          const table = { topic: plan.topic.name, plan, rows: store.rowsOf, keys: store.keys };
          return [store.name, storeId({ name: store.name, comesFrom: store.rowsOf })].map((name) => [name, table]);
        }),
      ),
  );
