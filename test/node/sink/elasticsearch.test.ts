import { createServer, type IncomingMessage, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { millis } from "../../../core/duration.ts";
import { ConfigurationError, TaskTimeoutError } from "../../../core/errors.ts";
import type { Logger } from "../../../core/ports/logger.ts";
import { DocumentsRefusedError } from "../../../node/sink/documents_refused_error.ts";
import { type ElasticsearchOptions, elasticsearch } from "../../../node/sink/elasticsearch.ts";
import type { Waiting } from "../../../node/sink/persist.ts";

interface Doc {
  readonly id: string;
  readonly n?: number;
  readonly text?: string;
}

interface Seen {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingMessage["headers"];
  readonly body: string;
}

interface Answer {
  readonly status: number;
  readonly body?: unknown;
  readonly headers?: Record<string, string>;
}

/** A server that understands bulk requests and keeps documents; `script` may answer in its stead, per request or per document. */
const fake = {
  seen: [] as Seen[],
  documents: new Map<string, unknown>(),
  indexes: new Map<string, unknown>(),
  script: ((): Answer | undefined => undefined) as (request: Seen) => Answer | undefined | Promise<Answer | undefined>,
  perDocument: ((): Answer | undefined => undefined) as (id: string, attempt: number) => Answer | undefined,
  attempts: new Map<string, number>(),
};

let server: Server;
let url: string;

beforeEach(async () => {
  fake.seen = [];
  fake.documents = new Map();
  fake.indexes = new Map();
  fake.attempts = new Map();
  fake.script = () => undefined;
  fake.perDocument = () => undefined;
  server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk);
    const seen: Seen = {
      method: request.method!,
      path: request.url!,
      headers: request.headers,
      body: Buffer.concat(chunks).toString("utf8"),
    };
    fake.seen.push(seen);
    const { status, body, headers } = (await fake.script(seen)) ?? usual(seen);
    response.writeHead(status, { "content-type": "application/json", ...headers });
    response.end(seen.method === "HEAD" || body === undefined ? undefined : typeof body === "string" ? body : JSON.stringify(body));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});

afterEach(async () => {
  server.closeAllConnections();
  if (server.listening) await new Promise((resolve) => server.close(resolve));
});

const usual = ({ method, path, body }: Seen): Answer => {
  const index = path.split("/")[1];
  if (method === "HEAD") return { status: fake.indexes.has(index) ? 200 : 404 };
  if (method === "PUT") {
    if (fake.indexes.has(index))
      return { status: 400, body: { error: { type: "resource_already_exists_exception", reason: "index exists" }, status: 400 } };
    fake.indexes.set(index, JSON.parse(body));
    return { status: 200, body: { acknowledged: true } };
  }
  const lines = body.split("\n");
  const items: unknown[] = [];
  for (let i = 0; i + 1 < lines.length; i += 2) {
    const id: string = JSON.parse(lines[i]).index._id;
    const attempt = (fake.attempts.get(id) ?? 0) + 1;
    fake.attempts.set(id, attempt);
    const answer = fake.perDocument(id, attempt);
    if (answer === undefined) fake.documents.set(id, JSON.parse(lines[i + 1]));
    items.push({
      index: { _index: index, _id: id, status: answer?.status ?? 201, ...(answer === undefined ? {} : { error: answer.body }) },
    });
  }
  return { status: 200, body: { took: 1, errors: true, items } };
};

/** Waits for nothing, and remembers for how long. */
const noWaiting = () => {
  const waits: number[] = [];
  const waiting: Waiting = {
    pause: async (ms, signal) => {
      signal.throwIfAborted();
      waits.push(ms);
    },
    random: () => 0,
  };
  return { waiting, waits };
};

const never = new AbortController().signal;
const records = (...docs: Doc[]) => docs.map((value) => ({ key: value.id, value, timestamp: 1 }));
const bulks = () => fake.seen.filter(({ path }) => path.endsWith("/_bulk"));
const idsOf = ({ body }: Seen) =>
  body
    .split("\n")
    .filter((line) => line.startsWith('{"index"'))
    .map((line) => JSON.parse(line).index._id);
