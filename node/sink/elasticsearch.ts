import { setTimeout as delay } from "node:timers/promises";
import { type Duration, millis, seconds } from "../../core/duration.ts";
import { ConfigurationError, MillraceError, reason, TaskTimeoutError } from "../../core/errors.ts";
import { type Logger, silent } from "../../core/ports/logger.ts";
import { type BulkDocument, bulkDocument, bulkOutcomes, inRequests } from "./bulk.ts";
import { DocumentsRefusedError, type RefusedDocument } from "./documents_refused_error.ts";
import { type Attempt, type Persistence, persist, type Waiting } from "./persist.ts";
import { type SearchAuth, type SearchClient, searchClient } from "./search_client.ts";
import { errorOf, reasonOf } from "./search_error.ts";

/** How to reach a search server, and what becomes of values there. */
export interface ElasticsearchOptions<V> {
  /** Address of the server, `https://host:9200`; a path is kept, user and password in it count as `auth`. */
  readonly url: string;
  readonly index: string;
  /** The document's id. Equal ids overwrite each other, so a record that is written again does no harm. At most 512 bytes. */
  readonly id: (value: V) => string;
  /** Mappings of the index, used when `open` has to create it. @default the server's own, made from the first documents */
  readonly mappings?: Readonly<Record<string, unknown>>;
  /** Settings of the index, used when `open` has to create it. @default the server's own */
  readonly settings?: Readonly<Record<string, unknown>>;
  readonly auth?: SearchAuth;
  /** Documents in one request. @default 1000 */
  readonly batchRecordsMax?: number;
  /** Bytes in one request; a single document may be larger. @default 5 MiB */
  readonly batchBytesMax?: number;
  /** How long one request may take. @default 30 seconds */
  readonly timeout?: Duration;
  /** Attempts without any progress before `write` gives up. @default 10 */
  readonly attempts?: number;
  /** Waiting time before the second attempt; doubled before each further one, up to a minute, and shortened by chance by up to a half. @default 100 milliseconds */
  readonly backoff?: Duration;
  /** Is told of every attempt that has to be repeated. @default nobody */
  readonly log?: Logger;
  /** Makes the requests: a fetch with a proxy or certificates of one's own. @default Node's, which trusts what NODE_EXTRA_CA_CERTS names */
  readonly fetch?: typeof globalThis.fetch;
}

/** A writer of documents: what `sink` takes. */
export interface SearchWriter<V> {
  readonly name: string;
  /** Creates the index when it is absent. */
  open(): Promise<void>;
  /**
   * Resolves when every document of the batch is in the index. Rejects with DocumentsRefusedError when some never will be (all others are in), with TaskTimeoutError
   * when the server stays unavailable, with the signal's reason when it is aborted: what was written till then stays and is overwritten next time.
   */
  write(batch: readonly { readonly key: unknown; readonly value: V; readonly timestamp?: number }[], signal: AbortSignal): Promise<void>;
  /** Ends what is under way. */
  close(): Promise<void>;
}

/**
 * A sink that writes documents to Elasticsearch, OpenSearch, or whatever understands their bulk API. Of several values with the same id in one batch only the last is
 * sent. Documents that the server has no room for now (429, 503) are sent again, after a while and in smaller requests when it wants them so; those that it refuses for good are named in the error.
 *
 * @example
 * ```ts
 * import { elasticsearch } from "millrace/node";
 *
 * const alerts = elasticsearch<{ id: string }>({ url: "http://localhost:9200", index: "alerts", id: (alert) => alert.id });
 * ```
 */
