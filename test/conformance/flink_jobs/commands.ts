import {
  average,
  type Descriptor,
  type FoldState,
  foldingState,
  type KeyedContext,
  type ListState,
  listState,
  type MapState,
  mapState,
  millis,
  type Output,
  output,
  sum,
  type Timer,
  type Ttl,
  type ValueState,
  valueState,
} from "millrace";
import { type Shown, shownTime, shownTimestamp } from "./shapes.ts";

/** A command of the vocabulary in which the process functions of the vectors are written. */
interface Command {
  readonly do: string;
  readonly t?: number;
  readonly plus?: number;
  readonly until?: number;
  readonly v?: any;
  readonly k?: string;
}

export type CommandState = {
  readonly value: Descriptor<ValueState<number>, "key">;
  readonly list: Descriptor<ListState<number>, "key">;
  readonly map: Descriptor<MapState<string, number>, "key">;
  readonly reducing: Descriptor<FoldState<number, number>, "key">;
  readonly aggregating: Descriptor<FoldState<number, number>, "key">;
};
type Ctx = KeyedContext<string, CommandState, typeof sideOutput>;

export const sideOutput: { readonly side: Output<Shown> } = { side: output<Shown>() };

/** The state that the commands work on, with the ttl of the job. */
export const commandState = (job: any): CommandState => {
  const ttl: { ttl?: Ttl } =
    job.ttl === undefined
      ? {}
      : {
          ttl: {
            after: millis(job.ttl.ms),
            refreshOn: job.ttl.updateType === "OnReadAndWrite" ? "read-and-write" : "write",
            expired: job.ttl.visibility === "NeverReturnExpired" ? "hidden" : "until-cleaned",
          },
        };
  return {
    value: valueState<number>(ttl),
    list: listState<number>(ttl),
    map: mapState<string, number>(ttl),
    reducing: foldingState(
      sum<number>((n) => n),
      ttl,
    ),
    aggregating: foldingState(
      average<number>((n) => n),
      ttl,
    ),
  };
};

export function* recordCommands(commands: readonly Command[], ctx: Ctx, via?: string): Generator<Shown> {
  for (const command of commands) if (command.do === "side") ctx.side.side({ value: command.v });
  for (const command of commands) for (const value of obey(command, ctx, via)) yield { value };
}

export function* timerCommands(commands: readonly Command[], timer: Timer, ctx: Ctx): Generator<Shown> {
  const { timestamp, domain } = timer;
  const untimed = domain === "processing";
  yield { value: { key: ctx.key, timer: timestamp, domain, currentWatermark: shownTime(ctx.watermark) }, untimed };
  for (const command of commands) for (const value of obey(command, ctx, "timer", timestamp)) yield { value, untimed };
}

function* obey(command: Command, ctx: Ctx, via: string | undefined, now = 0): Generator<unknown> {
  const { key, state, timers } = ctx;
  const { value, list, map, reducing, aggregating } = state;
  const { v, k } = command;
  const at = command.t ?? now + (command.plus ?? 0);
  const result = (found: unknown, of?: string) => ({
    key,
    cmd: command.do,
    result: found ?? null,
    ...(of === undefined ? {} : { k: of }),
    ...(via === undefined ? {} : { via }),
  });
  switch (command.do) {
    case "regEvent":
      if (at <= (command.until ?? Number.POSITIVE_INFINITY)) timers.event.set(at);
      return;
    case "delEvent":
      return timers.event.delete(at);
    case "regProc":
      if (at <= (command.until ?? Number.POSITIVE_INFINITY)) timers.processing.set(at);
      return;
    case "delProc":
      return timers.processing.delete(at);
    case "now":
      yield {
        key,
        now: true,
        currentWatermark: shownTime(ctx.watermark),
        processingTime: ctx.processingTime,
        recordTimestamp: shownTimestamp(ctx.timestamp),
      };
      return;
    case "emit":
      yield { key, emit: v };
      return;
    case "side":
      return;
    case "value.update":
      return value.set(v);
    case "value.increment":
      value.update((n) => (n ?? 0) + 1);
      return;
    case "value.get":
      yield result(value.get());
      return;
    case "value.clear":
      return value.clear();
    case "list.add":
      return list.add(v);
    case "list.addAll":
      return list.add(...v);
    case "list.update":
      return list.set(v);
    case "list.get":
      yield result(list.get());
      return;
    case "list.clear":
      return list.clear();
    case "map.put":
      return map.set(k!, v);
    case "map.get":
      yield result(map.get(k!), k);
      return;
    case "map.remove":
      return map.delete(k!);
    case "map.contains":
      yield result(map.has(k!), k);
      return;
    case "map.isEmpty":
      yield result(map.isEmpty());
      return;
    case "map.entries":
      yield result(Object.fromEntries(map));
      return;
    case "map.clear":
      return map.clear();
    case "reducing.add":
      return reducing.add(v);
    case "reducing.get":
      yield result(reducing.get());
      return;
    case "reducing.clear":
      return reducing.clear();
    case "aggregating.add":
      return aggregating.add(v);
    case "aggregating.get":
      yield result(aggregating.get());
      return;
    case "aggregating.clear":
      return aggregating.clear();
    default:
      throw new Error(`There is no command '${command.do}'`);
  }
}
