import { createServer, type RequestListener, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { StoreError } from "../../../core/errors.ts";
import { json } from "../../../core/serde/json.ts";
import { text } from "../../../core/serde/text.ts";
import { isLoopback, isPeerAddress } from "../../../node/http/addresses.ts";
import { httpSettings } from "../../../node/http/mod.ts";
import { Peers, type PeersOptions } from "../../../node/http/peers.ts";
import { topic } from "../../../topology/topic.ts";
import { topology } from "../../../topology/topology.ts";
import { ask, Served } from "./served.ts";

const token = "0123456789abcdef0123456789abcdef";
let answering: RequestListener;
let server: Server;
let peers: Peers;
const open: Peers[] = [];
const peersWith = (options: Partial<PeersOptions> = {}): Peers => {
  const made = new Peers({ token, timeoutMs: 20_000, allowed: undefined, isOwnAllowed: true, bytesMax: 10_000, ...options });
  open.push(made);
  return made;
};
const endpoint = (): string => `127.0.0.1:${(server.address() as AddressInfo).port}`;
const json_ = { "content-type": "application/json" };
const refusal = async (asked: Promise<unknown>): Promise<unknown> => {
  try {
    return [200, await asked];
  } catch (error) {
    return [(error as any).status, (error as any).code];
  }
};

beforeEach(async () => {
  server = createServer((request, response) => answering(request, response));
  await new Promise<void>((resolve) => {
    server.listen(0, "127.0.0.1", resolve);
  });
  peers = peersWith();
});
afterEach(async () => {
  for (const one of open.splice(0)) one.close();
  await new Promise<void>((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
});

describe("another instance", () => {
  it("is asked with the token, and told that it is asked by an instance", async () => {
    let seen: unknown;
    answering = ({ url, method, headers }, response) => {
      seen = { url, method, host: headers.host, authorization: headers.authorization, hop: headers["millrace-hop"] };
      response.writeHead(200, json_).end('{"a":1}');
    };
    expect(await peers.ask(endpoint(), "/v1/x?y", 77)).toEqual({ a: 1 });
    expect(seen).toEqual({ url: "/v1/x?y", method: "GET", host: endpoint(), authorization: `Bearer ${token}`, hop: "77" });
  });

  it.each<[string, RequestListener, unknown]>([
    ["no JSON", (_, r) => r.writeHead(200, json_).end("garbage"), [502, "PEER_GARBLED"]],
    ["a page", (_, r) => r.writeHead(200, { "content-type": "text/html" }).end("{}"), [502, "PEER_GARBLED"]],
    ["a list", (_, r) => r.writeHead(200, json_).end("[]"), [502, "PEER_GARBLED"]],
    ["null", (_, r) => r.writeHead(200, json_).end("null"), [502, "PEER_GARBLED"]],
    ["too much", (_, r) => r.writeHead(200, json_).end(`{"a":"${"x".repeat(20_000)}"}`), [502, "PEER_GARBLED"]],
    [
      "another place to go to",
      (_, r) => r.writeHead(302, { ...json_, location: "http://169.254.169.254/" }).end("{}"),
      [502, "PEER_GARBLED"],
    ],
    [
      "half an answer",
      (_, r) => void r.writeHead(200, { ...json_, "content-length": 100 }).write("{", () => r.destroy()),
      [503, "PEER_UNREACHABLE"],
    ],
    ["nothing at all", (_, r) => void r.destroy(), [503, "PEER_UNREACHABLE"]],
    [
      "an error of a form that nobody knows",
      (_, r) => r.writeHead(404, json_).end('{"error":{"code":5,"message":{}}}'),
      [404, "PEER_GARBLED"],
    ],
    ["a code that is none", (_, r) => r.writeHead(500, json_).end('{"error":{"code":"<script>"}}'), [500, "PEER_GARBLED"]],
    [
      "a refusal of its own",
      (_, r) => r.writeHead(400, json_).end('{"error":{"code":"BAD_REQUEST","message":"No"}}'),
      [400, "BAD_REQUEST"],
    ],
    ["that it wants a token", (_, r) => r.writeHead(401, json_).end("{}"), [502, "PEER_REFUSES"]],
    [
      "that it has not the key either",
      (_, r) => r.writeHead(421, json_).end('{"error":{"code":"KEY_ELSEWHERE"}}'),
      [503, "STORE_NOT_READY"],
    ],
    ["that it is busy", (_, r) => r.writeHead(429, json_).end('{"error":{"code":"TOO_MANY_QUERIES"}}'), [503, "TOO_MANY_QUERIES"]],
  ])("that answers with %s is no reason to fall", async (_, answer, expected) => {
    answering = answer;
    expect(await refusal(peers.ask(endpoint(), "/", 100))).toEqual(expected);
  });

  it("that never ends its answer is not read to the end", async () => {
    answering = (_, response) => {
      response.writeHead(200, json_);
      const more = (): void => {
        while (!response.destroyed && response.write("x".repeat(1000))) {}
        if (!response.destroyed) response.once("drain", more);
      };
      more();
    };
    expect(await refusal(peers.ask(endpoint(), "/", 100))).toEqual([502, "PEER_GARBLED"]);
  });

  it("that says nothing is given up after the time allowed", async () => {
    answering = () => {};
    expect(await refusal(peersWith({ timeoutMs: 50 }).ask(endpoint(), "/", 100))).toEqual([503, "PEER_UNREACHABLE"]);
  });

  it("cannot change what objects inherit", async () => {
    answering = (_, response) =>
      response.writeHead(200, json_).end('{"__proto__":{"polluted":true},"constructor":{"prototype":{"polluted":true}}}');
    const body = await peers.ask(endpoint(), "/", 100);
    expect(JSON.stringify(body)).toBe('{"__proto__":{"polluted":true},"constructor":{"prototype":{"polluted":true}}}');
    expect(({} as any).polluted).toBe(undefined);
  });

  it.each([
    "",
    "nowhere",
    "http://10.0.0.1:80",
    "10.0.0.1",
    "10.0.0.1:0",
    "10.0.0.1:65536",
    "a b:80",
    "user@host:80",
    "host:80/path",
    "[nothing]:80",
    "[::1]",
    "host:80\r\nx: y",
  ])("is not asked at '%s', which is no host and port", async (where) => {
    expect(await refusal(peers.ask(where, "/", 100))).toEqual([502, "PEER_FORBIDDEN"]);
  });

  it.each([
    "169.254.169.254:80",
    "[fe80::1]:80",
    "[::ffff:169.254.169.254]:80",
    "[fd00:ec2::254]:80",
    "[64:ff9b::a9fe:a9fe]:80",
    "0.0.0.0:80",
    "[::]:80",
    "224.0.0.1:80",
    "255.255.255.255:80",
    "2852039166:80",
    "0xa9fea9fe:80",
    "0xa9.0xfe.0xa9.0xfe:80",
  ])("is not asked at %s, where nobody's instance is", async (where) => {
    expect(await refusal(peers.ask(where, "/", 100))).toEqual([502, "PEER_FORBIDDEN"]);
  });

  it("is asked at this machine's own addresses only by those that listen there themselves, and in networks that were given", async () => {
    answering = (_, response) => response.writeHead(200, json_).end("{}");
    const { port } = server.address() as AddressInfo;
    const remote = peersWith({ isOwnAllowed: false });
    for (const host of ["127.0.0.1", "localhost", "127.1"])
      expect(await refusal(remote.ask(`${host}:${port}`, "/", 1))).toEqual([502, "PEER_FORBIDDEN"]);
    const given = peersWith({
      isOwnAllowed: false,
      allowed: httpSettings({ port: 0, peers: ["127.0.0.0/8", "10.1.0.0/16", "fd00::/8"] }).peers!,
    });
    expect(await refusal(given.ask(endpoint(), "/", 1))).toEqual([200, {}]);
    expect(() => given.target("10.1.2.3:80")).not.toThrow();
    expect(() => given.target("[fd00::1]:80")).not.toThrow();
    for (const where of ["10.2.0.1:80", "[fc00::1]:80", "169.254.169.254:80", "[fd00:ec2::254]:80"])
      expect(() => given.target(where)).toThrow("http.peers");
  });
});

describe("an address", () => {
  it("of this machine alone is told from others", () => {
    for (const host of ["127.0.0.1", "127.9.9.9", "::1", "localhost", "LocalHost", "::ffff:127.0.0.1"])
      expect([host, isLoopback(host)]).toEqual([host, true]);
    for (const host of ["0.0.0.0", "::", "128.0.0.1", "localhost.example", "", "127.0.0.1.example"])
      expect([host, isLoopback(host)]).toEqual([host, false]);
    expect(isPeerAddress("no address", undefined, true)).toBe(false);
  });
});

describe("an instance whose peers are not what they should be", () => {
  const program = topology("betrayed", ({ from }) => {
    from(topic("words", { key: text, value: json<unknown>() }))
      .keyBy()
      .count("counts");
  });

  it.each([
    ["entries that are none", '{"entries":{}}'],
    ["more than was asked for", '{"entries":[1,2,3]}'],
    ["no end", '{"entries":[],"next":"WzBd"}'],
    ["another partition's end", `{"entries":[1],"next":"${Buffer.from("[7]").toString("base64url")}"}`],
    ["an end that is none", '{"entries":[1],"next":5}'],
    ["nothing", "{}"],
  ])("takes no list with %s for an answer", async (_, answer) => {
    const cluster = new Served({ seed: 1 });
    await cluster.create("words", 1);
    const instance = await cluster.serve(program);
    await cluster.clock.advance(5000);
    answering = (_, response) => response.writeHead(200, json_).end(answer);
    instance.server.serve(
      Object.create(instance.app.queries, {
        describe: { value: () => ({ name: "counts", kind: "key-value", partitions: 1 }) },
        entriesOf: { value: () => 0 },
        walk: { value: () => undefined },
        view: {
          value: () => {
            throw new StoreError("KEY_ELSEWHERE", "It is not here");
          },
        },
        ownerOfPartition: { value: () => ({ instance: "b", endpoint: endpoint(), partition: 0, local: false, standbys: [] }) },
      }),
    );
    for (const path of ["all?scope=all&limit=2", "all?partition=0&limit=2"]) {
      const { status, body } = await ask(instance.server.port, `/v1/stores/counts/${path}`);
      expect([status, body.error.code]).toEqual([502, "PEER_GARBLED"]);
    }
    await cluster.close();
  });
});
