// Writes the input at a fixed rate, and into a ledger what the brokers have acknowledged: node feeder.ts BROKERS RATE SEED LEDGER. SIGTERM ends the input.
import { appendFileSync } from "node:fs";
import { LogError, noHeaders, type Producer } from "../../core/ports/log.ts";
import { seededRandom } from "../../core/time_source/seeded_random.ts";
import { kafkaLog } from "../../node/kafka/mod.ts";
import type { LedgerEntry } from "./ledger.ts";
import { accountName, accounts, partitionOf, partitions, topics } from "./names.ts";

interface Order {
  readonly account: string;
  readonly value: number;
}

const beatMs = 50;
const batchRecordsMax = 500;
/** Closes every window that holds an order. */
const lastLeapMs = 600_000;

const [brokers, rate, seed, ledgerFile] = process.argv.slice(2) as [string, string, string, string];
const random = seededRandom(Number(seed));
const encoder = new TextEncoder();
const log = await kafkaLog({ brokers: brokers.split(","), clientId: "feeder" });
const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
const note = (entry: LedgerEntry): void => appendFileSync(ledgerFile, `${JSON.stringify(entry)}\n`);

let ending = false;
process.once("SIGTERM", () => {
  ending = true;
});
// Whoever has started this process is gone when its end of the pipe is.
process.stdin.resume().once("close", () => process.exit(1));

let producer: Producer | undefined;

/** One attempt; false when nobody knows what became of it. */
const attempt = async (orders: readonly Order[], aheadMs: number): Promise<boolean> => {
  const outbox = log.outbox();
  // Every attempt has new times, so that times never fall within a partition unless an attempt that was given up arrives after all.
  const now = Date.now() + aheadMs;
  for (const { account, value } of orders)
    outbox.append(topics.orders, partitionOf(account), encoder.encode(account), encoder.encode(String(value)), now, noHeaders);
  try {
    producer ??= await log.producer({ transactionalId: null, transactionTimeoutMs: 60_000 });
    const bases = await producer.send(outbox);
    const next = new Map<number, number>();
    for (const { account, value } of orders) {
      const partition = partitionOf(account);
      const offset = next.get(partition) ?? bases.get(`${topics.orders}/${partition}`)!;
      next.set(partition, offset + 1);
      note({ kind: "acknowledged", partition, offset, account, value });
    }
    return true;
  } catch (thrown) {
    if (!(thrown instanceof LogError)) throw thrown;
    for (const { account, value } of orders) note({ kind: "doubtful", account, value });
    await producer?.close();
    producer = undefined;
    return false;
  }
};

const write = async (orders: readonly Order[], aheadMs = 0): Promise<void> => {
  while (!(await attempt(orders, aheadMs))) await sleep(500);
};

const beganMs = performance.now();
let made = 0;
const waiting: Order[] = [];
while (!ending || waiting.length > 0) {
  const due = ending ? made : Math.floor(((performance.now() - beganMs) / 1000) * Number(rate));
  while (made < due) waiting.push({ account: accountName(Math.floor(random.next() * accounts)), value: made++ });
  await write(waiting.splice(0, batchRecordsMax));
  await sleep(beatMs);
}
const last: Order[] = Array.from({ length: partitions }, (_, partition) => ({ account: accountName(partition), value: made + partition }));
await write(last, lastLeapMs);
await producer?.close();
await log.close();
process.exit(0);
