import { type CommittedOffset, partitionId } from "../ports/log.ts";
import type { Marker } from "./record_batch.ts";

interface Written extends CommittedOffset {
  /** When it was written. A transaction that ends late does not overwrite what was committed after its own offsets. */
  readonly order: number;
}

/** The offsets that a group has committed, and those that open transactions hold back. */
export class GroupOffsets {
  private readonly committed = new Map<string, Written>();
  private readonly held = new Map<number, Map<string, Written>>();
  private writes = 0;

  /** Visible at once. */
  commit(offsets: readonly CommittedOffset[]): void {
    for (const offset of offsets) this.committed.set(partitionId(offset.topic, offset.partition), this.write(offset));
  }

  /** Visible when the producer's transaction commits. */
  hold(producerId: number, offsets: readonly CommittedOffset[]): void {
    const held = this.held.get(producerId) ?? new Map<string, Written>();
    this.held.set(producerId, held);
    for (const offset of offsets) held.set(partitionId(offset.topic, offset.partition), this.write(offset));
  }

  end(producerId: number, marker: Marker): void {
    const held = this.held.get(producerId);
    this.held.delete(producerId);
    if (marker === "abort" || held === undefined) return;
    for (const [id, offset] of held) if ((this.committed.get(id)?.order ?? -1) < offset.order) this.committed.set(id, offset);
  }

  get(id: string): CommittedOffset | undefined {
    const found = this.committed.get(id);
    return found && { topic: found.topic, partition: found.partition, offset: found.offset, metadata: found.metadata };
  }

  /** True while an open transaction has an offset for this partition: what is committed may change without anybody committing again. */
  unstable(id: string): boolean {
    for (const held of this.held.values()) if (held.has(id)) return true;
    return false;
  }

  /** A topic that is deleted takes its offsets with it. */
  forget(topic: string): void {
    for (const offsets of [this.committed, ...this.held.values()])
      for (const [id, offset] of offsets) if (offset.topic === topic) offsets.delete(id);
  }

  private write({ topic, partition, offset, metadata }: CommittedOffset): Written {
    return { topic, partition, offset, metadata, order: this.writes++ };
  }
}
