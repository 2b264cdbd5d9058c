import type { Serde } from "../serde/serde.ts";
import { columnPrefix, readScope } from "../state/address.ts";
import { valueCodec } from "../state/codecs.ts";
import { Stamped, stampedCodec } from "../state/stamped.ts";
import type { StepState } from "../state/step_state.ts";
import type { ReadableStore } from "../state/stores/key_value_store.ts";
import type { ReadableSessionStore } from "../state/stores/session_store.ts";
import type { StoreReader } from "../state/stores/store_descriptor.ts";
import { textPrefix } from "../state/stores/text_prefix.ts";
import { openVersions } from "../state/stores/versioned_store.ts";
import type { ReadableWindowStore } from "../state/stores/window_store.ts";
import { compareBytes } from "../state/time_key.ts";
import type { Assigner } from "../window/assigner.ts";
import { type Kept, RevisedPanes } from "../window/revised_panes.ts";
import type { Window, Windowed } from "../window/window.ts";
import { rowsInOrder, tableRows } from "./table_rows.ts";
import { versionedRows } from "./versioned_table_operator.ts";

type Row = (stored: any) => unknown;

/** The rows of a table, for those who only look. */
export const rowsReader = (row?: Row, serde?: Serde<any>): StoreReader => ({
  kind: "key-value",
  read: (state) => new Rows(state, row ?? ((stored) => stored), serde),
  walk: function* (state, from) {
    for (const [bytes, key, { value }] of rowsInOrder<unknown>(state, from, serde))
      yield [bytes, key, (row === undefined ? value : row(value)) ?? undefined];
  },
  change: (state, key, value) => {
    const prefix = columnPrefix("t:rows");
    if (compareBytes(key.subarray(0, prefix.length), prefix) !== 0) return undefined;
    const stamped = value === null ? undefined : stampedCodec(valueCodec<unknown>(serde)).decode(value);
    return {
      key: readScope(state, prefix.length, key, false).key,
      value: stamped === undefined ? null : row === undefined ? stamped.value : (row(stamped.value) ?? null),
      timestamp: stamped?.at,
    };
  },
});

/** The same of a table with a history. */
export const versionedReader = (historyMs: number): StoreReader => ({
  kind: "versioned",
  read: (state) => openVersions(state, versionedRows(state, historyMs)),
});

/** The windows of a table: sessions, or windows of one size. */
export const windowsReader = (assigner: Assigner<any, any>, kept: Kept<any>, row: Row = (stored) => stored): StoreReader => {
  if (!kept.sessions)
    return {
      kind: "window",
      read: (state) => new Panes(state, new RevisedPanes<unknown>(state, kept), (start) => assigner.space.window(start), row),
    };
  const gapMs = assigner.parameters["gap"] as number;
  return { kind: "session", read: (state) => new Sessions(state, new RevisedPanes<unknown>(state, kept), gapMs, row) };
};

class Rows implements ReadableStore<unknown, unknown> {
  readonly #state: StepState;
  readonly #row: Row;
  readonly #rows;

  constructor(state: StepState, row: Row, serde: Serde<any> | undefined) {
    this.#state = state;
    this.#row = row;
    this.#rows = tableRows<unknown>(state, serde);
  }

