import { noHeaders } from "../../core/ports/log.ts";
import { RecordMeta } from "../../core/record.ts";
import { Counters } from "../../core/runtime/counters.ts";
import { OperatorChain } from "../../core/runtime/operator_chain.ts";
import { partitionCounts } from "../../core/runtime/partition_counts.ts";
import type { Plan } from "../../core/runtime/plan.ts";
import { TopicWriter } from "../../core/runtime/topic_writer.ts";
import type { Serde } from "../../core/serde/serde.ts";
import { MemoryStore } from "../../core/state/memory_store.ts";
import { StepState } from "../../core/state/step_state.ts";
import { VirtualClock } from "../../core/time_source/virtual_clock.ts";

interface Written {
  readonly key: Uint8Array | null;
  readonly value: Uint8Array | null;
}

export interface Keyed {
  readonly key: unknown;
  readonly value: unknown;
}

/**
 * Runs a plan once over given records, one sub-topology after the other and one task after the other: without time, commits and faults, but with the operators, serdes and partitions of a real run. What it gives is what any run has to
 * come to, as far as the steps do not ask for the order of records.
 * @param topics partitions and records of the user's topics
 */
export const runPlan = (
  plan: Plan,
  topics: ReadonlyMap<string, { readonly partitions: number; readonly records: readonly Keyed[] }>,
): ((topic: string) => readonly Keyed[]) => {
  const counts = partitionCounts(plan, new Map([...topics].map(([name, { partitions }]) => [name, partitions])));
  const log = new Map<string, Written[][]>();
  const serdes = new Map<string, { readonly key: Serde<any>; readonly value: Serde<any> }>();
  const partitionsOf = (topic: string): number => topics.get(topic)?.partitions ?? counts.topics.get(topic)!;
  const open = (topic: string): Written[][] => {
    let partitions = log.get(topic);
    if (partitions === undefined) log.set(topic, (partitions = Array.from({ length: partitionsOf(topic) }, () => [])));
    return partitions;
  };
  const write = (topic: string, partition: number, key: Uint8Array | null, value: Uint8Array | null): void => {
    open(topic)[partition]!.push({ key: key?.slice() ?? null, value: value?.slice() ?? null });
  };
  const writerTo = (
    output: NonNullable<Plan["subtopologies"][number]["nodes"][number]["output"]>,
    step: string,
    task: number,
  ): TopicWriter => {
    serdes.set(output.topic.name, output);
    const { name } = output.topic;
    return new TopicWriter({
      plan: output,
      step,
      topic: name,
      partitions: partitionsOf(name),
      task,
      outlet: { write },
      now: () => 0,
      nullKeyDropped: () => {},
    });
  };
  for (const { inputs } of plan.subtopologies)
    for (const input of inputs) {
      if (input.topic.internal) continue;
      const output = {
        topic: input.topic,
        key: input.key,
        value: input.value,
        partition: "key",
        dropNullKeys: false,
        watermarks: false,
        nullDeletes: input.table,
      } as const;
      const writer = writerTo(output, input.step, 0);
      for (const { key, value } of topics.get(input.topic.name)!.records) writer.push(value, new RecordMeta(key, 0, noHeaders, "", 0, 0));
    }
  const clock = new VirtualClock();
  for (const subtopology of plan.subtopologies)
    for (let partition = 0; partition < counts.tasks.get(subtopology.id)!; partition++) {
      const states = new Map(
        subtopology.nodes.flatMap(({ store }) =>
          store === undefined ? [] : [[store.name, new StepState(new MemoryStore(), store.keys)] as const],
        ),
      );
      const chain = new OperatorChain({
        plan: subtopology,
        partition,
        partitions: counts.tasks.get(subtopology.id)!,
        clock,
        counters: new Counters(),
        states,
        streamTime: () => 0,
        requestCommit: () => {},
        wake: () => {},
        writer: (node) => writerTo(node.output!, node.step, partition),
      });
      chain.open();
      subtopology.inputs.forEach(({ topic, key: keys, value: values }, input) => {
        for (const { key, value } of open(topic.name)[partition] ?? [])
          chain.entries[input]!(read(values, value), new RecordMeta(read(keys, key), 0, noHeaders, topic.name, partition, 0));
      });
    }
  return (topic) =>
    open(topic).flatMap((records) =>
      records.map(({ key, value }) => ({ key: read(serdes.get(topic)!.key, key), value: read(serdes.get(topic)!.value, value) })),
    );
};

const read = (serde: Serde<any>, bytes: Uint8Array | null): unknown => {
  if (bytes === null) return null;
  const decoded = serde.deserialize(bytes, "");
  if (decoded._tag === "Left") throw decoded.left;
  return decoded.right;
};
