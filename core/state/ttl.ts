import type { Duration } from "../duration.ts";
import { TopologyError } from "../errors.ts";
import { readScope } from "./address.ts";
import { Round } from "./round.ts";
import { stampOf } from "./stamped.ts";
import type { StateContext } from "./state_context.ts";

/** When state expires (Flink: StateTtlConfig). */
export interface Ttl {
  /** So long after its last write; at exactly that moment it is expired. */
  readonly after: Duration;
  /** What starts the time anew. @default "write" */
  readonly refreshOn?: "write" | "read-and-write";
  /**
   * Whether expired state may be seen as long as it has not been removed. The read that still sees a value or the entry of a map removes it; a list is removed by the read that finds every element expired. @default "hidden"
   */
  readonly expired?: "hidden" | "until-cleaned";
  /**
   * By the wall clock; or in event time, where state counts as written at the largest timestamp seen so far and expires when the watermark comes to that time plus `after`. @default "processing"
   */
  readonly clock?: "processing" | "event";
}

/** What the handles of one column ask about time. */
export class Expiry {
  readonly refreshOnRead: boolean;
  readonly showExpired: boolean;
  readonly #afterMs: number;
  readonly #context: StateContext;
  readonly #event: boolean;
  #writes = 0;

  constructor(ttl: Ttl, context: StateContext, name: string) {
    if (!(ttl.after > 0))
      throw new TopologyError(
        "OPTION_INVALID",
        `The ttl of state '${name}' is ${ttl.after}: give a duration above zero, such as hours(1)`,
        { step: context.step },
      );
    this.#afterMs = ttl.after;
    this.#context = context;
    this.#event = ttl.clock === "event";
    this.refreshOnRead = ttl.refreshOn === "read-and-write";
    this.showExpired = ttl.expired === "until-cleaned";
  }

  /** The time that a write gets. */
  stamp(): number {
    this.#writes++;
    return this.#event ? Math.max(this.#context.streamTime(), this.#context.watermark()) : this.#context.processingTime();
  }

  /** Nothing expires before its clock has begun to move. */
  isExpired(at: number): boolean {
    const now = this.#event ? this.#context.watermark() : this.#context.processingTime();
    return at + this.#afterMs <= now && now !== Number.NEGATIVE_INFINITY;
  }

  /** How many writes there were since the last time somebody asked. */
  takeWrites(): number {
    const writes = this.#writes;
    this.#writes = 0;
    return writes;
  }
}

/**
 * Removes what has expired and nobody reads any more, a piece at every commit. `remove` is called with the state's key (and namespace) set, and with the entry's sub-key bytes; it must look for itself whether the entry is still
 * expired, since a newer value may not be committed yet.
 */
export const sweepAtCommit = (
  context: StateContext,
  column: string,
  namespaced: boolean,
  expiry: Expiry,
  remove: (sub: Uint8Array) => void,
): void => {
  const { state } = context;
  const round = new Round(state, column);
  state.onCleanUp(column, () => {
    for (const [bytes, value] of round.next(expiry.takeWrites())) {
      if (!expiry.isExpired(stampOf(value))) continue;
      const { key, namespace, rest } = readScope(state, round.prefix.length, bytes, namespaced);
      state.setKey(key);
      if (namespaced) state.setNamespace(namespace);
      remove(bytes.subarray(rest));
    }
  });
};
