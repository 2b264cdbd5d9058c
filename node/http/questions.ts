import type { StoreInfo } from "../../core/runtime/queries.ts";
import type { WindowedKey } from "../../core/serde/windowed.ts";
import type { ReadableStore } from "../../core/state/stores/key_value_store.ts";
import type { ReadableSessionStore } from "../../core/state/stores/session_store.ts";
import { textPrefix } from "../../core/state/stores/text_prefix.ts";
import type { ReadableVersionedStore } from "../../core/state/stores/versioned_store.ts";
import type { ReadableWindowStore } from "../../core/state/stores/window_store.ts";
import { compareBytes } from "../../core/state/time_key.ts";
import type { Version } from "../../core/state/versioned_rows.ts";
import type { Parameters } from "./parameters.ts";

/** An entry, and where it stands among the others: by its key's bytes, then by two numbers. */
export interface Entry {
  readonly key: unknown;
  readonly first: number;
  readonly second: number;
  /** As it is shown; undefined fields are left out. */
  readonly fields: object;
}

/** What is asked of a view of a store: one thing about a key, or a list, of one key or of many. */
export interface Question {
  /** The key that it is about, if it is one. */
  readonly key: { readonly key: unknown } | undefined;
  readonly one?: (view: any) => object;
  readonly list?: (view: any) => Iterable<Entry>;
  /** Of a list by keys: which of them, so that it need not be made of all that there is. */
  readonly span?: (bytesOf: (key: unknown) => Uint8Array) => Span;
}

/** The keys from one on, by their bytes, as long as it goes on. */
export interface Span {
  readonly from: Uint8Array | undefined;
  readonly goesOn: (key: Uint8Array) => boolean;
}

type ReadKey = (name: string) => { readonly key: unknown } | undefined;
type Kind = StoreInfo["kind"];

const lowest = Number.NEGATIVE_INFINITY;
const highest = Number.POSITIVE_INFINITY;

