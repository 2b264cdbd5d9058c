import type { NamespaceKey, Scoped } from "./scope_map.ts";
import type { MapKey } from "./step_state.ts";

/**
 * The timers of one timestamp, found by key and namespace. Many timestamps have a single timer and many keys a single namespace, so Maps are made
 * only for more.
 */
export class DueTimers<T extends Scoped> {
  #one: T | undefined;
  #keys: Map<MapKey, T | Map<NamespaceKey, T>> | undefined;
  // Where firing has come to: asking each time for the first of a Map would walk over all that have left it.
  #walk: Iterator<T | Map<NamespaceKey, T>> | undefined;
  #current: Map<NamespaceKey, T> | undefined;
  /** Goes before all others, wherever it stands. */
  #next: T | undefined;

  get isEmpty(): boolean {
    return this.#one === undefined && (this.#keys === undefined || this.#keys.size === 0);
  }

  find(mapKey: MapKey, namespaceKey: NamespaceKey): T | undefined {
    const found = this.#keys === undefined ? this.#one : this.#keys.get(mapKey);
    if (found instanceof Map) return found.get(namespaceKey);
    return found !== undefined && found.mapKey === mapKey && found.namespaceKey === namespaceKey ? found : undefined;
  }

  /** There must be none of its key and namespace. */
  add(timer: T): void {
    if (this.#keys === undefined) {
      if (this.#one === undefined) {
        this.#one = timer;
        return;
      }
      this.#keys = new Map([[this.#one.mapKey, this.#one]]);
      this.#one = undefined;
    }
    const others = this.#keys.get(timer.mapKey);
    if (others === undefined) this.#keys.set(timer.mapKey, timer);
    else if (others instanceof Map) others.set(timer.namespaceKey, timer);
    else
      this.#keys.set(
        timer.mapKey,
        new Map([
          [others.namespaceKey, others],
          [timer.namespaceKey, timer],
        ]),
      );
  }

  /** It must be one of these: the next that fires. */
  putFirst(timer: T): void {
    this.#next = timer;
  }

  /** It must be one of these. */
  remove(timer: T): void {
    if (this.#next === timer) this.#next = undefined;
    if (this.#keys === undefined) {
      this.#one = undefined;
      return;
    }
    const others = this.#keys.get(timer.mapKey);
    if (others instanceof Map) {
      others.delete(timer.namespaceKey);
      if (others.size > 0) return;
      if (others === this.#current) this.#current = undefined;
    }
    this.#keys.delete(timer.mapKey);
  }

  /** The one that is to fire next. There must be one; it is removed before the next is asked for. */
  first(): T {
    if (this.#next !== undefined) return this.#next;
    if (this.#keys === undefined) return this.#one!;
    if (this.#current === undefined) {
      let next = this.#walk?.next();
      if (next === undefined || next.done === true) {
        this.#walk = this.#keys.values();
        next = this.#walk.next() as IteratorYieldResult<T | Map<NamespaceKey, T>>;
      }
      if (!(next.value instanceof Map)) return next.value;
      this.#current = next.value;
    }
    return this.#current.values().next().value!;
  }
}
