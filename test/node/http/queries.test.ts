import { afterEach, describe, expect, it } from "@jest/globals";
import { hours, millis, minutes, seconds } from "../../../core/duration.ts";
import { json } from "../../../core/serde/json.ts";
import { int64, integer } from "../../../core/serde/numbers.ts";
import { selfDescribing } from "../../../core/serde/self_describing.ts";
import { text } from "../../../core/serde/text.ts";
import { keyValueStore } from "../../../core/state/stores/key_value_store.ts";
import { windowStore } from "../../../core/state/stores/window_store.ts";
import { onUpdate } from "../../../core/window/revision.ts";
import { session } from "../../../core/window/session.ts";
import { tumbling } from "../../../core/window/tumbling.ts";
import { topic } from "../../../topology/topic.ts";
import { topology } from "../../../topology/topology.ts";
import { type Answer, ask, Served } from "./served.ts";

const words = topic("words", { key: text, value: text });
const rates = topic("rates", { key: text, value: json<number>() });
const prices = topic("prices", { key: text, value: integer });
const seen = keyValueStore("seen", { key: text, value: selfDescribing });
const all = windowStore("every", { key: text, value: integer, size: seconds(10), retention: hours(1), duplicates: true });

const program = topology("asked", ({ from, table, globalTable }) => {
  const stream = from(words).keyBy();
  stream.count("counts");
  stream.window(tumbling({ size: seconds(10) }), { emit: onUpdate(), lateness: minutes(5) }).count("per-ten-seconds");
  stream.window(session({ gap: seconds(5) }), { emit: onUpdate(), lateness: minutes(5) }).count("visits");
  stream
    .process("remember", {
      state: { seen, all },
      onRecord: (word, { key, state, timestamp }) => {
        state.seen.put(key, JSON.parse(`{"__proto__":{"polluted":true},"word":"${word}"}`));
        for (const n of [1, 2, 3]) state.all.put(key, n, Math.floor(timestamp! / 10_000) * 10_000);
        return [word.length];
      },
    })
    .join(
      "rate",
      globalTable(rates),
      () => "x",
      (length, rate) => length * rate,
    );
  table(prices, { history: hours(1), store: "prices" });
});
const keys = Array.from({ length: 20 }, (_, i) => `k${i}`);

const fed = async (cluster: Served): Promise<void> => {
  for (const name of ["words", "rates", "prices"]) await cluster.create(name, 4);
  await cluster.produce(rates, [{ key: "x", value: 10, timestamp: 0 }]);
  await cluster.produce(
    words,
    [0, 1000, 12_000].flatMap((timestamp) => keys.map((key) => ({ key, value: `word of ${key}`, timestamp }))),
  );
  await cluster.produce(
    prices,
    keys.flatMap((key) => [1, 2].map((value) => ({ key, value, timestamp: value * 1000 }))),
  );
};

let cluster: Served;
const two = async (options: Parameters<Served["serve"]>[1] = {}, http: Parameters<Served["serve"]>[2] = {}) => {
  cluster = new Served({ seed: 5 });
  await fed(cluster);
  const a = await cluster.serve(program, { instanceId: "a", ...options }, http);
  const b = await cluster.serve(program, { instanceId: "b", ...options }, http);
  await cluster.clock.advance(20_000);
  return [a, b] as const;
};
const bodyOf = ({ status, body, text }: Answer): any => {
  if (status !== 200) throw new Error(`Status ${status}: ${text}`);
  return body;
};
/** A key that the second instance has. */
const keyOfB = ([a]: Awaited<ReturnType<typeof two>>): string => keys.find((key) => !a.app.ownerOf("counts", key).local)!;
/** All of a list, as many entries at a time. */
const walked = async (port: number, path: string, limit: number): Promise<readonly any[]> => {
  const out: any[] = [];
  let next: string | undefined;
  do {
    const { entries, ...rest } = bodyOf(await ask(port, `${path}&limit=${limit}${next === undefined ? "" : `&cursor=${next}`}`));
    expect(entries.length).toBeLessThanOrEqual(limit);
    out.push(...entries);
    next = rest.next;
  } while (next !== undefined);
  return out;
};

