/** A transaction that was aborted: its records lie between these offsets, its marker at the last one. */
export interface AbortedTransaction {
  readonly producerId: number;
  readonly firstOffset: number;
  readonly lastOffset: number;
}

interface Entry extends AbortedTransaction {
  /** When this transaction had ended. A reader whose range ends before it needs no later entry. */
  readonly lastStableOffset: number;
}

/**
 * The aborted transactions of a partition in the order in which they ended, as Kafka's transaction index has them. That order is not the order in which they
 * began; a reader has to sort what it gets.
 */
export class AbortedIndex {
  private entries: Entry[] = [];

  add(entry: AbortedTransaction, lastStableOffset: number): void {
    this.entries.push({ ...entry, lastStableOffset });
  }

  /** Those that have records at or after `from` and before `to`. */
  between(from: number, to: number): AbortedTransaction[] {
    const found: AbortedTransaction[] = [];
    for (let i = this.firstEndingAt(from); i < this.entries.length; i++) {
      const entry = this.entries[i]!;
      if (entry.firstOffset < to) found.push(entry);
      if (entry.lastStableOffset >= to) break;
    }
    return found;
  }

  /** Forgets those that ended before an offset. */
  dropBefore(offset: number): void {
    const keep = this.firstEndingAt(offset);
    if (keep > 0) this.entries = this.entries.slice(keep);
  }

  /** Entries end in ascending order, for their markers were appended in it. */
  private firstEndingAt(offset: number): number {
    let [low, high] = [0, this.entries.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.entries[middle]!.lastOffset < offset) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
