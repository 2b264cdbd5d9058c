import { type App, type Clock, fastClock, millis, sleep, systemClock } from "../../mod.ts";
import type { Alert } from "./alert.ts";
import type { FraudOptions } from "./arguments.ts";
import { groupOptions, listening } from "./bounded.ts";
import { fraudDetection, fraudTopics } from "./fraud_detection.ts";
import { generate } from "./generate.ts";
import { fedInTime } from "./input.ts";
import { eventTimeOf } from "./model.ts";
import { ledger } from "./planted.ts";
import type { Screen, Snapshot } from "./screen.ts";
import type { Surroundings } from "./surroundings.ts";

const feedMs = 50_000;
const frameMs = 200;
/** After the last payment the alerts of its windows are waited for: half an hour of event time and a little more. */
const settleEventMs = 42 * 60_000;

/** From a payment to its alert there are three topics, each with a commit before it. */
const travelEventMs = 5 * 60_000;
/** The last payments may be on their way when the feed ends, and settling itself waits for forty minutes. */
const cutEventMs = 3 * 60_000;

/** A run that shows itself: payments come in at the pace of a fast clock, alerts scroll by. About a minute, or for ever. */
export const live = async (options: FraudOptions, surroundings: Surroundings, screen: Screen): Promise<App> => {
  const onKafka = options.brokers !== undefined;
  const fast = fastClock(options.speed);
  // In this process everything goes by the fast clock; brokers have their own, so there only the payments come fast.
  const clock: Clock = onKafka ? systemClock : fast;
  const scale = onKafka ? 1 : options.speed;
  const book = ledger();
  let alerts = 0;
  const onAlert = (alert: Alert): void => {
    alerts++;
    book.found(alert);
    screen.alert(alert);
  };
  // Old payments are of no use to anybody here, and memory is to stay as it is.
  const topics = fraudTopics({
    prefix: options.prefix,
    transaction: surroundings.transaction,
    account: surroundings.account,
    ...(onKafka ? {} : { config: { "retention.bytes": "1048576" } }),
  });
  const topology = fraudDetection(options.prefix, topics, [...surroundings.sinks, listening("terminal", onAlert)]);
  const startedMs = systemClock.monotonic();
  const elapsedMs = (): number => systemClock.monotonic() - startedMs;
  let over = false;
  let newest: number | undefined;
  const feeds = !onKafka || options.produce;
  const isOver = (): boolean => over || (!options.forever && elapsedMs() > feedMs);
  // On Kafka a restart goes on with the same payments, so they begin at a fixed time there.
  const start = onKafka ? undefined : Math.floor(clock.now());
  const app = await surroundings.run(topology, {
    clock,
    ...(onKafka ? groupOptions(options) : paceOf(scale)),
    ...(feeds
      ? {
          feed: (written) =>
            fedInTime(generate({ seed: options.seed, start, onPlanted: (fraud) => book.plant(fraud) }), topics, written, {
              clock: fast,
              pieceMs: 50 * options.speed,
              isOver,
              onSent: (line) => {
                newest = Math.max(newest ?? 0, eventTimeOf(line));
              },
            }),
        }
      : {}),
  });
  let records = 0;
  let rate = 0;
  let countedMs = elapsedMs();
  const snapshot = (): Snapshot => {
    const now = look(app);
    const ms = elapsedMs();
    if (ms - countedMs >= 1000) {
      rate = Math.round(((now.records - records) * 1000) / (ms - countedMs));
      records = now.records;
      countedMs = ms;
    }
    return {
      state: app.state,
      elapsedMs: ms,
      recordsIn: now.records,
      recordsPerSecond: rate,
      eventTime: newest ?? now.streamTime,
      watermark: now.watermark,
      lagRecords: now.lag,
      lateRecords: now.late,
      alerts,
      instanceTasks: now.tasks,
    };
  };
  /** Up to here alerts have had the time to travel through all steps; a fraud of which the feed's end has cut off a part is none. */
  const settled = (now: Snapshot): number =>
    Math.min((now.watermark ?? (isOver() ? Number.POSITIVE_INFINITY : 0)) - travelEventMs, (newest ?? 0) + settleEventMs - cutEventMs);
  void (async () => {
    for (;;) {
      await sleep(systemClock, frameMs);
      if (app.state === "stopped" || app.state === "error" || app.state === "stopping") return;
      const now = snapshot();
      screen.show(now);
      book.settle(settled(now));
      // When no task waits for anything any more, or all have gone far enough, everything there is to find is found.
      if (!onKafka && isOver() && (now.watermark === undefined || now.watermark > (newest ?? 0) + settleEventMs)) break;
    }
    await app.close();
  })();
  let last: Snapshot | undefined;
  app.on("state", ({ to }) => {
    over = to === "stopping";
    if (over) last = snapshot();
  });
  app.finished.then(
    () => screen.end(last ?? snapshot(), feeds && !onKafka ? book.settle(settled(last ?? snapshot())) : undefined),
    () => {},
  );
  return app;
};

/** Intervals of the wall, told to a clock that goes so many times as fast. */
const paceOf = (scale: number) => ({
  commit: { interval: millis(100 * scale) },
  watermarkPeriod: millis(40 * scale),
  transactionTimeout: millis(Math.min(900_000, 60_000 * scale)),
  closeTimeout: millis(10_000 * scale),
  group: { sessionTimeout: millis(1_800_000), heartbeat: millis(Math.min(600_000, 1000 * scale)) },
});

interface Look {
  readonly records: number;
  readonly lag: number;
  readonly late: number;
  readonly tasks: number;
  readonly watermark: number | undefined;
  readonly streamTime: number | undefined;
}

/** What the application says of itself, added up: the input topics alone count as input, the slowest task says the watermark. */
const look = (app: App): Look => {
  let [records, lag, late, tasks] = [0, 0, 0, 0];
  let watermark = Number.POSITIVE_INFINITY;
  let streamTime = Number.NEGATIVE_INFINITY;
  for (const { name, tags, value } of app.metrics()) {
    if (name === "records_in" && tags["kind"] === "source") records += value;
    else if (name === "lag_records") lag += value;
    else if (name === "late_records") late += value;
    else if (name === "tasks") tasks = value;
    else if (name === "stream_time" && tags["kind"] === "source") streamTime = Math.max(streamTime, value);
    else if (name === "watermark" && Number.isFinite(value)) watermark = Math.min(watermark, value);
  }
  return {
    records,
    lag,
    late,
    tasks,
    watermark: Number.isFinite(watermark) ? watermark : undefined,
    streamTime: Number.isFinite(streamTime) ? streamTime : undefined,
  };
};
