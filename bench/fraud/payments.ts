import { closeSync, openSync, readFileSync, writeSync } from "node:fs";
import { generate, outOfOrderMs } from "../../examples/fraud-detection/generate.ts";
import { type Transaction, transactionSchema } from "../../examples/fraud-detection/model.ts";
import { avro } from "../../node/serde/mod.ts";

const serde = avro(transactionSchema);
const seed = 1;
const pieceBytes = 1 << 20;

/** Writes so many payments to a file, each as Avro writes it, behind its length in four bytes; the same in every run. What arrives too late is left out, so that results do not depend on when a watermark comes. */
export const writePayments = (file: string, records: number): void => {
  const to = openSync(file, "w");
  let piece: Buffer[] = [];
  let pieceLength = 0;
  const flush = (): void => {
    writeSync(to, Buffer.concat(piece));
    piece = [];
    pieceLength = 0;
  };
  let newest = Number.NEGATIVE_INFINITY;
  let written = 0;
  for (const line of generate({ transactions: records * 2, seed })) {
    if (!("transaction" in line)) continue;
    const { timestamp } = line.transaction;
    newest = Math.max(newest, timestamp);
    if (timestamp < newest - outOfOrderMs) continue;
    const bytes = serde.serialize(line.transaction, "");
    const length = Buffer.alloc(4);
    length.writeUInt32BE(bytes.length);
    piece.push(length, Buffer.from(bytes));
    pieceLength += bytes.length;
    if (pieceLength > pieceBytes) flush();
    if (++written === records) break;
  }
  flush();
  closeSync(to);
};

/** A payment of such a file, with the bytes that it was read from. */
export interface Written {
  readonly value: Uint8Array;
  readonly payment: Transaction;
}

export function* readPayments(file: string): Generator<Written, void, undefined> {
  const bytes = readFileSync(file);
  for (let at = 0; at < bytes.length; ) {
    const length = bytes.readUInt32BE(at);
    const value = bytes.subarray(at + 4, at + 4 + length);
    const payment = serde.deserialize(value, "");
    if (payment._tag === "Left") throw payment.left;
    yield { value, payment: payment.right };
    at += 4 + length;
  }
}
