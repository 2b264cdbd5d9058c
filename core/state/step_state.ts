import type { Store, StoreWrite } from "../ports/store.ts";
import type { ByteWriter } from "../serde/byte_writer.ts";
import { FrozenMapTable, FrozenOrderedTable, FrozenTimedRecords, FrozenValueTable, frozenCodec, frozenSubKey } from "./frozen_tables.ts";
import { MapTable } from "./map_table.ts";
import { OrderedTable } from "./ordered_table.ts";
import type { NamespaceKey } from "./scope_map.ts";
import type { SubKey } from "./sub_key.ts";
import { TaskNumber } from "./task_number.ts";
import { TimedRecords, type TimedRecordsOptions } from "./timed_records.ts";
import { type TimerHandler, type TimerOptions, TimerService } from "./timer_service.ts";
import { ValueTable } from "./value_table.ts";

/** Something cheap under which a Map finds a key: equal exactly when the keys are equal. */
export type MapKey = string | number | bigint | boolean | null;

/** How the keys of a step become bytes and Map keys. */
export interface KeyCodec {
  encode(key: unknown): Uint8Array;
  /** The bytes of `encode`, where the caller wants them. */
  write?(to: ByteWriter, key: unknown): void;
  decode(bytes: Uint8Array): unknown;
  mapKey(key: unknown): MapKey;
}

/** How the values of one column become bytes. Both throw StoreError: stored state is ours, not an outsider's. */
export interface ValueCodec<T> {
  /** May be a view of something larger: who keeps it for long copies it. */
  encode(value: T): Uint8Array;
  /** The bytes of `encode`, where the caller wants them. */
  write?(to: ByteWriter, value: T): void;
  decode(bytes: Uint8Array): T;
}

/** What every kind of table offers to the state it belongs to. */
export interface Table {
  /** Gives each changed entry once, encoded, and counts it as written from now on. */
  seal(write: (key: Uint8Array, value: Uint8Array | null) => void): void;
  /** Forgets every cached entry, changed ones included: the base is read again. */
  reset(): void;
  /** Lets go of cached entries that the base has as well, the longest untouched first, until they take no more than so many bytes. */
  evict(keepBytes: number): void;
  /** What was sealed is in the base now: the memory of entries that are gone is not needed any more. */
  committed?(): void;
  readonly cached: number;
  /** Estimated bytes of what could be let go of. */
  readonly cachedBytes: number;
  /** Estimated bytes of what is held here as long as it is part of the state, since it has to be found by its order. */
  readonly heldBytes: number;
  readonly changed: number;
}

/**
 * All state of one step in one task: typed tables over one byte store. Between commits every change stays up here, decoded, in the tables (the open overlay); `seal` encodes each
 * changed entry once, for the changelog and for the base store alike; `committed` hands the sealed bytes to the base. A read sees open changes, then sealed ones, then the base, since the tables keep what they have
 * sealed until it is in the base.
 *
 * The current key (and, for windows, the current namespace) is set by the operator before the tables are used.
 */
export class StepState {
  readonly #store: Store;
  readonly #keys: KeyCodec;
  readonly #tables = new Map<string, Table>();
  readonly #numbers = new Map<string, TaskNumber>();
  readonly #cleanUps = new Map<string, () => void>();
  #cleanedUp = false;
  #freezes = false;
  #sealed: StoreWrite[] | undefined;
  #journal: (() => void)[] | undefined;

  /** Of the current record or timer. */
  key: unknown = undefined;
  mapKey: MapKey = null;
  namespace: unknown = undefined;
  #namespaceCodec: SubKey<any> | undefined;
  #namespaceKey: NamespaceKey;
  /** Changes of the rows in it are told at commits only. Said by the step whose state it is, for those that look into it. */
  holdsBack = false;
  /** Estimated bytes of what is changed and not sealed. */
  changedBytes = 0;
  /** The same of what is sealed and not committed. */
  sealedBytes = 0;

  constructor(store: Store, keys: KeyCodec) {
    this.#store = store;
    this.#keys = keys;
  }

  get base(): Store {
    return this.#store;
  }

  setKey(key: unknown): void {
    this.key = key;
    this.mapKey = typeof key === "string" ? key : this.#keys.mapKey(key);
  }

  /** The second part of the address of namespaced tables: a window, a pattern. Set after the key. */
  setNamespace(namespace: unknown): void {
    this.namespace = namespace;
    this.#namespaceKey = undefined;
  }

  /** Fixes how namespaces are written. Once per step, before the first table. */
  useNamespaces<N>(codec: SubKey<N>): void {
    this.#namespaceCodec = codec;
  }

  get namespaceCodec(): SubKey<any> {
    if (this.#namespaceCodec === undefined) throw new Error("useNamespaces comes before the first namespaced table");
    return this.#namespaceCodec;
  }

  /** Tells the current namespace from others. */
  get namespaceKey(): NamespaceKey {
    return (this.#namespaceKey ??= this.namespaceCodec.mapKey(this.namespace));
  }

  get keys(): KeyCodec {
    return this.#keys;
  }

  /** What tables take and give cannot be changed in place any more. Before the first table. */
  freezeValues(): void {
    this.#freezes = true;
  }

  /** One value per key. */
  value<T>(column: string, codec: ValueCodec<T>, options: { readonly namespaced?: boolean } = {}): ValueTable<T> {
    return this.#table(column, () =>
      this.#freezes
        ? new FrozenValueTable<T>(this, column, frozenCodec(codec), options.namespaced ?? false)
        : new ValueTable<T>(this, column, codec, options.namespaced ?? false),
    );
  }

  /** Many values per key, each with a sub-key, walked in the order of the sub-keys. */
  map<S, T>(column: string, sub: SubKey<S>, codec: ValueCodec<T>, options: { readonly namespaced?: boolean } = {}): MapTable<S, T> {
    return this.#table(column, () =>
      this.#freezes
        ? new FrozenMapTable<S, T>(this, column, frozenSubKey(sub), frozenCodec(codec), options.namespaced ?? false)
        : new MapTable<S, T>(this, column, sub, codec, options.namespaced ?? false),
    );
  }

