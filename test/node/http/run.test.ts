import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { memoryLog } from "../../../core/log/mod.ts";
import { text } from "../../../core/serde/text.ts";
import { compareBytes } from "../../../core/state/time_key.ts";
import { records } from "../../../mod.ts";
import { readCursor, writeCursor } from "../../../node/http/cursor.ts";
import { jsonOf } from "../../../node/http/json_of.ts";
import type { HttpOptions } from "../../../node/http/mod.ts";
import { pageOf } from "../../../node/http/page.ts";
import { run } from "../../../node/run.ts";
import { systemClock, systemRandom } from "../../../topology/platform.ts";
import { topic } from "../../../topology/topic.ts";
import { topology } from "../../../topology/topology.ts";

const token = "0123456789abcdef0123456789abcdef";
const words = topic("words", { key: text, value: text, partitions: 2 });
const program = topology("counting", ({ from }) => {
  from(words).keyBy().count("counts");
});
const bounded = topology("bounded", ({ from }) => {
  from(records(["a", "b"]))
    .keyBy((word) => word)
    .count("counts");
});

/** What an endpoint answers, as soon as it answers with 200. */
const answered = async (url: string): Promise<any> => {
  for (;;) {
    const response = await fetch(url);
    if (response.status === 200) return response.json();
    expect(response.status).toBe(503);
    await response.text();
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
};
/** Where an app is asked, as soon as the group knows. */
const endpointOf = async (app: Awaited<ReturnType<typeof run>>): Promise<string> => {
  for (;;) {
    const own = app.instances().find(({ local }) => local);
    if (own !== undefined) return own.endpoint;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
};

describe("run with a server", () => {
  it("finds other instances on this machine by itself, and frees its port when it ends", async () => {
    const log = memoryLog({ clock: systemClock, random: systemRandom });
    await log.connect().admin.create([{ topic: "words", partitions: 2, replication: -1, config: {} }]);
    const options = { signals: false, http: { port: 0 } };
    const feed = (written: number) => Array.from({ length: 20 }, (_, n) => ({ topic: words, key: `k${n}`, value: "x" })).slice(written);
    const first = await run(program, { ...options, log: log.connect(), feed });
    const second = await run(program, { ...options, log: log.connect() });
    const endpoints = [await endpointOf(first), await endpointOf(second)];
    expect(new Set(endpoints).size).toBe(2);
    for (const endpoint of endpoints) {
      expect(endpoint).toMatch(/^127\.0\.0\.1:\d+$/);
      for (;;) {
        const { entries } = await answered(`http://${endpoint}/v1/stores/counts/all?scope=all`);
        if (entries.length === 20) break;
      }
      expect(await answered(`http://${endpoint}/v1/stores/counts/get?key=k7`)).toMatchObject({ value: 1 });
    }
    await Promise.all([first.close(), second.close()]);
    for (const endpoint of endpoints) await expect(fetch(`http://${endpoint}/v1/stores`)).rejects.toThrow("fetch failed");
  });

  it("ends the server with a run that ends by itself, and with one that cannot start", async () => {
    const app = await run(bounded, { signals: false, http: { port: 0 } });
    await app.finished;
    const port = await freePort();
    const failing = topology("failing", ({ from }) => {
      from(topic("missing", { value: text, create: false }), { endAt: "latest" }).peek(() => {});
    });
    const log = memoryLog({ clock: systemClock, random: systemRandom }).connect();
    await expect(run(failing, { signals: false, log, http: { port } })).rejects.toMatchObject({ code: "TOPIC_MISSING" });
    await expect(fetch(`http://127.0.0.1:${port}/`)).rejects.toThrow("fetch failed");
  });

  it("says that a port is taken", async () => {
    const app = await run(program, { signals: false, http: { port: 0 } });
    const port = Number((await endpointOf(app)).split(":")[1]);
    await expect(run(program, { signals: false, http: { port } })).rejects.toThrow(
      `Cannot answer questions at 127.0.0.1:${port}: another program listens there: choose another port, or 0 for any that is free`,
    );
    await app.close();
  });

  it.each<[string, unknown, string]>([
    ["no object", 8080, "Option 'http' is 8080: give an object, such as { port: 8080 }"],
    ["no port", {}, "Option 'http.port' is undefined: give a whole number up to 65535"],
    ["a port that is none", { port: 70_000 }, "Option 'http.port' is 70000"],
    ["a misspelt name", { port: 0, tokn: token }, "There is no option 'http.tokn': did you mean 'http.token'?"],
    [
      "another host without a token",
      { port: 0, host: "0.0.0.0" },
      "and there is no 'http.token': give one of at least 32 characters, or listen on 127.0.0.1",
    ],
    ["another name without a token", { port: 0, host: "state.example" }, "there is no 'http.token'"],
    ["a short token", { port: 0, token: token.slice(1) }, "Option 'http.token' is no such token: give 32 to 512 visible ASCII characters"],
    ["a token with a line break", { port: 0, token: `${token}\r\n` }, "Option 'http.token' is no such token"],
    ["a host that is a URL", { port: 0, host: "http://a" }, "Option 'http.host' is the text \"http://a\""],
    ["an address that is not this machine's", { port: 0, host: "192.0.2.1", token }, "this machine has no such address"],
    ["names that are none", { port: 0, hosts: ["a:80"] }, "Option 'http.hosts' is a:80: give names without port"],
    [
      "a network that is none",
      { port: 0, peers: ["10.0.0.0/33"] },
      "Option 'http.peers' has the text \"10.0.0.0/33\": give addresses and networks",
    ],
    ["no entries", { port: 0, entriesMax: 0 }, "Option 'http.entriesMax' is 0: give a whole number above 0"],
    ["a time that is none", { port: 0, peerTimeout: "5" }, "Option 'http.peerTimeout' is the text \"5\": give a duration"],
  ])("is refused with %s", async (_, http, message) => {
    const starting = run(program, { signals: false, http: http as HttpOptions });
    await expect(starting).rejects.toMatchObject({ name: "ConfigurationError", message: expect.stringContaining(message) });
    await expect(starting).rejects.not.toMatchObject({ message: expect.stringContaining(token.slice(1)) });
  });
});

/** A port that was free a moment ago. */
const freePort = async (): Promise<number> => {
  const app = await run(program, { signals: false, http: { port: 0 } });
  const port = Number((await endpointOf(app)).split(":")[1]);
  await app.close();
  return port;
};

describe("a value as JSON", () => {
  it("is what is nearest, where JSON has no form for it", () => {
    const value = {
      big: 12345678901234567890n,
      at: new Date(0),
      bytes: new Uint8Array([1, 2, 255]),
      buffer: Buffer.from("a"),
      map: new Map([["a", 1n]]),
      set: new Set(["b"]),
      floats: new Float64Array([1.5, Number.NaN]),
      nan: Number.NaN,
      infinite: Number.NEGATIVE_INFINITY,
      none: undefined,
      inner: { list: [undefined, null, -0] },
    };
    expect(JSON.parse(jsonOf(value))).toEqual({
      big: "12345678901234567890",
      at: "1970-01-01T00:00:00.000Z",
      bytes: "AQL/",
      buffer: "YQ==",
      map: [["a", "1"]],
      set: ["b"],
      floats: [1.5, "NaN"],
      nan: "NaN",
      infinite: "-Infinity",
      inner: { list: [null, null, 0] },
    });
    expect([undefined, null, 5n, "a"].map(jsonOf)).toEqual(["null", "null", '"5"', '"a"']);
  });

  it("is what JSON.stringify gives, where that says all", () => {
    fc.assert(fc.property(fc.jsonValue(), (value) => expect(jsonOf(value)).toBe(JSON.stringify(value))));
  });
});

describe("the pieces of a list", () => {
  const keyBytes = (key: unknown): Uint8Array => new Uint8Array([key as number]);
  const lists = fc
    .array(fc.tuple(fc.nat(5), fc.constantFrom(Number.NEGATIVE_INFINITY, -1, 0, 1, Number.POSITIVE_INFINITY), fc.nat(1)), { maxLength: 30 })
    .map((places) => places.sort((a, b) => a[0] - b[0] || (a[1] < b[1] ? -1 : a[1] > b[1] ? 1 : 0) || a[2] - b[2]))
    .map((places) => places.map(([key, first, second], n) => ({ key, first, second, fields: { n } })));

  it("put together are the list, however they are cut, also among entries at one place", () => {
    fc.assert(
      fc.property(lists, fc.integer({ min: 1, max: 5 }), fc.integer({ min: 10, max: 40 }), (list, entries, chars) => {
        const out: string[] = [];
        let cursor = readCursor(writeCursor({ partition: 3, after: undefined }));
        for (;;) {
          const page = pageOf(list, cursor.after, { entries, chars, isWhole: true }, keyBytes);
          out.push(...page.entries);
          if (!page.isCut) break;
          cursor = readCursor(writeCursor({ partition: 3, after: page.after }));
          expect(cursor.partition).toBe(3);
        }
        expect(out).toEqual(list.map(({ fields }) => JSON.stringify(fields)));
      }),
    );
  });

  it("go on behind what was given, whatever came and went meanwhile", () => {
    fc.assert(
      fc.property(lists, lists, fc.integer({ min: 1, max: 30 }), (before, after, entries) => {
        const unique = (list: typeof before) => list.filter((one, i) => i === 0 || compare(list[i - 1]!, one) !== 0);
        const first = pageOf(unique(before), undefined, { entries, chars: 1e6, isWhole: true }, keyBytes);
        if (first.after === undefined) return;
        const { key, first: a, second: b } = first.after;
        const rest = pageOf(unique(after), first.after, { entries: 100, chars: 1e6, isWhole: true }, keyBytes);
        const behind = unique(after).filter((one) => compare(one, { key: key[0]!, first: a, second: b }) > 0);
        expect(rest.entries).toEqual(behind.map(({ fields }) => JSON.stringify(fields)));
      }),
    );
  });

  const compare = (a: Standing, b: Standing): number =>
    compareBytes(keyBytes(a.key), keyBytes(b.key)) ||
    Math.sign(a.first === b.first ? 0 : a.first < b.first ? -1 : 1) ||
    a.second - b.second;

  it.each([
    "",
    "x",
    "e30",
    "WzEuNV0",
    "Wy0xXQ",
    "WyIxIl0",
    "WzAsImEiXQ",
    "WzAsMSwiMCIsIjAiLDFd",
    "WzAsImEiLCJ4IiwiMCIsMV0",
    "WzAsImEiLCIwIiwiMCIsLTFd",
  ])("do not go on from '%s'", (text) => {
    expect(() => readCursor(text)).toThrow("Parameter 'cursor' is none");
  });
});

interface Standing {
  readonly key: number;
  readonly first: number;
  readonly second: number;
}
