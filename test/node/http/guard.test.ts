import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";
import { afterEach, describe, expect, it } from "@jest/globals";
import { StoreError } from "../../../core/errors.ts";
import { silent } from "../../../core/ports/logger.ts";
import { text } from "../../../core/serde/text.ts";
import { type HttpOptions, httpSettings, QueryServer } from "../../../node/http/mod.ts";
import { topic } from "../../../topology/topic.ts";
import { topology } from "../../../topology/topology.ts";
import { ask, Served } from "./served.ts";

const token = "0123456789abcdef0123456789abcdef";
const program = topology("guarded", ({ from }) => {
  from(topic("words", { key: text, value: text }))
    .keyBy()
    .count("counts");
});

let cluster: Served;
const serve = async (http: Partial<HttpOptions> = {}, endpoint?: string): Promise<number> => {
  cluster = new Served({ seed: 1 });
  await cluster.create("words", 1);
  const { server } = await cluster.serve(program, endpoint === undefined ? {} : { endpoint }, http);
  await cluster.clock.advance(5000);
  return server.port;
};
const path = "/v1/stores";

/** Takes connections and says nothing. */
class SilentPeer {
  readonly #server: Server;
  readonly #sockets: Socket[] = [];
  #wanted: { readonly count: number; readonly tell: () => void } | undefined;

  static listen(): Promise<SilentPeer> {
    return new Promise((resolve) => {
      const server = createServer();
      server.listen(0, "127.0.0.1", () => resolve(new SilentPeer(server)));
    });
  }

  private constructor(server: Server) {
    this.#server = server;
    server.on("connection", (socket) => {
      socket.on("error", () => {});
      this.#sockets.push(socket);
      this.#look();
    });
  }