  get(key: unknown): unknown {
    return this.#find(key)?.value;
  }
  timestampOf(key: unknown): number | undefined {
    return this.#find(key)?.at;
  }
  range(from: unknown, to: unknown, order: "asc" | "desc" = "asc"): readonly (readonly [unknown, unknown])[] {
    const first = from === undefined ? undefined : this.#bytes(from);
    const last = to === undefined ? undefined : this.#bytes(to);
    return this.#sorted(
      order,
      (bytes) => (first === undefined || compareBytes(bytes, first) >= 0) && (last === undefined || compareBytes(bytes, last) <= 0),
    );
  }
  prefix<P>(prefix: P, serde?: Serde<P>): readonly (readonly [unknown, unknown])[] {
    const encode = (key: unknown): Uint8Array => this.#bytes(key);
    const begin =
      serde !== undefined ? serde.serialize(prefix, "").slice() : typeof prefix === "string" ? textPrefix(prefix, encode) : encode(prefix);
    return this.#sorted("asc", (bytes) => compareBytes(bytes.subarray(0, begin.length), begin) === 0);
  }
  all(order: "asc" | "desc" = "asc"): readonly (readonly [unknown, unknown])[] {
    return this.#sorted(order, () => true);
  }
  approximateSize(): number {
    return this.#sorted("asc", () => true).length;
  }

  #find(key: unknown): Stamped<unknown> | undefined {
    this.#state.setKey(key);
    const stored = this.#rows.get();
    const value = stored === undefined ? undefined : this.#row(stored.value);
    return stored === undefined || value === undefined || value === null ? undefined : new Stamped(stored.at, value);
  }
  #sorted(order: "asc" | "desc", holds: (bytes: Uint8Array) => boolean): readonly (readonly [unknown, unknown])[] {
    const found = [...this.#rows.all()]
      .map(([key, { value }]) => ({ key, bytes: this.#bytes(key), value: this.#row(value) }))
      .filter(({ bytes, value }) => value !== null && value !== undefined && holds(bytes))
      .sort((a, b) => compareBytes(a.bytes, b.bytes))
      .map(({ key, value }) => [key, value] as const);
    return order === "asc" ? found : found.reverse();
  }
  #bytes(key: unknown): Uint8Array {
    return this.#state.keys.encode(key).slice();
  }
}

type WindowEntry = readonly [Windowed<unknown, Window>, unknown];

class Panes implements ReadableWindowStore<unknown, unknown> {
  readonly #state: StepState;
  readonly #panes: RevisedPanes<unknown>;
  readonly #window: (start: number) => Window;
  readonly #row: Row;

  constructor(state: StepState, panes: RevisedPanes<unknown>, window: (start: number) => Window, row: Row) {
    this.#state = state;
    this.#panes = panes;
    this.#window = window;
    this.#row = row;
  }

  get(key: unknown, start: number): unknown {
    const pane = this.#find(key, start);
    return pane === undefined ? undefined : (this.#row(pane.value) ?? undefined);
  }
  timestampOf(key: unknown, start: number): number | undefined {
    return this.#find(key, start)?.at;
  }
  fetch(key: unknown, from: number, to: number, order: "asc" | "desc" = "asc"): readonly (readonly [number, unknown])[] {
    this.#state.setKey(key);
    const found = this.#panes
      .where((start) => start >= from && start <= to)
      .map(([start, { value }]) => [this.#window(start).start, this.#row(value)] as const);
    return order === "asc" ? found : [...found].reverse();
  }
  fetchRange(keyFrom: unknown, keyTo: unknown, from: number, to: number, order: "asc" | "desc" = "asc"): readonly WindowEntry[] {
    const first = keyFrom === undefined ? undefined : this.#state.keys.encode(keyFrom).slice();
    const last = keyTo === undefined ? undefined : this.#state.keys.encode(keyTo).slice();
    const found = [...this.#panes.all()]
      .map(([key, start, { value }]) => ({ key, start, bytes: this.#state.keys.encode(key).slice(), value: this.#row(value) }))
      .filter(
        ({ bytes, start, value }) =>
          value !== null &&
          value !== undefined &&
          start >= from &&
          start <= to &&
          (first === undefined || compareBytes(bytes, first) >= 0) &&
          (last === undefined || compareBytes(bytes, last) <= 0),
      )
      .sort((a, b) => compareBytes(a.bytes, b.bytes) || a.start - b.start)
      .map(({ key, start, value }) => [{ key, window: this.#window(start) }, value] as const);
    return order === "asc" ? found : found.reverse();
  }
  fetchAll(from: number, to: number, order: "asc" | "desc" = "asc"): readonly WindowEntry[] {
    return this.fetchRange(undefined, undefined, from, to, order);
  }
  all(order: "asc" | "desc" = "asc"): readonly WindowEntry[] {
    return this.fetchAll(Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY, order);
  }

  #find(key: unknown, start: number): Stamped<unknown> | undefined {
    this.#state.setKey(key);
    return this.#panes.get(start);
  }
}

class Sessions implements ReadableSessionStore<unknown, unknown> {
  readonly #state: StepState;
  readonly #sessions: RevisedPanes<unknown>;
  readonly #gapMs: number;
  readonly #row: Row;

  constructor(state: StepState, sessions: RevisedPanes<unknown>, gapMs: number, row: Row) {
    this.#state = state;
    this.#sessions = sessions;
    this.#gapMs = gapMs;
    this.#row = row;
  }

  get(key: unknown, start: number, end: number): unknown {
    this.#state.setKey(key);
    const session = this.#sessions.get(start);
    return session === undefined || session.at + this.#gapMs !== end ? undefined : (this.#row(session.value) ?? undefined);
  }
  fetch(key: unknown): readonly WindowEntry[] {
    return this.find(key, Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY);
  }
  find(key: unknown, earliestEnd: number, latestStart: number): readonly WindowEntry[] {
    this.#state.setKey(key);
    return this.#sessions
      .where((start, last) => last + this.#gapMs >= earliestEnd && start <= latestStart)
      .map(([start, { at, value }]) => [{ key, window: { start, end: at + this.#gapMs } }, this.#row(value)] as const);
  }
  findRange(keyFrom: unknown, keyTo: unknown, earliestEnd: number, latestStart: number): readonly WindowEntry[] {
    const first = keyFrom === undefined ? undefined : this.#state.keys.encode(keyFrom).slice();
    const last = keyTo === undefined ? undefined : this.#state.keys.encode(keyTo).slice();
    return [...this.#sessions.all()]
      .map(([key, start, { at, value }]) => ({ key, start, end: at + this.#gapMs, value, bytes: this.#state.keys.encode(key).slice() }))
      .filter(
        ({ bytes, start, end }) =>
          end >= earliestEnd &&
          start <= latestStart &&
          (first === undefined || compareBytes(bytes, first) >= 0) &&
          (last === undefined || compareBytes(bytes, last) <= 0),
      )
      .sort((a, b) => compareBytes(a.bytes, b.bytes) || a.end - b.end || a.start - b.start)
      .map(({ key, start, end, value }) => [{ key, window: { start, end } }, this.#row(value)] as const);
  }
  all(): readonly WindowEntry[] {
    return this.findRange(undefined, undefined, Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY);
  }
}
