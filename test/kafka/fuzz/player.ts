import {
  type CommittedOffset,
  type Fetched,
  type GroupMetadata,
  type Log,
  LogError,
  type Outbox,
  type Producer,
} from "../../../core/ports/log.ts";
import type { ConformanceWorld } from "../../conformance_log/world.ts";
import {
  appendTimeConfig,
  type Call,
  clientCount,
  configs,
  groupCount,
  type OffsetLine,
  partitionsMax,
  type Standing,
  topicCount,
} from "./call.ts";
import { Seats } from "./seats.ts";

const encoder = new TextEncoder();
const decoder = new TextDecoder();
const bytes = (text: string): Uint8Array => encoder.encode(text);
const text = (raw: Uint8Array | null): string => (raw === null ? "null" : decoder.decode(raw));

type Opening = Omit<Extract<Call, { readonly do: "open" }>, "do">;

/** How long a read waits for what is there for sure, and for what is not. */
const pollMs = 1_000;
const emptyPollMs = 30;
const expireTimeoutMs = 300;
/** The brokers look for such transactions every 200 ms. */
const expireWaitMs = 1_200;

/** Plays calls on one log, and writes down what the log said: words that are the same for two logs that behave alike. */
export class Player {
  readonly #world: ConformanceWorld;
  readonly #log: Log;
  readonly #clients: readonly Log[];
  readonly #outboxes = new Map<number, Outbox>();
  readonly #beginMs: number;
  readonly #prefix: string;
  readonly #slots = new Map<number, Producer>();
  readonly #clientOf = new Map<Producer, Log>();
  readonly #seats: Seats;
  readonly #ids: string[] = [];
  readonly #producerIds = new Map<bigint, string>();
  /** Topics in which the broker's time stands instead of the record's. */
  readonly #appendTime = new Set<string>();
  #sent = 0;

  static async begin(world: ConformanceWorld): Promise<Player> {
    return new Player(world, await Promise.all(Array.from({ length: clientCount }, () => world.connect())));
  }

  private constructor(world: ConformanceWorld, clients: readonly Log[]) {
    this.#world = world;
    this.#clients = clients;
    const log = clients[0]!;
    this.#log = log;
    this.#beginMs = world.now() - (world.now() % 1_000);
    this.#prefix = world.unique("fuzz");
    this.#seats = new Seats(world, log, this.#prefix);
  }

  /** What came of it; a refusal by its code and what it asks of the caller. */
  async play(call: Call): Promise<string> {
    try {
      return await this.#play(call);
    } catch (thrown) {
      if (thrown instanceof LogError) return `${thrown.code} (${thrown.disposition})`;
      throw thrown;
    }
  }

