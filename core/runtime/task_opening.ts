import { ConfigurationError } from "../errors.ts";
import { type CommittedOffset, partitionId, type TopicPartition } from "../ports/log.ts";
import type { Store } from "../ports/store.ts";
import { keyCodec } from "../state/codecs.ts";
import type { KeyCodec } from "../state/step_state.ts";
import type { Application } from "./application.ts";
import { InputChecks } from "./input_checks.ts";
import { decodeOffsetMetadata } from "./offset_metadata.ts";
import type { InputPlan, SubtopologyPlan } from "./plan.ts";
import { type RestoreProgress, type Restoring, restore } from "./restore.ts";
import type { Task } from "./sealed_task.ts";
import { SinkTask } from "./sink_task.ts";
import { StreamTask, timeStore } from "./stream_task.ts";
import type { TaskEnvironment } from "./task_environment.ts";
import { type InputPosition, TaskInput } from "./task_input.ts";
import { UpstreamVector } from "./upstream_vector.ts";

interface OpenedStore {
  readonly name: string;
  readonly store: Store;
  readonly keys: KeyCodec;
}

interface Opening {
  readonly id: string;
  readonly plan: SubtopologyPlan;
  readonly partition: number;
  readonly inputs: readonly (TopicPartition & { readonly index: number; readonly plan: InputPlan })[];
  readonly stores: readonly OpenedStore[];
}

/**
 * Opens tasks: what they have committed, then their stores, restored to the ends of their changelogs. The order is what exactly-once rests on: whoever had the tasks before is fenced first (by the caller), then offsets are read, waiting for
 * those that a transaction holds back, and only then the ends of the changelogs.
 */
export const openTasks = async (
  application: Application,
  environment: TaskEnvironment,
  ids: readonly string[],
  options: { readonly isCancelled: () => boolean; readonly onRestore: (progress: RestoreProgress) => void },
): Promise<readonly Task[]> => {
  const { log, settings, names } = application;
  const openings: Opening[] = [];
  try {
    for (const id of ids) openings.push(await openStores(application, id));
    const partitions = openings.flatMap((opening) => opening.inputs);
    const committed = await log.admin.committed(settings.applicationId, partitions, {
      requireStable: true,
      timeoutMs: settings.taskTimeoutMs,
    });
    const positions = await startPositions(application, openings, committed);
    const restoring: Restoring[] = openings.flatMap(({ partition, stores }) =>
      stores.map(({ name, store }) => ({ store, name, topic: names.changelog(name), partition })),
    );
    if (settings.guarantee !== "none") await restore(log, restoring, { isCancelled: options.isCancelled, onProgress: options.onRestore });
    const ends = await log.admin.offsets(partitions, "latest", "read-uncommitted");
    if (options.isCancelled()) {
      await closeStores(openings);
      return [];
    }
    return openings.map((opening) => makeTask(application, environment, opening, positions, ends));
  } catch (error) {
    await closeStores(openings);
    throw error;
  }
};

const closeStores = async (openings: readonly Opening[]): Promise<void> => {
  for (const { stores } of openings) for (const { store } of stores) await store.close();
};

const openStores = async (application: Application, id: string): Promise<Opening> => {
  const { plan, settings, names, partitions, stores: engine } = application;
  const [subtopology, partition] = id.split("_").map(Number) as [number, number];
  const subplan = plan.subtopologies.find((one) => one.id === subtopology);
  if (subplan === undefined)
    throw new ConfigurationError(
      "TOPOLOGY_CHANGED",
      `Task ${id} was assigned, but the topology '${plan.name}' has no sub-topology ${subtopology}: all instances have to run the same program`,
    );
  const inputs = subplan.inputs
    .map((input, index) => ({ index, plan: input, topic: names.of(input.topic), partition }))
    .filter((input) => partition < (partitions.get(input.topic) ?? 0));
  const open = async (name: string, keys: KeyCodec): Promise<OpenedStore> => ({
    name,
    keys,
    store: await engine.open({ applicationId: settings.applicationId, store: name, partition }),
  });
  const stores: OpenedStore[] = [];
  for (const node of subplan.nodes) if (node.store !== undefined) stores.push(await open(node.store.name, node.store.keys));
  for (const { plan: input } of inputs)
    if (input.kind === "repartition" || input.kind === "sink") stores.push(await open(timeStore(input.topic.name), keyCodec(undefined)));
  return { id, plan: subplan, partition, inputs, stores };
};