describe("questions over HTTP", () => {
  afterEach(() => cluster.close());

  it("about a key have the same answer, whichever instance is asked", async () => {
    const instances = await two();
    expect(keys.some((key) => instances[0].app.ownerOf("counts", key).local)).toBe(true);
    for (const key of [keys[0]!, keyOfB(instances)])
      for (const { ask } of instances) {
        const get = async (path: string): Promise<any> => bodyOf(await ask(`/v1/stores/${path}`));
        expect(await get(`counts/get?key=${key}`)).toEqual({ key, found: true, value: 3, timestamp: 12_000 });
        expect(await get("counts/get?key=none")).toEqual({ key: "none", found: false });
        expect(await get(`per-ten-seconds/get?key=${key}&start=0`)).toEqual({ key, start: 0, found: true, value: 2, timestamp: 1000 });
        expect(await get(`per-ten-seconds/fetch?key=${key}`)).toEqual({
          entries: [
            { key, start: 0, value: 2 },
            { key, start: 10_000, value: 1 },
          ],
        });
        expect(await get(`per-ten-seconds/fetch?key=${key}&from=5000&to=10000`)).toEqual({ entries: [{ key, start: 10_000, value: 1 }] });
        expect(await get(`visits/find?key=${key}`)).toEqual({
          entries: [
            { key, start: 0, end: 6000, value: 2 },
            { key, start: 12_000, end: 17_000, value: 1 },
          ],
        });
        expect((await get(`visits/find?key=${key}&earliestEnd=7000`)).entries).toHaveLength(1);
        expect((await get(`visits/find?key=${key}&latestStart=7000`)).entries).toHaveLength(1);
        expect(await get(`visits/get?key=${key}&start=0&end=6000`)).toEqual({ key, start: 0, end: 6000, found: true, value: 2 });
        expect(await get(`prices/get?key=${key}`)).toEqual({ key, found: true, value: 2, timestamp: 2000 });
        expect(await get(`prices/get?key=${key}&asOf=1500`)).toEqual({
          key,
          asOf: 1500,
          found: true,
          value: 1,
          timestamp: 1000,
          validTo: 2000,
        });
        expect((await get(`prices/history?key=${key}`)).entries.map(({ value }: any) => value)).toEqual([1, 2]);
        expect((await get(`prices/history?key=${key}&to=1999`)).entries).toEqual([{ key, value: 1, timestamp: 1000, validTo: 2000 }]);
        expect(await get("rates/get?key=x")).toMatchObject({ found: true, value: 10 });
        expect(await get("rates/all")).toEqual({ entries: [{ key: "x", value: 10 }], partitions: [0] });
      }
  });

  it("about many keys are answered with what is here, or with what all have, in pieces that leave nothing out", async () => {
    const [a, b] = await two();
    const ports = [a.server.port, b.server.port] as const;
    for (const [path, count] of [
      ["counts/all?", 20],
      ["counts/range?keyFrom=k1", 20 - 1],
      ["counts/prefix?prefix=k1", 11],
      ["per-ten-seconds/all?", 40],
      ["per-ten-seconds/fetch?keyFrom=k1&keyTo=k19&from=0&to=9999", 11],
      ["visits/all?", 40],
      ["visits/find?keyTo=k19&latestStart=0", 12],
      ["prices/all?", 20],
      ["every/all?", 20 * 9],
      ["seen/all?", 20],
    ] as const) {
      const whole = await walked(ports[0], `/v1/stores/${path}&scope=all`, 1000);
      expect([path, whole.length]).toEqual([path, count]);
      for (const port of ports)
        for (const limit of [1, 7]) expect(await walked(port, `/v1/stores/${path}&scope=all`, limit)).toEqual(whole);
      const parts = [await walked(ports[0], `/v1/stores/${path}`, 3), await walked(ports[1], `/v1/stores/${path}`, 3)];
      const texts = (entries: readonly any[]): readonly string[] => entries.map((entry) => JSON.stringify(entry)).sort();
      expect(parts.every(({ length }) => length > 0)).toBe(true);
      expect(texts(parts.flat())).toEqual(texts(whole));
      const byPartition = await Promise.all(
        [0, 1, 2, 3].map((partition) => walked(ports[1], `/v1/stores/${path}&partition=${partition}`, 5)),
      );
      expect(byPartition.flat()).toEqual(whole);
    }
  });

  it("are cut where an answer would be too long, and go on behind that", async () => {
    const [a] = await two({}, { answerCharsMax: 200 });
    for (const path of ["counts/all?", "every/all?", "seen/all?"]) {
      const whole = await walked(a.server.port, `/v1/stores/${path}&scope=all`, 1000);
      expect(whole.length).toBe(path.startsWith("every") ? 180 : 20);
      const { text, body } = await a.ask(`/v1/stores/${path}&scope=all`);
      expect(JSON.stringify(body.entries).length).toBeLessThan(300);
      expect(text).toContain('"next"');
    }
  });

  it("walk through no more entries than allowed, and still find those of a key", async () => {
    const [a, b] = await two({}, { walkMax: 3 });
    for (const { ask } of [a, b]) {
      // What has one value per key begins where it is asked for, and goes on in another answer.
      for (const path of ["counts/all?scope=all", "seen/range?keyFrom=a&scope=all"]) {
        const { body } = await ask(`/v1/stores/${path}`);
        expect([body.entries.length, typeof body.next]).toEqual([3, "string"]);
        expect((await walked(a.server.port, `/v1/stores/${path}`, 100)).length).toBe(20);
      }
      for (const path of ["counts/all?scope=all&read=latest", "per-ten-seconds/fetch?partition=1"]) {
        const { status, body } = await ask(`/v1/stores/${path}`);
        expect([path, status, body.error.code]).toEqual([path, 500, "LIMIT_EXCEEDED"]);
        expect(body.error.message).toContain("a list walks through at most 3: ask for single keys, or raise the option 'http.walkMax'");
      }
      for (const path of ["counts/get?key=k1", "per-ten-seconds/fetch?key=k1", "visits/find?key=k1", "every/fetch?key=k1"])
        expect([path, (await ask(`/v1/stores/${path}`)).status]).toEqual([path, 200]);
      expect(bodyOf(await ask("/v1/stores/every/fetch?key=k1")).entries).toHaveLength(9);
    }
  });

  it("refuse an entry that no answer has room for", async () => {
    const [a, b] = await two({}, { answerCharsMax: 20 });
    for (const { ask } of [a, b])
      for (const path of ["seen/all?scope=all", "seen/get?key=k1"])
        expect(await ask(`/v1/stores/${path}`)).toMatchObject({ status: 500, body: { error: { code: "LIMIT_EXCEEDED" } } });
  });

  it("send the asker to the instance that has the key, or only say that it is elsewhere", async () => {
    const instances = await two();
    const [a, b] = instances;
    const key = keyOfB(instances);
    const path = `/v1/stores/counts/get?key=${key}&route=redirect`;
    const sent = await a.ask(path);
    expect([sent.status, sent.headers["location"]]).toEqual([307, `http://${b.server.endpoint}${path}`]);
    expect(await (await fetch(`http://${a.server.endpoint}${path}`)).json()).toMatchObject({ value: 3 });
    expect(await a.ask(`/v1/stores/counts/get?key=${key}&route=none`)).toMatchObject({
      status: 421,
      body: { error: { code: "KEY_ELSEWHERE" } },
    });
    expect(bodyOf(await a.ask(`/v1/stores/counts/owner?key=${key}`))).toMatchObject({
      instance: "b",
      endpoint: b.server.endpoint,
      local: false,
    });
    expect(await a.ask("/v1/stores/counts/all?scope=all&route=redirect")).toMatchObject({ status: 400 });
  });

  it("go no further than one other instance", async () => {
    const instances = await two();
    const [a] = instances;
    const answer = await ask(a.server.port, `/v1/stores/counts/get?key=${keyOfB(instances)}`, { "millrace-hop": "1000" });
    expect([answer.status, answer.body.error.code]).toEqual([421, "KEY_ELSEWHERE"]);
  });

  it("tell what there is, who has it, and how far it is", async () => {
    const [a, b] = await two();
    expect(
      bodyOf(await a.ask("/v1/stores"))
        .stores.map(({ name }: any) => name)
        .sort(),
    ).toEqual(["counts", "every", "per-ten-seconds", "prices", "rates", "seen", "visits"]);
    expect(bodyOf(await a.ask("/v1/stores/visits"))).toEqual({
      name: "visits",
      kind: "session",
      partitions: 4,
      questions: ["get", "find", "all", "owner", "positions"],
    });
    const { instances } = bodyOf(await b.ask("/v1/instances"));
    expect(instances.map(({ instance, local, endpoint }: any) => [instance, local, endpoint])).toEqual([
      ["a", false, a.server.endpoint],
      ["b", true, b.server.endpoint],
    ]);
    expect(instances.flatMap(({ stores }: any) => stores.counts).sort()).toEqual([0, 1, 2, 3]);
    const { positions } = bodyOf(await a.ask("/v1/stores/counts/positions"));
    expect(positions).toEqual(Object.fromEntries(a.app.positions("counts")));
    const [[id, offset]] = Object.entries(positions) as [[string, number]];
    const key = keys.find((key) => id === `words/${a.app.ownerOf("counts", key).partition}`)!;
    expect((await b.ask(`/v1/stores/counts/get?key=${key}&atLeast=${id}:${offset}`)).status).toBe(200);
    for (const { ask } of [a, b]) {
      const early = await ask(`/v1/stores/counts/get?key=${key}&atLeast=${id}:${offset + 1}`);
      expect([early.status, early.headers["retry-after"], early.body.error.code]).toEqual([503, "1", "STORE_NOT_READY"]);
    }
  });

  it("see what is committed, or also what is not yet", async () => {
    cluster = new Served({ seed: 6 });
    await fed(cluster);
    const slow = { commit: { interval: millis(30_000) }, transactionTimeout: minutes(3) };
    const counting = topology("counting", ({ from }) => {
      from(words).keyBy().count("counts");
    });
    const { ask } = await cluster.serve(counting, slow);
    await cluster.clock.advance(20_000);
    expect(bodyOf(await ask("/v1/stores/counts/get?key=k1"))).toEqual({ key: "k1", found: false });
    expect(bodyOf(await ask("/v1/stores/counts/get?key=k1&read=latest"))).toMatchObject({ value: 3 });
  });

  it("are answered by a standby when the owner is gone, and only where that is enough", async () => {
    const group = { sessionTimeout: seconds(30) };
    const instances = await two({ standbys: 1, group });
    const [a, b] = instances;
    await cluster.clock.advance(60_000);
    const key = keyOfB(instances);
    await b.server.close();
    b.app.kill();
    const plain = await a.ask(`/v1/stores/counts/get?key=${key}`);
    expect([plain.status, plain.headers["retry-after"], plain.body.error.code]).toEqual([503, "1", "PEER_UNREACHABLE"]);
    expect(bodyOf(await a.ask(`/v1/stores/counts/get?key=${key}&maxLag=100`))).toMatchObject({ value: 3 });
    expect((await a.ask("/v1/stores/counts/all?scope=all")).status).toBe(503);
    expect(bodyOf(await a.ask("/v1/stores/counts/all?scope=all&maxLag=100")).entries).toHaveLength(20);
    await cluster.clock.advance(60_000);
    expect(bodyOf(await a.ask(`/v1/stores/counts/get?key=${key}`))).toMatchObject({ value: 3 });
  });

  it("find a standby at a third instance", async () => {
    const [a, b] = await two({ standbys: 2 });
    const c = await cluster.serve(program, { instanceId: "c", standbys: 2 });
    await cluster.clock.advance(60_000);
    const key = keys.find((key) => b.app.ownerOf("counts", key).local)!;
    await b.server.close();
    b.app.kill();
    for (const { ask } of [a, c]) expect(bodyOf(await ask(`/v1/stores/counts/get?key=${key}&maxLag=100`))).toMatchObject({ value: 3 });
  });

  it("wait for an app that starts, and for owners who say where they are", async () => {
    const [a] = await two();
    const nowhere = await cluster.serve(program, { instanceId: "c", endpoint: a.server.endpoint });
    await cluster.clock.advance(60_000);
    const key = keys.find((key) => nowhere.app.ownerOf("counts", key).local)!;
    const lost = await a.ask(`/v1/stores/counts/get?key=${key}`);
    expect([lost.status, lost.body.error.code]).toEqual([503, "OWNER_UNKNOWN"]);
    expect(lost.body.error.message).toContain("which is this one");
    await cluster.close();
    expect(await a.app.finished).toBe(undefined);
  });

  it("take keys that are no texts", async () => {
    cluster = new Served({ seed: 7 });
    const numbers = topic("numbers", { key: int64, value: text });
    const pairs = keyValueStore("pairs", { key: json<unknown>(), value: integer });
    await cluster.create("numbers", 1);
    await cluster.produce(numbers, [{ key: 5n, value: "a" }]);
    const counting = topology("counting", ({ from }) => {
      from(numbers).keyBy().count("counts");
      from(numbers)
        .keyBy()
        .process("pair", {
          state: { pairs },
          onRecord: (word, { key, state }) => {
            state.pairs.put([word, Number(key)], 7);
            return [];
          },
        });
    });
    const { ask } = await cluster.serve(counting);
    await cluster.clock.advance(5000);
    expect(bodyOf(await ask("/v1/stores/counts/get?key=5&keyType=bigint"))).toMatchObject({ key: "5", value: 1 });
    const pair = encodeURIComponent('["a",5]');
    expect(bodyOf(await ask(`/v1/stores/pairs/all`)).entries).toEqual([{ key: ["a", 5], value: 7 }]);
    expect(bodyOf(await ask(`/v1/stores/pairs/range?keyType=json&keyFrom=${pair}&keyTo=${pair}`)).entries).toHaveLength(1);
    expect(await ask("/v1/stores/counts/get?key=5")).toMatchObject({ status: 400, body: { error: { code: "BAD_REQUEST" } } });
  });

  it("find keys by what they begin with, however their ends are written", async () => {
    cluster = new Served({ seed: 8 });
    await cluster.create("words", 1);
    const quoted = keyValueStore("quoted", { key: json<string>(), value: integer });
    await cluster.produce(
      words,
      ["be", "bee", "bé", "to", "b"].map((value) => ({ key: null, value })),
    );
    const counting = topology("counting", ({ from }) => {
      const stream = from(words)
        .keyBy((word) => word)
        .repartition("again");
      stream.count("counts");
      stream.process("quote", {
        state: { quoted },
        onRecord: (word, { state }) => {
          state.quoted.put(word, 1);
          return [];
        },
      });
    });
    const { ask } = await cluster.serve(counting);
    await cluster.clock.advance(20_000);
    for (const store of ["counts", "quoted"])
      for (const [prefix, found] of [
        ["be", ["be", "bee"]],
        ["b", ["b", "be", "bee", "bé"]],
        ["", ["b", "be", "bee", "bé", "to"]],
        ["x", []],
      ] as const) {
        const { entries } = bodyOf(await ask(`/v1/stores/${store}/prefix?prefix=${prefix}`));
        expect([store, entries.map(({ key }: any) => key).sort()]).toEqual([store, [...found].sort()]);
      }
  });

  it("cannot change what objects inherit, and show what is stored as it is", async () => {
    const instances = await two();
    const [a] = instances;
    const { text: shown } = await a.ask(`/v1/stores/seen/get?key=${keyOfB(instances)}`);
    expect(shown).toContain('"value":{"__proto__":{"polluted":true},"word":');
    for (const path of [
      "__proto__/get?key=a",
      "constructor",
      "counts/__proto__?key=a",
      "counts/constructor",
      "counts/get?__proto__=1&key=k1",
      "counts/get?keyType=constructor&key=k1",
    ])
      expect([path, [400, 404].includes((await a.ask(`/v1/stores/${path}`)).status)]).toEqual([path, true]);
    for (const key of ["__proto__", "constructor", "toString"])
      expect(bodyOf(await a.ask(`/v1/stores/counts/get?key=${key}`))).toEqual({ key, found: false });
    const nested = encodeURIComponent('{"__proto__":{"polluted":1}}');
    expect((await a.ask(`/v1/stores/counts/get?keyType=json&key=${nested}`)).status).toBe(400);
    expect(({} as any).polluted).toBe(undefined);
  });

  it.each([
    ["/v1/stores/nothing/get?key=a", 404, "keeps nothing under the name 'nothing'"],
    ["/v1/stores/counts/fetch?key=a", 404, "cannot be asked for 'fetch', being of kind key-value: ask get, range, prefix, all"],
    ["/v2/stores", 404, "There is nothing here"],
    ["/v1/stores/counts/get/more", 404, "There is nothing here"],
    ["//v1/stores", 404, "There is nothing here"],
    ["http://elsewhere.example/v1/stores", 404, "There is nothing here"],
    ["/v1/stores/%ff", 400, "'%ff' is no percent-encoded UTF-8"],
    ["/v1/stores/counts/get", 400, "Parameter 'key' is missing"],
    ["/v1/stores/counts/get?key=%c3%28", 400, "is no percent-encoded UTF-8"],
    ["/v1/stores/counts/get?key=a&key=b", 400, "Parameter 'key' stands there twice"],
    ["/v1/stores/counts/get?key=a&raed=latest", 400, "There is no parameter 'raed' here: there are 'keyType', 'key'"],
    ["/v1/stores/counts/get?key=a&read=both", 400, "Parameter 'read' is 'both': choose committed or latest"],
    ["/v1/stores/counts/get?key=a&maxLag=-1", 400, "give a number that is not negative"],
    ["/v1/stores/counts/get?key=a&maxLag=1e3", 400, "give a whole number"],
    ["/v1/stores/counts/get?key=a&atLeast=words", 400, "give topic/partition:offset"],
    ["/v1/stores/counts/get?key=1&keyType=json", 400, "This cannot be a key of the store: Cannot write the number 1 as text"],
    ["/v1/stores/counts/get?key=a&keyType=json", 400, "is no JSON: a"],
    ["/v1/stores/counts/get?key=a&keyType=bigint", 400, "give a whole number"],
    ["/v1/stores/counts/get?key=*&keyType=base64", 400, "give base64"],
    ["/v1/stores/counts/all?limit=0", 400, "Parameter 'limit' is 0: give 1 to 10000"],
    ["/v1/stores/counts/all?limit=10001", 400, "Parameter 'limit' is 10001: give 1 to 10000"],
    ["/v1/stores/counts/all?cursor=abc", 400, "Parameter 'cursor' is none"],
    ["/v1/stores/counts/all?partition=4", 404, "Store 'counts' has no partition 4: it has 4"],
    ["/v1/stores/visits/get?key=a&start=1", 400, "Parameter 'end' is missing"],
  ])("%s is refused with %i and one line", async (path, status, words) => {
    cluster = new Served({ seed: 8 });
    await fed(cluster);
    const { ask } = await cluster.serve(program);
    await cluster.clock.advance(5000);
    const answer = await ask(path);
    expect([answer.status, answer.body.error.message]).toEqual([status, expect.stringContaining(words)]);
    expect(answer.body.error.message).not.toContain("\n");
  });

  it("are refused once the app has stopped", async () => {
    const [a] = await two();
    await cluster.drive(a.app.close());
    expect(await a.ask("/v1/stores/counts/get?key=k1")).toMatchObject({ status: 503, body: { error: { code: "STORE_NOT_READY" } } });
  });
});
