/** What is on its way, given back by time of arrival; of equal times what was sent first comes first. */
export interface Arrivals<T> {
  send(at: number, what: T): void;
  /** The next arrival before the given time, or undefined when nothing arrives before it. */
  before(time: number): Arrival<T> | undefined;
}

export interface Arrival<T> {
  readonly at: number;
  readonly what: T;
}

/** An empty queue: a binary heap, so that it costs little however much is on its way. */
export const arrivals = <T>(): Arrivals<T> => {
  const heap: Sent<T>[] = [];
  let sent = 0;
  return {
    send(at, what) {
      heap.push({ at, order: sent++, what });
      rise(heap, heap.length - 1);
    },
    before(time) {
      const first = heap[0];
      if (first === undefined || first.at >= time) return undefined;
      const last = heap.pop()!;
      if (heap.length > 0) {
        heap[0] = last;
        sink(heap);
      }
      return first;
    },
  };
};

interface Sent<T> extends Arrival<T> {
  readonly order: number;
}

const isFirst = <T>(a: Sent<T>, b: Sent<T>): boolean => a.at < b.at || (a.at === b.at && a.order < b.order);

const rise = <T>(heap: Sent<T>[], from: number): void => {
  for (let child = from; child > 0; ) {
    const parent = (child - 1) >> 1;
    if (!isFirst(heap[child]!, heap[parent]!)) return;
    swap(heap, child, parent);
    child = parent;
  }
};

const sink = <T>(heap: Sent<T>[]): void => {
  for (let parent = 0; ; ) {
    const left = 2 * parent + 1;
    const right = left + 1;
    let first = parent;
    if (left < heap.length && isFirst(heap[left]!, heap[first]!)) first = left;
    if (right < heap.length && isFirst(heap[right]!, heap[first]!)) first = right;
    if (first === parent) return;
    swap(heap, parent, first);
    parent = first;
  }
};

const swap = <T>(heap: Sent<T>[], i: number, j: number): void => {
  const kept = heap[i]!;
  heap[i] = heap[j]!;
  heap[j] = kept;
};
