import { ConfigurationError } from "../errors.ts";
import { type CommittedOffset, partitionId, type TopicPartition } from "../ports/log.ts";
import type { Application } from "./application.ts";
import { bootstrapOf } from "./bootstrap.ts";
import { InputChecks } from "./input_checks.ts";
import { decodeOffsetMetadata } from "./offset_metadata.ts";
import type { InputPlan } from "./plan.ts";
import type { Task } from "./sealed_task.ts";
import { SinkTask } from "./sink_task.ts";
import { StreamTask, timeStore } from "./stream_task.ts";
import type { TaskEnvironment } from "./task_environment.ts";
import { type InputPosition, TaskInput } from "./task_input.ts";
import type { TaskStores } from "./task_stores.ts";
import { UpstreamVector } from "./upstream_vector.ts";
import { writersOf } from "./writers_of.ts";

/** A partition that a task reads. */
export interface TaskPartition extends TopicPartition {
  readonly index: number;
  readonly plan: InputPlan;
}

/** What a task reads: of each input the partition of its own number, where there is one. */
export const inputsOf = (application: Application, { plan, partition }: Pick<TaskStores, "plan" | "partition">): readonly TaskPartition[] =>
  plan.inputs
    .map((input, index) => ({ index, plan: input, topic: application.names.of(input.topic), partition }))
    .filter((input) => partition < (application.partitions.get(input.topic) ?? 0));

/** Where inputs go on: where the group has committed, else where their source says. */
export const startPositions = async (
  application: Application,
  inputs: readonly TaskPartition[],
  committed: ReadonlyMap<string, CommittedOffset>,
): Promise<ReadonlyMap<string, InputPosition>> => {
  const positions = new Map<string, InputPosition>();
  const fresh = (offset: number): InputPosition => ({ offset, watermark: Number.NEGATIVE_INFINITY, streamTime: Number.NEGATIVE_INFINITY });
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

/** A task at these positions, on stores that are restored; closing it closes them unless they are kept. */
export const makeTask = (
  application: Application,
  environment: TaskEnvironment,
  taskStores: TaskStores,
  at: {
    /** As positions and ends were asked for: topics that match a pattern may have come since. */
    readonly inputs: readonly TaskPartition[];
    readonly positions: ReadonlyMap<string, InputPosition>;
    readonly ends: ReadonlyMap<string, number>;
  },
): Task => {
  const { plan, partition, stores } = taskStores;
  const { inputs, positions, ends } = at;
  const { bounded, control, settings, clock } = application;
  const close = () => taskStores.close();
  const vectorOf = (input: InputPlan, { watermark }: InputPosition): UpstreamVector | undefined => {
    if (input.kind !== "repartition" && input.kind !== "sink") return undefined;
    const store = stores.find(({ name }) => name === timeStore(input.topic.name))!.store;
    // Whoever writes an internal topic writes its watermarks into it.
    const writers = writersOf(application.plan, input.topic.name).map(({ id }) => ({
      subtopology: id,
      tasks: application.tasks.get(id) ?? 0,
    }));
    const vector = new UpstreamVector(store, writers, watermark);
    vector.load(bounded);
    return vector;
  };
  const inputsAt = (at: ReadonlyMap<string, InputPosition>): readonly TaskInput[] =>
    inputs.map(({ index, plan: input, topic }) => {
      const id = partitionId(topic, partition);
      const partitions = application.partitions.get(topic) ?? 1;
      const checks = new InputChecks({
        plan: input,
        topic,
        partition,
        partitions,
        clock,
        bounded,
        recordBytesMax: settings.recordBytesMax,
      });
      const made = new TaskInput(index, input, topic, partition, at.get(id)!, vectorOf(input, at.get(id)!), checks);
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
  const own = new Set([
    ...plan.nodes.flatMap((node) => (node.store === undefined ? [] : [node.store.name])),
    ...plan.inputs.flatMap(({ putOff }) => (putOff === undefined ? [] : [putOff.store])),
  ]);
  const bootstrap = bootstrapOf(application, inputs, () => environment.wake());
  return new StreamTask({
    plan,
    partition,
    inputsAt,
    bootstrap,
    positions,
    stores: new Map(stores.filter(({ name }) => own.has(name)).map(({ name, store, keys }) => [name, { store, keys }])),
    environment,
    taskTimeoutMs: settings.taskTimeoutMs,
    close: () => {
      bootstrap?.close();
      return close();
    },
  });
};
