import type { MapKey, StepState } from "./step_state.ts";

/** Something cheap that tells namespaces apart. */
export type NamespaceKey = string | number | bigint | boolean | undefined;

/** What a table holds for one key, or for one key and namespace. */
export interface Scoped {
  readonly mapKey: MapKey;
  readonly namespaceKey: NamespaceKey;
}

/**
 * Finds what a table holds for the state's current key and, where the table is namespaced, namespace. Two steps of lookup instead of one name for
 * both, since making a string for each record costs more than finding it does.
 */
export class ScopeMap<S extends Scoped> {
  readonly #state: StepState;
  /** One of the two is used. */
  readonly #plain = new Map<MapKey, S>();
  readonly #nested: Map<MapKey, Map<NamespaceKey, S>> | undefined;
  // A step mostly asks for the same scope several times in a row.
  #last: S | undefined;
  #size = 0;

  constructor(state: StepState, namespaced: boolean) {
    this.#state = state;
    this.#nested = namespaced ? new Map() : undefined;
  }

  get namespaced(): boolean {
    return this.#nested !== undefined;
  }

  /** Of the current key and namespace. */
  get(): S | undefined {
    const { mapKey } = this.#state;
    const last = this.#last;
    if (this.#nested === undefined) {
      if (last !== undefined && last.mapKey === mapKey) return last;
      const found = this.#plain.get(mapKey);
      if (found !== undefined) this.#last = found;
      return found;
    }
    const { namespaceKey } = this.#state;
    if (last !== undefined && last.namespaceKey === namespaceKey && last.mapKey === mapKey) return last;
    const found = this.#nested.get(mapKey)?.get(namespaceKey);
    if (found !== undefined) this.#last = found;
    return found;
  }

  add(scope: S): void {
    this.#last = scope;
    this.#size++;
    if (this.#nested === undefined) {
      this.#plain.set(scope.mapKey, scope);
      return;
    }
    const scopes = this.#nested.get(scope.mapKey);
    if (scopes === undefined) this.#nested.set(scope.mapKey, new Map([[scope.namespaceKey, scope]]));
    else scopes.set(scope.namespaceKey, scope);
  }

  /** Does nothing when another one stands in its place by now. It may be called for what `values` has just given. */
  delete(scope: S): void {
    const { mapKey, namespaceKey } = scope;
    if (this.#last === scope) this.#last = undefined;
    if (this.#nested === undefined) {
      if (this.#plain.get(mapKey) !== scope) return;
      this.#plain.delete(mapKey);
    } else {
      const scopes = this.#nested.get(mapKey);
      if (scopes?.get(namespaceKey) !== scope) return;
      scopes.delete(namespaceKey);
      if (scopes.size === 0) this.#nested.delete(mapKey);
    }
    this.#size--;
  }

  has(mapKey: MapKey, namespaceKey: NamespaceKey): boolean {
    return this.#nested === undefined ? this.#plain.has(mapKey) : this.#nested.get(mapKey)?.has(namespaceKey) === true;
  }

  *values(): IterableIterator<S> {
    if (this.#nested === undefined) yield* this.#plain.values();
    else for (const scopes of this.#nested.values()) yield* scopes.values();
  }

  get size(): number {
    return this.#size;
  }

  clear(): void {
    this.#plain.clear();
    this.#nested?.clear();
    this.#last = undefined;
    this.#size = 0;
  }
}
