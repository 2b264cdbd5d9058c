import { type Log, partitionId, type TopicPartition } from "../../core/ports/log.ts";
import { sleep } from "./faults.ts";
import { applicationId, partitions, topics } from "./names.ts";

const lookEveryMs = 1_000;
const tellEveryMs = 15_000;

/** Follows how far the application has come, by what its group has committed. */
export class Progress {
  readonly #log: Log;
  readonly #say: (line: string) => void;
  #stopped = false;
  /** Orders in the input, those of them that are committed, and records that wait between the steps. */
  #seen = { written: 0, committed: 0, between: 0 };
  #movedMs = performance.now();
  #looked = false;
  #inputs: readonly TopicPartition[] = partitionsOf(topics.orders);
  standstillMs = 0;

  constructor(log: Log, say: (line: string) => void) {
    this.#log = log;
    this.#say = say;
    void this.#follow();
  }

  get behind(): string {
    const { written, committed, between } = this.#seen;
    return `${committed} of ${written} orders are through the first step, ${between} records wait behind it`;
  }

  /** Resolves when something has been committed. */
  async begun(): Promise<void> {
    while (this.#seen.committed === 0) await sleep(100);
    this.#movedMs = performance.now();
    this.standstillMs = 0;
  }

  /** Resolves when everything that is written is committed, or after a time. */
  async settled(limitMs: number): Promise<void> {
    const began = performance.now();
    for (let quiet = 0; quiet < 3; ) {
      await this.#once();
      const { written, committed, between } = this.#seen;
      quiet = written > 0 && committed === written && between === 0 ? quiet + 1 : 0;
      if (performance.now() - began > limitMs) {
        this.#say(`not everything has come through in ${limitMs / 1000} s: ${this.behind}`);
        return;
      }
      await sleep(1_000);
    }
    this.#say(`everything is through after ${((performance.now() - began) / 1000).toFixed(1)} s: ${this.behind}`);
  }

  stop(): void {
    this.#stopped = true;
  }

  async #follow(): Promise<void> {
    let toldMs = performance.now();
    while (!this.#stopped) {
      await this.#once().catch(() => {});
      if (performance.now() - toldMs > tellEveryMs) {
        toldMs = performance.now();
        this.#say(this.behind);
      }
      await sleep(lookEveryMs);
    }
  }

  async #once(): Promise<void> {
    const { admin } = this.#log;
    if (!this.#looked) {
      const repartitions = (await admin.list()).filter((topic) => topic.startsWith(`${applicationId}-`) && topic.endsWith("-repartition"));
      // The second of two steps has its topic made together with the first one's.
      if (repartitions.length === 2) {
        this.#inputs = [topics.orders, ...repartitions].flatMap(partitionsOf);
        this.#looked = true;
      }
    }
    const ends = await admin.offsets(this.#inputs, "latest", "read-committed");
    const committed = await admin.committed(applicationId, this.#inputs, { requireStable: false });
    const before = this.#seen.committed;
    const seen = { written: 0, committed: 0, between: 0 };
    for (const { topic, partition } of this.#inputs) {
      const id = partitionId(topic, partition);
      const [end, done] = [ends.get(id) ?? 0, committed.get(id)?.offset ?? 0];
      if (topic === topics.orders) {
        seen.written += end;
        seen.committed += done;
      } else seen.between += end - done;
    }
    this.#seen = seen;
    const now = performance.now();
    if (seen.committed > before || seen.written === seen.committed) this.#movedMs = now;
    this.standstillMs = Math.max(this.standstillMs, now - this.#movedMs);
  }
}

const partitionsOf = (topic: string): TopicPartition[] => Array.from({ length: partitions }, (_, partition) => ({ topic, partition }));