  /** Values of the whole task, walked in the order of their addresses. */
  ordered<A, T>(column: string, address: SubKey<A>, codec: ValueCodec<T>): OrderedTable<A, T> {
    return this.#table(column, () =>
      this.#freezes
        ? new FrozenOrderedTable<A, T>(this, column, frozenSubKey(address), frozenCodec(codec))
        : new OrderedTable<A, T>(this, column, address, codec),
    );
  }

  /** Records of two streams by key and time, until they are over. */
  timedRecords<T>(column: string, options: TimedRecordsOptions<T>): TimedRecords<T> {
    return this.#table(column, () =>
      this.#freezes ? new FrozenTimedRecords<T>(this, column, options) : new TimedRecords<T>(this, column, options),
    );
  }

  /** A number of the whole task, one for everybody who asks for that name. */
  number(name: string, initial: number): TaskNumber {
    let number = this.#numbers.get(name);
    if (number === undefined) this.#numbers.set(name, (number = new TaskNumber(this, name, initial)));
    return number;
  }

  /** Timers of the current key (and namespace); the column keeps event and processing time apart. */
  timers(column: string, handler: TimerHandler, options: TimerOptions = {}): TimerService {
    return this.#table(column, () => new TimerService(this, column, handler, options));
  }

  #table<T extends Table>(column: string, make: () => T): T {
    const known = this.#tables.get(column);
    if (known !== undefined) return known as T;
    const table = make();
    this.#tables.set(column, table);
    return table;
  }

  // ---------------------------------------------------------------- undo within a record

  /** Remembers from here on how each change is taken back. */
  mark(): void {
    this.#journal = [];
  }

  get journal(): (() => void)[] | undefined {
    return this.#journal;
  }

  /** Takes back every change since the mark, newest first. */
  rollback(): void {
    const journal = this.#journal;
    this.#journal = undefined;
    if (journal !== undefined) for (let i = journal.length - 1; i >= 0; i--) journal[i]!();
  }

  /** Keeps the changes since the mark. */
  keep(): void {
    this.#journal = undefined;
  }

  // ---------------------------------------------------------------- commit

  /** Says how a column is rid of what nobody will read any more, a piece at each commit. It may set the key. */
  onCleanUp(column: string, run: () => void): void {
    this.#cleanUps.set(column, run);
  }

  /** Done once per commit: by the step before it, so that a clean-up alone is reason enough for one, else by `seal`. */
  cleanUp(): void {
    for (const run of this.#cleanUps.values()) run();
    this.#cleanedUp = true;
  }

  /** Closes the open changes and gives each of them, encoded. At most one sealed part exists at a time. */
  seal(append: (key: Uint8Array, value: Uint8Array | null) => void): void {
    if (this.#sealed !== undefined) throw new Error("The sealed changes before are not committed yet");
    if (!this.#cleanedUp) this.cleanUp();
    this.#cleanedUp = false;
    const sealed: StoreWrite[] = [];
    for (const table of this.#tables.values())
      table.seal((key, value) => {
        sealed.push({ key, value });
        append(key, value);
      });
    this.#sealed = sealed;
    this.sealedBytes = this.changedBytes;
    this.changedBytes = 0;
  }

  /** The sealed changes are in the log: they go into the base, with the position of the changelog, in one batch. */
  committed(changelogOffset: number | undefined): void {
    const sealed = this.#sealed;
    this.#sealed = undefined;
    this.sealedBytes = 0;
    if (sealed === undefined) return;
    const position = changelogOffset ?? this.#store.position?.changelogOffset ?? 0;
    if (sealed.length > 0 || position !== this.#store.position?.changelogOffset) this.#store.write(sealed, { changelogOffset: position });
    for (const table of this.#tables.values()) table.committed?.();
  }

  /** Drops everything that is not in the base. */
  abort(): void {
    this.#sealed = undefined;
    this.#journal = undefined;
    this.changedBytes = 0;
    this.sealedBytes = 0;
    for (const table of this.#tables.values()) table.reset();
    for (const number of this.#numbers.values()) number.reset();
  }

  get hasChanges(): boolean {
    for (const table of this.#tables.values()) if (table.changed > 0) return true;
    return false;
  }

  /** True while sealed changes wait for their commit. */
  get isSealed(): boolean {
    return this.#sealed !== undefined;
  }

  /** What is sealed and waits for its commit. */
  get sealedWrites(): readonly StoreWrite[] {
    return this.#sealed ?? [];
  }

  /** Estimated bytes of decoded entries that are held although the base has them. */
  get cachedBytes(): number {
    let bytes = 0;
    for (const table of this.#tables.values()) bytes += table.cachedBytes;
    return bytes;
  }

  /** Estimated bytes of the whole state in memory: the base, as far as it knows, and what is always held decoded. */
  get heldBytes(): number {
    let bytes = this.#store.memoryBytes ?? 0;
    for (const table of this.#tables.values()) bytes += table.heldBytes;
    return bytes;
  }

  /** Lets go of cached entries until they take no more than so many bytes. Between two records only: who handles one may hold on to what it has found. */
  evict(keepBytes: number): void {
    const { cachedBytes } = this;
    if (cachedBytes <= keepBytes) return;
    for (const table of this.#tables.values()) if (table.cachedBytes > 0) table.evict((table.cachedBytes / cachedBytes) * keepBytes);
  }
}
