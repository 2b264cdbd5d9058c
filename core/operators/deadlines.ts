interface Deadline<T> {
  readonly at: number;
  readonly what: T;
}

/**
 * Moments at which something is due, the earliest first: a binary heap. What has become needless in between stays until its moment, since looking for it would cost more; only where most of it is needless is the heap made anew.
 */
export class Deadlines<T> {
  readonly #isNeedless: (what: T, at: number) => boolean;
  #heap: Deadline<T>[] = [];
  #cleanAt = cleanFrom;

  constructor(isNeedless: (what: T, at: number) => boolean) {
    this.#isNeedless = isNeedless;
  }

  /** The earliest moment, perhaps of something that is needless by now; +Infinity when there is none. */
  get next(): number {
    return this.#heap[0]?.at ?? Number.POSITIVE_INFINITY;
  }

  add(at: number, what: T): void {
    if (this.#heap.length >= this.#cleanAt) this.#clean();
    this.#insert({ at, what });
  }

  /** Takes the earliest out; undefined when it is needless. */
  take(): T | undefined {
    const heap = this.#heap;
    const [first] = heap as [Deadline<T>, ...Deadline<T>[]];
    const last = heap.pop()!;
    if (heap.length > 0) {
      let at = 0;
      for (let child = 1; child < heap.length; child = 2 * at + 1) {
        if (child + 1 < heap.length && heap[child + 1]!.at < heap[child]!.at) child++;
        if (last.at <= heap[child]!.at) break;
        heap[at] = heap[child]!;
        at = child;
      }
      heap[at] = last;
    }
    return this.#isNeedless(first.what, first.at) ? undefined : first.what;
  }

  #insert(deadline: Deadline<T>): void {
    const heap = this.#heap;
    let at = heap.length;
    heap.push(deadline);
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (heap[parent]!.at <= deadline.at) break;
      heap[at] = heap[parent]!;
      at = parent;
    }
    heap[at] = deadline;
  }

  #clean(): void {
    const live = this.#heap.filter(({ what, at }) => !this.#isNeedless(what, at));
    this.#heap = [];
    for (const deadline of live) this.#insert(deadline);
    this.#cleanAt = Math.max(cleanFrom, 2 * live.length);
  }
}

const cleanFrom = 1024;
