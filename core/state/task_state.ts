import { taskKey } from "./address.ts";
import type { ListState, MapState } from "./handles.ts";
import type { MapKey, StepState } from "./step_state.ts";

/** What is looked at next belongs to the whole task. */
export const enterTask = (state: StepState): void => {
  state.key = taskKey;
  state.mapKey = null;
};

/** Leads a handle to the state of the whole task for the length of one call, and back to the current key. */
class TaskScope {
  readonly #state: StepState;
  #key: unknown;
  #mapKey: MapKey = null;

  constructor(state: StepState) {
    this.#state = state;
  }

  enter(): void {
    const state = this.#state;
    this.#key = state.key;
    this.#mapKey = state.mapKey;
    enterTask(state);
  }

  leave<T>(result: T): T {
    this.#state.key = this.#key;
    this.#state.mapKey = this.#mapKey;
    return result;
  }
}

/** A list that the whole task shares. */
export class TaskList<T> implements ListState<T> {
  readonly #scope: TaskScope;
  readonly #list: ListState<T>;

  constructor(state: StepState, list: ListState<T>) {
    this.#scope = new TaskScope(state);
    this.#list = list;
  }

  get(): readonly T[] {
    this.#scope.enter();
    return this.#scope.leave(this.#list.get());
  }

  add(...values: readonly T[]): void {
    this.#scope.enter();
    this.#scope.leave(this.#list.add(...values));
  }

  set(values: Iterable<T>): void {
    // A lazy iterable may look into keyed state: it is walked under the key it belongs to.
    const elements = [...values];
    this.#scope.enter();
    this.#scope.leave(this.#list.set(elements));
  }

  clear(): void {
    this.#scope.enter();
    this.#scope.leave(this.#list.clear());
  }
}

/** A map that the whole task shares. */
export class TaskMap<K, V> implements MapState<K, V> {
  readonly #scope: TaskScope;
  readonly #map: MapState<K, V>;

  constructor(state: StepState, map: MapState<K, V>) {
    this.#scope = new TaskScope(state);
    this.#map = map;
  }

  get(key: K): V | undefined {
    this.#scope.enter();
    return this.#scope.leave(this.#map.get(key));
  }

  has(key: K): boolean {
    this.#scope.enter();
    return this.#scope.leave(this.#map.has(key));
  }

  set(key: K, value: V): void {
    this.#scope.enter();
    this.#scope.leave(this.#map.set(key, value));
  }

  delete(key: K): void {
    this.#scope.enter();
    this.#scope.leave(this.#map.delete(key));
  }

  clear(): void {
    this.#scope.enter();
    this.#scope.leave(this.#map.clear());
  }

  isEmpty(): boolean {
    this.#scope.enter();
    return this.#scope.leave(this.#map.isEmpty());
  }

  keys(): Iterable<K> {
    this.#scope.enter();
    return this.#scope.leave(this.#map.keys());
  }

  values(): Iterable<V> {
    this.#scope.enter();
    return this.#scope.leave(this.#map.values());
  }

  [Symbol.iterator](): Iterator<readonly [K, V]> {
    this.#scope.enter();
    return this.#scope.leave(this.#map[Symbol.iterator]());
  }
}