const startPositions = async (
  application: Application,
  openings: readonly Opening[],
  committed: ReadonlyMap<string, CommittedOffset>,
): Promise<ReadonlyMap<string, InputPosition>> => {
  const positions = new Map<string, InputPosition>();
  const fresh = (offset: number): InputPosition => ({ offset, watermark: Number.NEGATIVE_INFINITY, streamTime: Number.NEGATIVE_INFINITY });
  for (const { inputs } of openings)
    for (const input of inputs) {
      const id = partitionId(input.topic, input.partition);
      const known = committed.get(id);
      if (known !== undefined) {
        positions.set(id, decodeOffsetMetadata(known));
        continue;
      }
      const { startAt } = input.plan;
      if (startAt === "none")
        throw new ConfigurationError(
          "OFFSET_OUT_OF_RANGE",
          `Nothing is committed for ${id} and step '${input.plan.step}' has startAt: "none": choose "earliest", "latest" or a timestamp`,
          { topic: input.topic, partition: input.partition, step: input.plan.step },
        );
      const offsets = await application.log.admin.offsets([input], startAt, "read-committed");
      positions.set(id, fresh(offsets.get(id) ?? 0));
    }
  return positions;
};

const makeTask = (
  application: Application,
  environment: TaskEnvironment,
  opening: Opening,
  positions: ReadonlyMap<string, InputPosition>,
  ends: ReadonlyMap<string, number>,
): Task => {
  const { plan, partition, stores, inputs } = opening;
  const { bounded, control, settings, clock } = application;
  const close = () => closeStores([opening]);
  const vectorOf = (input: InputPlan): UpstreamVector | undefined => {
    if (input.kind !== "repartition" && input.kind !== "sink") return undefined;
    const store = stores.find(({ name }) => name === timeStore(input.topic.name))!.store;
    const vector = new UpstreamVector(store, writersOf(application, input));
    vector.load(bounded);
    return vector;
  };
  const inputsAt = (at: ReadonlyMap<string, InputPosition>): readonly TaskInput[] =>
    inputs.map(({ index, plan: input, topic }) => {
      const id = partitionId(topic, partition);
      const checks = new InputChecks({ plan: input, topic, partition, partitions: application.partitions.get(topic) ?? 1, clock, bounded });
      const made = new TaskInput(index, input, topic, partition, at.get(id)!, vectorOf(input), checks);
      made.knownEnd = ends.get(id) ?? 0;
      if (control.bounds !== undefined) made.endAt(control.bounds);
      return made;
    });
  if (plan.sink !== undefined) {
    const [input] = inputs;
    const id = partitionId(input!.topic, partition);
    return new SinkTask({
      subtopology: plan.id,
      partition,
      sink: plan.sink,
      inputAt: (position) => inputsAt(new Map([[id, position]]))[0]!,
      position: positions.get(id)!,
      environment,
      taskTimeoutMs: settings.taskTimeoutMs,
      close,
    });
  }
  const own = new Set(plan.nodes.flatMap((node) => (node.store === undefined ? [] : [node.store.name])));
  return new StreamTask({
    plan,
    partition,
    inputsAt,
    positions,
    stores: new Map(stores.filter(({ name }) => own.has(name)).map(({ name, store, keys }) => [name, { store, keys }])),
    environment,
    taskTimeoutMs: settings.taskTimeoutMs,
    close,
  });
};

/** The sub-topologies whose tasks write an internal topic, and so their watermarks into it. */
const writersOf = (application: Application, input: InputPlan): readonly { readonly subtopology: number; readonly tasks: number }[] =>
  application.plan.subtopologies
    .filter((plan) => plan.nodes.some((node) => node.output?.topic.internal && node.output.topic.name === input.topic.name))
    .map((plan) => ({ subtopology: plan.id, tasks: application.tasks.get(plan.id) ?? 0 }));
