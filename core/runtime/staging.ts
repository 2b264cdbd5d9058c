import type { Outbox, RawHeaders } from "../ports/log.ts";
import type { Outlet } from "./topic_writer.ts";

interface Write {
  readonly topic: string;
  readonly partition: number;
  readonly key: Uint8Array | null;
  readonly value: Uint8Array | null;
  readonly timestamp: number;
  readonly headers: RawHeaders;
}

/**
 * What a task writes, on its way into the worker's outbox. Normally it goes straight through. It is kept back while a record may still be undone, and during a rebalance, until it is known whether the task stays.
 */
export class Staging implements Outlet {
  readonly #outbox: () => Outbox;
  readonly #writes: Write[] = [];
  #marked = false;
  #held = false;
  #mark = 0;
  #markBytes = 0;
  /** Records written since the last seal, wherever they are now. */
  written = 0;
  /** Of what is kept back. */
  keptBytes = 0;

  constructor(outbox: () => Outbox) {
    this.#outbox = outbox;
  }

  write(topic: string, partition: number, key: Uint8Array | null, value: Uint8Array | null, timestamp: number, headers: RawHeaders): void {
    this.written++;
    if (this.#marked || this.#held) {
      this.#writes.push({ topic, partition, key: key?.slice() ?? null, value: value?.slice() ?? null, timestamp, headers });
      this.keptBytes += (key?.length ?? 0) + (value?.length ?? 0);
    } else this.#outbox().append(topic, partition, key, value, timestamp, headers);
  }

  mark(): void {
    this.#marked = true;
    this.#mark = this.#writes.length;
    this.#markBytes = this.keptBytes;
  }

  rollback(): void {
    this.written -= this.#writes.length - this.#mark;
    this.keptBytes = this.#markBytes;
    this.#writes.length = this.#mark;
    this.#marked = false;
  }

  keep(): void {
    this.#marked = false;
    if (!this.#held) this.#flush();
  }

  hold(): void {
    this.#held = true;
  }

  release(): void {
    this.#held = false;
    if (!this.#marked) this.#flush();
  }

  /** Forgets what is kept back, and the count. What comes is still kept back where it was before: a rollback in the middle of a rebalance does not end it. */
  drop(): void {
    this.#writes.length = 0;
    this.keptBytes = 0;
    this.#marked = false;
    this.sealed();
  }

  sealed(): void {
    this.written = 0;
  }

  #flush(): void {
    if (this.#writes.length === 0) return;
    const outbox = this.#outbox();
    for (const { topic, partition, key, value, timestamp, headers } of this.#writes)
      outbox.append(topic, partition, key, value, timestamp, headers);
    this.#writes.length = 0;
    this.keptBytes = 0;
  }
}
