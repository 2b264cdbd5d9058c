import { ConfigurationError, FatalError, MillraceError, reason } from "../errors.ts";
import { partitionForKey } from "../partitioner.ts";
import type { Clock } from "../ports/clock.ts";
import { type Log, LogError, noHeaders } from "../ports/log.ts";
import type { Logger } from "../ports/logger.ts";
import type { Random } from "../ports/random.ts";
import type { StoreEngine } from "../ports/store.ts";
import { type DraftHeaders, draftHeaders } from "../record.ts";
import type { Serde } from "../serde/serde.ts";
import { type Listeners, launch, type StartedApp, type UncaughtPolicy } from "./app.ts";
import { type Application, instanceName, type Settings, TopicNames, workerTransactionalId } from "./application.ts";
import { ControlTopic, topologyRecord } from "./control_topic.ts";
import { Counters, warnOfDropped } from "./counters.ts";
import { type FeedRecord, feed } from "./feed.ts";
import { fingerprint } from "./fingerprint.ts";
import { checkGoesOn, endedWords } from "./goes_on.ts";
import { KnownTopics } from "./known_topics.ts";
import { patternInputs } from "./pattern_topics.ts";
import { PatternWatch } from "./pattern_watch.ts";
import { pause } from "./pause.ts";
import type { InputPlan, Plan, SinkPlan } from "./plan.ts";
import { asConfigurationError, boundsNow, openSerde, openSerdes, setUpTopics, type Topics } from "./setup.ts";
import { unlessAborted } from "./unless_aborted.ts";

/** A record of a feed, with the topic it goes to. */
export interface Fed {
  readonly topic: { readonly name: string | RegExp; readonly key: Serde<any>; readonly value: Serde<any> };
  readonly key: unknown;
  readonly value: unknown;
  readonly timestamp?: number;
  readonly headers?: DraftHeaders;
}

/** The records of a feed from a number on: so many are written already. The same records in the same order each time, or a restart would lose some and double others. */
export type Feed = (written: number) => Iterable<Fed> | AsyncIterable<Fed>;

export interface StartOptions {
  readonly plan: Plan;
  readonly settings: Settings;
  readonly log: Log;
  /** The log was made for this app and goes with it. */
  readonly ownsLog: boolean;
  /** Topics of the user's that are missing are made; otherwise only those that say so. */
  readonly createTopics: boolean;
  /** The log was made for this run and goes with it. */
  readonly logIsPrivate: boolean;
  /** State and offsets that do not fit the program any more are given up, instead of being a reason not to start. */
  readonly allowNonRestoredState: boolean;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly stores: StoreEngine;
  /** Every source ends at what is there when the first instance starts. */
  readonly batch: boolean;
  readonly feed: Feed | undefined;
  /** Another instance feeds: the input ends where it says, and not where it ends now. */
  readonly awaitFeed: boolean;
  readonly onUncaught: UncaughtPolicy | ((error: unknown) => UncaughtPolicy);
  readonly closeTimeoutMs: number;
  readonly listeners: Listeners;
  /** Ends the start, and the app that comes of it. */
  readonly signal: AbortSignal;
  /** Run when everything else has ended. */
  readonly release: (() => Promise<void>) | undefined;
}

