import type { Clock, Timeout } from "../ports/clock.ts";
import { type Log, LogError, noHeaders, type Producer, type RawHeaders } from "../ports/log.ts";
import type { Logger } from "../ports/logger.ts";
import { type Bounds, boundsRecord, type ControlTopic, fedRecord, feederRecord } from "./control_topic.ts";
import { FeedLead } from "./feed_lead.ts";
import { insist, isPassing } from "./insist.ts";
import { pause } from "./pause.ts";

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
  /** Tells this feed from all others of the application. */
  readonly id: string;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Called with the number of records that are written already; gives those that follow. */
  readonly records: (written: number) => AsyncIterable<FeedRecord>;
  /** Where the inputs end when everything is written; undefined when they go on. */
  readonly bounds: (() => Promise<Bounds>) | undefined;
  /** The readers commit what they have read: the feed waits for them instead of running far ahead. */
  readonly readersCommit: boolean;
  /** What is written and not read may have so many bytes. */
  readonly leadBytes: number;
  /** Aborted when the run is over: the feed then ends at once, whatever it waits for. */
  readonly signal: AbortSignal;
}

const recordsPerTransaction = 2000;
/** What comes slowly is not kept waiting for a full transaction. */
const lingerMs = 20;
const bytesPerTransaction = 1 << 20;
const askReadersMs = 20;
/** So long no reader need have moved until the feed goes on none the less: what they wait for may be what comes next. */
const stuckMs = 1000;
/** Who has fenced this feed says within this time that it goes on instead. */
const claimMs = 1000;

/**
 * Writes the input of a run, each record exactly once whatever crashes: how many are written stands in the control topic, in the same transactions. At the end of a bounded run it fixes where the inputs end. Of several feeds of one application the last one to start goes
 * on, the others are fenced and stop.
 */
export const feed = async (options: FeedOptions): Promise<void> => {
  const feeder = new Feeder(options);
  try {
    await feeder.run();
  } catch (error) {
    if (options.signal.aborted) return;
    if (!(error instanceof LogError) || error.disposition !== "fenced") throw error;
    options.logger.log("info", "Another instance feeds the input");
  } finally {
    await feeder.close();
  }
};

class Feeder {
  readonly #options: FeedOptions;
  #producer: Producer | undefined;
  /** Ends the wait that is under way, if there is one. */
  #wake: (() => void) | undefined;
  readonly #lead = new FeedLead();
  /** Who wrote the input when this feed looked last. */
  #feeder: string | undefined;