export const elasticsearch = <V>(options: ElasticsearchOptions<V>, waiting: Waiting = machine): SearchWriter<V> => {
  const {
    index,
    id,
    mappings,
    settings,
    batchRecordsMax = 1000,
    batchBytesMax = 5 * 1024 * 1024,
    attempts = 10,
    backoff = millis(100),
    log = silent,
  } = options;
  checkOptions({ index, batchRecordsMax, batchBytesMax, attempts });
  const client = searchClient(options.url, options.auth, options.timeout ?? seconds(30), options.fetch ?? globalThis.fetch);
  const path = `/${encodeURIComponent(index)}`;
  const closed = new AbortController();

  const persistence = <W>(signal: AbortSignal, what: (left: W) => string): Persistence<W> => ({
    attempts,
    pauseMs: backoff,
    pauseMaxMs: 60_000,
    waiting,
    signal,
    onPause: (pause) => log.log("warn", "Search server is unavailable, trying again", { server: client.address, index, ...pause }),
    gaveUp: (left, why) =>
      new TaskTimeoutError(
        "TASK_TIMEOUT",
        `Search server at ${client.address} did not take ${what(left)} in ${attempts} attempts (${why}): see whether it runs and is not overloaded`,
      ),
  });

  /** One attempt to make sure that the index is there. Another instance may create it at the same moment. */
  const create = async (): Promise<Attempt<undefined>> => {
    const found = await client.request("HEAD", path, undefined, closed.signal);
    if (found.kind !== "answered") return again(undefined, found.why);
    if (found.status === 200) return done;
    if (found.status !== 404) throw unexpected(client, `HEAD ${path}`, found);
    const definition = { ...(mappings === undefined ? {} : { mappings }), ...(settings === undefined ? {} : { settings }) };
    const created = await client.request("PUT", path, { type: "application/json", text: JSON.stringify(definition) }, closed.signal);
    if (created.kind !== "answered") return again(undefined, created.why);
    if (
      created.status === 200 ||
      /^resource_already_exists_exception|^index_already_exists_exception/.test(reasonOf(errorOf(created.body)))
    )
      return done;
    throw unexpected(client, `PUT ${path}`, created);
  };

  /** Sends one request. What is left comes back as requests for the next attempt; documents that never will be written are added to `refused`. */
  const send = async (documents: Request, refused: RefusedDocument[], signal: AbortSignal): Promise<Attempt<readonly Request[]>> => {
    const text = documents.map(({ lines }) => lines).join("");
    const answer = await client.request("POST", `${path}/_bulk`, { type: "application/x-ndjson", text }, signal);
    if (answer.kind === "too-large" && documents.length === 1) {
      const { position, id, bytes } = documents[0]!;
      refused.push({ position, id, status: 413, reason: `its ${bytes} bytes are more than the server takes in one request` });
      return done;
    }
    if (answer.kind === "too-large") return { kind: "again", left: halves(documents), why: answer.why, progress: true };
    if (answer.kind === "unavailable")
      return again(
        answer.overloaded && documents.length > 1 && bytesOf(documents) > smallRequestBytes ? halves(documents) : [documents],
        answer.why,
      );
    const outcomes = answer.status === 200 ? bulkOutcomes(answer.body, documents.length) : undefined;
    if (outcomes === undefined) throw unexpected(client, `POST ${path}/_bulk`, answer);
    const left: BulkDocument[] = [];
    let why = "";
    outcomes.forEach(({ status, reason }, i) => {
      const { position, id } = documents[i]!;
      if (reason === undefined) return;
      if (status === 429 || status >= 500) {
        left.push(documents[i]!);
        why = `status ${status}, ${reason}`;
      } else refused.push({ position, id, status, reason });
    });
    return left.length === 0 ? done : { kind: "again", left: [left], why, progress: left.length < documents.length };
  };

  /** One attempt to write all that is left, up to the first request that was in vain. */
  const sendAll = async (
    requests: readonly Request[],
    refused: RefusedDocument[],
    signal: AbortSignal,
  ): Promise<Attempt<readonly Request[]>> => {
    const left: Request[] = [];
    let why = "";
    let progress = false;
    for (const [i, request] of requests.entries()) {
      const outcome = await send(request, refused, signal);
      progress ||= outcome.kind === "done" || outcome.progress;
      if (outcome.kind === "done") continue;
      left.push(...outcome.left);
      why = outcome.why;
      if (outcome.progress) continue;
      left.push(...requests.slice(i + 1));
      break;
    }
    return left.length === 0 ? done : { kind: "again", left, why, progress };
  };

  return {
    name: index,

    open: () =>
      persist(
        undefined,
        persistence(closed.signal, () => `index '${index}'`),
        create,
      ),

    async write(batch, aborted) {
      const signal = AbortSignal.any([aborted, closed.signal]);
      signal.throwIfAborted();
      const refused: RefusedDocument[] = [];
      // Of equal ids only the last goes out: if the first one had to be sent again, it would overwrite what came after it.
      const documents = new Map<string, BulkDocument>();
      batch.forEach(({ value }, position) => {
        const document = documentOf(position, value, id);
        if ("lines" in document) documents.set(document.id, document);
        else refused.push(document);
      });
      for (const request of inRequests([...documents.values()], { documents: batchRecordsMax, bytes: batchBytesMax })) {
        await persist<readonly Request[]>(
          [request],
          persistence(signal, (left) => `${inWords(left.flat().length)} for index '${index}'`),
          (left) => sendAll(left, refused, signal),
        );
      }
      if (refused.length > 0) {
        throw new DocumentsRefusedError(
          index,
          batch.length,
          refused.sort((a, b) => a.position - b.position),
        );
      }
    },

    async close() {
      closed.abort(new MillraceError("APP_CLOSED", `Cannot write to index '${index}' as its sink is closed`));
    },
  };
};

