import type { AsyncRequest } from "./async_request.ts";

/** A watermark that waits behind records. */
export interface WaitingWatermark {
  readonly number: number;
  watermark: number;
  /** Nothing has come behind it. */
  readonly isLast: boolean;
}

/** The records between two watermarks. */
class Segment {
  readonly requests = new Set<AsyncRequest>();
  /** Those that are answered, in the order of the answers. */
  readonly answered = new Set<AsyncRequest>();
  /** What ends it; undefined while it is the last. */
  watermark: WaitingWatermark | undefined;
}

/** Which of many requests may send its result on. Watermarks are fences: no result goes past one, whatever the order within. */
export class AsyncOrder {
  readonly #order: "input" | "key" | "none";
  readonly #segments: Segment[] = [new Segment()];
  readonly #failed = new Set<AsyncRequest>();
  readonly #unsent: AsyncRequest[] = [];
  #sent = 0;
  /** Records that are in here. */
  records = 0;

  constructor(order: "input" | "key" | "none") {
    this.#order = order;
  }

  get isEmpty(): boolean {
    return this.records === 0 && this.#segments.length === 1;
  }

  add(request: AsyncRequest): void {
    this.#segments.at(-1)!.requests.add(request);
    this.#unsent.push(request);
    this.records++;
  }

  addWatermark(number: number, watermark: number): void {
    const segments = this.#segments;
    const segment = segments.at(-1)!;
    const behind = new Segment();
    segment.watermark = {
      number,
      watermark,
      get isLast() {
        return segments.at(-1) === behind && behind.requests.size === 0;
      },
    };
    segments.push(behind);
  }

  /** The watermark that came last and still waits. */
  get lastWatermark(): WaitingWatermark | undefined {
    return this.#segments.at(-2)?.watermark;
  }

  /** Those whose turn it is to be sent, so that no more than so many are under way; they count as sent. */
  unsent(capacity: number): readonly AsyncRequest[] {
    const sent = this.#unsent.splice(0, Math.max(0, capacity - this.#sent));
    this.#sent += sent.length;
    return sent;
  }

  answered(request: AsyncRequest): void {
    if (request.answer !== undefined && "error" in request.answer) this.#failed.add(request);
    for (const { requests, answered } of this.#segments) if (requests.has(request)) answered.add(request);
  }

  /** What may leave now. A request that has failed may at any time: there is nothing to keep in order. */
  next(): AsyncRequest | WaitingWatermark | undefined {
    for (const request of this.#failed) return request;
    const segment = this.#segments[0]!;
    if (segment.requests.size === 0) return segment.watermark;
    for (const request of segment.answered) if (this.#order === "none" || this.#isFirst(segment, request)) return request;
    return undefined;
  }

  remove(leaving: AsyncRequest | WaitingWatermark): void {
    if (!("key" in leaving)) {
      this.#segments.shift();
      return;
    }
    this.#failed.delete(leaving);
    for (const { requests, answered } of this.#segments) {
      if (!requests.delete(leaving)) continue;
      answered.delete(leaving);
      this.records--;
      this.#sent--;
    }
  }

  *requests(): Iterable<AsyncRequest> {
    for (const { requests } of this.#segments) yield* requests;
  }

  /** Nothing that it has to wait for stands before it. */
  #isFirst(segment: Segment, request: AsyncRequest): boolean {
    for (const before of segment.requests) {
      if (before === request) return true;
      if (this.#order === "input" || before.key === request.key) return false;
    }
    return false;
  }
}
