import { ConfigurationError } from "../errors.ts";
import { type Clock, sleep } from "../ports/clock.ts";
import { type Isolation, type Log, noHeaders, partitionId } from "../ports/log.ts";
import { isPassing } from "./insist.ts";
import { decodeTopologyRecord, encodeTopologyRecord, type TopologyRecord } from "./topology_record.ts";

const encoder = new TextEncoder();
const decoder = new TextDecoder();

const key = (kind: string, id: string): Uint8Array => encoder.encode(`${kind}:${id}`);

/** A task's last record, in its last transaction: it and all before it are done. */
export const finishedRecord = (task: string): { readonly key: Uint8Array; readonly value: Uint8Array } => ({
  key: key("finished", task),
  value: encoder.encode("{}"),
});

/** Written before a worker's first transaction, so that its successor can end what it leaves open even when everybody who knew it is gone. */
export const workerRecord = (transactionalId: string): { readonly key: Uint8Array; readonly value: Uint8Array } => ({
  key: key("worker", transactionalId),
  value: encoder.encode("{}"),
});

/** The group rebalances: whoever reads this need not wait for a heartbeat to hear of it. */
export const callRecord = (): { readonly key: Uint8Array; readonly value: Uint8Array } => ({
  key: key("call", ""),
  value: encoder.encode("{}"),
});

/** Where each input of a bounded run ends, by `partitionId`; exclusive. */
export type Bounds = ReadonlyMap<string, number>;

/** Written with each transaction of a feed: so many records of the input stand in the log. */
export const fedRecord = (records: number): { readonly key: Uint8Array; readonly value: Uint8Array } => ({
  key: key("fed", ""),
  value: encoder.encode(String(records)),
});

/** Which feed writes the input: written by each when it begins, so that one that is fenced knows whether there is another. */
export const feederRecord = (id: string): { readonly key: Uint8Array; readonly value: Uint8Array } => ({
  key: key("feeder", ""),
  value: encoder.encode(id),
});

/** Written before an instance's first transaction: what it runs, for whoever starts after it. */
export const topologyRecord = (record: TopologyRecord): { readonly key: Uint8Array; readonly value: Uint8Array } => ({
  key: key("topology", ""),
  value: encoder.encode(encodeTopologyRecord(record)),
});

export const boundsRecord = (bounds: Bounds): { readonly key: Uint8Array; readonly value: Uint8Array } => ({
  key: key("bounds", ""),
  value: encoder.encode(JSON.stringify(Object.fromEntries(bounds))),
});

/**
 * What the instances of one application tell each other beyond the group protocol: a compacted topic with one partition. Read committed and followed by position.
 */
export class ControlTopic {
  readonly topic: string;
  /** Tasks that have come to their end. */
  readonly finished: Set<string> = new Set();
  /** Transactional ids that were used and not cleanly given up. */
  readonly workers: Set<string> = new Set();
  /** How often somebody has let the others know that the group rebalances, or has said farewell, as far as it was read. */
  calls = 0;
  bounds: Bounds | undefined;
  /** How many records a feed has written; undefined when there is no feed. */
  fed: number | undefined;
  /** The feed that began last. */
  feeder: string | undefined;
  /** What the application has run last. */
  topology: TopologyRecord | undefined;
  position = 0;
  readonly #isolation: Isolation;

  constructor(topic: string, isolation: Isolation = "read-committed") {
    this.topic = topic;
    this.#isolation = isolation;
  }

