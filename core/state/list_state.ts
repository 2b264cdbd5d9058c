import { valueCodec } from "./codecs.ts";
import type { StateOptions, StatePlace } from "./descriptors.ts";
import type { ListState } from "./handles.ts";
import type { MapTable } from "./map_table.ts";
import { Stamped, stampedCodec } from "./stamped.ts";
import { numberSubKey } from "./sub_key.ts";
import { Expiry, sweepAtCommit } from "./ttl.ts";

export const openList = <T>({ context, column, name, namespaced, keysIn }: StatePlace, { serde, ttl }: StateOptions<T>): ListState<T> => {
  const codec = valueCodec(serde);
  if (ttl === undefined) {
    const table = context.state.map(column, numberSubKey, codec, { namespaced });
    keysIn?.(() => [...table.scopes()].map(({ key }) => key));
    return new LastingList(table, name);
  }
  const table = context.state.map(column, numberSubKey, stampedCodec(codec), { namespaced });
  keysIn?.(() => [...table.scopes()].map(({ key }) => key));
  const expiry = new Expiry(ttl, context, name);
  sweepAtCommit(context, column, namespaced, expiry, (bytes) => {
    const sub = numberSubKey.decode(bytes);
    const stamped = table.get(sub);
    if (stamped !== undefined && expiry.isExpired(stamped.at)) table.delete(sub);
  });
  return new ExpiringList(table, expiry, name);
};

class LastingList<T> implements ListState<T> {
  readonly #table: MapTable<number, T>;
  readonly #name: string;

  constructor(table: MapTable<number, T>, name: string) {
    this.#table = table;
    this.#name = name;
  }

  get(): readonly T[] {
    return this.#table.values();
  }

  add(...values: readonly T[]): void {
    for (const value of values) this.#table.append(element(value, this.#name));
  }

  set(values: Iterable<T>): void {
    replace(
      this.#table,
      [...values].map((value) => element(value, this.#name)),
    );
  }

  clear(): void {
    this.#table.clear();
  }
}

/** Every element has the time of its own writing. */
class ExpiringList<T> implements ListState<T> {
  readonly #table: MapTable<number, Stamped<T>>;
  readonly #expiry: Expiry;
  readonly #name: string;

  constructor(table: MapTable<number, Stamped<T>>, expiry: Expiry, name: string) {
    this.#table = table;
    this.#expiry = expiry;
    this.#name = name;
  }

  get(): readonly T[] {
    const entries = this.#table.entries();
    if (entries.length === 0) return [];
    const { refreshOnRead, showExpired } = this.#expiry;
    const alive = entries.filter(([, { at }]) => !this.#expiry.isExpired(at));
    // Expired elements that may be shown stay as long as one is alive, except where the living ones are written anew.
    if (alive.length === 0) this.#table.clear();
    else if (alive.length < entries.length && (refreshOnRead || !showExpired)) {
      for (const [sub, { at }] of entries) if (this.#expiry.isExpired(at)) this.#table.delete(sub);
    }
    if (refreshOnRead) for (const [sub, { value }] of alive) this.#table.set(sub, this.#stamped(value));
    return (showExpired ? entries : alive).map(([, { value }]) => value);
  }

  add(...values: readonly T[]): void {
    for (const value of values) this.#table.append(this.#stamped(value));
  }

  set(values: Iterable<T>): void {
    replace(
      this.#table,
      [...values].map((value) => this.#stamped(value)),
    );
  }

  clear(): void {
    this.#table.clear();
  }

  #stamped(value: T): Stamped<T> {
    return new Stamped(this.#expiry.stamp(), element(value, this.#name));
  }
}

/** Elements take the places of those before, so that a list that is set again and again writes no more than it holds. */
const replace = <T>(table: MapTable<number, T>, values: readonly T[]): void => {
  const before = table.entries();
  for (let i = 0; i < values.length; i++) {
    if (i < before.length) table.set(before[i]![0], values[i]!);
    else table.append(values[i]!);
  }
  for (let i = values.length; i < before.length; i++) table.delete(before[i]![0]);
};

const element = <T>(value: T, name: string): T => {
  if (value === undefined) throw new TypeError(`List state '${name}' cannot hold undefined: use null`);
  return value;
};
