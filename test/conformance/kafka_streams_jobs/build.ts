import {
  DecodeError,
  type ErrorPolicy,
  fail,
  json,
  millis,
  nullable,
  onClose,
  onUpdate,
  retry,
  StepError,
  type StoreDescriptor,
  skip,
  type Topology,
  tagged,
  topic,
  topicPerRecord,
  topology,
  untilTimeLimit,
  untilWindowCloses,
  windowed,
} from "millrace";
import { type Expression, evaluate, holds } from "./expression.ts";
import { processorOf, storeOf } from "./processors.ts";
import type { Json, KafkaStreamsVector, Step, WindowOfVector } from "./vector.ts";
import { assignerOf, shownKey } from "./windows.ts";

/** Keys and values of every topic. */
const anything = json<Json>();

/** A topic whose keys are plain. */
export const plainTopic = (name: string): any => topic(name, { key: anything, value: nullable(anything) });
const windowedTopic = (name: string): any => topic(name, { key: windowed(anything), value: nullable(anything) });

/** A store that the program keeps: how it is found, and which windows it holds. */
export interface BuiltStore {
  readonly type: "kv" | "window" | "session" | "versioned";
  readonly window: WindowOfVector | undefined;
}

/** The program that a scenario describes, and what is to be read of it. */
export interface Built {
  readonly program: Topology;
  readonly outputs: ReadonlyMap<string, { readonly topic: any; readonly window: WindowOfVector | undefined }>;
  readonly stores: ReadonlyMap<string, BuiltStore>;
  readonly peeks: Readonly<Record<string, { readonly key: Json; readonly value: Json }[]>>;
}

/** What stands under an id while the program is described. */
interface Made {
  readonly kind: "stream" | "table" | "global" | "grouped" | "grouped-table" | "windowed";
  readonly handle: any;
  /** Keys are in such windows. */
  readonly window?: WindowOfVector | undefined;
  readonly versioned?: boolean;
  readonly emit?: string;
}

/**
 * Describes the scenario's topology with the public DSL.
 * @param fault called with every record on its way out: what it throws is tried again
 */
