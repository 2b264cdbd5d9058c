import type { EventId } from "./event_id.ts";

/** An event as a step has taken it. */
export interface NodeId {
  readonly step: number;
  readonly id: EventId;
}
