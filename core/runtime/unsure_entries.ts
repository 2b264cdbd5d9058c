import { latin1 } from "../serde/utf8.ts";
import type { StepState } from "../state/step_state.ts";

/**
 * Entries of changelogs that a commit has written and that were taken back with it. Without transactions they may stand in the log: what is done instead need not touch them, and whoever restored from the log would find what never was. So the next commit says of each of them what the store has.
 *
 * A process that ends before that commit leaves a store behind that is ahead of its input, as one does that ends between the changelog and the offsets: at least once, that is what the input is read again for.
 */
export class UnsureEntries {
  /** By store, then by the bytes of the key. */
  readonly #keys = new Map<string, Map<string, Uint8Array>>();

  get isEmpty(): boolean {
    return this.#keys.size === 0;
  }

  /** What is sealed of this store is taken back. */
  add(store: string, state: StepState): void {
    for (const { key } of state.sealedWrites) {
      let ofStore = this.#keys.get(store);
      if (ofStore === undefined) this.#keys.set(store, (ofStore = new Map()));
      ofStore.set(nameOf(key), key);
    }
  }

  /** Behind the seal of a store: says again what that has not said. */
  say(store: string, state: StepState, write: (key: Uint8Array, value: Uint8Array | null) => void): void {
    const unsure = this.#keys.get(store);
    if (unsure === undefined) return;
    const said = new Set(state.sealedWrites.map(({ key }) => nameOf(key)));
    for (const [name, key] of unsure) if (!said.has(name)) write(key, state.base.get(key) ?? null);
  }

  /** The log has heard of all of them. */
  clear(): void {
    this.#keys.clear();
  }
}

const nameOf = (key: Uint8Array): string => latin1(key, 0, key.length);
