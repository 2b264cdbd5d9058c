import { type Clock, sleep } from "../ports/clock.ts";
import { type Fetched, type Fetcher, type FetcherOptions, type FetchPosition, LogError } from "../ports/log.ts";
import { committedBatches } from "./committed_batches.ts";
import { logError } from "./disposition.ts";
import type { Link } from "./link.ts";
import type { FetchBounds, MemoryBroker, PartitionAnswer } from "./memory_broker.ts";
import { emptyRecords, MemoryCursor, type VisibleRecords } from "./memory_cursor.ts";
import type { FetchedBatches } from "./partition_log.ts";

const defaultPartitionBytes = 1_048_576;
const defaultTotalBytes = 16 * 1_048_576;
/** After a fetch that got lost. */
const pauseMs = 50;

/** A gate that is opened by whatever ends a wait. */
class Gate {
  private opened = false;
  private through: (() => void) | null = null;

  readonly open = (): void => {
    this.opened = true;
    this.through?.();
  };

  close(): void {
    this.opened = false;
  }

  pass(): Promise<void> {
    if (this.opened) return Promise.resolve();
    return new Promise((resolve) => {
      this.through = resolve;
    });
  }
}

/** Reads positions of the log in memory: whole batches come over the link, what a committed reader must not see is left out here. */
export class MemoryFetcher implements Fetcher {
  private readonly broker: MemoryBroker;
  private readonly link: Link;
  private readonly clock: Clock;
  private readonly bounds: FetchBounds;
  private readonly onClose: (fetcher: Fetcher) => void;
  private readonly gate = new Gate();
  private polling = false;
  private woken = false;
  private closed = false;
  /** Which position is asked for first; it goes round, so that no partition takes all the room for ever. */
  private turn = 0;

  constructor(broker: MemoryBroker, link: Link, clock: Clock, options: FetcherOptions, onClose: (fetcher: Fetcher) => void) {
    this.broker = broker;
    this.link = link;
    this.clock = clock;
    this.onClose = onClose;
    this.bounds = {
      isolation: options.isolation,
      partitionBytes: options.partitionBytes ?? defaultPartitionBytes,
      totalBytes: options.totalBytes ?? defaultTotalBytes,
    };
  }

  async poll(positions: readonly FetchPosition[], maxWaitMs: number): Promise<readonly Fetched[]> {
    if (this.closed) throw logError("CLOSED", "The fetcher is closed: take another one from the log");
    if (this.polling) throw new Error("Only one poll of a fetcher may be under way: await the one before, or wake it");
    this.polling = true;
    this.woken = false;
    try {
      const answers = await this.ask(positions);
      return (answers.length > 0 || maxWaitMs <= 0 || this.woken ? answers : await this.waitForNews(positions, maxWaitMs)).map((answer) =>
        this.fetched(answer),
      );
    } finally {
      this.polling = false;
    }
  }

  wake(): void {
    this.woken = true;
    this.gate.open();
  }

  async close(): Promise<void> {
    this.closed = true;
    this.wake();
    this.onClose(this);
  }

  private async waitForNews(positions: readonly FetchPosition[], maxWaitMs: number): Promise<PartitionAnswer[]> {
    let over = false;
    const deadline = this.clock.after(maxWaitMs, () => {
      over = true;
      this.gate.open();
    });
    const watched = positions.map(({ topic, partition }) =>
      this.broker.topics.find(topic, partition)?.watch(this.bounds.isolation, this.gate.open),
    );
    try {
      for (;;) {
        // What came before the watch began is found by asking once more.
        this.gate.close();
        const answers = await this.ask(positions);
        if (answers.length > 0 || over || this.woken) return answers;
        await this.gate.pass();
        if (over || this.woken) return this.ask(positions);
      }
    } finally {
      deadline.cancel();
      for (const unwatch of watched) unwatch?.();
    }
  }

  private async ask(positions: readonly FetchPosition[]): Promise<PartitionAnswer[]> {
    if (positions.length === 0 || this.closed) return [];
    const first = this.turn++ % positions.length;
    const inTurn = first === 0 ? positions : [...positions.slice(first), ...positions.slice(0, first)];
    try {
      return await this.link.request("Fetch", { positions: inTurn, ...this.bounds }, () => this.broker.fetch(inTurn, this.bounds));
    } catch (error) {
      if (!(error instanceof LogError) || !["retriable", "indefinite"].includes(error.disposition)) throw error;
      // Asking again does no harm, and who polls does so anyway.
      await sleep(this.clock, pauseMs);
      this.gate.open();
      return [];
    }
  }

  private fetched({ topic, partition, offset, fetched }: PartitionAnswer): Fetched {
    if (fetched instanceof LogError)
      return {
        topic,
        partition,
        offset,
        error: fetched,
        records: new MemoryCursor(emptyRecords),
        nextOffset: offset,
        lastStableOffset: -1,
        highWatermark: -1,
        logStartOffset: -1,
        bytes: 0,
      };
    const { nextOffset, lastStableOffset, highWatermark, logStartOffset, bytes } = fetched;
    return {
      topic,
      partition,
      offset,
      records: new MemoryCursor(visible(fetched)),
      nextOffset,
      lastStableOffset,
      highWatermark,
      logStartOffset,
      bytes,
    };
  }
}

const visible = ({ batches, firstFrom, lastTo, aborted }: FetchedBatches): VisibleRecords => {
  const seen = committedBatches(batches, aborted);
  if (seen.length === 0) return emptyRecords;
  return {
    batches: seen,
    firstFrom: seen[0] === batches[0] ? firstFrom : seen[0]!.from,
    lastTo: seen.at(-1) === batches.at(-1) ? lastTo : seen.at(-1)!.to,
  };
};
