import { expect } from "@jest/globals";
import {
  type BaseOffsets,
  type CommittedOffset,
  type Disposition,
  type Fetched,
  type Fetcher,
  type FetcherOptions,
  type FetchPosition,
  type Isolation,
  type Log,
  LogError,
  type LogErrorCode,
  type Producer,
  partitionId,
  type RawHeaders,
} from "../../core/ports/log.ts";
import { Attendee, type AttendeeOptions } from "./attendee.ts";
import type { ConformanceWorld } from "./world.ts";

const encoder = new TextEncoder();
const decoder = new TextDecoder();

export const bytes = (text: string): Uint8Array => encoder.encode(text);
export const text = (raw: Uint8Array | null): string | null => (raw === null ? null : decoder.decode(raw));

/** A record as a case writes it down: text for bytes, partition 0 and no timestamp unless said. */
export interface Line {
  readonly topic: string;
  readonly partition?: number;
  readonly key?: string | Uint8Array | null;
  readonly value: string | Uint8Array | null;
  readonly timestamp?: number;
  readonly headers?: RawHeaders;
}

/** A record as it was read; key and value are copies. */
export interface Seen {
  readonly partition: number;
  readonly offset: number;
  readonly timestamp: number;
  readonly key: Uint8Array | null;
  readonly value: Uint8Array | null;
  readonly headers: RawHeaders;
}

export interface Reading {
  readonly partition?: number;
  readonly from?: number;
  /** Reads until the position has reached this; the high watermark at the start of the reading unless said. */
  readonly to?: number;
  readonly isolation?: Isolation;
  readonly fetcher?: Omit<FetcherOptions, "isolation">;
}

const raw = (given: string | Uint8Array | null | undefined): Uint8Array | null =>
  given === undefined || given === null ? null : typeof given === "string" ? bytes(given) : given;

/** How long one poll of the suite waits for news. */
export const pollMs = 200;

/**
 * What one case works with: clients, producers and topics that end with the case, and the waiting that a real broker needs. Time is counted in waits, never
 * read from a clock, so that a virtual world and a real one take the same steps.
 */
export class Stage {
  readonly world: ConformanceWorld;
  private readonly opened: { close(): Promise<void> }[] = [];

  constructor(world: ConformanceWorld) {
    this.world = world;
  }

  async connect(): Promise<Log> {
    const log = await this.world.connect();
    this.opened.push(log);
    return log;
  }

  /** Lets a group member take part until the case ends. */
  attend(log: Log, options: AttendeeOptions): Attendee {
    const attendee = new Attendee(this, log, options);
    this.opened.push({ close: () => attendee.member.leave() });
    return attendee;
  }

  async close(): Promise<void> {
    for (const open of this.opened.reverse()) await open.close();
  }

  async topic(log: Log, name: string, partitions = 1, config: Readonly<Record<string, string>> = {}): Promise<string> {
    const topic = this.world.unique(name);
    await log.admin.create([{ topic, partitions, replication: -1, config }]);
    return topic;
  }

  /** A transactional producer; the id is fresh unless given. */
  producer(log: Log, transactionalId: string = this.world.unique("txn"), transactionTimeoutMs = 60_000): Promise<Producer> {
    return log.producer({ transactionalId, transactionTimeoutMs });
  }

  /** A producer whose records are visible at once. */
  plain(log: Log): Promise<Producer> {
    return log.producer({ transactionalId: null, transactionTimeoutMs: 60_000 });
  }

  send(log: Log, producer: Producer, lines: readonly Line[]): Promise<BaseOffsets> {
    const outbox = log.outbox();
    for (const line of lines)
      outbox.append(
        line.topic,
        line.partition ?? 0,
        raw(line.key),
        raw(line.value),
        line.timestamp ?? this.world.now(),
        line.headers ?? [],
      );
    return producer.send(outbox);
  }

  /** Sends values to partition 0. */
  values(log: Log, producer: Producer, topic: string, values: readonly string[]): Promise<BaseOffsets> {
    return this.send(
      log,
      producer,
      values.map((value) => ({ topic, value })),
    );
  }

  highWatermark(log: Log, topic: string, partition = 0): Promise<number> {
    return this.latest(log, topic, partition, "read-uncommitted");
  }

  async latest(log: Log, topic: string, partition = 0, isolation: Isolation = "read-committed"): Promise<number> {
    const id = partitionId(topic, partition);
    const found = (await log.admin.offsets([{ topic, partition }], "latest", isolation)).get(id);
    if (found === undefined) throw new Error(`The log gave no latest offset for ${id}`);
    return found;
  }