  get endpoint(): string {
    return `127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  asked(count: number): Promise<void> {
    return new Promise((tell) => {
      this.#wanted = { count, tell };
      this.#look();
    });
  }

  close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    return new Promise((resolve) => {
      this.#server.close(() => resolve());
    });
  }

  #look(): void {
    if (this.#wanted !== undefined && this.#sockets.length >= this.#wanted.count) this.#wanted.tell();
  }
}

describe("the server", () => {
  afterEach(() => cluster.close());

  it("answers under the names of this machine alone (DNS rebinding)", async () => {
    const port = await serve();
    for (const host of ["127.0.0.1", `127.0.0.1:${port}`, "localhost:1", "LOCALHOST", "[::1]:8080"])
      expect([host, (await ask(port, path, { host })).status]).toEqual([host, 200]);
    for (const host of [
      "evil.example",
      `evil.example:${port}`,
      "127.0.0.1.evil.example",
      "localhost.evil.example",
      "10.0.0.1",
      "a@127.0.0.1",
    ])
      expect([host, await ask(port, path, { host })]).toEqual([
        host,
        expect.objectContaining({ status: 403, body: { error: { code: "HOST_REFUSED", message: expect.any(String) } } }),
      ]);
  });

  it("answers under further names that it is given, and under its endpoint's", async () => {
    const port = await serve({ hosts: ["State.example"], host: "0.0.0.0", token }, "node-7.example:8080");
    const authorization = `Bearer ${token}`;
    for (const host of ["state.example", "node-7.example:8080", "10.1.2.3:99"])
      expect([host, (await ask(port, path, { host, authorization })).status]).toEqual([host, 200]);
    expect((await ask(port, path, { host: "evil.example", authorization })).status).toBe(403);
  });

  it("does not answer pages of other sites, and allows no other site to read", async () => {
    const port = await serve();
    for (const headers of [
      { origin: "http://evil.example" },
      { origin: "null" },
      { "sec-fetch-site": "cross-site" },
      { "sec-fetch-site": "same-site" },
    ])
      expect(await ask(port, path, headers as Record<string, string>)).toMatchObject({
        status: 403,
        body: { error: { code: "ORIGIN_REFUSED" } },
      });
    expect((await ask(port, path, { "sec-fetch-site": "none" })).status).toBe(200);
    for (const [asked, headers] of [
      [path, {}],
      ["/nothing", {}],
      [path, { host: "evil.example" }],
    ] as const) {
      const answer = await ask(port, asked, headers);
      expect(answer.headers["access-control-allow-origin"]).toBe(undefined);
      expect(answer.headers).toMatchObject({
        "content-type": "application/json; charset=utf-8",
        "x-content-type-options": "nosniff",
        "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
        "cache-control": "no-store",
      });
    }
  });

  it("wants the token, all of it and nothing else", async () => {
    const port = await serve({ token });
    expect((await ask(port, path, { authorization: `Bearer ${token}` })).status).toBe(200);
    expect((await ask(port, path, { authorization: `bearer  ${token}` })).status).toBe(200);
    for (const authorization of [
      `Bearer ${token.slice(0, -1)}`,
      `Bearer ${token}0`,
      `Bearer ${token.slice(0, -1)}g`,
      `Bearer ${token.toUpperCase()}`,
      "Bearer x",
    ]) {
      const answer = await ask(port, path, { authorization });
      expect([authorization, answer.status, answer.body.error.code]).toEqual([authorization, 401, "TOKEN_WRONG"]);
      expect(answer.text).not.toContain(token.slice(0, 8));
    }
    for (const headers of [{}, { authorization: token }, { authorization: `Basic ${token}` }, { authorization: "Bearer" }]) {
      const answer = await ask(port, `${path}?token=${token}`, headers as Record<string, string>);
      expect([answer.status, answer.body.error.code, answer.headers["www-authenticate"]]).toEqual([
        401,
        "TOKEN_MISSING",
        'Bearer realm="millrace"',
      ]);
    }
  });

  it("asks other instances with the token that it wants itself", async () => {
    cluster = new Served({ seed: 2 });
    await cluster.create("words", 4);
    const [a, b] = [
      await cluster.serve(program, { instanceId: "a" }, { token }),
      await cluster.serve(program, { instanceId: "b" }, { token }),
    ];
    await cluster.clock.advance(20_000);
    const authorization = `Bearer ${token}`;
    for (const { server } of [a, b])
      expect(await ask(server.port, "/v1/stores/counts/all?scope=all", { authorization })).toMatchObject({
        status: 200,
        body: { partitions: [0, 1, 2, 3] },
      });
  });

  it("does not go on with instances that have another token", async () => {
    cluster = new Served({ seed: 3 });
    await cluster.create("words", 4);
    const a = await cluster.serve(program, { instanceId: "a" }, { token });
    await cluster.serve(program, { instanceId: "b" }, { token: token.toUpperCase() });
    await cluster.clock.advance(20_000);
    const answer = await ask(a.server.port, "/v1/stores/counts/all?scope=all", { authorization: `Bearer ${token}` });
    expect([answer.status, answer.body.error.code]).toEqual([502, "PEER_REFUSES"]);
    expect(answer.body.error.message).toContain("do both have the same 'http.token'?");
  });

  it.each(["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "HEAD"])("understands no %s", async (method) => {
    const port = await serve();
    const answer = await ask(port, path, {}, { method, ...(method === "HEAD" ? {} : { body: "x".repeat(100_000) }) });
    expect([answer.status, answer.headers["allow"], answer.headers["connection"]]).toEqual([405, "GET", "close"]);
  });

  it("reads no huge URLs", async () => {
    const port = await serve({ urlCharsMax: 1000 });
    const of = (length: number): string => `${path}/counts/get?key=`.padEnd(length, "k");
    expect((await ask(port, of(1000))).status).toBe(200);
    expect(await ask(port, of(1001))).toMatchObject({ status: 414, body: { error: { code: "URL_TOO_LONG" } } });
    // Those that are longer than headers may be are not even read.
    const asked = ask(port, of(100_000)).then(
      ({ status }) => status,
      () => "the connection is closed",
    );
    expect([431, "the connection is closed"]).toContain(await asked);
    expect((await ask(port, path)).status).toBe(200);
  });

  it("answers so many at once, and tells the others to come again", async () => {
    cluster = new Served({ seed: 4 });
    await cluster.create("words", 1);
    const { server, app } = await cluster.serve(program, {}, { openMax: 3 });
    await cluster.clock.advance(5000);
    // An owner that never answers keeps a question open.
    const peer = await SilentPeer.listen();
    server.serve(
      Object.create(app.queries, {
        describe: { value: () => ({ name: "counts", kind: "key-value", partitions: 1 }) },
        stores: { value: () => [] },
        view: {
          value: () => {
            throw new StoreError("KEY_ELSEWHERE", "It is not here");
          },
        },
        ownerOf: { value: () => ({ instance: "b", endpoint: peer.endpoint, partition: 0, local: false, standbys: [] }) },
      }),
    );
    const open = [1, 2, 3].map(() => ask(server.port, "/v1/stores/counts/get?key=a"));
    await peer.asked(3);
    const refused = await ask(server.port, path);
    expect([refused.status, refused.headers["retry-after"], refused.body.error.code]).toEqual([429, "1", "TOO_MANY_QUERIES"]);
    await peer.close();
    expect((await Promise.all(open)).map(({ status }) => status)).toEqual([503, 503, 503]);
    expect((await ask(server.port, path)).status).toBe(200);
  });

  it("survives what is no HTTP", async () => {
    const port = await serve();
    for (const garbage of [
      "\0\x01\x02",
      "GET\r\n\r\n",
      "GET /v1/stores HTTP/1.1\r\n\r\n",
      `GET ${path} HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n`,
      `GET ${path} HTTP/1.1\r\nHost: \r\n\r\n`,
    ]) {
      const answer = await new Promise<string>((resolve) => {
        let said = "";
        const socket = connect(port, "127.0.0.1", () => socket.end(garbage));
        socket.on("data", (bytes) => (said += bytes));
        socket.on("error", () => {});
        socket.on("close", () => resolve(said));
      });
      expect([garbage, /^HTTP\/1.1 (400|403)/.test(answer)]).toEqual([garbage, true]);
    }
    expect((await ask(port, path)).status).toBe(200);
  });

  it("says so before there is an app", async () => {
    cluster = new Served({ seed: 1 });
    const server = await QueryServer.listen(httpSettings({ port: 0 }), undefined, silent);
    const answer = await ask(server.port, path);
    expect([answer.status, answer.headers["retry-after"], answer.body.error.code]).toEqual([503, "1", "STORE_NOT_READY"]);
    await server.close();
  });

  it("tells the log what is wrong on its side, and the asker nothing of it", async () => {
    const logged: string[] = [];
    cluster = new Served({ seed: 1 });
    await cluster.create("words", 1);
    const logger = { log: (_: string, message: string) => void logged.push(message) };
    const { server, app } = await cluster.serve(program, {}, {}, logger);
    server.serve(
      Object.create(app.queries, {
        stores: {
          value: () => {
            throw new Error("secret");
          },
        },
      }),
    );
    expect(await ask(server.port, path)).toMatchObject({ status: 500, body: { error: { code: "INTERNAL" } } });
    expect((await ask(server.port, path)).text).not.toContain("secret");
    expect(logged).toContain("A question could not be answered: secret");
  });
});