const writer = (more: Partial<ElasticsearchOptions<Doc>> = {}, waiting = noWaiting().waiting) =>
  elasticsearch<Doc>({ url, index: "alerts", id: ({ id }) => id, ...more }, waiting);

describe("the search sink writing", () => {
  it("sends documents with their ids as one bulk request of JSON lines", async () => {
    await writer().write(records({ id: "a", n: 1 }, { id: 'b"\n😀', text: "über\n" }), never);
    expect(bulks().map(({ method, path, headers }) => [method, path, headers["content-type"], headers.authorization])).toEqual([
      ["POST", "/alerts/_bulk", "application/x-ndjson", undefined],
    ]);
    expect(bulks()[0].body).toBe(
      '{"index":{"_id":"a"}}\n{"id":"a","n":1}\n{"index":{"_id":"b\\"\\n😀"}}\n{"id":"b\\"\\n😀","text":"über\\n"}\n',
    );
    expect(fake.documents.get("a")).toEqual({ id: "a", n: 1 });
  });

  it("sends nothing for an empty batch", async () => {
    await writer().write([], never);
    expect(fake.seen).toEqual([]);
  });

  it("keeps requests within the number of documents and of bytes, and sends a larger document alone", async () => {
    const docs = (count: number) => Array.from({ length: count }, (_, i): Doc => ({ id: `d${i}` }));
    await writer({ batchRecordsMax: 4 }).write(records(...docs(10)), never);
    expect(bulks().map((request) => idsOf(request).length)).toEqual([4, 4, 2]);
    fake.seen = [];
    await writer({ batchBytesMax: 200 }).write(records(...docs(3), { id: "big", text: "ü".repeat(500) }, ...docs(2)), never);
    expect(bulks().map((request) => idsOf(request))).toEqual([["d0", "d1", "d2"], ["big"]]);
    expect(
      bulks()
        .filter((request) => Buffer.byteLength(request.body) > 200)
        .map((request) => idsOf(request)),
    ).toEqual([["big"]]);
  });

  it("sends only the last of several values with the same id", async () => {
    await writer().write(records({ id: "a", n: 1 }, { id: "b" }, { id: "a", n: 2 }), never);
    expect(fake.documents.get("a")).toEqual({ id: "a", n: 2 });
    expect(fake.attempts.get("a")).toBe(1);
  });

  it("keeps the path of the address and encodes the index", async () => {
    await writer({ url: `${url}/behind/proxy/`, index: "älerts.v1" }).write(records({ id: "a" }), never);
    expect(bulks()[0].path).toBe("/behind/proxy/%C3%A4lerts.v1/_bulk");
  });
});

