import { millis } from "../../../core/duration.ts";
import type { KeyedContext, Process } from "../../../core/operators/process_function.ts";
import { type Output, output } from "../../../core/operators/side_output.ts";
import type { Timer } from "../../../core/operators/timers.ts";
import { average, sum } from "../../../core/state/aggregator.ts";
import {
  type Descriptor,
  type FoldState,
  foldingState,
  type ListState,
  listState,
  type MapState,
  mapState,
  type Ttl,
  type ValueState,
  valueState,
} from "../../../core/state/descriptors.ts";
import { type Command, type FlinkVector, shownTime } from "./vectors.ts";

export type CommandState = {
  readonly value: Descriptor<ValueState<number>, "key">;
  readonly list: Descriptor<ListState<number>, "key">;
  readonly map: Descriptor<MapState<string, number>, "key">;
  readonly reducing: Descriptor<FoldState<number, number>, "key">;
  readonly aggregating: Descriptor<FoldState<number, number>, "key">;
};
type Ctx = KeyedContext<string, CommandState, { side: Output<unknown> }>;

/** The state that the commands work on, with the ttl of the scenario. */
export const commandState = (job: FlinkVector["job"]): CommandState => {
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

/** The process function of the scenarios: it does what its records say. */
export const commandProcess = (
  job: FlinkVector["job"],
): Process<{ cmds: readonly Command[] }, string, CommandState, { side: Output<unknown> }, unknown, unknown> => ({
  state: commandState(job),
  side: { side: output() },
  onRecord: ({ cmds }, ctx) => recordCommands(cmds, ctx),
  onTimer: (timer, ctx) => timerCommands(job.onTimer ?? [], timer, ctx),
});

export function* recordCommands(commands: readonly Command[], ctx: Ctx, via?: string): Generator<unknown> {
  for (const command of commands) if (command.do === "side") ctx.side.side(command.v);
  for (const command of commands) yield* obey(command, ctx, via);
}

export function* timerCommands(commands: readonly Command[], timer: Timer, ctx: Ctx): Generator<unknown> {
  yield { key: ctx.key, timer: timer.timestamp, domain: timer.domain, currentWatermark: shownTime(ctx.watermark) };
  for (const command of commands) yield* obey(command, ctx, "timer", timer.timestamp);
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
        recordTimestamp: Number.isFinite(ctx.timestamp) ? ctx.timestamp : null,
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
      throw new Error(`The scenarios have no command '${command.do}'`);
  }
}
