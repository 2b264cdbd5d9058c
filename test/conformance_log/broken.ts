import type { Fetched, Log, Producer, RecordCursor } from "../../core/ports/log.ts";
import { type ConformanceCase, conformanceCases } from "./conformance.ts";
import type { ConformanceWorld } from "./world.ts";

/**
 * A way to break any log that works, and the cases that have to notice. This is the test of the tests: a suite that lets one of these pass would let a broken driver
 * pass as well.
 */
export interface BrokenLog {
  readonly name: string;
  break(log: Log): Log;
  /** Every one of these must fail. */
  readonly caughtBy: readonly string[];
}

/** The same log behind a wrapper that breaks nothing. */
export const faithful = (log: Log): Log => ({
  fetcher: (options) => log.fetcher(options),
  outbox: () => log.outbox(),
  producer: (options) => log.producer(options),
  join: (options) => log.join(options),
  admin: log.admin,
  close: () => log.close(),
});

const withProducer = (log: Log, wrap: (producer: Producer) => Partial<Producer>): Log => ({
  ...faithful(log),
  producer: async (options) => {
    const producer = await log.producer(options);
    return {
      get epoch() {
        return producer.epoch;
      },
      send: (outbox) => producer.send(outbox),
      sendOffsets: (group, offsets) => producer.sendOffsets(group, offsets),
      commit: () => producer.commit(),
      abort: () => producer.abort(),
      close: () => producer.close(),
      ...wrap(producer),
    };
  },
});

const withFetched = (log: Log, wrap: (fetched: Fetched) => Fetched): Log => ({
  ...faithful(log),
  fetcher: (options) => {
    const fetcher = log.fetcher(options);
    return {
      poll: async (positions, maxWaitMs) => (await fetcher.poll(positions, maxWaitMs)).map(wrap),
      wake: () => fetcher.wake(),
      close: () => fetcher.close(),
    };
  },
});

const admin = (log: Log, changes: Partial<Log["admin"]>): Log => {
  const { admin: inner } = log;
  return {
    ...faithful(log),
    admin: {
      describe: (topics) => inner.describe(topics),
      list: () => inner.list(),
      create: (topics) => inner.create(topics),
      addPartitions: (topic, total) => inner.addPartitions(topic, total),
      delete: (topics) => inner.delete(topics),
      config: (topic) => inner.config(topic),
      offsets: (partitions, at, isolation) => inner.offsets(partitions, at, isolation),
      committed: (groupId, partitions, options) => inner.committed(groupId, partitions, options),
      commitOffsets: (groupId, offsets, group) => inner.commitOffsets(groupId, offsets, group),
      transactionStates: (transactionalIds) => inner.transactionStates(transactionalIds),
      deleteRecords: (offsets) => inner.deleteRecords(offsets),
      brokers: () => inner.brokers(),
      ...changes,
    },
  };
};

/** Remembers the records of a cursor, so that a wrapper can look ahead; on the way their keys and values may be changed. */
const counted = (
  fetched: Fetched,
  change: (bytes: Uint8Array | null) => Uint8Array | null = (bytes) => bytes,
): { readonly fetched: Fetched; readonly last: number | undefined } => {
  const rows: Row[] = [];
  const { records } = fetched;
  while (records.next()) {
    const { offset, timestamp } = records;
    rows.push({ offset, timestamp, key: change(records.key()), value: change(records.value()), headers: records.headers() });
  }
  return { fetched: { ...fetched, records: new RowCursor(rows) }, last: rows.at(-1)?.offset };
};

interface Row {
  readonly offset: number;
  readonly timestamp: number;
  readonly key: Uint8Array | null;
  readonly value: Uint8Array | null;
  readonly headers: ReturnType<RecordCursor["headers"]>;
}

class RowCursor implements RecordCursor {
  readonly #rows: readonly Row[];
  #at = -1;

  constructor(rows: readonly Row[]) {
    this.#rows = rows;
  }

