import { type GroupMetadata, partitionId } from "../ports/log.ts";
import type { Application } from "./application.ts";
import { encodeOffsetMetadata, withStops } from "./offset_metadata.ts";
import type { Task } from "./sealed_task.ts";

/**
 * Writes beside the committed offsets which records have stopped this instance, and how often that is now, without moving an offset. Called when nothing of the worker's is under way any more; the group refuses it from a member whose tasks are
 * others' by now.
 */
export const noteStops = async ({ log, settings }: Application, tasks: readonly Task[], group: GroupMetadata): Promise<void> => {
  // Where positions are not committed as a rule there is nothing to write it beside.
  if (settings.guarantee === "none") return;
  const inputs = tasks.flatMap((task) => task.inputs.filter(({ stopsNoted }) => stopsNoted).map((input) => ({ task, input })));
  const partitions = inputs.map(({ input: { topic, partition } }) => ({ topic, partition }));
  const committed = await log.admin.committed(settings.applicationId, partitions, { requireStable: true });
  const noted = inputs.flatMap(({ task, input }) => {
    const { topic, partition, stops } = input;
    const known = committed.get(partitionId(topic, partition)) ?? {
      topic,
      partition,
      offset: task.committedOffset(input),
      metadata: encodeOffsetMetadata(Number.NEGATIVE_INFINITY, Number.NEGATIVE_INFINITY, ""),
    };
    return stops === undefined || known.offset > stops.offset ? [] : [withStops(known, stops)];
  });
  await log.admin.commitOffsets(settings.applicationId, noted, group);
};
