import { type FetchPosition, noHeaders } from "../core/ports/log.ts";
import type { BenchCase } from "./bench_case.ts";
import { createTopics, partitions, partitionsOf } from "./input_topic.ts";
import { embeddedLog, fresh } from "./job.ts";
import { meter } from "./meter.ts";

const recordsPerTransaction = 100_000;

/** The log in memory alone: records of a hundred bytes are appended, committed in transactions, fetched read-committed and deleted. */
export const cases: readonly BenchCase[] = [
  {
    name: "log in memory",
    run: async ({ share }) => {
      const records = share(5_000_000);
      const log = embeddedLog();
      const topic = fresh("bench");
      await createTopics(log, [topic]);
      const producer = await log.producer({ transactionalId: "bench", transactionTimeoutMs: 60_000 });
      const fetcher = log.fetcher({ isolation: "read-committed" });
      const positions: FetchPosition[] = partitionsOf(topic).map((one) => ({ ...one, offset: 0 }));
      const key = new Uint8Array(8);
      const value = new Uint8Array(92);
      const view = new DataView(key.buffer);
      let sent = 0;
      let read = 0;
      let bytes = 0;
      const measuring = meter();
      while (sent < records) {
        const outbox = log.outbox();
        const now = Date.now();
        for (const end = Math.min(records, sent + recordsPerTransaction); sent < end; sent++) {
          view.setUint32(4, sent);
          outbox.append(topic, sent % partitions, key, value, now, noHeaders);
        }
        await producer.send(outbox);
        await producer.commit();
        while (read < sent)
          for (const { partition, records: cursor, nextOffset } of await fetcher.poll(positions, 100)) {
            while (cursor.next()) {
              bytes += cursor.key()!.length + cursor.value()!.length;
              read++;
            }
            positions[partition] = { topic, partition, offset: nextOffset };
          }
        // As from a repartition topic: what was read goes.
        await log.admin.deleteRecords(positions);
      }
      const measured = measuring.read(records);
      if (bytes !== read * 100) throw new Error(`${bytes} bytes came back in ${read} records`);
      return measured;
    },
  },
];