  async end(): Promise<void> {
    for (const producer of this.#slots.values()) await producer.close();
    await this.#seats.close();
    await this.#log.admin.delete(await this.#present());
    for (const client of this.#clients) await client.close();
  }

  /** Looks at everything that can be seen at the end. */
  static everything(): Call[] {
    const looks: Call[] = [{ do: "states" }];
    for (let topic = 0; topic < topicCount; topic++) {
      looks.push({ do: "describe", topic });
      for (let partition = 0; partition < partitionsMax; partition++)
        for (const isolation of ["read-committed", "read-uncommitted"] as const)
          looks.push({ do: "read", topic, partition, from: -1, isolation, client: 0 });
    }
    for (let group = 0; group < groupCount; group++) looks.push({ do: "committed", group, stable: false });
    return looks;
  }

  async #present(): Promise<string[]> {
    const all = Array.from({ length: topicCount }, (_, topic) => this.#topic(topic));
    return [...(await this.#log.admin.describe(all)).keys()];
  }

  async #play(call: Call): Promise<string> {
    const { admin } = this.#log;
    switch (call.do) {
      case "create": {
        const topic = this.#topic(call.topic);
        const isNew = (await admin.describe([topic])).size === 0;
        await admin.create([{ topic, partitions: call.partitions, replication: -1, config: configs[call.config]! }]);
        if (isNew && call.config === appendTimeConfig) this.#appendTime.add(topic);
        return "created";
      }
      case "delete":
        await admin.delete([this.#topic(call.topic)]);
        this.#appendTime.delete(this.#topic(call.topic));
        return "deleted";
      case "grow":
        await admin.addPartitions(this.#topic(call.topic), call.partitions);
        return "grown";
      case "describe":
        return `${(await admin.describe([this.#topic(call.topic)])).get(this.#topic(call.topic))?.partitions ?? "no"} partitions`;
      case "deleteRecords":
        await admin.deleteRecords([{ topic: this.#topic(call.topic), partition: call.partition, offset: call.offset }]);
        return "deleted";
      case "open":
        return this.#open(call);
      case "expire": {
        const opened = await this.#open({ ...call, timeoutMs: expireTimeoutMs, client: 0 });
        const line = { topic: call.topic, partition: call.partition, key: 0, bytes: 3, atSeconds: 0 };
        const sent = await this.play({ do: "send", slot: call.slot, lines: [line] });
        await this.#world.sleep(expireWaitMs);
        return `${opened}, ${sent}`;
      }
      case "states": {
        const states = await admin.transactionStates(this.#ids);
        return this.#ids.map((id) => states.get(id)).join();
      }
      case "read":
        return this.#read(call);
      case "ends": {
        const at = typeof call.at === "number" ? { timestamp: this.#beginMs + call.at * 1_000 } : call.at;
        const topic = this.#topic(call.topic);
        const ends = await admin.offsets([{ topic, partition: call.partition }], at, call.isolation);
        return `${ends.get(`${topic}/${call.partition}`)}`;
      }
      case "committed":
        return this.#committed(call.group, call.stable);
      case "commitOffsets": {
        const group = this.#standing(call.group, call.as);
        const offsets = call.offsets.map((line) => this.#offset(line));
        await admin.commitOffsets(this.#seats.groupId(call.group), offsets, call.as.of === "nobody" ? undefined : group);
        return "committed";
      }
      case "join":
        return this.#seats.join(call);
      case "leave":
      case "abandon":
      case "rejoin":
        return this.#seats.change(call.seat, call.do);
      default:
        return this.#produce(call);
    }
  }

  async #produce(call: Extract<Call, { readonly slot: number }>): Promise<string> {
    const producer = this.#slots.get(call.slot);
    if (producer === undefined) return "nobody";
    switch (call.do) {
      case "send": {
        const outbox = this.#clientOf.get(producer)!.outbox();
        this.#outboxes.set(call.slot, outbox);
        const number = this.#sent++;
        for (const [i, { topic, partition, key, bytes: length, atSeconds }] of call.lines.entries()) {
          const value = bytes(`${number}.${i}`.padEnd(length, "."));
          const name = this.#topic(topic);
          outbox.append(name, partition, key === null ? null : bytes(`key${key}`), value, this.#beginMs + atSeconds * 1_000, []);
        }
        return this.#send(producer, outbox);
      }
      case "resend":
        return this.#send(producer, this.#outboxes.get(call.slot) ?? this.#clientOf.get(producer)!.outbox());
      case "sendOffsets":
        await producer.sendOffsets(
          this.#standing(call.group, call.as),
          call.offsets.map((line) => this.#offset(line)),
        );
        return "taken";
      case "commit":
        await producer.commit();
        return `done, ${this.#epoch(producer)}`;
      case "abort":
        await producer.abort();
        return `done, ${this.#epoch(producer)}`;
      case "close":
        await producer.close();
        return "closed";
      default:
        throw new Error(`There is no call '${call.do}' of a producer`);
    }
  }

  async #send(producer: Producer, outbox: Outbox): Promise<string> {
    const bases = [...(await producer.send(outbox))].map(([id, base]) => `${id.slice(this.#prefix.length + 1)} at ${base}`);
    return `sent to ${bases.toSorted().join(", ")}, ${outbox.records} records left`;
  }

  async #open({ slot, id, timeoutMs: transactionTimeoutMs, client }: Opening): Promise<string> {
    const transactionalId = id === null ? null : `${this.#prefix}-id${id}`;
    const log = this.#clients[client]!;
    const producer = await log.producer({ transactionalId, transactionTimeoutMs });
    this.#clientOf.set(producer, log);
    this.#outboxes.delete(slot);
    if (transactionalId !== null && !this.#ids.includes(transactionalId)) this.#ids.push(transactionalId);
    this.#slots.set(slot, producer);
    return this.#epoch(producer);
  }

  #epoch({ epoch: { producerId, epoch } }: Producer): string {
    const name = this.#producerIds.get(producerId) ?? `producer ${this.#producerIds.size}`;
    this.#producerIds.set(producerId, name);
    return `${name} in epoch ${epoch}`;
  }

  async #committed(group: number, requireStable: boolean): Promise<string> {
    const { admin } = this.#log;
    const described = await admin.describe(await this.#present());
    const partitions = [...described.values()].flatMap(({ topic, partitions }) =>
      Array.from({ length: partitions }, (_, partition) => ({ topic, partition })),
    );
    const found = await admin.committed(this.#seats.groupId(group), partitions, { requireStable, timeoutMs: 200 });
    return [...found.values()]
      .map(({ topic, partition, offset, metadata }) => `${topic.slice(this.#prefix.length + 1)}/${partition}: ${offset} '${metadata}'`)
      .toSorted()
      .join(", ");
  }

  /** From an offset, or for -1 from the beginning, to the end that is there now. */
  async #read({ topic: number, partition, from, isolation, client }: Extract<Call, { readonly do: "read" }>): Promise<string> {
    const topic = this.#topic(number);
    const at = { topic, partition };
    const id = `${topic}/${partition}`;
    const end = (await this.#log.admin.offsets([at], "latest", isolation)).get(id)!;
    let offset = from >= 0 ? from : (await this.#log.admin.offsets([at], "earliest", isolation)).get(id)!;
    const fetcher = this.#clients[client]!.fetcher({ isolation });
    const seen: string[] = [];
    let last: Fetched | undefined;
    try {
      for (let polls = 0; polls < 30; polls++) {
        const [fetched] = await fetcher.poll([{ ...at, offset }], offset < end ? pollMs : emptyPollMs);
        if (fetched?.error !== undefined) throw fetched.error;
        if (fetched === undefined) {
          if (offset >= end) break;
          continue;
        }
        const { records } = fetched;
        while (records.next()) {
          const time = this.#appendTime.has(topic) ? "its time" : `${(records.timestamp - this.#beginMs) / 1_000} s`;
          seen.push(`${records.offset}: ${text(records.key())}=${text(records.value())} at ${time}`);
        }
        offset = fetched.nextOffset;
        last = fetched;
      }
    } finally {
      await fetcher.close();
    }
    const bounds =
      last === undefined ? "" : `, stable to ${last.lastStableOffset}, written to ${last.highWatermark}, from ${last.logStartOffset}`;
    return `[${seen.join(", ")}] next ${offset} of ${end}${bounds}`;
  }

  #standing(group: number, as: Standing): GroupMetadata {
    const groupId = this.#seats.groupId(group);
    switch (as.of) {
      case "nobody":
        return { groupId, generationId: -1, memberId: "", groupInstanceId: null };
      case "stranger":
        return { groupId, generationId: 1, memberId: "stranger", groupInstanceId: null };
      case "seat": {
        const member = this.#seats.metadata(as.seat);
        if (member === undefined) return { groupId, generationId: -1, memberId: "", groupInstanceId: null };
        return { ...member, groupId, generationId: member.generationId + as.generationsOff };
      }
    }
  }

  #offset({ topic, partition, offset, metadataBytes }: OffsetLine): CommittedOffset {
    return { topic: this.#topic(topic), partition, offset, metadata: "m".repeat(metadataBytes) };
  }

  #topic(number: number): string {
    return `${this.#prefix}-topic${number}`;
  }
}
