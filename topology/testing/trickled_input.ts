import { partitionForKey } from "../../core/partitioner.ts";
import { type Clock, sleep } from "../../core/ports/clock.ts";
import { type Log, noHeaders } from "../../core/ports/log.ts";
import { draftHeaders } from "../../core/record.ts";
import type { Fed } from "../../core/runtime/start.ts";
import { chanceFor, horizonMs } from "./conditions.ts";

/** The last records of a live run come one by one when all else is silent, about as far apart as commits are: what one of them sets off is not hidden by the next. */
const lastRecords = 6;
const lastPauseMs = 200;

export interface TrickledInputOptions {
  readonly log: Log;
  readonly clock: Clock;
  readonly input: readonly Fed[];
  readonly seed: number;
  /** Nobody knows where the input ends. */
  readonly isLive: boolean;
  /** No more faults happen. */
  readonly isCalm: () => boolean;
}

/** The input of a simulation, which comes in little by little while faults happen. */
export class TrickledInput {
  readonly #options: TrickledInputOptions;

  constructor(options: TrickledInputOptions) {
    this.#options = options;
  }

  /** The records from a number on, each at its moment: now and then there is a pause, so that the input lasts about as long as the faults do. */
  async *from(written: number): AsyncIterable<Fed> {
    const { input, seed, clock, isLive, isCalm } = this.#options;
    for (let i = written; i < input.length; i++) {
      const isLast = isLive && i >= input.length - lastRecords;
      while (isLast && !isCalm()) await sleep(clock, lastPauseMs);
      const chance = chanceFor(seed, `input ${i}`);
      const rarely = (): number => (chance.next() < 0.25 ? (chance.next() * 8 * horizonMs * 0.9) / input.length : 0);
      const pauseMs = isLast ? chance.next() * lastPauseMs : isCalm() ? 0 : rarely();
      if (pauseMs > 0) await sleep(clock, pauseMs);
      yield input[i]!;
    }
  }

  /** Writes all of it, as somebody outside the application would. */
  async write(): Promise<void> {
    const { log, clock } = this.#options;
    const producer = await log.producer({ transactionalId: null, transactionTimeoutMs: 60_000 });
    let turn = 0;
    for await (const { topic, key, value, timestamp, headers } of this.from(0)) {
      const name = String(topic.name);
      const count = (await log.admin.describe([name])).get(name)!.partitions;
      const keyBytes = key == null ? null : topic.key.serialize(key, name);
      const outbox = log.outbox();
      outbox.append(
        name,
        keyBytes === null ? turn++ % count : partitionForKey(keyBytes, count),
        keyBytes,
        value === null && topic.value.takesNull !== true ? null : topic.value.serialize(value, name),
        timestamp ?? clock.now(),
        draftHeaders(headers, noHeaders),
      );
      await producer.send(outbox);
    }
    await producer.close();
  }
}
