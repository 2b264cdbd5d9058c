import type { Clock } from "../ports/clock.ts";
import { type Log, LogError, noHeaders, type RawHeaders } from "../ports/log.ts";
import type { Logger } from "../ports/logger.ts";
import { type Bounds, boundsRecord, type ControlTopic, fedRecord } from "./control_topic.ts";

/** A record for an input topic, encoded. */
export interface FeedRecord {
  readonly topic: string;
  readonly partition: number;
  readonly key: Uint8Array | null;
  readonly value: Uint8Array | null;
  readonly timestamp: number;
  readonly headers?: RawHeaders;
}

export interface FeedOptions {
  readonly log: Log;
  readonly control: ControlTopic;
  readonly applicationId: string;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Called with the number of records that are written already; gives those that follow. */
  readonly records: (written: number) => AsyncIterable<FeedRecord>;
  /** Where the inputs end when everything is written; undefined when they go on. */
  readonly bounds: (() => Promise<Bounds>) | undefined;
  readonly isStopped: () => boolean;
}

const recordsPerTransaction = 2000;
/** What comes slowly is not kept waiting for a full transaction. */
const lingerMs = 20;

/**
 * Writes the input of a run, each record exactly once whatever crashes: how many are written stands in the control topic, in the same transactions. At the end of a bounded run it fixes where the inputs end. Of several feeds of one application the last one to start goes
 * on, the others are fenced and stop.
 */
export const feed = async (options: FeedOptions): Promise<void> => {
  const { log, control, applicationId, clock, logger, isStopped } = options;
  const producer = await log.producer({ transactionalId: `${applicationId}-feeder`, transactionTimeoutMs: 60_000 });
  const commit = async (
    outbox = log.outbox(),
    ...records: readonly { readonly key: Uint8Array; readonly value: Uint8Array }[]
  ): Promise<void> => {
    for (const { key, value } of records) outbox.append(control.topic, 0, key, value, clock.now(), noHeaders);
    await producer.send(outbox);
    await producer.commit();
  };
  try {
    await control.readToEnd(log);
    if (control.bounds !== undefined) return;
    let written = control.fed ?? 0;
    if (control.fed === undefined) await commit(log.outbox(), fedRecord(0));
    let outbox = log.outbox();
    let sinceMs = clock.monotonic();
    for await (const record of options.records(written)) {
      written++;
      outbox.append(record.topic, record.partition, record.key, record.value, record.timestamp, record.headers ?? noHeaders);
      if (isStopped()) return;
      if (outbox.records < recordsPerTransaction && clock.monotonic() - sinceMs < lingerMs) continue;
      const full = outbox;
      outbox = log.outbox();
      await commit(full, fedRecord(written));
      await clock.yield();
      sinceMs = clock.monotonic();
    }
    if (isStopped()) return;
    await commit(outbox, fedRecord(written));
    if (options.bounds !== undefined) await commit(log.outbox(), boundsRecord(await options.bounds()));
    logger.log("info", "The input is written", { records: written });
  } catch (error) {
    if (!(error instanceof LogError) || error.disposition !== "fenced") throw error;
    logger.log("info", "Another instance feeds the input");
  } finally {
    await producer.close();
  }
};
