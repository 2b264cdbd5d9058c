import { expect, it } from "@jest/globals";
import { minutes, seconds } from "../../core/duration.ts";
import type { App } from "../../core/runtime/app.ts";
import { integer } from "../../core/serde/numbers.ts";
import { text } from "../../core/serde/text.ts";
import { keyValueStore } from "../../core/state/stores/key_value_store.ts";
import { onUpdate } from "../../core/window/revision.ts";
import { tumbling } from "../../core/window/tumbling.ts";
import { run } from "../../node/run.ts";
import { topic } from "../../topology/topic.ts";
import { topology } from "../../topology/topology.ts";
import { describeKafka } from "./support/describe_kafka.ts";
import { suite, unique } from "./support/kafka_suite.ts";

const token = "a token that nobody guesses, of 40 letters".replaceAll(" ", "-");
const headers = { authorization: `Bearer ${token}` };
const keys = Array.from({ length: 30 }, (_, n) => `k${n}`);

/** Asks again until the answer is as wanted; what is not there yet is a 503 or an answer that is not complete. */
const until = async (url: string, wanted: (body: any) => boolean): Promise<any> => {
  for (;;) {
    const response = await fetch(url, { headers });
    const body: any = await response.json();
    if (response.status === 200 && wanted(body)) return body;
    if (response.status !== 200) expect([url, response.status, body]).toEqual([url, 503, expect.anything()]);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
};
const endpointOf = async (app: App): Promise<string> => {
  for (;;) {
    const own = app.instances().find(({ local }) => local);
    if (own !== undefined) return own.endpoint;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
};

describeKafka("questions over HTTP on a broker", () => {
  it("are answered by every instance with what the group keeps, also when one has gone and its tasks have moved", async () => {
    const words = topic(unique("words"), { key: text, value: text, partitions: 4, create: true });
    const lengths = keyValueStore("lengths", { key: text, value: integer });
    const program = topology(unique("asked"), ({ from }) => {
      const stream = from(words).keyBy();
      stream.count("counts");
      stream.window(tumbling({ size: seconds(10) }), { emit: onUpdate(), lateness: minutes(5) }).count("per-ten-seconds");
      stream.process("measure", {
        state: { lengths },
        onRecord: (word, { key, state }) => {
          state.lengths.put(key, word.length);
          return [];
        },
      });
    });
    const options = { brokers: suite.brokers, signals: false, standbys: 1, http: { port: 0, token } };
    const fed = [0, 1000, 12_000].flatMap((timestamp) => keys.map((key) => ({ topic: words, key, value: `word of ${key}`, timestamp })));
    const apps = [await run(program, { ...options, feed: (written) => fed.slice(written) }), await run(program, options)] as const;
    const endpoints = [await endpointOf(apps[0]), await endpointOf(apps[1])] as const;
    const asks = (endpoint: string, path: string): string => `http://${endpoint}/v1/stores/${path}`;
    for (const endpoint of endpoints) {
      const isComplete = ({ entries }: any): boolean => entries.length === keys.length && entries.every(({ value }: any) => value === 3);
      await until(asks(endpoint, "counts/all?scope=all"), isComplete);
      // Both have some of it, and only together all.
      await until(asks(endpoint, "counts/all"), ({ entries }) => entries.length > 0 && entries.length < keys.length);
      for (const key of keys) {
        const have = async (path: string): Promise<any> => until(asks(endpoint, path), () => true);
        expect(await have(`counts/get?key=${key}`)).toEqual({ key, found: true, value: 3, timestamp: 12_000 });
        expect(await have(`lengths/get?key=${key}`)).toMatchObject({ value: 8 + key.length });
        expect((await have(`per-ten-seconds/fetch?key=${key}`)).entries.map(({ value }: any) => value)).toEqual([2, 1]);
        expect(await have(`counts/get?key=${key}&route=none&maxLag=1000`)).toMatchObject({ value: 3 });
      }
    }
    expect((await fetch(asks(endpoints[0], "counts"))).status).toBe(401);
    await apps[1].close();
    await until(asks(endpoints[0], "counts/all"), ({ entries }) => entries.length === keys.length);
    await expect(fetch(asks(endpoints[1], "counts"))).rejects.toThrow("fetch failed");
    await apps[0].close();
  });
});
