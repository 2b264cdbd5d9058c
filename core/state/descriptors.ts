import type { Serde } from "../serde/serde.ts";
import type { Aggregator } from "./aggregator.ts";
import { openFold } from "./folding_state.ts";
import type { FoldState, ListState, MapState, ReadableMapState, ValueState } from "./handles.ts";
import { openList } from "./list_state.ts";
import { openMap, readOnly } from "./map_state.ts";
import type { StateContext } from "./state_context.ts";
import { TaskList, TaskMap } from "./task_state.ts";
import type { Ttl } from "./ttl.ts";
import { openValue } from "./value_state.ts";

export type { FoldState, ListState, MapState, ReadableMapState, ValueState } from "./handles.ts";
export type { Ttl } from "./ttl.ts";

/** Keys for which no serde need be named. */
export type SimpleKey = string | number | bigint | boolean;

/** To whom a piece of state belongs: to the current key, to a store with keys of its own, to the task, or to every task alike. */
export type StateScope = "key" | "store" | "operator" | "broadcast";

/** Where a handle finds what it describes. */
export interface StatePlace {
  readonly context: StateContext;
  readonly name: string;
  readonly column: string;
  /** Bound to the current namespace, too. */
  readonly namespaced: boolean;
  /** Told by each handle of keyed state how to find the keys that have an entry. */
  readonly keysIn?: ((keys: () => Iterable<unknown>) => void) | undefined;
}

/** Makes a handle of what a descriptor describes. */
export const opens: unique symbol = Symbol("opens");
declare const readable: unique symbol;

/** A piece of state as a program declares it: a value, which becomes a handle in every task. */
export interface Descriptor<out A, out S extends StateScope> {
  /** Whose state it is: of each key, of the whole task, or the copy that every task has. */
  readonly scope: S;
  readonly [opens]: (place: StatePlace) => A;
}

/** How a piece of state is written, and how long it lasts. */
export interface StateOptions<T> {
  /** How values are written. @default self-describing */
  readonly serde?: Serde<T>;
  /** When values expire. @default never */
  readonly ttl?: Ttl;
}

/**
 * One value per key. With `initial` it always has a value; without, `get` gives undefined until something is set.
 *
 * @example
 * ```ts
 * import { hours, valueState } from "millrace";
 *
 * const seen = valueState({ initial: false, ttl: { after: hours(1) } });
 * ```
 */
export function valueState<T>(options: StateOptions<T> & { readonly initial: T }): Descriptor<ValueState<T, never>, "key">;
export function valueState<T>(options?: StateOptions<T>): Descriptor<ValueState<T>, "key">;
export function valueState<T>(options: StateOptions<T> & { readonly initial?: T } = {}): Descriptor<ValueState<T>, "key"> {
  return { scope: "key", [opens]: (place) => openValue(place, options) };
}

/** A list per key. With a ttl every element expires by itself. */
export function listState<T>(options: StateOptions<T> = {}): Descriptor<ListState<T>, "key"> {
  return { scope: "key", [opens]: (place) => openList(place, options) };
}

/** A map per key, with keys of its own; `key` says how these are written, by default canonically. With a ttl every entry expires by itself. */
export function mapState<K extends SimpleKey, V>(
  options: StateOptions<V> & { readonly key?: Serde<K> } = {},
): Descriptor<MapState<K, V>, "key"> {
  return { scope: "key", [opens]: (place) => openMap(place, options) };
}

/** An aggregate per key (Flink's reducing and aggregating state). The serde defaults to the aggregator's own. */
export function foldingState<V, A, R = A>(
  aggregator: Aggregator<V, A, R>,
  options: StateOptions<A> = {},
): Descriptor<FoldState<V, R>, "key"> {
  return { scope: "key", [opens]: (place) => openFold(place, aggregator, options) };
}

/**
 * A list of the whole task, without a key (Flink: list state of an operator). It belongs to the task's partition and is restored as it was.
 * @param options `restore` says what another number of tasks would do with it: share the elements out, or each take them all. The number of tasks stays, so both come to the same; a task that comes since an input has got another partition begins with none. @default "split"
 */
export function operatorState<T>(
  options: { readonly serde?: Serde<T>; readonly restore?: "split" | "union" } = {},
): Descriptor<ListState<T>, "operator"> {
  return {
    scope: "operator",
    [opens]: (place) => new TaskList(place.context.state, openList<T>(place, options.serde === undefined ? {} : { serde: options.serde })),
  };
}

/** A map that every task has a copy of: changed by the records of a broadcast stream only, read by all others. */
export interface BroadcastState<K, V> extends Descriptor<MapState<K, V>, "broadcast"> {
  readonly [readable]?: ReadableMapState<K, V>;
}

/** Rules, thresholds, settings: what each task has to know whole. */
export function broadcastState<K extends SimpleKey, V>(options: { readonly serde?: Serde<V> } = {}): BroadcastState<K, V> {
  return { scope: "broadcast", [opens]: (place) => new TaskMap(place.context.state, openMap<K, V>(place, options)) };
}

/** State of any kind, by the names under which a function finds it. */
export type Descriptors = { readonly [name: string]: Descriptor<unknown, StateScope> };
/** State of a step that has keys. */
export type StateSpec = { readonly [name: string]: Descriptor<unknown, "key" | "store" | "operator"> };
/** State of a step without keys. */
export type StoreSpec = { readonly [name: string]: Descriptor<unknown, "store" | "operator"> };
/** Broadcast state, by name. */
export type BroadcastSpec = { readonly [name: string]: BroadcastState<any, any> };

/** The handles of what was declared. */
export type Opened<S extends Descriptors> = { readonly [P in keyof S]: S[P] extends Descriptor<infer A, StateScope> ? A : never };
/** The same maps, to be read only. */
export type ReadonlyBroadcast<B extends BroadcastSpec> = {
  readonly [P in keyof B]: B[P] extends BroadcastState<infer K, infer V> ? ReadableMapState<K, V> : never;
};

/**
 * Makes the handles of a step, once per task. They follow the state's current key (and namespace).
 * @param options `prefix` stands before the columns' names, so that they cannot meet the step's own; `keysIn` gets a function per piece of keyed state which gives the keys that have any.
 */
export const openState = <S extends Descriptors>(
  spec: S,
  context: StateContext,
  options: { readonly namespaced?: boolean; readonly prefix: string; readonly keysIn?: StatePlace["keysIn"] },
): Opened<S> => {
  const opened: Record<string, unknown> = {};
  for (const [name, descriptor] of Object.entries(spec)) {
    const task = descriptor.scope === "operator" || descriptor.scope === "broadcast";
    opened[name] = descriptor[opens]({
      context,
      name,
      column: `${task ? "task:" : ""}${options.prefix}${name}`,
      namespaced: descriptor.scope === "key" && options.namespaced === true,
      keysIn: descriptor.scope === "key" ? options.keysIn : undefined,
    });
  }
  return opened as Opened<S>;
};

/** The maps of a broadcast, once to be changed and once to be read. */
export const openBroadcast = <B extends BroadcastSpec>(
  spec: B,
  context: StateContext,
  options: { readonly prefix: string },
): { readonly writable: Opened<B>; readonly readable: ReadonlyBroadcast<B> } => {
  const writable = openState(spec, context, options);
  const views = Object.entries(writable).map(([name, map]) => [name, readOnly(map as MapState<SimpleKey, unknown>)]);
  return { writable, readable: Object.fromEntries(views) as ReadonlyBroadcast<B> };
};
