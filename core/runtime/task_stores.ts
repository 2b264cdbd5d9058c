import { ConfigurationError } from "../errors.ts";
import type { TopicPartition } from "../ports/log.ts";
import type { Store } from "../ports/store.ts";
import { keyCodec } from "../state/codecs.ts";
import type { KeyCodec } from "../state/step_state.ts";
import type { Application } from "./application.ts";
import type { InputPlan, RowsOfInput, SubtopologyPlan } from "./plan.ts";
import { SourceRows } from "./source_rows.ts";
import { timeStore } from "./stream_task.ts";

/** One store of a task. */
export interface OpenStore {
  readonly name: string;
  readonly keys: KeyCodec;
  readonly store: Store;
  /** Undefined: it does not come back, and is empty whenever the task is opened. */
  readonly origin: StoreOrigin | undefined;
}

/** The partition that a store comes back from. */
export interface StoreOrigin extends TopicPartition {
  /** Undefined: a changelog. Otherwise the topic of a table, as far as the group has committed it, of whose records these rows are made. */
  readonly rows?: SourceRows;
}

/** A store before it is opened. */
export interface TaskStore {
  readonly name: string;
  readonly keys: KeyCodec;
  readonly comesFrom: "changelog" | "nothing" | RowsOfInput;
}

/** The stores of one task. They may outlive the task: who is to follow its changelogs from then on goes on where the task was. */
export class TaskStores {
  readonly id: string;
  readonly plan: SubtopologyPlan;
  readonly partition: number;
  readonly stores: readonly OpenStore[];
  /** Somebody else uses them now: closing the task leaves them open. */
  kept = false;

  constructor(id: string, plan: SubtopologyPlan, partition: number, stores: readonly OpenStore[]) {
    this.id = id;
    this.plan = plan;
    this.partition = partition;
    this.stores = stores;
  }

  /** The partitions that they come back from. */
  get origins(): readonly StoreOrigin[] {
    return this.stores.flatMap(({ origin }) => origin ?? []);
  }

  /** How far they go: the sum of their changelog offsets. */
  get offsetSum(): number {
    return this.stores.reduce((sum, { store }) => sum + (store.position?.changelogOffset ?? 0), 0);
  }

  async close(): Promise<void> {
    if (this.kept) return;
    for (const { store } of this.stores) await store.close();
  }
}

/** Which task an id names; its sub-topology has to be in the plan. */
export const taskOf = (application: Application, id: string): { readonly plan: SubtopologyPlan; readonly partition: number } => {
  const [subtopology, partition] = id.split("_").map(Number) as [number, number];
  const plan = application.plan.subtopologies.find((one) => one.id === subtopology);
  if (plan === undefined)
    throw new ConfigurationError(
      "TOPOLOGY_CHANGED",
      `Task ${id} was assigned, but the topology '${application.plan.name}' has no sub-topology ${subtopology}: all instances have to run the same program`,
    );
  return { plan, partition };
};

/** By what the engine knows it. A position is one in a changelog or one in the topic of a table: what was kept for the one is not to be taken for the other. No name of a store has this sign in it. */
export const storeId = ({ name, comesFrom }: Pick<TaskStore, "name" | "comesFrom">): string =>
  typeof comesFrom === "object" ? `${name}@topic` : name;

/** The stores that a task of the sub-topology has: those of its steps, one for what is known of the time of each internal topic, and one for what is put off of an input. */
export const storesOf = (plan: SubtopologyPlan): readonly TaskStore[] => {
  const ours = (name: string): TaskStore => ({ name, keys: keyCodec(undefined), comesFrom: "changelog" });
  return [
    ...plan.nodes.flatMap(({ store }): readonly TaskStore[] =>
      store === undefined
        ? []
        : [{ name: store.name, keys: store.keys, comesFrom: store.rowsOf ?? (store.changelog ? "changelog" : "nothing") }],
    ),
    ...plan.inputs.flatMap(({ kind, topic }) => (kind === "repartition" || kind === "sink" ? [ours(timeStore(topic.name))] : [])),
    // The topics of one pattern share it.
    ...[...new Set(plan.inputs.flatMap(({ putOff }) => (putOff === undefined ? [] : [putOff.store])))].map(ours),
  ];
};

/** The stores that a task has of these, by the inputs that have a partition of its number. */
export const storesOfTask = (
  { names, partitions }: Pick<Application, "names" | "partitions">,
  plan: SubtopologyPlan,
  partition: number,
): readonly TaskStore[] => {
  const isThere = ({ topic }: InputPlan): boolean => partition < (partitions.get(names.of(topic)) ?? 0);
  return storesOf({ ...plan, inputs: plan.inputs.filter(isThere) }).map((store) =>
    // A table whose topic has fewer partitions than there are tasks has no rows in the last of them.
    typeof store.comesFrom === "object" && !isThere(plan.inputs[store.comesFrom.input]!) ? { ...store, comesFrom: "nothing" } : store,
  );
};

/** The partition that a store of a task comes back from. */
export const originOf = (
  { names, clock, logger, settings }: Pick<Application, "names" | "clock" | "logger" | "settings">,
  plan: SubtopologyPlan,
  partition: number,
  { name, keys, comesFrom }: TaskStore,
): StoreOrigin | undefined => {
  if (comesFrom === "nothing") return undefined;
  if (comesFrom === "changelog") return { topic: names.changelog(name), partition };
  const input = plan.inputs[comesFrom.input]!;
  const topic = names.of(input.topic);
  const { recordBytesMax } = settings;
  return {
    topic,
    partition,
    rows: new SourceRows({ plan: input, rows: comesFrom, keys, topic, partition, clock, logger, recordBytesMax }),
  };
};

/**
 * Opens the stores of a task as they are, restored or not.
 * @param only the names of those that are wanted; all when it is left out
 */
export const openTaskStores = async (application: Application, id: string, only?: ReadonlySet<string>): Promise<TaskStores> => {
  const { settings, stores: engine } = application;
  const { plan, partition } = taskOf(application, id);
  const stores: OpenStore[] = [];
  try {
    for (const one of storesOfTask(application, plan, partition)) {
      const { name, keys } = one;
      if (only?.has(name) === false) continue;
      const store = await engine.open({ applicationId: settings.applicationId, store: storeId(one), partition });
      stores.push({ name, keys, store, origin: originOf(application, plan, partition, one) });
    }
  } catch (error) {
    for (const { store } of stores) await store.close();
    throw error;
  }
  return new TaskStores(id, plan, partition, stores);
};