describe("the search sink proving who it is", () => {
  it.each([
    ["name and password", { username: "user", password: "pässwörd:1" }, `Basic ${Buffer.from("user:pässwörd:1").toString("base64")}`],
    ["an API key", { apiKey: "abc==" }, "ApiKey abc=="],
  ])("sends %s", async (_, auth, authorization) => {
    await writer({ auth }).write(records({ id: "a" }), never);
    expect(bulks()[0].headers.authorization).toBe(authorization);
  });

  it("takes user and password out of the address", async () => {
    await writer({ url: url.replace("//", "//user:p%40ss@") }).write(records({ id: "a" }), never);
    expect(bulks()[0].headers.authorization).toBe(`Basic ${Buffer.from("user:p@ss").toString("base64")}`);
  });

  it("takes a percent sign in the address that encodes nothing as it is", async () => {
    await writer({ url: url.replace("//", "//us%C3%A9r:100%25%@") }).write(records({ id: "a" }), never);
    expect(bulks()[0].headers.authorization).toBe(`Basic ${Buffer.from("usér:100%%").toString("base64")}`);
  });

  it("never puts the password into a message", async () => {
    fake.script = () => ({ status: 418, body: "tea" });
    const secret = writer({ url: url.replace("//", "//user:secret@"), attempts: 2 });
    await expect(secret.write(records({ id: "a" }), never)).rejects.toThrow(/^(?!.*secret).*418/);
    for (const address of ["ftp://user:secret@host", "ftp://user:sec/secret@host", "http://user:s:secret@host:port"]) {
      expect(() => writer({ url: address })).toThrow(/^(?!.*secret).*'(ftp|http):\/\/host/);
    }
  });

  it("says at once when the credentials are wrong or do not suffice", async () => {
    fake.script = () => ({ status: 401 });
    await expect(writer().write(records({ id: "a" }), never)).rejects.toMatchObject({
      code: "NOT_AUTHENTICATED",
      message: expect.stringContaining(url),
    });
    fake.script = () => ({ status: 403 });
    await expect(writer().open()).rejects.toMatchObject({
      code: "NOT_AUTHORIZED",
      message: expect.stringContaining("forbids HEAD /alerts (status 403, no reason given)"),
    });
    expect(fake.seen.length).toBe(2);
  });
});

describe("the search sink when the server has no room", () => {
  it("sends again only the documents that were refused for now, after growing pauses", async () => {
    fake.perDocument = (id, attempt) =>
      id === "b" && attempt < 4
        ? { status: attempt === 2 ? 503 : 429, body: { type: "es_rejected_execution_exception", reason: "queue is full" } }
        : undefined;
    const { waiting, waits } = noWaiting();
    await writer({ backoff: millis(100) }, waiting).write(records({ id: "a" }, { id: "b" }, { id: "c" }), never);
    expect(bulks().map(idsOf)).toEqual([["a", "b", "c"], ["b"], ["b"], ["b"]]);
    expect(waits).toEqual([100, 200, 400]);
    expect([...fake.documents.keys()].sort()).toEqual(["a", "b", "c"]);
  });

  it.each([429, 502, 503, 504])("sends the whole request again after status %d", async (status) => {
    fake.script = () => (fake.seen.length < 3 ? { status, body: "busy" } : undefined);
    await writer().write(records({ id: "a" }), never);
    expect(bulks().length).toBe(3);
    expect(fake.documents.has("a")).toBe(true);
  });

  it("gives up after so many attempts in vain, and says why", async () => {
    fake.perDocument = () => ({ status: 429, body: { type: "es_rejected_execution_exception", reason: "queue is full" } });
    const { waiting, waits } = noWaiting();
    const failed = writer({ attempts: 3 }, waiting).write(records({ id: "a" }, { id: "b" }), never);
    await expect(failed).rejects.toBeInstanceOf(TaskTimeoutError);
    await expect(failed).rejects.toThrow(
      `Search server at ${url} did not take 2 documents for index 'alerts' in 3 attempts (status 429, es_rejected_execution_exception: queue is full): see whether it runs and is not overloaded`,
    );
    expect(bulks().length).toBe(3);
    expect(waits.length).toBe(2);
  });

  it("counts attempts anew whenever some of the documents were taken", async () => {
    // One document gets in with each request: with two attempts allowed all nine have to arrive.
    fake.perDocument = (id, attempt) => (attempt <= Number(id) ? { status: 429, body: {} } : undefined);
    await writer({ attempts: 2 }).write(records(...Array.from({ length: 9 }, (_, i) => ({ id: String(i) }))), never);
    expect(fake.documents.size).toBe(9);
  });

  it("shortens pauses by chance, at most by a half, and never waits longer than a minute", async () => {
    fake.script = () => ({ status: 503 });
    const waits: number[] = [];
    const waiting: Waiting = { pause: async (ms) => void waits.push(ms), random: () => 0.5 };
    await expect(writer({ attempts: 13, backoff: millis(100) }, waiting).write(records({ id: "a" }), never)).rejects.toThrow(
      "13 attempts (status 503, no reason given)",
    );
    expect(waits.slice(0, 3)).toEqual([75, 150, 300]);
    expect(waits.at(-1)).toBe(45_000);
  });

  it("halves a request that is larger than the server takes, and names a document that is too large alone", async () => {
    fake.script = ({ body }) => (Buffer.byteLength(body) > 120 ? { status: 413, body: "" } : undefined);
    const failed = writer().write(
      records(...Array.from({ length: 7 }, (_, i) => ({ id: `d${i}` })), { id: "big", text: "x".repeat(200) }),
      never,
    );
    await expect(failed).rejects.toMatchObject({ refused: [{ position: 7, id: "big", status: 413 }] });
    expect(fake.documents.size).toBe(7);
  });

  it("halves a large request for which the server has no memory at the moment, but never takes a document for too large then", async () => {
    const short = { status: 429, body: { error: { type: "circuit_breaking_exception", reason: "[parent] Data too large" }, status: 429 } };
    fake.script = ({ body }) => (body.length > 1_500_000 ? short : undefined);
    const { waiting, waits } = noWaiting();
    const text = "x".repeat(500_000);
    await writer({}, waiting).write(records(...Array.from({ length: 8 }, (_, i) => ({ id: `d${i}`, text }))), never);
    expect(bulks().map((request) => idsOf(request).length)).toEqual([8, 4, 2, 2, 4, 2, 2]);
    expect(waits).toEqual([100, 200, 100]);
    fake.script = () => short;
    fake.seen = [];
    await expect(writer({ attempts: 3 }).write(records({ id: "a" }, { id: "b" }), never)).rejects.toThrow(
      "in 3 attempts (status 429, circuit_breaking_exception: [parent] Data too large)",
    );
    expect(bulks().map(idsOf)).toEqual([
      ["a", "b"],
      ["a", "b"],
      ["a", "b"],
    ]);
  });

  it("goes on with what is left of halved requests", async () => {
    fake.script = ({ body }) => (body.split("\n").length > 5 ? { status: 413 } : undefined);
    fake.perDocument = (_, attempt) => (attempt === 1 ? { status: 429, body: {} } : undefined);
    await writer().write(records({ id: "a" }, { id: "b" }, { id: "c" }), never);
    expect([...fake.documents.keys()].sort()).toEqual(["a", "b", "c"]);
    expect([...fake.attempts.values()]).toEqual([2, 2, 2]);
  });

  it("writes everything in the end, whatever is refused for now", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.nat(4), { minLength: 1, maxLength: 30 }),
        fc.integer({ min: 1, max: 7 }),
        async (failures, batchRecordsMax) => {
          fake.documents.clear();
          fake.attempts.clear();
          fake.perDocument = (id, attempt) => (attempt <= failures[Number(id)] ? { status: 429, body: {} } : undefined);
          await writer({ batchRecordsMax }).write(records(...failures.map((_, i) => ({ id: String(i), n: i }))), never);
          expect([...fake.documents.values()].map((doc) => (doc as Doc).n).sort((a, b) => a! - b!)).toEqual(failures.map((_, i) => i));
        },
      ),
      { numRuns: 20 },
    );
  });

  it("tells the log about each pause, without values", async () => {
    const told: unknown[] = [];
    const log: Logger = { log: (level, message, fields) => told.push([level, message, fields]) };
    fake.script = () => (fake.seen.length < 2 ? { status: 503 } : undefined);
    await writer({ log }).write(records({ id: "a", text: "secret" }), never);
    expect(told).toEqual([
      [
        "warn",
        "Search server is unavailable, trying again",
        { server: url, index: "alerts", why: "status 503, no reason given", attempt: 1, waitMs: 100 },
      ],
    ]);
  });
});