/** Sets everything up that a plan needs, then starts its worker. Rejects with a ConfigurationError or TopologyError when it cannot run as it is. */
export const start = async (options: StartOptions): Promise<StartedApp> => {
  const { plan, settings, log, clock, logger, signal } = options;
  const goesOn = <T>(work: Promise<T>): Promise<T> => unlessAborted(work, signal, endedWords);
  const names = new TopicNames(settings.applicationId);
  const bounded = isBounded(plan, options.batch);
  const opened: SinkPlan[] = [];
  try {
    checkTimeouts(settings);
    const isClosed = bounded || options.logIsPrivate;
    const topics = await goesOn(setUpTopics({ ...options, isClosed }));
    await goesOn(openSerdes(topics.plan, names));
    const processId = options.random.uuid();
    if (settings.guarantee === "exactly-once") await goesOn(tryTransactions(log, settings, processId));
    const control = new ControlTopic(names.control);
    // What a crashed instance has left open here is ended later, by whoever takes its place.
    await goesOn(control.readToEnd(log, "visible"));
    const application: { -readonly [P in keyof Application]: Application[P] } = {
      plan: topics.plan,
      settings,
      log,
      logIsPrivate: options.logIsPrivate,
      clock,
      random: options.random,
      logger,
      counters: new Counters(warnOfDropped(logger)),
      stores: options.stores,
      fingerprint: fingerprint(plan),
      processId,
      partitions: topics.partitions,
      limits: topics.limits,
      tasks: topics.tasks,
      bounded,
      control,
      names,
      topics: new KnownTopics({
        log,
        clock,
        logger,
        topics: topics.known,
        partitions: topics.partitions,
        limits: topics.limits,
        createsTopics: options.createTopics,
      }),
      patterns: undefined,
      announcements: announcementsOf(topics),
    };
    if (!isClosed && patternInputs(plan).length > 0)
      application.patterns = new PatternWatch({
        log,
        clock,
        logger,
        plan,
        names,
        control,
        topics: topics.matching,
        takeIn: async (matching) => {
          // An app that is to end closes, and does not fail.
          const now = await setUpTopics({ ...options, isClosed, matching, signal: new AbortController().signal });
          await openSerdes(now.plan, names);
          application.topics.replace(now);
          application.plan = now.plan;
          application.tasks = now.tasks;
          application.announcements = announcementsOf(now);
        },
      });
    const bounds = () => boundsNow(log, topics, names);
    const records = feedOf(options, topics, names);
    if (bounded && control.bounds === undefined && records === undefined && control.fed === undefined && !options.awaitFeed)
      await goesOn(control.agreeOnBounds(log, bounds, clock));
    const sinks = plan.subtopologies.flatMap((one) => (one.sink === undefined ? [] : [one.sink]));
    for (const sink of sinks) {
      checkGoesOn(signal);
      await sink.writer.open?.();
      opened.push(sink);
    }
    checkGoesOn(signal);
    const over = new AbortController();
    let feeding: Promise<void> | undefined;
    const app = launch({
      application,
      onUncaught: options.onUncaught,
      closeTimeoutMs: options.closeTimeoutMs,
      listeners: options.listeners,
      release: async () => {
        over.abort();
        await feeding;
        await closeSinks(opened, options);
        if (options.ownsLog) await log.close();
        await options.release?.();
      },
    });
    // What comes of it is told by `finished`.
    const close = (): void => void app.close().catch(() => {});
    signal.addEventListener("abort", close, { once: true });
    const release = (): void => signal.removeEventListener("abort", close);
    app.finished.then(release, release);
    app.on("state", ({ to }) => {
      if (to === "stopping") over.abort();
    });
    if (records !== undefined)
      feeding = feed({
        log,
        control: new ControlTopic(names.control),
        applicationId: settings.applicationId,
        id: processId,
        clock,
        logger,
        records,
        bounds: bounded ? bounds : undefined,
        readersCommit: settings.guarantee !== "none",
        leadBytes: settings.feedBytes,
        signal: over.signal,
      }).catch((error: unknown) => {
        logger.log("error", `The input could not be written: ${reason(error)}`);
        const known = asConfigurationError(error);
        app.fail(
          known instanceof MillraceError
            ? known
            : new FatalError("INTERNAL", `The input could not be written: ${reason(error)}`, { cause: error }),
        );
      });
    return app;
  } catch (error) {
    await closeSinks(opened, options);
    if (options.ownsLog) await log.close();
    throw asConfigurationError(error);
  }
};

/** What the next start is to find, where it does not stand there already. */
const announcementsOf = ({ record }: Topics): Application["announcements"] => (record === undefined ? [] : [topologyRecord(record)]);

/** A sink that does not let go is left alone after a while: the program is to end. */
const closeSinks = async (sinks: readonly SinkPlan[], options: StartOptions): Promise<void> => {
  const { clock, logger, closeTimeoutMs } = options;
  const close = async ({ writer, name }: SinkPlan): Promise<void> => {
    const closed = new AbortController();
    const closing = async (): Promise<void> => {
      try {
        await writer.close?.();
      } catch (error) {
        logger.log("warn", `Sink '${name}' did not close: ${reason(error)}`);
      }
      closed.abort();
    };
    void closing();
    await pause(clock, closeTimeoutMs, closed.signal);
    if (!closed.signal.aborted) logger.log("warn", `Sink '${name}' did not close within ${closeTimeoutMs} ms and is left alone`);
  };
  await Promise.all(sinks.map(close));
};

const isBounded = (plan: Plan, all: boolean): boolean => {
  const sources = plan.subtopologies.flatMap((one) => one.inputs).filter((input) => input.kind === "source" || input.kind === "records");
  const ends = (input: InputPlan): boolean => all || input.kind === "records" || input.endAt !== undefined;
  const open = sources.find((input) => !ends(input));
  const closed = sources.find(ends);
  if (open !== undefined && closed !== undefined)
    throw new ConfigurationError(
      "OPTION_INVALID",
      `Step '${closed.step}' has an end and step '${open.step}' has none: give endAt to all sources or to none`,
      { step: open.step },
    );
  return open === undefined;
};

