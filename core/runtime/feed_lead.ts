import { type BaseOffsets, type CommittedOffset, partitionId, type TopicPartition } from "../ports/log.ts";

/** What one transaction of a feed has written to one partition. */
interface Piece extends TopicPartition {
  readonly id: string;
  /** Behind its last record. */
  readonly end: number;
  readonly bytes: number;
}

/** How far a feed is ahead of those who read what it writes: what is written, and not committed as read. */
export class FeedLead {
  #pieces: readonly Piece[] = [];
  bytes = 0;

  /** Records that went out in one send, where it is known where they have come to stand. */
  written(
    records: readonly (TopicPartition & { readonly key: Uint8Array | null; readonly value: Uint8Array | null })[],
    bases: BaseOffsets,
  ): void {
    const pieces = new Map<string, { -readonly [P in keyof Piece]: Piece[P] }>();
    for (const { topic, partition, key, value } of records) {
      const id = partitionId(topic, partition);
      let piece = pieces.get(id);
      if (piece === undefined) pieces.set(id, (piece = { topic, partition, id, end: bases.get(id) ?? 0, bytes: 0 }));
      piece.end++;
      piece.bytes += (key?.length ?? 0) + (value?.length ?? 0);
    }
    this.#set([...this.#pieces, ...pieces.values()]);
  }

  /** Where something is that may not have been read. */
  get partitions(): readonly TopicPartition[] {
    return [...new Map(this.#pieces.map((piece) => [piece.id, piece])).values()];
  }

  /** How far the readers have come. True when they have come further. */
  read(committed: ReadonlyMap<string, CommittedOffset>): boolean {
    const left = this.#pieces.filter(({ id, end }) => (committed.get(id)?.offset ?? 0) < end);
    const moved = left.length < this.#pieces.length;
    this.#set(left);
    return moved;
  }

  #set(pieces: readonly Piece[]): void {
    this.#pieces = pieces;
    this.bytes = pieces.reduce((sum, piece) => sum + piece.bytes, 0);
  }
}