export const build = (vector: KafkaStreamsVector, fault?: () => void): Built => {
  const { config = {} } = vector;
  const made = new Map<string, Made>();
  const outputs = new Map<string, { topic: any; window: WindowOfVector | undefined }>();
  const stores = new Map<string, BuiltStore>();
  const declared = new Map<string, StoreDescriptor<any, any>>();
  const peeks: Record<string, { key: Json; value: Json }[]> = {};
  const onError: ErrorPolicy = (error) => {
    if (error instanceof DecodeError)
      return error.code === "BAD_TIMESTAMP" || config.deserializationExceptionHandler === "continue" ? skip() : fail();
    if (fault !== undefined) return retry({ attempts: 1 });
    return error instanceof StepError && config.processingExceptionHandler === "continue" ? skip({ scope: "step" }) : fail();
  };

  const program = topology(
    vector.name,
    (scope) => {
      for (const step of vector.topology) add(step, scope);
    },
    { onError, cache: (config.cacheMaxBytes ?? 0) > 0 },
  );
  return { program, outputs, stores, peeks };

  function add(step: Step, scope: any): void {
    const set = (handle: any, more: Partial<Made> = {}): void => void made.set(step.id!, { kind: "stream", handle, ...more });
    const of = (id: string): Made => {
      const found = made.get(id);
      if (found === undefined) throw new Error(`Step '${step.op}' of scenario '${vector.name}' refers to '${id}', which is not there`);
      return found;
    };
    const from = typeof step["from"] === "string" ? of(step["from"]) : undefined;
    const window = from?.window;
    /** Variables that an expression sees for a record. */
    const seen = (value: Json, record: any): Readonly<Record<string, Json>> => ({
      key: shownKey(record.key, window),
      value: value ?? null,
      timestamp: record.timestamp,
    });
    const fn = (expression: Expression) => (value: Json, record: any) => evaluate(expression, seen(value, record));
    const test =
      (expression: Expression, sense = true) =>
      (value: Json, record: any) =>
        holds(expression, seen(value, record)) === sense;
    const name = (step["store"] as string | undefined) ?? `${step.id}.step`;
    const keep = (type: BuiltStore["type"], of?: WindowOfVector): void => {
      if (step["store"] !== undefined) stores.set(step["store"], { type, window: of });
    };
    /** A table, in a store of its own where the scenario asks for one. */
    const table = (handle: any, more: Partial<Made> = {}): void => {
      keep("kv", window);
      set(step["store"] === undefined ? handle : handle.materialize(step["store"]), { kind: "table", ...more });
    };
    const output = (to: string): any => {
      const known = outputs.get(to);
      if (known !== undefined) return known.topic;
      const made = window === undefined ? plainTopic(to) : windowedTopic(to);
      outputs.set(to, { topic: made, window });
      return made;
    };
    const kindOf = (handle: any): "join" | "leftJoin" | "outerJoin" =>
      ({ inner: "join", left: "leftJoin", outer: "outerJoin" })[step["kind"] as "inner"] as any as "join" & typeof handle;
    const isTable = from?.kind === "table";

    switch (step.op) {
      // ---------------------------------------------------------------- sources
      case "addStore":
        declared.set(step["name"], storeOf(step));
        stores.set(step["name"], {
          type: ({ kv: "kv", timestampedKv: "kv", window: "window", session: "session", versioned: "versioned" } as const)[
            step["type"] as "kv"
          ],
          window: undefined,
        });
        return;
      case "stream": {
        const extractor = step["timestampExtractor"] as Expression | undefined;
        const names = (step["topics"] ?? [step["topic"]]) as readonly string[];
        set(
          scope.from(names.map(plainTopic), {
            ...(extractor === undefined
              ? {}
              : {
                  timestamp: (value: Json, { key, timestamp, partitionTime }: any) =>
                    evaluate(extractor, {
                      key,
                      value,
                      timestamp,
                      partitionTime: partitionTime === Number.NEGATIVE_INFINITY ? -1 : partitionTime,
                    }) ?? -1,
                }),
          }),
        );
        return;
      }
      case "table": {
        const history = step["versionedHistoryMs"] as number | undefined;
        keep(history === undefined ? "kv" : "versioned");
        const options = {
          ...(step["store"] === undefined ? {} : { store: step["store"] }),
          ...(history === undefined ? {} : { history: millis(history) }),
        };
        set(scope.table(topic(step["topic"], { key: anything, value: anything }), options), {
          kind: "table",
          versioned: history !== undefined,
        });
        return;
      }
      case "globalTable":
        keep("kv");
        set(
          scope.globalTable(
            topic(step["topic"], { key: anything, value: anything }),
            step["store"] === undefined ? {} : { store: step["store"] },
          ),
          {
            kind: "global",
          },
        );
        return;

      // ---------------------------------------------------------------- without state
      case "filter":
      case "filterNot": {
        const filtered = from!.handle.filter(test(step["predicate"], step.op === "filter"));
        if (isTable) table(filtered, { window, versioned: step["store"] === undefined && from!.versioned === true });
        else set(filtered, { window });
        return;
      }
      case "mapValues": {
        const mapped = from!.handle.map(fn(step["fn"]));
        if (isTable) table(mapped, { window, versioned: step["store"] === undefined && from!.versioned === true });
        else set(mapped, { window });
        return;
      }
      case "map":
        set(
          from!.handle.rewrite((value: Json, record: any) => ({
            key: fn(step["keyFn"])(value, record),
            value: fn(step["valueFn"])(value, record),
          })),
        );
        return;
      case "selectKey":
        set(from!.handle.rewrite((value: Json, record: any) => ({ key: fn(step["fn"])(value, record), value })));
        return;
      case "flatMap":
        set(
          from!.handle.rewrite((value: Json, record: any) =>
            (fn(step["fn"])(value, record) ?? []).map(([key, one]: readonly [Json, Json]) => ({ key, value: one })),
          ),
        );
        return;
      case "flatMapValues":
        set(
          from!.handle.flatMap((value: Json, record: any) => fn(step["fn"])(value, record) ?? []),
          { window },
        );
        return;
      case "split": {
        const branches = Object.fromEntries(
          (step["branches"] as readonly Json[]).map(({ id, predicate }) => [`branch-${id}`, test(predicate)]),
        );
        const ways = from!.handle.split(branches);
        for (const { id } of step["branches"]) made.set(id, { kind: "stream", handle: ways[`branch-${id}`], window });
        if (step["default"] !== undefined) made.set(step["default"], { kind: "stream", handle: ways.rest, window });
        return;
      }
      case "merge": {
        const [first, ...others] = (step["from"] as readonly string[]).map(of);
        set(
          others.reduce((all, next) => all.union(next.handle), first!.handle),
          { window: first!.window },
        );
        return;
      }
      case "peek": {
        const log = (peeks[step["log"]] ??= []);
        set(
          from!.handle.peek((value: Json, record: any) => void log.push({ key: shownKey(record.key, window), value })),
          { window },
        );
        return;
      }
      case "repartition":
        set(from!.handle.filter((_: Json, { key }: any) => key !== null).repartition(step["name"]), { window });
        return;
      case "toTable":
        keep("kv");
        set(from!.handle.keyBy().toTable(name), { kind: "table" });
        return;
      case "toStream": {
        const changes = from!.handle.toStream();
        if (step["fn"] === undefined) set(changes, { window });
        else set(changes.rewrite((value: Json, record: any) => ({ key: fn(step["fn"])(value, record), value })));
        return;
      }
      case "to":
        (fault === undefined ? from!.handle : from!.handle.peek(fault)).to(output(step["topic"]));
        return;
      case "toDynamic":
        from!.handle.to(topicPerRecord({ topics: (step["topics"] as readonly string[]).map(output), name: fn(step["topicFn"]) }));
        return;

      // ---------------------------------------------------------------- groups and aggregates
      case "groupByKey":
        set(() => from!.handle.keyBy(), { kind: "grouped", window });
        return;
      case "groupBy":
        if (isTable) {
          const grouped = from!.handle
            .map((value: Json, record: any) => ({ group: fn(step["keyFn"])(value, record), value: fn(step["valueFn"])(value, record) }))
            .filter((row: Json) => row.group !== null && row.value !== null)
            .groupBy((row: Json) => row.group, anything);
          set(grouped, { kind: "grouped-table" });
        } else set(() => from!.handle.keyBy(fn(step["keyFn"]), anything), { kind: "grouped" });
        return;
      case "windowedBy":
        set(from!.handle, { kind: "windowed", window: step["window"], emit: step["emit"] });
        return;
      case "count":
      case "reduce":
      case "aggregate":
        aggregate(step, from!, name, set);
        return;
      case "cogroup": {
        const inputs = (step["inputs"] as readonly Json[]).map(({ from: id, adder }, i) => ({ at: `input${i}`, made: of(id), adder }));
        const adders = new Map(inputs.map(({ at, adder }) => [at, adder as Expression]));
        const windowDef = step["window"] as WindowOfVector | undefined;
        // What has no value is aggregated in windows, except in those around records; put into an object it keeps the name of its stream.
        const wrapped = windowDef !== undefined && windowDef.type !== "sliding";
        const all = tagged(
          Object.fromEntries(
            inputs.map(({ at, made: { handle } }) => [at, wrapped ? handle().map((value: Json) => ({ value })) : handle()]),
          ),
        );
        const aggregator = {
          init: () => evaluate(step["init"], {}),
          add: (agg: Json, event: any, key: Json) =>
            evaluate(adders.get(event.from)!, { key, value: wrapped ? event.value.value : event.value, agg }),
          merge: (left: Json, right: Json, key: Json) => evaluate(step["merger"], { key, left, right }),
        };
        if (windowDef === undefined) {
          keep("kv");
          set((all as any).aggregate(name, aggregator), { kind: "table" });
        } else {
          keep(windowDef.type === "session" ? "session" : "window", windowDef);
          set(windowOn(all, windowDef, undefined, undefined).aggregate(name, aggregator), { kind: "table", window: windowDef });
        }
        return;
      }
      case "suppress": {
        const { maxRecords, whenFull } = (step["buffer"] ?? {}) as { maxRecords?: number; whenFull?: string };
        const buffer = {
          ...(maxRecords === undefined ? {} : { maxRecords }),
          ...(whenFull === undefined ? {} : { whenFull: whenFull === "shutDown" ? ("fail" as const) : ("emit-early" as const) }),
        };
        const until = step["until"] === "untilWindowCloses" ? untilWindowCloses(buffer) : untilTimeLimit(millis(step["limitMs"]), buffer);
        set(from!.handle.suppress(`${step.id}.step`, until), { kind: "table", window });
        return;
      }

      // ---------------------------------------------------------------- joins
      case "streamStreamJoin": {
        const { beforeMs, afterMs, graceMs = 0 } = step["window"];
        const within = {
          before: millis(beforeMs),
          after: millis(afterMs),
          lateness: millis(graceMs),
          clock: "stream-time",
          every: millis(config.outerJoinEmitIntervalMs ?? 0),
        };
        const joiner = (left: Json, right: Json, { key }: any) =>
          evaluate(step["joiner"], { key, left: left ?? null, right: right ?? null });
        const method = kindOf(undefined);
        set(from!.handle.keyBy()[method](name, of(step["other"]).handle.keyBy(), within, joiner));
        return;
      }
      case "streamTableJoin": {
        const other = of(step["table"]);
        const joiner = (left: Json, right: Json, { key }: any) =>
          evaluate(step["joiner"], { key: shownKey(key, window), left: left ?? null, right: right ?? null });
        const asOf = other.versioned === true ? [{ asOf: "stream-time", lateness: millis(step["graceMs"] ?? 0) }] : [];
        set(from!.handle.keyBy()[kindOf(undefined)](name, other.handle, ...asOf, joiner), { window });
        return;
      }
      case "streamGlobalTableJoin": {
        const joiner = (left: Json, right: Json, { key }: any) =>
          evaluate(step["joiner"], { key, left: left ?? null, right: right ?? null });
        set(from!.handle[kindOf(undefined)](name, of(step["table"]).handle, fn(step["keySelector"]), joiner), { window });
        return;
      }
      case "tableTableJoin": {
        const joiner = (left: Json, right: Json, key: Json) =>
          evaluate(step["joiner"], { key: shownKey(key, window), left: left ?? null, right: right ?? null });
        table(from!.handle[kindOf(undefined)](`${step.id}.step`, of(step["other"]).handle, joiner), { window });
        return;
      }
      case "foreignKeyJoin": {
        keep("kv");
        const on = (value: Json, key: Json) => evaluate(step["foreignKey"], { key, value });
        const joiner = (left: Json, right: Json) => evaluate(step["joiner"], { left: left ?? null, right: right ?? null });
        const joined = from!.handle[kindOf(undefined)](name, of(step["other"]).handle, on, joiner);
        // Their engine keeps rows, and changes back, only under a name.
        set(step["store"] === undefined ? joined.with({ cache: false }) : joined, { kind: "table" });
        return;
      }

      // ---------------------------------------------------------------- processors
      case "process":
      case "processValues":
        set(from!.handle.process(`${step.id}.step`, processorOf(step, declared)).rewrite((draft: any) => draft));
        return;
      default:
        throw new Error(`Nobody knows the step '${step.op}' of scenario '${vector.name}'`);
    }
  }

  function aggregate(step: Step, from: Made, name: string, set: (handle: any, more: Partial<Made>) => void): void {
    const aggregator = {
      init: () => evaluate(step["init"], {}),
      add: (agg: Json, value: Json, key: Json) => evaluate(step["adder"], { agg: agg ?? null, key, value: value ?? null }),
      merge: (left: Json, right: Json, key: Json) => evaluate(step["merger"], { key, left: left ?? null, right: right ?? null }),
      subtract: (agg: Json, value: Json, key: Json) => evaluate(step["subtractor"], { agg: agg ?? null, key, value: value ?? null }),
    };
    const reducer = (agg: Json, value: Json) => evaluate(step["adder"], { agg: agg ?? null, value: value ?? null });
    const keep = (type: BuiltStore["type"], window?: WindowOfVector): void => {
      if (step["store"] !== undefined) stores.set(step["store"], { type, window });
    };
    const made = (on: any): any => {
      if (step.op === "count") return on.count(name);
      return step.op === "reduce" ? on.reduce(name, reducer) : on.aggregate(name, aggregator);
    };
    if (from.kind === "grouped-table") {
      keep("kv");
      // What is grouped stands in the rows beside their group.
      const inner = (fn: (agg: Json, value: Json, key: Json) => Json) => (agg: Json, row: Json, key: Json) => fn(agg, row.value, key);
      if (step.op === "count") set(from.handle.count(name), { kind: "table" });
      else if (step.op === "aggregate")
        set(from.handle.aggregate(name, { init: aggregator.init, add: inner(aggregator.add), subtract: inner(aggregator.subtract) }), {
          kind: "table",
        });
      else
        set(
          from.handle.aggregate(name, {
            init: () => null,
            add: (agg: Json, row: Json) => (agg === null ? row.value : reducer(agg, row.value)),
            subtract: (agg: Json, row: Json) => evaluate(step["subtractor"], { agg, value: row.value }),
          }),
          { kind: "table" },
        );
      return;
    }
    if (from.kind === "grouped") {
      keep("kv");
      set(made(from.handle()), { kind: "table", window: from.window });
      return;
    }
    const window = from.window!;
    keep(window.type === "session" ? "session" : "window", window);
    set(made(windowOn(from.handle(), window, from.emit, step["retentionMs"])), { kind: "table", window });
  }

  function windowOn(keyed: any, window: WindowOfVector, emit: string | undefined, retentionMs: number | undefined): any {
    return keyed.window(assignerOf(window), {
      emit: emit === "onWindowClose" ? onClose({ every: millis(config.windowCloseEmitIntervalMs ?? 0) }) : onUpdate(),
      lateness: millis(window.graceMs ?? 0),
      ...(retentionMs === undefined ? {} : { retention: millis(retentionMs) }),
    });
  }
};