  /** Everything visible from a position on, until the position has reached the end. */
  async read(log: Log, topic: string, reading: Reading = {}): Promise<Seen[]> {
    const partition = reading.partition ?? 0;
    const to = reading.to ?? (await this.highWatermark(log, topic, partition));
    const fetcher = log.fetcher({ isolation: reading.isolation ?? "read-committed", ...reading.fetcher });
    try {
      return await this.follow(fetcher, { topic, partition, offset: reading.from ?? 0 }, to);
    } finally {
      await fetcher.close();
    }
  }

  /** The same as text, which is what most cases compare. */
  async readValues(log: Log, topic: string, reading: Reading = {}): Promise<(string | null)[]> {
    return (await this.read(log, topic, reading)).map((seen) => text(seen.value));
  }

  private async follow(fetcher: Fetcher, start: FetchPosition, to: number): Promise<Seen[]> {
    const seen: Seen[] = [];
    let offset = start.offset;
    for (let idle = 0; offset < to; ) {
      const fetched = await fetcher.poll([{ ...start, offset }], pollMs);
      if (fetched.length === 0) {
        idle += pollMs;
        if (idle > this.world.timing.patienceMs)
          throw new Error(`The position of ${start.topic}/${start.partition} stays at ${offset} and does not reach ${to}`);
      }
      for (const part of fetched) {
        if (part.error !== undefined) throw part.error;
        expect(part.offset).toBe(offset);
        seen.push(...take(part));
        expect(part.nextOffset).toBeGreaterThan(offset);
        offset = part.nextOffset;
      }
    }
    return seen;
  }

  /** Polls once and again until there is an answer for the partition; the answer may be an error. */
  async fetchOne(fetcher: Fetcher, position: FetchPosition): Promise<Fetched> {
    for (let waited = 0; waited <= this.world.timing.patienceMs; waited += pollMs) {
      const [first] = await fetcher.poll([position], pollMs);
      if (first !== undefined) return first;
    }
    throw new Error(`Nothing came for ${position.topic}/${position.partition} from offset ${position.offset}`);
  }

  /** Repeats until the answer is not undefined, for what a broker does a little after it has said yes. */
  async eventually<T>(what: string, attempt: () => Promise<T | undefined> | T | undefined): Promise<T> {
    for (let waited = 0; ; waited += 100) {
      const answer = await attempt();
      if (answer !== undefined) return answer;
      if (waited > this.world.timing.patienceMs) throw new Error(`It never came to this: ${what}`);
      await this.world.sleep(100);
    }
  }

  async committedOffset(
    log: Log,
    groupId: string,
    topic: string,
    requireStable: boolean,
    timeoutMs = 10_000,
  ): Promise<CommittedOffset | undefined> {
    const found = await log.admin.committed(groupId, [{ topic, partition: 0 }], { requireStable, timeoutMs });
    return found.get(partitionId(topic, 0));
  }
}

/** Copies the records out of a cursor, both ways in which it gives keys and values. */
export const take = (part: Fetched): Seen[] => {
  const seen: Seen[] = [];
  const { records } = part;
  while (records.next()) {
    seen.push({
      partition: part.partition,
      offset: records.offset,
      timestamp: records.timestamp,
      key: twice(records.key(), records.bytes, records.keyStart, records.keyEnd),
      value: twice(records.value(), records.bytes, records.valueStart, records.valueEnd),
      headers: records.headers().map(([name, content]) => [name, content === null ? null : Uint8Array.from(content)] as const),
    });
  }
  return seen;
};

const twice = (given: Uint8Array | null, bytes: Uint8Array, start: number, end: number): Uint8Array | null => {
  const inPlace = start < 0 ? null : Uint8Array.from(bytes.subarray(start, end));
  if (String(inPlace) !== String(given)) throw new Error(`A cursor gives [${String(given)}], and in place [${String(inPlace)}]`);
  return inPlace;
};

/** The LogError a promise is rejected with; any other end fails the case. */
export const refusal = async (work: Promise<unknown>): Promise<LogError> => {
  let outcome: unknown;
  try {
    outcome = await work;
  } catch (thrown) {
    if (thrown instanceof LogError) return thrown;
    throw thrown;
  }
  throw new Error(`A refusal was expected, but the call succeeded with ${String(outcome)}`);
};

/** Checks that a call is refused so that the caller knows what to do, and with one of Kafka's codes for it. */
export const expectRefused = async (work: Promise<unknown>, disposition: Disposition, codes: readonly LogErrorCode[]): Promise<void> => {
  const error = await refusal(work);
  expect(codes).toContain(error.code);
  expect(error.disposition).toBe(disposition);
};

/** The codes by which a broker tells a producer that another one took its place. */
export const fencedCodes: readonly LogErrorCode[] = ["INVALID_PRODUCER_EPOCH", "PRODUCER_FENCED"];
