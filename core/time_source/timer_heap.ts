import type { Timeout } from "../ports/clock.ts";

/** A callback and its moment. */
export class Timer implements Timeout {
  readonly dueMs: number;
  /** Decides between timers of one moment: the one set first fires first. */
  readonly order: number;
  private callback: (() => void) | null;
  private readonly onCancel: () => void;

  constructor(dueMs: number, order: number, callback: () => void, onCancel: () => void) {
    this.dueMs = dueMs;
    this.order = order;
    this.callback = callback;
    this.onCancel = onCancel;
  }

  get live(): boolean {
    return this.callback !== null;
  }

  cancel(): void {
    if (this.callback === null) return;
    this.callback = null;
    this.onCancel();
  }

  fire(): void {
    const { callback } = this;
    this.callback = null;
    callback?.();
  }
}

const before = (a: Timer, b: Timer): boolean => a.dueMs < b.dueMs || (a.dueMs === b.dueMs && a.order < b.order);

/** Timers by the moment at which they are due, the next one first. Cancelled ones are passed over, and swept out when they are more than the live ones. */
export class TimerHeap {
  private heap: Timer[] = [];
  private set = 0;
  private cancelled = 0;
  private readonly onCancel = (): void => {
    this.cancelled++;
    if (this.cancelled > 64 && this.cancelled * 2 > this.heap.length) {
      // A sorted array is a heap.
      this.heap = this.heap.filter((timer) => timer.live).sort((a, b) => (before(a, b) ? -1 : 1));
      this.cancelled = 0;
    }
  };

  add(dueMs: number, callback: () => void): Timer {
    const timer = new Timer(dueMs, this.set++, callback, this.onCancel);
    const { heap } = this;
    let at = heap.length;
    heap.push(timer);
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!before(timer, heap[parent]!)) break;
      heap[at] = heap[parent]!;
      at = parent;
    }
    heap[at] = timer;
    return timer;
  }

  get nextDueMs(): number | undefined {
    this.dropCancelled();
    return this.heap[0]?.dueMs;
  }

  pop(): Timer | undefined {
    this.dropCancelled();
    return this.heap.length === 0 ? undefined : this.removeFirst();
  }

  private dropCancelled(): void {
    while (this.heap.length > 0 && !this.heap[0]!.live) {
      this.removeFirst();
      this.cancelled--;
    }
  }

  private removeFirst(): Timer {
    const { heap } = this;
    const first = heap[0]!;
    const last = heap.pop()!;
    const size = heap.length;
    if (size === 0) return first;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= size) break;
      if (child + 1 < size && before(heap[child + 1]!, heap[child]!)) child++;
      if (!before(heap[child]!, last)) break;
      heap[at] = heap[child]!;
      at = child;
    }
    heap[at] = last;
    return first;
  }
}
