import { readFileSync } from "node:fs";
import type { LocalKafka } from "../../node/local/kafka_broker.ts";
import { readLedger } from "./ledger.ts";
import { topics } from "./names.ts";
import { readCommitted } from "./read_committed.ts";
import { type Evidence, type Verdict, verdict } from "./verdict.ts";

const quietMs = 15_000;
const patientMs = 60_000;

/** Reads everything, and judges it. What is missing is looked for once more, with more patience: on a busy machine a consumer may give up before its first record. */
export const judge = async (kafka: LocalKafka, ledgerFile: string, say: (line: string) => void): Promise<Verdict> => {
  const first = verdict(await readEvidence(kafka, ledgerFile, quietMs));
  if (first.lost.length === 0) return first;
  say(`${first.lost.length} sentences say that something is missing: reading once more`);
  return verdict(await readEvidence(kafka, ledgerFile, patientMs));
};

const readEvidence = async (kafka: LocalKafka, ledgerFile: string, quiet: number): Promise<Evidence> => {
  const read = (topic: string) => readCommitted(kafka, topic, quiet);
  const [orders, counts, totals, windows, late] = await Promise.all([
    read(topics.orders),
    read(topics.counts),
    read(topics.totals),
    read(topics.windows),
    read(topics.late),
  ]);
  return { ledger: readLedger(readFileSync(ledgerFile, "utf8")), orders, counts, totals, windows, late };
};
