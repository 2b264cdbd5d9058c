import { ConfigurationError } from "../errors.ts";
import type { TopicPartition } from "../ports/log.ts";
import type { Store } from "../ports/store.ts";
import { keyCodec } from "../state/codecs.ts";
import type { KeyCodec } from "../state/step_state.ts";
import type { Application } from "./application.ts";
import type { SubtopologyPlan } from "./plan.ts";
import { timeStore } from "./stream_task.ts";

/** One store of a task, and where it comes back from. */
export interface OpenStore extends TopicPartition {
  readonly name: string;
  readonly keys: KeyCodec;
  readonly store: Store;
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

/** The stores that a task of the sub-topology has, with the codecs of their keys: those of its steps, one for what is known of the time of each internal topic, and one for what is put off of an input. */
export const storesOf = (plan: SubtopologyPlan): readonly { readonly name: string; readonly keys: KeyCodec }[] => [
  ...plan.nodes.flatMap(({ store }) => (store === undefined ? [] : [{ name: store.name, keys: store.keys }])),
  ...plan.inputs.flatMap(({ kind, topic }) =>
    kind === "repartition" || kind === "sink" ? [{ name: timeStore(topic.name), keys: keyCodec(undefined) }] : [],
  ),
  // The topics of one pattern share it.
  ...[...new Set(plan.inputs.flatMap(({ putOff }) => (putOff === undefined ? [] : [putOff.store])))].map((name) => ({
    name,
    keys: keyCodec(undefined),
  })),
];

/** The stores that a task has of these, by the inputs that have a partition of its number. */
export const storesOfTask = (
  { names, partitions }: Pick<Application, "names" | "partitions">,
  plan: SubtopologyPlan,
  partition: number,
): readonly { readonly name: string; readonly keys: KeyCodec }[] =>
  storesOf({ ...plan, inputs: plan.inputs.filter(({ topic }) => partition < (partitions.get(names.of(topic)) ?? 0)) });

/** Opens the stores of a task as they are, restored or not. */
export const openTaskStores = async (application: Application, id: string): Promise<TaskStores> => {
  const { settings, names, stores: engine } = application;
  const { plan, partition } = taskOf(application, id);
  const stores: OpenStore[] = [];
  try {
    for (const { name, keys } of storesOfTask(application, plan, partition)) {
      const store = await engine.open({ applicationId: settings.applicationId, store: name, partition });
      stores.push({ name, keys, store, topic: names.changelog(name), partition });
    }
  } catch (error) {
    for (const { store } of stores) await store.close();
    throw error;
  }
  return new TaskStores(id, plan, partition, stores);
};