const checkTimeouts = (settings: Settings): void => {
  const { transactionTimeoutMs, commitIntervalMs, sessionTimeoutMs, heartbeatMs } = settings;
  if (settings.guarantee === "exactly-once" && transactionTimeoutMs < 3 * commitIntervalMs)
    throw new ConfigurationError(
      "OPTION_INVALID",
      `transactionTimeout is ${transactionTimeoutMs} ms and commit.interval ${commitIntervalMs} ms: a transaction has to be able to last three intervals, so raise the one or lower the other`,
    );
  if (heartbeatMs * 2 > sessionTimeoutMs)
    throw new ConfigurationError(
      "OPTION_INVALID",
      `group.heartbeat is ${heartbeatMs} ms and group.sessionTimeout ${sessionTimeoutMs} ms: a session has to last at least two heartbeats`,
    );
};

/** Opens the first worker's epoch once, so that a right or a timeout that the brokers do not grant is found before anything is begun. */
const tryTransactions = async (log: Log, settings: Settings, processId: string): Promise<void> => {
  const { applicationId, transactionTimeoutMs } = settings;
  try {
    const transactionalId = workerTransactionalId(applicationId, instanceName(settings, processId), 0);
    const producer = await log.producer({ transactionalId, transactionTimeoutMs });
    await producer.close();
  } catch (error) {
    if (!(error instanceof LogError) || error.code !== "INVALID_TRANSACTION_TIMEOUT") throw error;
    throw new ConfigurationError(
      "TRANSACTION_TIMEOUT_TOO_LARGE",
      `Option 'transactionTimeout' cannot be ${transactionTimeoutMs} ms. ${reason(error)}`,
      { cause: error },
    );
  }
};

/** What is to be written before or while the run goes on: the feed that was given, and sources that are records in the program. */
const feedOf = (options: StartOptions, topics: Topics, names: TopicNames): ((written: number) => AsyncIterable<FeedRecord>) | undefined => {
  const inputs = options.plan.subtopologies.flatMap((one) => one.inputs).filter((input) => input.records !== undefined);
  if (options.feed === undefined && inputs.length === 0) return undefined;
  const { clock } = options;
  const opened = new Set<string>();
  const open = async (topic: string, serdes: Pick<Fed["topic"], "key" | "value">): Promise<void> => {
    if (opened.has(topic)) return;
    opened.add(topic);
    await openSerde(serdes, topic, "The feed", "write");
  };
  const encode = (
    topic: string,
    serdes: { readonly key: Serde<any>; readonly value: Serde<any> },
    record: Omit<Fed, "topic">,
    turn: number,
  ): FeedRecord => {
    const partitions = topics.partitions.get(topic);
    if (partitions === undefined)
      throw new ConfigurationError("TOPIC_MISSING", `The feed writes topic '${topic}', which the topology does not read`, { topic });
    const key = record.key == null ? null : serdes.key.serialize(record.key, topic);
    return {
      topic,
      partition: key === null ? turn % partitions : partitionForKey(key, partitions),
      key,
      value: record.value === null && serdes.value.takesNull !== true ? null : serdes.value.serialize(record.value, topic),
      timestamp: record.timestamp ?? clock.now(),
      headers: draftHeaders(record.headers, noHeaders),
    };
  };
  const generate = async function* (written: number, reading: Reading): AsyncGenerator<FeedRecord> {
    // The program's own records come first; they are counted again, the feed is told where to go on.
    let seen = 0;
    for (const input of inputs) {
      await open(names.of(input.topic), input);
      for await (const draft of reading.of(input.records!())) {
        const turn = seen++;
        if (turn >= written) yield encode(names.of(input.topic), input, draft, turn);
      }
    }
    let turn = Math.max(seen, written);
    for await (const record of reading.of(options.feed?.(Math.max(0, written - seen)) ?? [])) {
      const topic = String(record.topic.name);
      await open(topic, record.topic);
      yield encode(topic, record.topic, record, turn++);
    }
  };
  return (written) => {
    const reading = new Reading();
    const records = generate(written, reading);
    const done: IteratorResult<FeedRecord> = { done: true, value: undefined };
    // A generator that waits for its source would answer only when that has said something: so the source itself is told.
    return { [Symbol.asyncIterator]: () => ({ next: () => records.next(), return: () => reading.end().then(() => done) }) };
  };
};

/** The source that is being read at the moment. */
class Reading {
  #iterator: AsyncIterator<unknown> | Iterator<unknown> | undefined;

  of<T>(source: Iterable<T> | AsyncIterable<T>): AsyncIterable<T> {
    const iterator = Symbol.asyncIterator in source ? source[Symbol.asyncIterator]() : source[Symbol.iterator]();
    this.#iterator = iterator;
    return { [Symbol.asyncIterator]: () => ({ next: async () => iterator.next() }) };
  }

  async end(): Promise<void> {
    await this.#iterator?.return?.();
  }
}
