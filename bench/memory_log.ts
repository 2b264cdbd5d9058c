// What the log in memory costs: records of 100 bytes are appended, committed in transactions and fetched read-committed, all in one process.
// node bench/memory_log.ts [records] [partitions] [records per transaction]; prints one line of JSON.

import { memoryLog } from "../core/log/mod.ts";
import type { Clock } from "../core/ports/clock.ts";
import type { FetchPosition } from "../core/ports/log.ts";

const [records = 5_000_000, partitions = 4, perTransaction = 100_000] = process.argv.slice(2).map(Number);

const clock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  after: (delayMs, callback) => {
    const timer = setTimeout(callback, delayMs);
    return { cancel: () => clearTimeout(timer) };
  },
  yield: () => new Promise((resolve) => setImmediate(resolve)),
};

const cluster = memoryLog({ clock });
const log = cluster.connect();
await log.admin.create([{ topic: "bench", partitions, replication: -1, config: {} }]);
const producer = await log.producer({ transactionalId: "bench", transactionTimeoutMs: 60_000 });
const fetcher = log.fetcher({ isolation: "read-committed" });
const positions: FetchPosition[] = Array.from({ length: partitions }, (_, partition) => ({ topic: "bench", partition, offset: 0 }));
const key = new Uint8Array(8);
const value = new Uint8Array(92);
const view = new DataView(key.buffer);

let sent = 0;
let read = 0;
let sum = 0;
let commits = 0;

/** One transaction in, and everything that is there out again; what was read is deleted, as from a repartition topic. */
const round = async (): Promise<void> => {
  const outbox = log.outbox();
  const now = clock.now();
  for (let i = 0; i < perTransaction && sent < records; i++) {
    view.setUint32(4, sent);
    outbox.append("bench", sent % partitions, key, value, now, []);
    sent++;
  }
  await producer.send(outbox);
  await producer.commit();
  commits++;
  while (read < sent)
    for (const { partition, records: cursor, nextOffset } of await fetcher.poll(positions, 100)) {
      while (cursor.next()) {
        sum += cursor.key()?.[7] ?? 0;
        sum += cursor.value()?.length ?? 0;
        read++;
      }
      positions[partition] = { topic: "bench", partition, offset: nextOffset };
    }
  await log.admin.deleteRecords(positions);
};

const start = performance.now();
const cpu = process.cpuUsage();
let peakBytes = 0;
while (sent < records) {
  await round();
  peakBytes = Math.max(peakBytes, process.memoryUsage.rss());
}
const seconds = (performance.now() - start) / 1_000;
const used = process.cpuUsage(cpu);
if (read !== records || sum < records * 92) throw new Error(`${read} of ${records} records came back`);
console.log(
  JSON.stringify({
    bench: "memory_log",
    node: process.version,
    records,
    partitions,
    perTransaction,
    commits,
    recordsPerSecond: Math.round(records / seconds),
    cpuSecondsPerMillion: Number(((used.user + used.system) / records).toFixed(3)),
    peakRssMb: Math.round(peakBytes / 1_048_576),
    heldBytesAtEnd: cluster.bytes,
  }),
);
