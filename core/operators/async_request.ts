import type { AsyncCall, AsyncOptions } from "./async_options.ts";
import type { Asked } from "./async_queue.ts";

/** Sends the request for one record. */
export type Ask<V, R> = (value: V, call: AsyncCall<any>) => Promise<R>;

/** What became of a request. */
export type Answer = { readonly result: unknown } | { readonly error: unknown };

/** How requests are sent. */
export interface Asking {
  readonly ask: Ask<any, any>;
  readonly options: AsyncOptions<any, any>;
  /** By the monotonic clock, as all moments here. */
  readonly nowMs: () => number;
  /** The request is to be looked at at that moment. */
  readonly dueAt: (at: number, request: AsyncRequest) => void;
  /** There is an answer; it may be one after which to ask again. */
  readonly onAnswer: (request: AsyncRequest) => void;
}

/** The request for one record: sent, answered or given up, sent again. */
export class AsyncRequest {
  readonly number: number;
  /** What tells its key from others. */
  readonly key: unknown;
  answer: Answer | undefined;
  /** When it is to be sent again. */
  retryAt: number = Number.POSITIVE_INFINITY;
  /** When it has waited too long. */
  timeoutAt: number = Number.POSITIVE_INFINITY;
  #attempt = 0;
  #abort: AbortController | undefined;

  constructor(number: number, key: unknown) {
    this.number = number;
    this.key = key;
  }

  /** Whether something is still to be done at this moment: to give it up, or to send it again. */
  isDueAt(at: number): boolean {
    return this.answer === undefined && (at === this.timeoutAt || at === this.retryAt);
  }

  /** Sends it, once more if need be. */
  send(asked: Asked, { ask, options, nowMs, dueAt, onAnswer }: Asking): void {
    const deadline = (at: number): number => {
      dueAt(at, this);
      return at;
    };
    if (this.#attempt === 0 && options.timeout !== undefined) this.timeoutAt = deadline(nowMs() + options.timeout);
    this.retryAt = Number.POSITIVE_INFINITY;
    const attempt = ++this.#attempt;
    const abort = new AbortController();
    this.#abort = abort;
    const answered = (answer: Answer): void => {
      // An answer that comes too late is none.
      if (this.#abort !== abort || this.answer !== undefined) return;
      this.#abort = undefined;
      try {
        const again = retryAfter(options, attempt, answer);
        if (again === undefined) this.answer = answer;
        else this.retryAt = deadline(nowMs() + again);
      } catch (error) {
        this.answer = { error };
      }
      onAnswer(this);
    };
    let promise: Promise<unknown>;
    try {
      promise = Promise.resolve(ask(asked.value, { record: asked.record, signal: abort.signal, attempt }));
    } catch (error) {
      promise = Promise.reject(error);
    }
    promise.then(
      (result) => answered({ result }),
      (error) => answered({ error }),
    );
  }

  /** Nobody waits for the answer any more. */
  giveUp(why: Error): void {
    const abort = this.#abort;
    this.#abort = undefined;
    abort?.abort(why);
  }
}

/** In how many milliseconds to ask again; undefined when the answer stands. */
const retryAfter = ({ retry }: AsyncOptions<any, any>, attempt: number, answer: Answer): number | undefined => {
  if (retry === undefined || attempt >= retry.attempts) return undefined;
  const { when = ({ error }) => error !== undefined, backoff = (failed: number) => 100 * 2 ** (failed - 1) } = retry;
  if (
    !("error" in answer
      ? when({ error: answer.error ?? new Error("The request failed without a reason") })
      : when({ result: answer.result }))
  )
    return undefined;
  return typeof backoff === "function" ? backoff(attempt) : backoff;
};