/** What can be asked of which kind of store, by the last part of the path. */
export const questions: Readonly<Record<Kind, ReadonlyMap<string, (parameters: Parameters, readKey: ReadKey) => Question>>> = {
  "key-value": new Map(
    Object.entries({
      get: (parameters: Parameters, readKey: ReadKey): Question => {
        const { key } = parameters.needed("key", readKey("key"));
        return {
          key: { key },
          one: (view: ReadableStore<unknown, unknown>) => ({ key, ...found(view.get(key)), timestamp: view.timestampOf(key) }),
        };
      },
      range: (_: Parameters, readKey: ReadKey): Question => {
        const [from, to] = [readKey("keyFrom")?.key, readKey("keyTo")?.key];
        return {
          key: undefined,
          list: (view: ReadableStore<unknown, unknown>) => rows(view.range(from, to)),
          span: (bytesOf) => {
            const last = to === undefined ? undefined : bytesOf(to);
            return {
              from: from === undefined ? undefined : bytesOf(from),
              goesOn: (bytes) => last === undefined || compareBytes(bytes, last) <= 0,
            };
          },
        };
      },
      prefix: (parameters: Parameters, readKey: ReadKey): Question => {
        const { key } = parameters.needed("prefix", readKey("prefix"));
        return {
          key: undefined,
          list: (view: ReadableStore<unknown, unknown>) => rows(view.prefix(key)),
          span: (bytesOf) => {
            const from = typeof key === "string" ? textPrefix(key, bytesOf) : bytesOf(key);
            return { from, goesOn: (bytes) => compareBytes(bytes.subarray(0, from.length), from) === 0 };
          },
        };
      },
      all: (): Question => ({
        key: undefined,
        list: (view: ReadableStore<unknown, unknown>) => rows(view.all()),
        span: () => ({ from: undefined, goesOn: () => true }),
      }),
    }),
  ),
  window: new Map(
    Object.entries({
      get: (parameters: Parameters, readKey: ReadKey): Question => {
        const { key } = parameters.needed("key", readKey("key"));
        const start = parameters.needed("start", parameters.number("start"));
        return {
          key: { key },
          one: (view: ReadableWindowStore<unknown, unknown>) => ({
            key,
            start,
            ...found(view.get(key, start)),
            timestamp: view.timestampOf(key, start),
          }),
        };
      },
      fetch: (parameters: Parameters, readKey: ReadKey): Question => {
        const [one, keyFrom, keyTo] = [readKey("key"), readKey("keyFrom")?.key, readKey("keyTo")?.key];
        const [from, to] = [parameters.number("from") ?? lowest, parameters.number("to") ?? highest];
        if (one === undefined)
          return {
            key: undefined,
            list: (view: ReadableWindowStore<unknown, unknown>) => windows(view.fetchRange(keyFrom, keyTo, from, to), byStart),
          };
        const { key } = one;
        return {
          key: one,
          list: function* (view: ReadableWindowStore<unknown, unknown>) {
            for (const [start, value] of view.fetch(key, from, to)) yield { key, first: start, second: 0, fields: { key, start, value } };
          },
        };
      },
      all: (): Question => ({ key: undefined, list: (view: ReadableWindowStore<unknown, unknown>) => windows(view.all(), byStart) }),
    }),
  ),
  session: new Map(
    Object.entries({
      get: (parameters: Parameters, readKey: ReadKey): Question => {
        const { key } = parameters.needed("key", readKey("key"));
        const start = parameters.needed("start", parameters.number("start"));
        const end = parameters.needed("end", parameters.number("end"));
        return {
          key: { key },
          one: (view: ReadableSessionStore<unknown, unknown>) => ({ key, start, end, ...found(view.get(key, start, end)) }),
        };
      },
      find: (parameters: Parameters, readKey: ReadKey): Question => {
        const [one, keyFrom, keyTo] = [readKey("key"), readKey("keyFrom")?.key, readKey("keyTo")?.key];
        const [earliestEnd, latestStart] = [parameters.number("earliestEnd") ?? lowest, parameters.number("latestStart") ?? highest];
        return {
          key: one,
          list: (view: ReadableSessionStore<unknown, unknown>) =>
            windows(
              one === undefined ? view.findRange(keyFrom, keyTo, earliestEnd, latestStart) : view.find(one.key, earliestEnd, latestStart),
              byEnd,
            ),
        };
      },
      all: (): Question => ({ key: undefined, list: (view: ReadableSessionStore<unknown, unknown>) => windows(view.all(), byEnd) }),
    }),
  ),
  versioned: new Map(
    Object.entries({
      get: (parameters: Parameters, readKey: ReadKey): Question => {
        const { key } = parameters.needed("key", readKey("key"));
        const asOf = parameters.number("asOf");
        return {
          key: { key },
          one: (view: ReadableVersionedStore<unknown, unknown>) => {
            const version = view.get(key, asOf);
            return { key, asOf, ...found(version?.value), timestamp: version?.timestamp, validTo: version?.validTo };
          },
        };
      },
      history: (parameters: Parameters, readKey: ReadKey): Question => {
        const { key } = parameters.needed("key", readKey("key"));
        const [from, to] = [parameters.number("from") ?? lowest, parameters.number("to") ?? highest];
        return {
          key: { key },
          list: function* (view: ReadableVersionedStore<unknown, unknown>) {
            for (const version of view.history(key, from, to)) yield versionOf(key, version, version.timestamp);
          },
        };
      },
      all: (): Question => ({
        key: undefined,
        list: function* (view: ReadableVersionedStore<unknown, unknown>) {
          for (const [key, version] of view.all()) yield versionOf(key, version, 0);
        },
      }),
    }),
  ),
};

/** A value may be null in JSON's eyes and still be one. */
const found = (value: unknown): object => (value === undefined ? { found: false } : { found: true, value });

function* rows(entries: Iterable<readonly [unknown, unknown]>): Iterable<Entry> {
  for (const [key, value] of entries) yield { key, first: 0, second: 0, fields: { key, value } };
}

type Window = WindowedKey<unknown>["window"];
type Numbers = readonly [first: number, second: number];

const byStart = ({ start }: Window): Numbers => [start, 0];
const byEnd = ({ start, end }: Window): Numbers => [end, start];

function* windows(entries: Iterable<readonly [WindowedKey<unknown>, unknown]>, order: (window: Window) => Numbers): Iterable<Entry> {
  for (const [{ key, window }, value] of entries) {
    const [first, second] = order(window);
    yield { key, first, second, fields: { key, start: window.start, end: window.end, value } };
  }
}

const versionOf = (key: unknown, { value, timestamp, validTo }: Version<unknown>, first: number): Entry => ({
  key,
  first,
  second: 0,
  fields: { key, value, timestamp, validTo },
});
