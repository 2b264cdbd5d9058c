import { TopicNames } from "../../core/runtime/application.ts";
import type { Plan } from "../../core/runtime/plan.ts";
import { compareRecords } from "./compare_records.ts";
import { calm } from "./conditions.ts";
import { outputsOf, type ShownRecord, shown } from "./evidence.ts";
import { live } from "./live.ts";
import { readTopic } from "./log_reading.ts";
import { World } from "./world.ts";

/** Where the order of arrival does not show in what comes out, one instance to which nothing happens has to come to the same. */
export const compareWithCalm = async (world: World, plan: Plan, partitions: number): Promise<void> => {
  const reference = new World({ ...world.options, conditions: calm, instances: 1, only: undefined });
  await live(reference, plan, partitions);
  for (const violation of reference.violations) world.violated(`Without faults: ${violation}`);
  const read = (from: World, topic: string): Promise<readonly ShownRecord[]> =>
    from.clock.complete(readTopic(from.log, topic).then((records) => records.map((record) => ({ ...shown(record), partition: -1 }))));
  for (const topic of outputsOf(plan, new TopicNames(world.applicationId))) {
    const wanted = await read(reference, topic);
    // The order of one key is that of its task, which was compared already.
    compareRecords(
      world,
      `Compared with one instance without faults, topic '${topic}'`,
      new Map(wanted.map((one, i) => [String(i), [one]])),
      await read(world, topic),
    );
  }
};