describe("the search sink when documents are refused for good", () => {
  it("writes all others, then names each with id, status and reason", async () => {
    fake.perDocument = (id) =>
      id.startsWith("bad")
        ? {
            status: 400,
            body: {
              type: "mapper_parsing_exception",
              reason: "failed to parse field [n]",
              caused_by: { type: "x", reason: "y", caused_by: { type: "illegal_argument_exception", reason: 'For input string: "z"' } },
            },
          }
        : undefined;
    const failed = writer({ batchRecordsMax: 2 }).write(
      records({ id: "bad1" }, { id: "a" }, { id: "b" }, { id: "bad2" }, { id: "c" }),
      never,
    );
    await expect(failed).rejects.toBeInstanceOf(DocumentsRefusedError);
    await expect(failed).rejects.toMatchObject({
      code: "RECORD_REFUSED",
      refused: [
        { position: 0, id: "bad1", status: 400 },
        { position: 3, id: "bad2", status: 400 },
      ],
    });
    await expect(failed).rejects.toThrow(
      `Index 'alerts' cannot take 2 of 5 documents: 'bad1' (status 400: mapper_parsing_exception: failed to parse field [n], caused by For input string: "z"), 'bad2' (status 400`,
    );
    expect([...fake.documents.keys()]).toEqual(["a", "b", "c"]);
    expect(bulks().length).toBe(3);
  });

  it("names at most five", async () => {
    fake.perDocument = () => ({ status: 404, body: { type: "index_not_found_exception", reason: "no such index" } });
    await expect(writer().write(records(...Array.from({ length: 8 }, (_, i) => ({ id: `d${i}` }))), never)).rejects.toThrow(
      /'d4' \(status 404: index_not_found_exception: no such index\) and 3 more$/,
    );
  });

  it("does not even send what cannot be JSON or has no id", async () => {
    const circle: { id: string; self?: unknown } = { id: "circle" };
    circle.self = circle;
    const values = [
      { id: "a" },
      { id: "big", n: 1n },
      circle,
      { id: "" },
      { id: "x".repeat(513) },
      { n: 1 },
      null,
      [1],
      { id: "date", toJSON: () => "text" },
      { id: "none", toJSON: () => undefined },
      { id: "z" },
    ];
    const failed = elasticsearch<any>(
      { url, index: "alerts", id: (value) => (Array.isArray(value) ? "array" : value.id) },
      noWaiting().waiting,
    ).write(
      values.map((value) => ({ key: null, value })),
      never,
    );
    await expect(failed).rejects.toMatchObject({
      refused: [1, 2, 3, 4, 5, 6, 7, 8, 9].map((position) => expect.objectContaining({ position, status: undefined })),
    });
    await expect(failed).rejects.toThrow(
      /'big' \(not sent: .*BigInt.*record 3 of the batch \(not sent: its id has to be a text of 1 to 512 bytes\)/,
    );
    expect([...fake.documents.keys()]).toEqual(["a", "z"]);
  });
});

describe("the search sink when something else answers", () => {
  it.each([
    ["a page", { status: 200, body: "<html>Welcome</html>" }, "status 200"],
    ["another number of items", { status: 200, body: { items: [] } }, "status 200"],
    ["items of another form", { status: 200, body: { items: [{ index: { ok: true } }] } }, "status 200"],
    ["an error for the whole request", { status: 405, body: { error: "Incorrect HTTP method" } }, "status 405 (Incorrect HTTP method)"],
  ])("says so at once: %s", async (_, answer, said) => {
    fake.script = () => answer;
    const failed = writer().write(records({ id: "a" }), never);
    await expect(failed).rejects.toBeInstanceOf(ConfigurationError);
    await expect(failed).rejects.toThrow(said);
    expect(fake.seen.length).toBe(1);
  });

  it("does not follow a redirect, but names where it leads", async () => {
    fake.script = () => ({ status: 301, headers: { location: "https://user:secret@elsewhere:9200/" } });
    await expect(writer().write(records({ id: "a" }), never)).rejects.toThrow(
      "has moved to 'https://elsewhere:9200/': give that address (status 301)",
    );
  });
});

describe("the search sink when nobody answers", () => {
  it("tries again when connections are refused or cut", async () => {
    let cuts = 0;
    server.prependListener("request", (request) => {
      if (cuts < 2) request.socket.destroy();
      cuts++;
    });
    await writer().write(records({ id: "a" }), never);
    expect(cuts).toBe(3);
    expect(fake.documents.has("a")).toBe(true);
  });

  it("says who does not answer, and how", async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
    await expect(writer({ attempts: 2 }).write(records({ id: "a" }), never)).rejects.toThrow(
      /^Search server at http:\/\/127\.0\.0\.1:\d+ did not take 1 document for index 'alerts' in 2 attempts \(ECONNREFUSED/,
    );
  });

  it("tries again when an answer takes longer than allowed", async () => {
    fake.script = () => (fake.seen.length === 1 ? new Promise(() => {}) : undefined);
    await writer({ timeout: millis(50) }).write(records({ id: "a" }), never);
    expect(bulks().length).toBeGreaterThan(1);
    expect(fake.documents.has("a")).toBe(true);
  });

  it("ends with the signal's reason: before, during a request, and during a pause", async () => {
    const reason = new Error("let go");
    await expect(writer().write(records({ id: "a" }), AbortSignal.abort(reason))).rejects.toBe(reason);
    expect(fake.seen).toEqual([]);

    const during = new AbortController();
    fake.script = () => {
      during.abort(reason);
      return new Promise(() => {});
    };
    await expect(writer().write(records({ id: "a" }), during.signal)).rejects.toBe(reason);

    const pausing = new AbortController();
    fake.script = () => ({ status: 503 });
    const log: Logger = { log: () => pausing.abort(reason) };
    const withRealPauses = elasticsearch<Doc>({ url, index: "alerts", id: ({ id }) => id, backoff: millis(3_600_000), log });
    await expect(withRealPauses.write(records({ id: "a" }), pausing.signal)).rejects.toBe(reason);
  });

  it("ends what is under way when it is closed", async () => {
    const sink = writer();
    fake.script = () => {
      void sink.close();
      return new Promise(() => {});
    };
    await expect(sink.write(records({ id: "a" }), never)).rejects.toMatchObject({ code: "APP_CLOSED" });
    await expect(sink.write(records({ id: "a" }), never)).rejects.toMatchObject({ code: "APP_CLOSED" });
    await expect(sink.open()).rejects.toMatchObject({ code: "APP_CLOSED" });
  });
});

describe("the search sink opening", () => {
  it("creates the index with mappings and settings when it is absent", async () => {
    const mappings = { properties: { n: { type: "long" } } };
    await writer({ mappings, settings: { number_of_shards: 1 } }).open();
    expect(fake.indexes.get("alerts")).toEqual({ mappings, settings: { number_of_shards: 1 } });
  });

  it("leaves an index alone that is there, or that somebody else creates at the same moment", async () => {
    fake.indexes.set("alerts", {});
    await writer({ mappings: { properties: {} } }).open();
    expect(fake.seen.map(({ method }) => method)).toEqual(["HEAD"]);
    fake.script = ({ method }) => (method === "HEAD" ? { status: 404 } : undefined);
    await writer({ mappings: { properties: {} } }).open();
    expect(fake.indexes.get("alerts")).toEqual({});
  });

  it("waits for a server that is not up yet", async () => {
    fake.script = () => (fake.seen.length < 3 || fake.seen.length === 4 ? { status: 503 } : undefined);
    await writer().open();
    expect(fake.indexes.has("alerts")).toBe(true);
    fake.script = () => ({ status: 503 });
    await expect(writer({ attempts: 2 }).open()).rejects.toThrow(
      `Search server at ${url} did not take index 'alerts' in 2 attempts (status 503, no reason given)`,
    );
  });

  it("says why the index cannot be created", async () => {
    fake.script = ({ method }) =>
      method === "PUT"
        ? { status: 400, body: { error: { type: "mapper_parsing_exception", reason: "no handler for type [lang]" } } }
        : undefined;
    await expect(writer({ mappings: { properties: { n: { type: "lang" } } } }).open()).rejects.toThrow(
      "answered PUT /alerts with status 400 (mapper_parsing_exception: no handler for type [lang])",
    );
  });
});

describe("the search sink's options", () => {
  it.each(["", "Alerts", "_alerts", "-alerts", "+a", ".", "..", "a b", "a/b", "a*", "a,b", "a#b", "a:b", 'a"b', "x".repeat(256)])(
    "refuse the index name '%s'",
    (index) => {
      expect(() => writer({ index })).toThrow(/^Index cannot be named/);
    },
  );

  it.each(["alerts", "run-1-alerts", "1a", "a.b_c-d"])("take the index name '%s'", (index) => {
    expect(writer({ index }).name).toBe(index);
  });

  it("refuse addresses and numbers that cannot be", () => {
    for (const address of ["localhost:9200", "", "ftp://host", "//host"])
      expect(() => writer({ url: address })).toThrow(/begins with http:\/\/ or https:\/\//);
    for (const number of [0, -1, 1.5, Number.NaN]) {
      expect(() => writer({ attempts: number })).toThrow(
        `Option attempts of index 'alerts' cannot be ${number}: give a whole number above zero`,
      );
      expect(() => writer({ batchRecordsMax: number })).toThrow("Option batchRecordsMax");
      expect(() => writer({ batchBytesMax: number })).toThrow("Option batchBytesMax");
    }
  });
});
