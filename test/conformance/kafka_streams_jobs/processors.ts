import {
  type DraftHeaders,
  json,
  keyValueStore,
  millis,
  type StoreDescriptor,
  sessionStore,
  text,
  versionedStore,
  windowStore,
} from "millrace";
import { evaluate, text as shown } from "./expression.ts";
import type { Json, Step } from "./vector.ts";

const key = json<Json>();
const value = json<Json>();

/** A store as a scenario declares it. */
export const storeOf = (step: Step): StoreDescriptor<any, any> => {
  const name = step["name"] as string;
  const options = { key, value };
  switch (step["type"]) {
    case "kv":
    case "timestampedKv":
      return keyValueStore(name, options);
    case "window":
      return windowStore(name, {
        ...options,
        size: millis(step["windowSizeMs"]),
        retention: millis(step["retentionMs"]),
        duplicates: step["retainDuplicates"] === true,
      });
    case "session":
      return sessionStore(name, { ...options, retention: millis(step["retentionMs"]) });
    case "versioned":
      return versionedStore(name, { ...options, history: millis(step["historyMs"]) });
    default:
      throw new Error(`There is no store of type '${step["type"]}'`);
  }
};

/** What a processor sends on. */
interface Sent {
  readonly key: Json;
  readonly value: Json;
  readonly timestamp?: number;
  readonly headers?: DraftHeaders;
}

/** A processor of the scenarios' as a process function that sends drafts. */
export const processorOf = (step: Step, stores: ReadonlyMap<string, StoreDescriptor<any, any>>): any => {
  const make = processors[step["processor"] as string];
  if (make === undefined) throw new Error(`There is no processor '${step["processor"]}'`);
  const [store] = (step["stores"] ?? []) as readonly string[];
  return { state: store === undefined ? {} : { store: stores.get(store)! }, ...make(step) };
};

const schedule = (step: Step): { readonly every: number; readonly by: "stream-time" | "wall-clock" } => ({
  every: millis(step["intervalMs"]),
  by: step["punctuation"] === "streamTime" ? "stream-time" : "wall-clock",
});

