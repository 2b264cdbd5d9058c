import type { StoreEngine, StorePosition, StoreWrite } from "../../core/ports/store.ts";
import { MemoryStore } from "../../core/state/memory_store.ts";
import type { Lent } from "./lent_log.ts";
import { bytesText } from "./record_text.ts";

/** What a store held when it was closed. */
export interface StoreSnapshot {
  readonly store: string;
  readonly partition: number;
  readonly position: number;
  readonly entries: ReadonlyMap<string, string>;
}

export const entriesOf = (store: MemoryStore): ReadonlyMap<string, string> =>
  new Map([...store.range(undefined, undefined)].map(([key, value]) => [bytesText(key), bytesText(value)]));

/** Stores in memory that are looked at while they are used: what is in them has to be what their changelog says, no more and no less. */
export class SimulatedStores {
  readonly snapshots: StoreSnapshot[] = [];
  readonly #endOf: (store: string, partition: number) => number;
  readonly #violated: (what: string) => void;

  /** @param endOf where the changelog of a store ends now */
  constructor(endOf: (store: string, partition: number) => number, violated: (what: string) => void) {
    this.#endOf = endOf;
    this.#violated = violated;
  }

  /**
   * Of one process; what it closes counts as long as the process is alive.
   * @param lent told of each store
   */
  engine(lent: Lent): StoreEngine {
    return {
      open: async ({ store, partition }) => {
        lent.open("stores");
        return new SimulatedStore(
          (position) => {
            const end = this.#endOf(store, partition);
            if (position > end) this.#violated(`I6: store ${store}/${partition} stands at ${position}, and its changelog ends at ${end}`);
          },
          (held) => {
            lent.close("stores");
            if (held.position !== undefined)
              this.snapshots.push({ store, partition, position: held.position.changelogOffset, entries: entriesOf(held) });
          },
        );
      },
    };
  }
}

class SimulatedStore extends MemoryStore {
  readonly #onWrite: (position: number) => void;
  readonly #onClose: (held: MemoryStore) => void;
  #closed = false;

  constructor(onWrite: (position: number) => void, onClose: (held: MemoryStore) => void) {
    super();
    this.#onWrite = onWrite;
    this.#onClose = onClose;
  }

  override write(batch: readonly StoreWrite[], position: StorePosition): void {
    this.#onWrite(position.changelogOffset);
    super.write(batch, position);
  }

  override async close(): Promise<void> {
    if (!this.#closed) this.#onClose(this);
    this.#closed = true;
    await super.close();
  }
}
