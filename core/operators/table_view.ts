import { RecordMeta } from "../record.ts";
import { Stamped } from "../state/stamped.ts";
import type { StepState } from "../state/step_state.ts";
import type { ReadableSessionStore } from "../state/stores/session_store.ts";
import type { StoreReader } from "../state/stores/store_descriptor.ts";
import type { ReadableWindowStore } from "../state/stores/window_store.ts";
import type { Window, Windowed } from "../window/window.ts";
import { tableRows } from "./table_rows.ts";
import { versionedRows } from "./versioned_table_operator.ts";

/** How to find the row that a key has in a table, with its timestamp. */
export interface Lookup {
  get(key: unknown): Stamped<unknown> | undefined;
  /** The row at an earlier time; only of tables with a history. */
  readonly asOf: ((key: unknown, timestamp: number) => Stamped<unknown> | undefined) | undefined;
}

/** A table to look into: which stores it stands on, and what is made of what they hold. */
export type TableView = (states: readonly StepState[]) => Lookup;

/** Rows as a step keeps them; `row` makes the row of what is stored. */
export const rowsView =
  (row: ((stored: any) => unknown) | undefined): TableView =>
  ([state]) => {
    const rows = tableRows<unknown>(state!);
    return {
      get: (key) => {
        state!.setKey(key);
        const stored = rows.get();
        return stored === undefined || row === undefined ? stored : stamped(row(stored.value), stored.at);
      },
      asOf: undefined,
    };
  };

/** The newest rows of a versioned table, or those of an earlier time. */
export const versionedView =
  (historyMs: number): TableView =>
  ([state]) => {
    const rows = versionedRows<unknown>(state!, historyMs);
    const of = (version: ReturnType<typeof rows.latest>) =>
      version === undefined ? undefined : new Stamped(version.timestamp, version.value);
    return {
      get: (key) => {
        state!.setKey(key);
        return of(rows.latest());
      },
      asOf: (key, timestamp) => {
        state!.setKey(key);
        return of(rows.asOf(timestamp));
      },
    };
  };

/** What a function makes of each row of another table; null for none. */
export const derivedView =
  (of: TableView, fn: (value: any, record: RecordMeta) => unknown): TableView =>
  (states) => {
    const inner = of(states);
    const made = (key: unknown, row: Stamped<unknown> | undefined) =>
      row === undefined ? undefined : stamped(fn(row.value, RecordMeta.ofTime(key, row.at)), row.at);
    const { asOf } = inner;
    return {
      get: (key) => made(key, inner.get(key)),
      asOf: asOf === undefined ? undefined : (key, timestamp) => made(key, asOf(key, timestamp)),
    };
  };

const stamped = (value: unknown, at: number): Stamped<unknown> | undefined =>
  value === null || value === undefined ? undefined : new Stamped(at, value);

/** The windows of a table, found by their keys in their windows; `gapMs` is that of sessions. Who looks sees what the step itself sees, and so nothing that has left the retention. */
export const windowedView =
  (readerOf: (cached: boolean) => StoreReader, gapMs: number): TableView =>
  ([state]) => {
    const reader = readerOf(state!.holdsBack);
    const store = reader.read(state!) as ReadableWindowStore<unknown, unknown> & ReadableSessionStore<unknown, unknown>;
    return {
      get: (key) => {
        const { key: of, window } = key as Windowed<unknown, Window>;
        const value = reader.kind === "session" ? store.get(of, window.start, window.end) : store.get(of, window.start);
        // A session's timestamp is that of its last record.
        const at = reader.kind === "session" ? window.end - gapMs : store.timestampOf(of, window.start);
        return value === undefined || at === undefined ? undefined : new Stamped(at, value);
      },
      asOf: undefined,
    };
  };