const processors: Readonly<Record<string, (step: Step) => any>> = {
  kvAggregate: ({ init, adder }) => ({
    onRecord(value: Json, { key, timestamp, state: { store } }: any): readonly Sent[] {
      const next = evaluate(adder, { agg: store.get(key) ?? evaluate(init, {}), key, value });
      const at = Math.max(store.timestampOf(key) ?? timestamp, timestamp);
      if (next === null) store.delete(key);
      else store.put(key, next, at);
      return [{ key, value: next, timestamp: at }];
    },
  }),

  dedup: ({ windowMs, idFn }) => ({
    onRecord(value: Json, { key, timestamp, state: { store } }: any): readonly Sent[] {
      const id = evaluate(idFn, { key, value, timestamp });
      if (id === null) return [{ key, value }];
      const known = [...store.fetch(id, Math.max(0, timestamp - windowMs), timestamp + windowMs)].length > 0;
      store.put(id, timestamp, timestamp);
      return known ? [] : [{ key, value }];
    },
  }),

  ttlCleanup: (step) => ({
    schedules: { sweep: schedule(step) },
    onRecord(_value: Json, { key, timestamp, processingTime, state: { store } }: any): readonly Sent[] {
      const before = store.get(key);
      const seen = step["punctuation"] === "streamTime" ? timestamp : processingTime;
      const row = { n: (before?.n ?? 0) + 1, lastSeen: Math.max(before?.lastSeen ?? seen, seen) };
      store.put(key, row);
      return [{ key, value: row }];
    },
    onSchedule(now: number, { state: { store } }: any): readonly Sent[] {
      const old = [...store.all()].filter(([, row]: Json) => now - row.lastSeen >= step["ttlMs"]);
      return old.map(([gone]: Json) => {
        store.delete(gone);
        return { key: gone, value: null, timestamp: now };
      });
    },
  }),

  countAndPunctuate: (step) => ({
    schedules: { tell: schedule(step) },
    onRecord(_value: Json, { key, state: { store } }: any): void {
      store.put(key, (store.get(key) ?? 0) + 1);
    },
    onSchedule(now: number, { state: { store } }: any): readonly Sent[] {
      return [...store.all()].map(([counted, count]: Json) => {
        if (step["reset"] === true) store.delete(counted);
        return { key: counted, value: { count, at: now }, timestamp: now };
      });
    },
  }),

  tick: (step) => {
    let n = 0;
    return {
      schedules: { tick: schedule(step) },
      onRecord: (value: Json, { key }: any): readonly Sent[] => [{ key, value }],
      onSchedule(now: number, { streamTime, processingTime, cancel }: any): readonly Sent[] {
        n++;
        if (step["maxTicks"] !== undefined && n >= step["maxTicks"]) cancel();
        const value = { now, streamTime: streamTime === Number.NEGATIVE_INFINITY ? -1 : streamTime, systemTime: processingTime, n };
        return [{ key: "tick", value, timestamp: now }];
      },
    };
  },

  contextProbe: () => ({
    onRecord(_value: Json, ctx: any): readonly Sent[] {
      const { key, topic, partition, offset, timestamp, streamTime, processingTime, headers } = ctx;
      const headerKeys = [...headers].map(([name]: Json) => name);
      return [{ key, value: { topic, partition, offset, timestamp, streamTime, systemTime: processingTime, headerKeys } }];
    },
  }),

  rewrite: ({ keyFn, valueFn, timestampFn, addHeaders = {}, removeHeaders = [] }) => ({
    onRecord(value: Json, { key, timestamp, headers }: any): readonly Sent[] {
      const variables = { key, value, timestamp };
      const kept = [...headers].filter(([name]: Json) => !removeHeaders.includes(name));
      const added = Object.entries(addHeaders).map(([name, of]) => [name, new TextEncoder().encode(shown(evaluate(of, variables)))]);
      return [
        {
          key: keyFn === undefined ? key : evaluate(keyFn, variables),
          value: valueFn === undefined ? value : evaluate(valueFn, variables),
          timestamp: timestampFn === undefined ? timestamp : evaluate(timestampFn, variables),
          headers: [...kept, ...added] as readonly (readonly [string, Uint8Array])[],
        },
      ];
    },
  }),

  multiForward: ({ copies, stepMs }) => ({
    onRecord: (value: Json, { key, timestamp }: any): readonly Sent[] =>
      Array.from({ length: copies }, (_, i) => ({ key, value: { v: value, i }, timestamp: timestamp + i * stepMs })),
  }),

  kvOps: () =>
    operations({
      put: (store, { v }, key) => void store.put(key, v ?? null),
      putIfAbsent: (store, { v }, key) => store.putIfAbsent(key, v),
      get: (store, _, key) => store.get(key),
      delete: (store, _, key) => store.delete(key),
      range: (store, { from, to }) => [...store.range(from ?? undefined, to ?? undefined)],
      reverseRange: (store, { from, to }) => [...store.range(from ?? undefined, to ?? undefined, "desc")],
      all: (store) => [...store.all()],
      reverseAll: (store) => [...store.all("desc")],
      prefixScan: (store, { prefix }) => [...store.prefix(`"${prefix}`, text)],
    }),

  windowOps: () =>
    operations({
      put: (store, { v, at }, key) => void store.put(key, v ?? null, at),
      get: (store, { at }, key) => store.get(key, at),
      fetch: (store, { from, to }, key) => [...store.fetch(key, from, to)],
      backwardFetch: (store, { from, to }, key) => [...store.fetch(key, from, to, "desc")],
      fetchAll: (store, { from, to }) => entries(store.fetchAll(from, to)),
      backwardFetchAll: (store, { from, to }) => entries(store.fetchAll(from, to, "desc")),
      fetchKeyRange: (store, { keyFrom, keyTo, from, to }) => entries(store.fetchRange(keyFrom ?? undefined, keyTo ?? undefined, from, to)),
      backwardFetchKeyRange: (store, { keyFrom, keyTo, from, to }) =>
        entries(store.fetchRange(keyFrom ?? undefined, keyTo ?? undefined, from, to, "desc")),
      all: (store) => entries(store.all()),
      backwardAll: (store) => entries(store.all("desc")),
    }),

  sessionOps: () =>
    operations({
      put: (store, { start, end, v }, key) => void store.put({ key, window: { start, end } }, v ?? null),
      remove: (store, { start, end }, key) => void store.remove({ key, window: { start, end } }),
      fetch: (store, _, key) => sessions(store.fetch(key)),
      fetchSession: (store, { start, end }, key) => store.get(key, start, end),
      findSessions: (store, { earliestEnd, latestStart }, key) => sessions(store.find(key, earliestEnd, latestStart)),
      findSessionsKeyRange: (store, { keyFrom, keyTo, earliestEnd, latestStart }) =>
        sessions(store.findRange(keyFrom ?? undefined, keyTo ?? undefined, earliestEnd, latestStart)),
    }),

  versionedOps: () =>
    operations({
      put: (store, { at, v }, key) => {
        const put = store.put(key, v ?? null, at);
        return put === "latest" ? "VALID_TO_UNDEFINED" : put === "expired" ? "NOT_PUT" : put.validTo;
      },
      get: (store, _, key) => version(store.get(key)),
      getAsOf: (store, { at }, key) => version(store.get(key, at)),
      delete: (store, { at }, key) => version(store.delete(key, at)),
    }),

  sessionize: ({ gapMs }) => ({
    onRecord(_value: Json, { key, timestamp, state: { store } }: any): readonly Sent[] {
      let [start, end, count] = [timestamp, timestamp, 1];
      const near = [...store.find(key, timestamp - gapMs, timestamp + gapMs)];
      for (const [session, n] of near) {
        start = Math.min(start, session.window.start);
        end = Math.max(end, session.window.end);
        count += n;
        store.remove(session);
      }
      store.put({ key, window: { start, end } }, count);
      return [{ key, value: { start, end, count, merged: near.length } }];
    },
  }),
};

type Operation = (store: any, value: Json, key: Json) => Json;

/** The value says which operation of the store to try; its result is sent on. */
const operations = (known: Readonly<Record<string, Operation>>): any => ({
  onRecord(value: Json, { key, state: { store } }: any): readonly Sent[] {
    const operation = known[value.op];
    if (operation === undefined) throw new Error(`The store has no operation '${value.op}'`);
    return [{ key, value: { op: value.op, result: operation(store, value, key) ?? null } }];
  },
});

const entries = (found: Iterable<Json>): Json => [...found].map(([{ key, window }, value]) => [key, window.start, value]);
const sessions = (found: Iterable<Json>): Json => [...found].map(([{ key, window }, value]) => [key, window.start, window.end, value]);

/** A version as the scenarios show it: their engine does not tell until when it held. */
export const version = (found: Json): Json =>
  found === undefined || found === null ? null : { value: found.value, timestamp: found.timestamp, validTo: null };
