import type { Metric } from "../ports/metrics.ts";
import type { Task } from "./sealed_task.ts";

/** How things stand with a task at this moment of the monotonic clock. */
export const taskGauges = function* (task: Task, nowMs: number): IterableIterator<Metric> {
  const ofTask = { task: task.id };
  const { putOff, pending } = task;
  if (putOff !== undefined) {
    yield { name: "waiting_records", tags: ofTask, value: putOff.waiting };
    yield { name: "parked_keys", tags: ofTask, value: putOff.keys };
  }
  if (task.watermark !== undefined) yield { name: "watermark", tags: ofTask, value: task.watermark };
  yield { name: "uncommitted_bytes", tags: ofTask, value: task.uncommittedBytes };
  yield { name: "cached_bytes", tags: ofTask, value: task.cachedBytes };
  if (pending !== undefined) {
    yield { name: "pending_bytes", tags: ofTask, value: pending.bytes };
    yield { name: "pending_records", tags: ofTask, value: pending.records };
  }
  for (const [store, bytes] of task.stateBytes()) yield { name: "state_bytes", tags: { ...ofTask, store }, value: bytes };
  for (const input of task.inputs) {
    const tags = { ...ofTask, topic: input.topic, partition: String(input.partition), kind: input.plan.kind };
    yield { name: "lag_records", tags, value: Math.max(0, input.knownEnd - input.position) };
    yield { name: "stream_time", tags, value: input.streamTime };
    yield { name: "records_in", tags, value: input.handled };
    yield { name: "input_bytes", tags, value: input.bufferedBytes };
    yield { name: "input_records", tags, value: input.bufferedRecords };
    yield { name: "paused_ms", tags, value: input.pausedMs(nowMs) };
  }
};