const inWords = (documents: number): string => (documents === 1 ? "1 document" : `${documents} documents`);

type Request = readonly BulkDocument[];

const halves = (documents: Request): Request[] => {
  const middle = documents.length >> 1;
  return [documents.slice(0, middle), documents.slice(middle)];
};

const bytesOf = (documents: Request): number => documents.reduce((sum, { bytes }) => sum + bytes, 0);

/** A server that is short of memory takes a smaller request sooner; below this size more requests would be the greater burden. */
const smallRequestBytes = 1024 * 1024;

const machine: Waiting = {
  pause: (ms, signal) =>
    delay(ms, undefined, { signal }).catch((error: unknown) => {
      signal.throwIfAborted();
      throw error;
    }),
  random: Math.random,
};

const done = { kind: "done" } as const;
const again = <W>(left: W, why: string): Attempt<W> => ({ kind: "again", left, why, progress: false });

/** The value as a document, or why it cannot be one. */
const documentOf = <V>(position: number, value: V, idOf: (value: V) => string): BulkDocument | RefusedDocument => {
  let id: string | undefined;
  try {
    id = idOf(value);
    const bytes = typeof id === "string" ? Buffer.byteLength(id) : 0;
    if (bytes === 0 || bytes > idBytesMax)
      return { position, id: undefined, status: undefined, reason: `its id has to be a text of 1 to ${idBytesMax} bytes` };
    return bulkDocument(position, id, value);
  } catch (thrown) {
    return { position, id, status: undefined, reason: reason(thrown) };
  }
};

const idBytesMax = 512;

const unexpected = (
  client: SearchClient,
  request: string,
  { status, body }: { readonly status: number; readonly body: unknown },
): ConfigurationError =>
  new ConfigurationError(
    "OPTION_INVALID",
    `Search server at ${client.address} answered ${request} with status ${status} (${reasonOf(errorOf(body)).slice(0, 300)}): check that url and index name an Elasticsearch-compatible server and what it allows`,
  );

const checkOptions = ({
  index,
  ...counts
}: {
  readonly index: string;
  readonly batchRecordsMax: number;
  readonly batchBytesMax: number;
  readonly attempts: number;
}): void => {
  if (!/^[^-_+.\s\\/*?"<>|,#:A-Z][^\s\\/*?"<>|,#:A-Z]*$/.test(index) || Buffer.byteLength(index) > 255) {
    throw new ConfigurationError(
      "NAME_INVALID",
      `Index cannot be named '${index}': use at most 255 bytes of small letters, digits and marks like - and _, a letter or digit first`,
    );
  }
  for (const [name, value] of Object.entries(counts)) {
    if (!Number.isSafeInteger(value) || value < 1)
      throw new ConfigurationError(
        "OPTION_INVALID",
        `Option ${name} of index '${index}' cannot be ${value}: give a whole number above zero`,
      );
  }
};
