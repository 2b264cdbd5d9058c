import { partitionForKey } from "../../core/partitioner.ts";
import { type Log, noHeaders, partitionId, type TopicPartition } from "../../core/ports/log.ts";
import { writeRecords } from "../input_topic.ts";
import { fresh } from "../job.ts";

const encoder = new TextEncoder();
const decoder = new TextDecoder();
const value = encoder.encode("a value of some length, as records have");
const tickMs = 10;

/** The topics of one run, what is written into the one, and what arrives in the other. */
export class Stage {
  readonly applicationId: string = fresh("scaling");
  readonly input: string = `${this.applicationId}-input`;
  readonly output: string = `${this.applicationId}-output`;
  readonly partitions: number;
  readonly #log: Log;
  #sent = 0;

  constructor(log: Log, partitions: number) {
    this.#log = log;
    this.partitions = partitions;
  }

  async create(): Promise<void> {
    const { partitions } = this;
    await this.#log.admin.create([this.input, this.output].map((topic) => ({ topic, partitions, replication: -1, config: {} })));
  }

  get sent(): number {
    return this.#sent;
  }

  partitionsOf(topic: string): readonly TopicPartition[] {
    return Array.from({ length: this.partitions }, (_, partition) => ({ topic, partition }));
  }

  /** Writes so many records, each key in its turn. */
  async fill(records: number, keys: number): Promise<void> {
    await writeRecords(this.#log, records, (outbox, i) => this.#append(outbox, `key-${i % keys}`));
  }

  /** Writes steadily, to all partitions, until it is told to stop. */
  async feed(perSecond: number, keys: number): Promise<() => Promise<void>> {
    const producer = await this.#log.producer({ transactionalId: null, transactionTimeoutMs: 60_000 });
    const startMs = performance.now();
    let fed = 0;
    let sending: Promise<unknown> = Promise.resolve();
    const timer = setInterval(() => {
      const due = ((performance.now() - startMs) / 1000) * perSecond;
      const outbox = this.#log.outbox();
      for (; fed < due; fed++) this.#append(outbox, `key-${fed % keys}`);
      if (outbox.records > 0) sending = sending.then(() => producer.send(outbox));
    }, tickMs);
    return async () => {
      clearInterval(timer);
      await sending;
      await producer.close();
    };
  }

  #append(outbox: ReturnType<Log["outbox"]>, key: string): void {
    const bytes = encoder.encode(key);
    outbox.append(this.input, partitionForKey(bytes, this.partitions), bytes, value, Date.now(), noHeaders);
    this.#sent++;
  }

  /** How many records the group has committed as read. */
  async committed(): Promise<number> {
    const committed = await this.#log.admin.committed(this.applicationId, this.partitionsOf(this.input), { requireStable: false });
    return [...committed.values()].reduce((sum, { offset }) => sum + offset, 0);
  }

  /** Where committed readers of the output may read to, by partition. */
  async stable(): Promise<readonly number[]> {
    const at = this.partitionsOf(this.output);
    const ends = await this.#log.admin.offsets(at, "latest", "read-committed");
    return at.map(({ topic, partition }) => ends.get(partitionId(topic, partition)) ?? 0);
  }

  /** Where the output ends, what is not committed included. */
  async ends(): Promise<readonly number[]> {
    const at = this.partitionsOf(this.output);
    const ends = await this.#log.admin.offsets(at, "latest", "read-uncommitted");
    return at.map(({ topic, partition }) => ends.get(partitionId(topic, partition)) ?? 0);
  }

  async delete(): Promise<void> {
    const own = (await this.#log.admin.list()).filter((topic) => topic.startsWith(this.applicationId));
    await this.#log.admin.delete(own);
  }
}

/** Reads the output as it becomes visible: when it came, and whether each key was counted up one by one. */
export class Arrivals {
  readonly #counts = new Map<string, number>();
  /** By partition: moments at which something came, by the clock of this process. */
  readonly times: number[][];
  records = 0;
  /** Results that do not follow on the one before of their key. */
  wrong = 0;
  #over = false;
  readonly #reading: Promise<void>;

  constructor(log: Log, stage: Stage) {
    this.times = Array.from({ length: stage.partitions }, () => []);
    this.#reading = this.#read(log, stage);
  }

  /** The longest silence of each partition in that time. */
  gaps(fromMs: number, toMs: number): readonly number[] {
    return this.times.map((times) => {
      const within = [fromMs, ...times.filter((at) => at > fromMs && at < toMs), toMs];
      return Math.max(...within.slice(1).map((at, i) => at - within[i]!));
    });
  }

  /** When the first came after that moment, by partition. */
  firstAfter(atMs: number): readonly (number | undefined)[] {
    return this.times.map((times) => times.find((at) => at > atMs));
  }

  async close(): Promise<void> {
    this.#over = true;
    await this.#reading;
  }

  async #read(log: Log, stage: Stage): Promise<void> {
    const fetcher = log.fetcher({ isolation: "read-committed" });
    const positions = new Map(
      stage.partitionsOf(stage.output).map((one) => [partitionId(one.topic, one.partition), { ...one, offset: 0 }]),
    );
    while (!this.#over)
      for (const { topic, partition, records, nextOffset } of await fetcher.poll([...positions.values()], 100)) {
        positions.set(partitionId(topic, partition), { topic, partition, offset: nextOffset });
        let some = false;
        while (records.next()) {
          some = true;
          this.records++;
          const key = decoder.decode(records.key()!);
          const bytes = records.value()!;
          const count = new DataView(bytes.buffer, bytes.byteOffset).getInt32(0);
          if (count !== (this.#counts.get(key) ?? 0) + 1) this.wrong++;
          this.#counts.set(key, count);
        }
        if (some) this.times[partition]!.push(performance.now());
      }
    await fetcher.close();
  }
}
