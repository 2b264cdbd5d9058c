import { memoryLog } from "../core/log/mod.ts";
import { silent } from "../core/ports/logger.ts";
import type { App, StartedApp } from "../core/runtime/app.ts";
import { duration } from "../core/runtime/application.ts";
import { frozenPlan } from "../core/runtime/frozen_plan.ts";
import { start } from "../core/runtime/start.ts";
import { memoryStores } from "../core/state/memory_store.ts";
import { systemClock, systemRandom } from "./platform.ts";
import { checkOptions, type RunOptions, settingsOf } from "./run_options.ts";
import type { Topology } from "./topology.ts";

/**
 * Runs a topology in this process, on a log in memory (or on the `log` that is given). Topics that do not exist are created there, with the partitions that they declare or else one.
 *
 * Resolves when the app is set up and works; `finished` resolves when it has ended. A topology whose sources are all bounded ends by itself, any other when `close` is called. Rejects with a ConfigurationError or a TopologyError.
 *
 * @example
 * ```ts
 * import { records, run, sink, topology } from "millrace";
 *
 * const seen: number[] = [];
 * const memory = sink<number>("memory", { async write(batch) { for (const { value } of batch) seen.push(value); } });
 * const doubled = topology("doubled", ({ from }) => from(records([1, 2, 3])).map((n) => n * 2).to(memory));
 * const app = await run(doubled);
 * await app.finished;
 * console.log(seen); // [2, 4, 6]
 * ```
 */
export const run = (topology: Topology, options: RunOptions = {}): Promise<App> => runOn(topology, options, {});

/** Each store of each task has a changelog in this process too: they are compacted early, so that memory follows the state and not its history. */
const compactionBytes = 256 << 10;

/** What a layer above knows better: where the log comes from. */
export interface RunOn {
  readonly log?: RunOptions["log"];
  readonly ownsLog?: boolean;
  /** Missing topics of the user's are created: always on a log of our own, which nobody else could have prepared. */
  readonly createTopics?: boolean;
  readonly moreOptions?: readonly string[];
  /** Run when everything else of the app has ended. Of a start that fails it is not run. */
  readonly release?: () => Promise<void>;
}

export const runOn = async (topology: Topology, options: RunOptions, on: RunOn): Promise<StartedApp> => {
  checkOptions(options, on.moreOptions);
  const settings = settingsOf(topology.name, options);
  const clock = options.clock ?? systemClock;
  const random = options.random ?? systemRandom;
  const given = on.log ?? options.log;
  return start({
    plan: options.freezeValues === true ? frozenPlan(topology.plan()) : topology.plan(),
    settings,
    log: given ?? memoryLog({ clock, random, compactionBytes }).connect(),
    ownsLog: on.ownsLog ?? given === undefined,
    createTopics: on.createTopics ?? given === undefined,
    logIsPrivate: given === undefined,
    clock,
    random,
    logger: options.logger ?? silent,
    stores: options.stores ?? memoryStores,
    batch: options.mode === "batch",
    feed: options.feed,
    awaitFeed: options.awaitFeed ?? false,
    allowNonRestoredState: options.allowNonRestoredState ?? false,
    onUncaught: options.onUncaught ?? "stop-instance",
    closeTimeoutMs: duration(options.closeTimeout ?? 30_000, "closeTimeout"),
    listeners: options.on ?? {},
    signal: options.signal ?? new AbortController().signal,
    release: on.release,
  });
};
