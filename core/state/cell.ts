import { valueCodec } from "./codecs.ts";
import type { StateOptions, StatePlace } from "./descriptors.ts";
import { Stamped, stampedCodec } from "./stamped.ts";
import { Expiry, sweepAtCommit } from "./ttl.ts";
import type { ValueTable } from "./value_table.ts";

/** One value of the current key: what value and folding state stand on. */
export interface Cell<T> {
  get(): T | undefined;
  set(value: T | undefined): void;
  clear(): void;
}

/** The table itself where values last; one that looks at their age where they do not. */
export const openCell = <T>({ context, column, name, namespaced, keysIn }: StatePlace, { serde, ttl }: StateOptions<T>): Cell<T> => {
  const codec = valueCodec(serde);
  if (ttl === undefined) {
    const table = context.state.value(column, codec, { namespaced });
    keysIn?.(() => [...table.all()].map(([key]) => key));
    return table;
  }
  const table = context.state.value(column, stampedCodec(codec), { namespaced });
  keysIn?.(() => [...table.all()].map(([key]) => key));
  const expiry = new Expiry(ttl, context, name);
  sweepAtCommit(context, column, namespaced, expiry, () => {
    const stamped = table.get();
    if (stamped !== undefined && expiry.isExpired(stamped.at)) table.clear();
  });
  return new ExpiringCell(table, expiry);
};

class ExpiringCell<T> implements Cell<T> {
  readonly #table: ValueTable<Stamped<T>>;
  readonly #expiry: Expiry;

  constructor(table: ValueTable<Stamped<T>>, expiry: Expiry) {
    this.#table = table;
    this.#expiry = expiry;
  }

  get(): T | undefined {
    const stamped = this.#table.get();
    if (stamped === undefined) return undefined;
    if (this.#expiry.isExpired(stamped.at)) {
      this.#table.clear();
      return this.#expiry.showExpired ? stamped.value : undefined;
    }
    if (this.#expiry.refreshOnRead) this.set(stamped.value);
    return stamped.value;
  }

  set(value: T | undefined): void {
    this.#table.set(value === undefined ? undefined : new Stamped(this.#expiry.stamp(), value));
  }

  clear(): void {
    this.#table.clear();
  }
}