  /** Reads from the position to the end as it is now. Read committed, that waits for transactions that are open there; with `visible` it takes what can be seen already. */
  async readToEnd(log: Log, upTo: "end" | "visible" = "end"): Promise<void> {
    const partition = { topic: this.topic, partition: 0 };
    const ends = await log.admin.offsets([partition], "latest", upTo === "end" ? "read-uncommitted" : this.#isolation);
    const end = ends.get(partitionId(this.topic, 0)) ?? 0;
    const fetcher = log.fetcher({ isolation: this.#isolation });
    try {
      while (this.position < end)
        for (const fetched of await fetcher.poll([{ ...partition, offset: this.position }], 500)) {
          if (fetched.error !== undefined) throw fetched.error;
          while (fetched.records.next()) this.apply(fetched.records.key(), fetched.records.value());
          this.position = fetched.nextOffset;
        }
    } finally {
      await fetcher.close();
    }
  }

  apply(keyBytes: Uint8Array | null, value: Uint8Array | null): void {
    if (keyBytes === null) return;
    const text = decoder.decode(keyBytes);
    const [kind] = text.split(":", 1);
    const id = text.slice(kind!.length + 1);
    if (kind === "finished") value === null ? this.finished.delete(id) : this.finished.add(id);
    else if (kind === "worker" && value === null) {
      this.workers.delete(id);
      this.calls++;
    } else if (kind === "worker") this.workers.add(id);
    else if (kind === "call") this.calls++;
    else if (kind === "fed" && value !== null) this.fed = this.#read(kind, () => wholeNumber(Number(decoder.decode(value))));
    else if (kind === "topology" && value !== null) this.topology = this.#read(kind, () => decodeTopologyRecord(decoder.decode(value)));
    else if (kind === "feeder" && value !== null) this.feeder = decoder.decode(value);
    else if (kind === "bounds" && value !== null && this.bounds === undefined)
      this.bounds = this.#read(
        kind,
        () => new Map(Object.entries(JSON.parse(decoder.decode(value)) as object).map(([id, end]) => [id, wholeNumber(end)])),
      );
  }

  /** Whoever may write to the topic could say what he likes; what is not in our form stops the instance instead of being guessed at. */
  #read<T>(kind: string, parse: () => T): T {
    try {
      return parse();
    } catch (cause) {
      throw new ConfigurationError(
        "TOPIC_MISCONFIGURED",
        `Topic '${this.topic}' holds a record of the kind '${kind}' that no instance has written: let nobody else write there, and give the program another applicationId or delete that topic`,
        { topic: this.topic, cause },
      );
    }
  }

  /** Writes records in one transaction of the given id, or at once without. */
  async write(
    log: Log,
    transactionalId: string | null,
    records: readonly { readonly key: Uint8Array; readonly value: Uint8Array | null }[],
    clock: Clock,
  ): Promise<void> {
    const producer = await log.producer({ transactionalId, transactionTimeoutMs: 60_000 });
    try {
      const outbox = log.outbox();
      for (const record of records) outbox.append(this.topic, 0, record.key, record.value, clock.now(), noHeaders);
      await producer.send(outbox);
      if (transactionalId !== null) await producer.commit();
    } finally {
      await producer.close();
    }
  }

  /**
   * Fixes the ends of a bounded run once for the application. Two instances that start together both try: the transactional id is the same, so one of them is fenced and reads what the other has written. Undefined when somebody feeds: the input then ends where that one says.
   */
  async agreeOnBounds(log: Log, compute: () => Promise<Bounds>, clock: Clock): Promise<Bounds | undefined> {
    for (;;) {
      await this.readToEnd(log);
      if (this.bounds !== undefined || this.fed !== undefined) return this.bounds;
      const bounds = await compute();
      const producer = await log.producer({ transactionalId: `${this.topic}-bounds`, transactionTimeoutMs: 60_000 });
      try {
        // What was written before this epoch was opened is visible now.
        await this.readToEnd(log);
        if (this.bounds !== undefined || this.fed !== undefined) continue;
        const outbox = log.outbox();
        const record = boundsRecord(bounds);
        outbox.append(this.topic, 0, record.key, record.value, clock.now(), noHeaders);
        await producer.send(outbox);
        await producer.commit();
      } catch (error) {
        if (!isPassing(error)) throw error;
        await sleep(clock, agreePauseMs);
      } finally {
        await producer.close();
      }
    }
  }
}

const wholeNumber = (value: unknown): number => {
  if (!Number.isSafeInteger(value) || (value as number) < 0) throw new TypeError("It is no whole number");
  return value as number;
};

/** Before another attempt to fix the ends. */
const agreePauseMs = 100;

/** Forgets a worker that has stopped cleanly. */
export const workerTombstone = (transactionalId: string): { readonly key: Uint8Array; readonly value: null } => ({
  key: key("worker", transactionalId),
  value: null,
});