  constructor(options: FeedOptions) {
    this.#options = options;
    options.signal.addEventListener("abort", () => this.#wake?.());
  }

  async run(): Promise<void> {
    const { control, logger, bounds } = this.#options;
    for (;;) {
      if (!(await this.#waitFor(this.#open())) || control.bounds !== undefined) return;
      this.#feeder = control.feeder;
      if (!(await this.#write([], control.fed ?? 0))) continue;
      const written = await this.#writeAll(control.fed ?? 0);
      if (this.#options.signal.aborted) return;
      // Another feed has gone on meanwhile, and is fenced by now: this one goes on from where it came to.
      if (written === undefined) continue;
      if (bounds !== undefined && !(await this.#write([], written, await this.#patiently(bounds)))) continue;
      logger.log("info", "The input is written", { records: written });
      return;
    }
  }

  async close(): Promise<void> {
    await this.#producer?.close();
  }

  /** Gives how many are written when all are; undefined when somebody else has written, or the run is over. */
  async #writeAll(from: number): Promise<number | undefined> {
    const { clock, records, signal, leadBytes } = this.#options;
    const iterator = records(from)[Symbol.asyncIterator]();
    let written = from;
    let batch: FeedRecord[] = [];
    let batchBytes = 0;
    const batchBytesMax = Math.min(bytesPerTransaction, leadBytes / 2);
    let due = false;
    let linger: Timeout | undefined;
    const writeBatch = async (): Promise<boolean> => {
      linger?.cancel();
      linger = undefined;
      due = false;
      const full = batch;
      batch = [];
      batchBytes = 0;
      return this.#write(full, written);
    };
    try {
      for (;;) {
        let next: IteratorResult<FeedRecord> | undefined;
        let failure: { readonly error: unknown } | undefined;
        iterator.next().then(
          (result) => {
            next = result;
            this.#wake?.();
          },
          (error: unknown) => {
            failure = { error };
            this.#wake?.();
          },
        );
        while (next === undefined && failure === undefined) {
          await this.#woken();
          if (signal.aborted) return undefined;
          // Nothing more has come for a while: what is there does not wait for it.
          if (due && next === undefined && !(await writeBatch())) return undefined;
        }
        if (failure !== undefined) throw failure.error;
        if (next!.done === true) return (await writeBatch()) ? written : undefined;
        written++;
        batch.push(next!.value);
        batchBytes += (next!.value.key?.length ?? 0) + (next!.value.value?.length ?? 0);
        if (batch.length >= recordsPerTransaction || batchBytes >= batchBytesMax || due) {
          if (!(await writeBatch())) return undefined;
          await clock.yield();
          await this.#letReadersFollow();
        } else
          linger ??= clock.after(lingerMs, () => {
            due = true;
            this.#wake?.();
          });
      }
    } finally {
      linger?.cancel();
      // Not awaited: a source that waits for its next record would answer only then.
      iterator.return?.()?.catch(() => {});
    }
  }

  /**
   * Writes records, and how many there are with them, in one transaction. When its outcome is not known a new epoch ends the doubt, and the log tells. False when somebody else has written meanwhile, or the run is over.
   */
  async #write(records: readonly FeedRecord[], written: number, bounds?: Bounds): Promise<boolean> {
    const { log, control, clock, signal, id } = this.#options;
    const before = control.fed;
    while (!signal.aborted)
      try {
        const outbox = log.outbox();
        for (const { topic, partition, key, value, timestamp, headers } of records)
          outbox.append(topic, partition, key, value, timestamp, headers ?? noHeaders);
        const { key, value } = bounds === undefined ? fedRecord(written) : boundsRecord(bounds);
        outbox.append(control.topic, 0, key, value, clock.now(), noHeaders);
        const claim = feederRecord(id);
        if (this.#feeder !== id) outbox.append(control.topic, 0, claim.key, claim.value, clock.now(), noHeaders);
        const producer = this.#producer!;
        const send = async (): Promise<void> => {
          const bases = await producer.send(outbox);
          await producer.commit();
          this.#lead.written(records, bases);
        };
        if (!(await this.#waitFor(send()))) return false;
        if (bounds === undefined) control.fed = written;
        this.#feeder = id;
        return true;
      } catch (error) {
        if (!isPassing(error)) throw error;
        if (error.disposition === "fenced" && (await this.#isReplaced())) throw error;
        this.#options.logger.log("warn", "It is not known whether a part of the input was written: asking the log", {
          reason: error.message,
        });
        if (!(await this.#waitFor(this.#open()))) return false;
        const isThere = bounds === undefined ? control.fed === written && control.feeder === id : control.bounds !== undefined;
        if (isThere) {
          this.#feeder = id;
          return true;
        }
        if (control.fed !== before) return false;
      }
    return false;
  }

  /** Waits while what is written and not read is more than it may be, as long as the readers move. */
  async #letReadersFollow(): Promise<void> {
    const { clock, log, applicationId, readersCommit, signal, leadBytes } = this.#options;
    let movedMs = clock.monotonic();
    const isFar = (): boolean => this.#lead.bytes + Math.min(bytesPerTransaction, leadBytes / 2) > leadBytes;
    while (readersCommit && isFar() && !signal.aborted && clock.monotonic() - movedMs < stuckMs) {
      const asking = this.#patiently(async () => {
        const committed = await log.admin.committed(applicationId, this.#lead.partitions, { requireStable: false });
        if (this.#lead.read(committed)) movedMs = clock.monotonic();
      });
      if (!(await this.#waitFor(asking))) return;
      if (isFar()) await pause(clock, askReadersMs, signal);
    }
  }

  /** Another feed has begun. Otherwise it was a request of our own that came late, or the broker's timeout, that has ended the epoch. */
  async #isReplaced(): Promise<boolean> {
    const { log, control, clock, signal } = this.#options;
    await pause(clock, claimMs, signal);
    if (!(await this.#waitFor(this.#patiently(() => control.readToEnd(log))))) return true;
    return control.feeder !== this.#feeder;
  }

  /** A new epoch: what an older one left open is ended, and what was written before is visible. */
  #open(): Promise<void> {
    const { log, control, applicationId, signal } = this.#options;
    return this.#patiently(async () => {
      await this.#producer?.close();
      this.#producer = undefined;
      const producer = await log.producer({ transactionalId: `${applicationId}-feeder`, transactionTimeoutMs: 60_000 });
      // Nobody has waited for it, and nobody else would close it.
      if (signal.aborted) return producer.close();
      this.#producer = producer;
      await control.readToEnd(log);
    });
  }

  #patiently<T>(attempt: () => Promise<T>): Promise<T> {
    const { clock, signal, logger } = this.#options;
    const onFailure = ({ message }: LogError): void => logger.log("warn", "The input cannot be written yet", { reason: message });
    return insist(attempt, { clock, signal, onFailure });
  }

  #woken(): Promise<void> {
    return new Promise((resolve) => {
      if (this.#options.signal.aborted) return resolve();
      this.#wake = resolve;
    });
  }

  /** True when the work is done, false when the run is over before. */
  async #waitFor(work: Promise<unknown>): Promise<boolean> {
    let settled = false;
    const settle = (): void => {
      settled = true;
      this.#wake?.();
    };
    work.then(settle, settle);
    while (!settled && !this.#options.signal.aborted) await this.#woken();
    if (!settled) return false;
    await work;
    return true;
  }
}