  get #row(): Row {
    const row = this.#rows[this.#at];
    if (row === undefined) throw new RangeError("The cursor stands on no record");
    return row;
  }

  next(): boolean {
    return ++this.#at < this.#rows.length;
  }
  get offset(): number {
    return this.#row.offset;
  }
  get timestamp(): number {
    return this.#row.timestamp;
  }
  key(): Uint8Array | null {
    return this.#row.key;
  }
  value(): Uint8Array | null {
    return this.#row.value;
  }
  headers(): Row["headers"] {
    return this.#row.headers;
  }
  get bytes(): Uint8Array {
    return Uint8Array.of(...(this.#row.key ?? []), ...(this.#row.value ?? []));
  }
  get keyStart(): number {
    return this.#row.key === null ? -1 : 0;
  }
  get keyEnd(): number {
    return this.#row.key?.length ?? 0;
  }
  get valueStart(): number {
    return this.#row.value === null ? -1 : this.keyEnd;
  }
  get valueEnd(): number {
    return this.keyEnd + (this.#row.value?.length ?? 0);
  }
}

export const brokenLogs: readonly BrokenLog[] = [
  {
    name: "leaks aborted records",
    break: (log) => ({ ...faithful(log), fetcher: (options) => log.fetcher({ ...options, isolation: "read-uncommitted" }) }),
    caughtBy: [
      "transactions: abort shows nothing, and the next transaction of the same epoch is unharmed",
      "isolation: overlapping transactions of three producers are told apart, with zero keys and from every position",
      "isolation: one producer that aborts, commits and aborts shows only the middle, from every position",
      "isolation: an aborted transaction that is larger than many fetches stays hidden, from its middle too",
      "isolation: a tail of aborted and control records moves the position although no record comes",
    ],
  },
  {
    name: "does not fence offsets by generation",
    break: (log) =>
      withProducer(log, (producer) => ({
        sendOffsets: ({ groupId }, offsets) =>
          producer.sendOffsets({ groupId, generationId: -1, memberId: "", groupInstanceId: null }, offsets),
      })),
    caughtBy: [
      "membership: offsets of the current generation are accepted, of an older one refused, also from a member that stays",
      "membership: offsets of somebody who is no member are refused",
      "membership: a refused offset takes the records of its transaction with it",
      "membership: a member that takes too long to rejoin is expelled, learns that it is lost, and comes back as a new one",
    ],
  },
  {
    name: "gives offsets that are not stable",
    break: (log) =>
      admin(log, {
        committed: (groupId, partitions, options) => log.admin.committed(groupId, partitions, { ...options, requireStable: false }),
      }),
    caughtBy: [
      "offsets: held back by an open transaction are not given to who asks for stable ones",
      "offsets: are waited for by who asks for stable ones",
    ],
  },
  {
    name: "takes the last record for the position",
    break: (log) =>
      withFetched(log, (fetched) => {
        const { fetched: replayed, last } = counted(fetched);
        return { ...replayed, nextOffset: last === undefined ? fetched.offset : last + 1 };
      }),
    caughtBy: ["isolation: a tail of aborted and control records moves the position although no record comes"],
  },
  {
    name: "does not wait for the rejoin callback",
    break: (log) => ({
      ...faithful(log),
      join: (options) =>
        log.join({
          ...options,
          onRebalance: async (reason) => {
            void options.onRebalance(reason);
          },
        }),
    }),
    caughtBy: [
      "groups: a member's rejoin is awaited before the group goes on",
      "membership: a member that takes too long to rejoin is expelled, learns that it is lost, and comes back as a new one",
    ],
  },
  {
    name: "commits when it should abort",
    break: (log) => withProducer(log, (producer) => ({ abort: () => producer.commit() })),
    caughtBy: [
      "transactions: abort shows nothing, and the next transaction of the same epoch is unharmed",
      "offsets: become visible with their transaction, and are lost with it",
    ],
  },
  {
    name: "takes empty for null",
    break: (log) => withFetched(log, (fetched) => counted(fetched, (bytes) => (bytes?.length === 0 ? null : bytes)).fetched),
    caughtBy: ["records: keep null apart from empty, in keys and in values"],
  },
];

/** A world whose clients are broken. What a world can do beyond the port it does with the log behind the wrapper. */
export const brokenWorld = (world: ConformanceWorld, breakLog: (log: Log) => Log): ConformanceWorld => {
  const behind = new Map<Log, Log>();
  const { lose } = world.can;
  return {
    ...world,
    connect: async () => {
      const log = await world.connect();
      const broken = breakLog(log);
      behind.set(broken, log);
      return broken;
    },
    can: lose === undefined ? world.can : { ...world.can, lose: (log, request, lost) => lose(behind.get(log) ?? log, request, lost) },
  };
};

/** Runs cases on a world and gives the names of those that fail. */
export const failures = async (cases: readonly ConformanceCase[], open: () => Promise<ConformanceWorld>): Promise<readonly string[]> => {
  const failed: string[] = [];
  for (const one of cases) {
    const world = await open();
    try {
      await one.run(world);
    } catch {
      failed.push(one.name);
    } finally {
      await world.close();
    }
  }
  return failed;
};

/** The cases that must notice how this log is broken. */
export const catchers = (broken: BrokenLog): readonly ConformanceCase[] => {
  const found = conformanceCases.filter((one) => broken.caughtBy.includes(one.name));
  if (found.length !== broken.caughtBy.length) {
    const missing = broken.caughtBy.filter((name) => !found.some((one) => one.name === name));
    throw new Error(`There is no such case: ${missing.join("; ")}`);
  }
  return found;
};
