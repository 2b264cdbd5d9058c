import { reason, StepError } from "../errors.ts";
import type { RecordMeta } from "../record.ts";
import type { AsyncOptions } from "./async_options.ts";
import { AsyncOrder } from "./async_order.ts";
import { type Asked, AsyncQueue } from "./async_queue.ts";
import { type Ask, type Asking, AsyncRequest } from "./async_request.ts";
import { Deadlines } from "./deadlines.ts";
import type { Operator, OperatorContext, OperatorFactory, OwnWork, Push, StepTime } from "./operator.ts";

/**
 * Asks something outside for each record, and sends the answer on with the record's key, timestamp and headers. Many requests are under way at once; what they are for is part of the state, so that after a crash they are sent again: each record has its
 * result exactly once, while a request may be sent more than once. Watermarks keep their place among the records (Flink: AsyncWaitOperator).
 */
export const asyncOperator =
  <V, R>(ask: Ask<V, R>, options: AsyncOptions<V, R> = {}): OperatorFactory =>
  (context) =>
    new AsyncOperator(context, ask, options);

/** As Flink's default. */
const defaultCapacity = 100;

class AsyncOperator implements Operator {
  readonly inputs: readonly Push[] = [(value, record) => this.#onRecord(value, record)];
  readonly time: StepTime;
  readonly work: OwnWork;
  readonly #context: OperatorContext;
  readonly #asking: Asking;
  readonly #options: AsyncOptions<any, any>;
  readonly #capacity: number;
  readonly #queue: AsyncQueue;
  readonly #order: AsyncOrder;
  readonly #deadlines: Deadlines<AsyncRequest> = new Deadlines((request, at) => !request.isDueAt(at));
  #inputsIdle = false;
  #passed = Number.NEGATIVE_INFINITY;
  /** Of the piece of work that was tried last. */
  #tried: AsyncRequest | undefined;

  constructor(context: OperatorContext, ask: Ask<any, any>, options: AsyncOptions<any, any>) {
    this.#context = context;
    this.#asking = {
      ask,
      options,
      nowMs: () => context.clock.monotonic(),
      dueAt: (at, request) => this.#deadlines.add(at, request),
      onAnswer: (request) => {
        if (request.answer !== undefined) this.#order.answered(request);
        context.wake();
      },
    };
    this.#options = options;
    this.#capacity = options.capacity ?? defaultCapacity;
    this.#queue = new AsyncQueue(context.state);
    this.#order = new AsyncOrder(options.order ?? "input");
    const operator = this;
    this.time = {
      get watermark() {
        return operator.#passed;
      },
      get idle() {
        return operator.#inputsIdle && operator.#order.isEmpty;
      },
    };
    this.work = {
      nextAt: () => (this.#order.next() === undefined ? this.#nextDeadline() : Number.NEGATIVE_INFINITY),
      run: () => this.#run(),
      leaveOut: () => this.#leaveOut(),
      get full() {
        return operator.#order.records >= operator.#capacity;
      },
      get pending() {
        const { records } = operator.#order;
        return { records, bytes: records * operator.#queue.recordBytes };
      },
      get finished() {
        return operator.#order.isEmpty;
      },
    };
  }

  open(): void {
    this.#passed = this.#queue.passed;
    if (this.#passed !== Number.NEGATIVE_INFINITY) this.#context.timeMoved();
    for (const [number, entry] of this.#queue.load())
      if (typeof entry === "number") this.#order.addWatermark(number, entry);
      else this.#order.add(this.#requestFor(number, entry.record));
    this.#send();
  }

  onWatermark(watermark: number): void {
    const last = this.#order.lastWatermark;
    if (watermark <= this.#passed || watermark <= (last?.watermark ?? Number.NEGATIVE_INFINITY)) return;
    if (this.#order.isEmpty) this.#pass(watermark);
    else if (last?.isLast) {
      this.#queue.raiseWatermark(last.number, watermark);
      last.watermark = watermark;
    } else this.#order.addWatermark(this.#queue.addWatermark(watermark), watermark);
  }

  onIdle(idle: boolean): void {
    this.#inputsIdle = idle;
  }

  holds(): boolean {
    return !this.#order.isEmpty;
  }

  close(): void {
    for (const request of this.#order.requests()) request.giveUp(new Error("The task is let go of"));
  }

  #onRecord(value: unknown, record: RecordMeta): void {
    this.#order.add(this.#requestFor(this.#queue.add(value, record), record));
    this.#send();
  }

  #requestFor(number: number, { key }: RecordMeta): AsyncRequest {
    return new AsyncRequest(number, this.#options.order === "key" ? this.#context.state.keys.mapKey(key ?? null) : undefined);
  }

  /** Requests are timed by the monotonic clock, so that none waits longer because somebody sets the wall clock back. */
  #nextDeadline(): number {
    const { next } = this.#deadlines;
    const { clock } = this.#context;
    return next === Number.POSITIVE_INFINITY ? next : clock.now() + Math.ceil(next - clock.monotonic());
  }

  /** Sends what waits for its turn, as far as there is room. */
  #send(): void {
    for (const request of this.#order.unsent(this.#capacity)) this.#sendOne(request);
  }

  #sendOne(request: AsyncRequest): void {
    const asked = this.#queue.get(request.number);
    // Taken back: it leaves when its turn comes.
    if (asked === undefined) this.#order.answered(request);
    else request.send(asked, this.#asking);
  }

  #run(): void {
    const next = this.#order.next();
    if (next === undefined) this.#runDue();
    else if (next instanceof AsyncRequest) this.#finish(next);
    else {
      this.#queue.delete(next.number);
      this.#order.remove(next);
      this.#pass(next.watermark);
    }
  }

  /** Sends the result of a request on. */
  #finish(request: AsyncRequest): void {
    this.#tried = request;
    const asked = this.#queue.get(request.number);
    if (asked !== undefined) {
      const answer = request.answer!;
      if ("error" in answer) throw this.#failed(asked, answer.error);
      this.#context.emit(answer.result, asked.record);
    }
    this.#remove(request);
  }

  /** Gives up one request that has waited too long, or sends one again. */
  #runDue(): void {
    const at = this.#deadlines.next;
    const request = this.#deadlines.take();
    if (request === undefined) return;
    if (at === request.timeoutAt) this.#timedOut(request);
    else this.#sendOne(request);
  }

  #timedOut(request: AsyncRequest): void {
    const { timeout, onTimeout } = this.#options;
    const late = new Error(`There was no answer within ${timeout} ms`);
    request.giveUp(late);
    const asked = this.#queue.get(request.number);
    request.answer = { error: late };
    if (asked !== undefined && onTimeout !== undefined)
      try {
        request.answer = { result: onTimeout(asked.value, asked.record) };
      } catch (error) {
        request.answer = { error };
      }
    this.#order.answered(request);
  }

  #leaveOut(): void {
    if (this.#tried !== undefined) this.#remove(this.#tried);
  }

  #remove(request: AsyncRequest): void {
    request.giveUp(new Error("The record was left out"));
    this.#queue.delete(request.number);
    this.#order.remove(request);
    if (this.#order.isEmpty) this.#context.timeMoved();
    this.#send();
  }

  #pass(watermark: number): void {
    this.#passed = watermark;
    this.#queue.passed = watermark;
    this.#context.timeMoved();
  }

  #failed({ value, record }: Asked, error: unknown): StepError {
    const { step } = this.#context;
    const { topic, partition, offset } = record;
    return new StepError(`Step '${step}' got no result for a record: ${reason(error)}`, {
      step,
      value,
      cause: error,
      ...(offset < 0 ? {} : { topic, partition, offset }),
    });
  }
}
