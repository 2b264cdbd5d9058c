import { isObject, reasonOf } from "./search_error.ts";

/** One document on its way: the two lines that a bulk request has for it, and where it stood in the batch. */
export interface BulkDocument {
  readonly position: number;
  readonly id: string;
  readonly lines: string;
  /** Length of the lines in UTF-8. */
  readonly bytes: number;
}

/** What the server said about one document of a bulk request. */
export interface BulkOutcome {
  readonly status: number;
  /** Undefined when the document was written. */
  readonly reason: string | undefined;
}

/** A document that is written whole, or overwrites the one with the same id. Throws when the value is no JSON object: one such line would spoil a whole request. */
export const bulkDocument = (position: number, id: string, value: unknown): BulkDocument => {
  const json: string | undefined = JSON.stringify(value);
  if (!json?.startsWith("{")) throw new TypeError("only an object can be a document");
  const lines = `${JSON.stringify({ index: { _id: id } })}\n${json}\n`;
  return { position, id, lines, bytes: Buffer.byteLength(lines) };
};

/** The documents in requests of at most so many documents and bytes, in their order; one that is larger than that goes alone. */
export const inRequests = (
  documents: readonly BulkDocument[],
  most: { readonly documents: number; readonly bytes: number },
): BulkDocument[][] => {
  const requests: BulkDocument[][] = [];
  let bytes = 0;
  for (const document of documents) {
    const last = requests[requests.length - 1];
    if (last !== undefined && last.length < most.documents && bytes + document.bytes <= most.bytes) {
      last.push(document);
      bytes += document.bytes;
    } else {
      requests.push([document]);
      bytes = document.bytes;
    }
  }
  return requests;
};

/** The outcomes in a bulk response, one for each document that was sent, in the same order; undefined when the answer is not of that form. */
export const bulkOutcomes = (answer: unknown, sent: number): BulkOutcome[] | undefined => {
  const items = isObject(answer) ? answer["items"] : undefined;
  if (!Array.isArray(items) || items.length !== sent) return undefined;
  const outcomes: BulkOutcome[] = [];
  for (const item of items) {
    const outcome = isObject(item) ? Object.values(item)[0] : undefined;
    if (!isObject(outcome) || typeof outcome["status"] !== "number") return undefined;
    const { status, error } = outcome;
    outcomes.push({ status: status as number, reason: (status as number) < 300 ? undefined : reasonOf(error) });
  }
  return outcomes;
};
