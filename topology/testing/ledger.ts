import type { RequestKind } from "../../core/log/link.ts";
import type { MemberAssignment } from "../../core/ports/log.ts";
import { type CommittedOffset, partitionId } from "../../core/ports/log.ts";
import { decodeAssignment } from "../../core/runtime/assignment.ts";
import type { History } from "./history.ts";
import type { Detail } from "./process_link.ts";

/** What the log has done for the application's workers, seen from the log: commits as they happen, and whom the group gave what. */
export class Ledger {
  /** Positions that are committed, by `partitionId`. */
  readonly committed: Map<string, number> = new Map();
  /** The furthest of them, by `partitionId`. */
  readonly furthest: Map<string, number> = new Map();
  /** Watermarks of sources that stand beside them. */
  readonly #watermarks = new Map<string, number>();
  readonly #history: History;
  readonly #violated: (what: string) => void;
  /** Offsets of transactions that are open, by transactional id. */
  readonly #open = new Map<string, CommittedOffset[]>();

  constructor(history: History, violated: (what: string) => void) {
    this.#history = history;
    this.#violated = violated;
  }

  done(kind: RequestKind, detail: Detail): void {
    const { transactionalId } = detail as { readonly transactionalId: string };
    switch (kind) {
      case "InitProducerId":
        this.#open.delete(transactionalId);
        return;
      case "TxnOffsetCommit": {
        const held = this.#open.get(transactionalId) ?? [];
        this.#open.set(transactionalId, [...held, ...(detail["offsets"] as readonly CommittedOffset[])]);
        return;
      }
      case "EndTxn": {
        const held = this.#open.get(transactionalId);
        this.#open.delete(transactionalId);
        if (detail["marker"] === "commit" && held !== undefined) this.#commit(held);
        return;
      }
      case "OffsetCommit":
        this.#commit(detail["offsets"] as readonly CommittedOffset[]);
        return;
      case "SyncGroup":
        if (detail["assignments"] !== null) this.#checkAssignments(detail["assignments"] as ReadonlyMap<string, MemberAssignment>);
    }
  }

  #commit(offsets: readonly CommittedOffset[]): void {
    const before = { positions: new Map(this.committed), watermarks: new Map(this.#watermarks) };
    for (const { topic, partition, offset, metadata } of offsets) {
      const id = partitionId(topic, partition);
      const was = this.committed.get(id) ?? 0;
      this.furthest.set(id, Math.max(offset, this.furthest.get(id) ?? 0));
      // Only transactions are fenced: elsewhere a request that comes late may take a position back.
      if (offset < was && this.#history.isSerial) this.#violated(`I4: the committed position of ${id} fell from ${was} to ${offset}`);
      this.committed.set(id, offset);
      const [, watermark] = metadata.split(",");
      // Read by itself, and not with what is to be tested.
      this.#watermarks.set(id, watermark === undefined || watermark === "" ? Number.NEGATIVE_INFINITY : Number(watermark));
    }
    for (const commit of new Set(offsets.map(({ metadata }) => metadata.split(",")[3] ?? "")))
      this.#history.happened(commit, offsets, before);
  }

  #checkAssignments(assignments: ReadonlyMap<string, MemberAssignment>): void {
    const owners = new Map<string, string>();
    for (const [member, { userData }] of assignments)
      for (const task of tasksOf(userData)) {
        const other = owners.get(task);
        if (other !== undefined) this.#violated(`I10: task ${task} was given to ${other} and to ${member} in one generation`);
        owners.set(task, member);
      }
  }
}

const tasksOf = (userData: Uint8Array): readonly string[] => {
  const read = decodeAssignment(userData);
  return read.kind === "read" ? read.value.tasks : [];
};
