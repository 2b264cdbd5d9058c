import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import type { Alert } from "../../examples/fraud-detection/alert.ts";
import { generate } from "../../examples/fraud-detection/generate.ts";
import { type LocalSearchServer, searchServerMissing, startSearchServer } from "../../node/local/search_server.ts";
import { DocumentsRefusedError } from "../../node/sink/documents_refused_error.ts";
import { elasticsearch } from "../../node/sink/elasticsearch.ts";
import { expectedAlerts } from "../examples/fraud/checker.ts";

const missing = searchServerMissing();
const withServer = missing.length === 0 ? describe : describe.skip;
const never = new AbortController().signal;

withServer(`the search sink with OpenSearch${missing.length === 0 ? "" : ` (missing: ${missing.join(", ")})`}`, () => {
  let server: LocalSearchServer;
  const call = async (method: string, path: string, body?: unknown): Promise<any> => {
    const response = await fetch(server.url + path, {
      method,
      ...(body === undefined ? {} : { headers: { "content-type": "application/json" }, body: JSON.stringify(body) }),
    });
    return response.json();
  };
  const documentsOf = async (index: string): Promise<Map<string, unknown>> => {
    await call("POST", `/${index}/_refresh`);
    const found = await call("GET", `/${index}/_search?size=10000`);
    return new Map(found.hits.hits.map(({ _id, _source }: { _id: string; _source: unknown }) => [_id, _source]));
  };

  beforeAll(async () => {
    server = await startSearchServer();
  }, 300_000);

  afterAll(async () => {
    await server?.stop();
  }, 60_000);

  it("holds each alert once under its id, also when all are written again", async () => {
    const alerts = expectedAlerts(generate({ transactions: 20_000, seed: 1 }));
    const sink = elasticsearch<Alert>({ url: server.url, index: "run-1-alerts", id: ({ id }) => id, batchRecordsMax: 50 });
    await sink.open();
    const batch = alerts.map((value) => ({ key: value.id, value, timestamp: value.windowEnd - 1 }));
    await sink.write(batch, never);
    await sink.write(batch, never);
    await sink.close();
    expect(alerts.length).toBeGreaterThan(100);
    expect(await documentsOf("run-1-alerts")).toEqual(new Map(alerts.map((alert) => [alert.id, alert])));
  });

  it("creates the index once, with the mappings that are given", async () => {
    const options = {
      url: server.url,
      index: "mapped",
      id: ({ id }: { id: string }) => id,
      mappings: { dynamic: "strict", properties: { id: { type: "keyword" }, n: { type: "long" } } },
    };
    await Promise.all([elasticsearch(options).open(), elasticsearch(options).open(), elasticsearch(options).open()]);
    expect((await call("GET", "/mapped/_mapping")).mapped.mappings).toEqual(options.mappings);
  });

  it("names the documents that do not fit the mappings, and writes the others", async () => {
    const sink = elasticsearch<{ id: string; n?: unknown; more?: string }>({ url: server.url, index: "mapped", id: ({ id }) => id });
    await sink.open();
    const values = [
      { id: "good", n: 1 },
      { id: "text", n: "many" },
      { id: "unknown", more: "x" },
      { id: "last", n: 2 },
    ];
    const failed = sink.write(
      values.map((value) => ({ key: value.id, value })),
      never,
    );
    await expect(failed).rejects.toBeInstanceOf(DocumentsRefusedError);
    await expect(failed).rejects.toMatchObject({
      refused: [
        { position: 1, id: "text", status: 400, reason: expect.stringContaining("failed to parse field [n]") },
        { position: 2, id: "unknown", status: 400, reason: expect.stringContaining("strict_dynamic_mapping_exception") },
      ],
    });
    expect([...(await documentsOf("mapped")).keys()].sort()).toEqual(["good", "last"]);
  });

  it("brings a request that is larger than the server can take into it in pieces", async () => {
    const text = "x".repeat(1024 * 1024);
    const sink = elasticsearch<{ id: string; text: string }>({
      url: server.url,
      index: "large",
      id: ({ id }) => id,
      batchBytesMax: 200 * 1024 * 1024,
    });
    const mappings = { mappings: { properties: { text: { type: "keyword", index: false, doc_values: false } } } };
    await call("PUT", "/large", mappings);
    await sink.write(
      Array.from({ length: 110 }, (_, i) => ({ key: null, value: { id: `d${i}`, text } })),
      never,
    );
    await call("POST", "/large/_refresh");
    expect((await call("GET", "/large/_count")).count).toBe(110);
  }, 120_000);

  it("says what is wrong when the index cannot be created", async () => {
    const sink = elasticsearch<{ id: string }>({
      url: server.url,
      index: "wrong",
      id: ({ id }) => id,
      mappings: { properties: { n: { type: "no-such-type" } } },
    });
    await expect(sink.open()).rejects.toThrow(/answered PUT \/wrong with status 400 \(mapper_parsing_exception: .*no-such-type/);
  });
});
