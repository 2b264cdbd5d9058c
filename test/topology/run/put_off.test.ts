import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { minutes, seconds } from "../../../core/duration.ts";
import { deadLetter, fail, type Policy, skip } from "../../../core/error_policy.ts";
import { noHeaders } from "../../../core/ports/log.ts";
import type { App } from "../../../core/runtime/app.ts";
import { replayedHeader } from "../../../core/runtime/put_off.ts";
import { text } from "../../../core/serde/text.ts";
import { valueState } from "../../../core/state/descriptors.ts";
import { topic } from "../../../topology/topic.ts";
import { topology } from "../../../topology/topology.ts";
import { Cluster } from "../../support/cluster.ts";

const words = topic("words", { key: text, value: text });
const out = topic("out", { key: text, value: text });
const dead = topic("dead", { key: text, value: text });

const world = async (partitions = 1, seed = 1) => {
  const cluster = new Cluster({ seed });
  for (const name of ["words", "out", "dead"]) await cluster.create(name, partitions);
  const values = async (from = out) => (await cluster.read(from)).map(({ value }) => value);
  return { cluster, values };
};

const counted = (app: App, name: string): number =>
  [...app.metrics()].filter((metric) => metric.name === name).reduce((sum, { value }) => sum + value, 0);

/** Counts per key; fails while `isBroken` says so. */
const counting = (onError: Policy, isBroken: (word: string) => boolean) =>
  topology("app", ({ from }) => {
    from(words)
      .keyBy()
      .process("count", {
        state: { n: valueState({ initial: 0 }) },
        onRecord(word, { state, key }) {
          state.n.set(state.n.get() + 1);
          if (isBroken(word)) throw new Error(`no ${word}`);
          return [`${key} ${word} ${state.n.get()}`];
        },
      })
      .with({ onError })
      .to(out);
  });

describe("a record that is put off", () => {
  it("lets others go on, and is tried again at its moments, with nothing left of the tries before", async () => {
    const { cluster, values } = await world();
    let broken = true;
    const app = await cluster.start(
      counting(deadLetter("dead", { retryAfter: [seconds(10), minutes(1)] }), (word) => broken && word === "second"),
    );
    await cluster.produce(
      words,
      ["first", "second", "third"].map((value) => ({ key: "k", value })),
    );
    await cluster.clock.advance(2000);
    expect(await values()).toEqual(["k first 1", "k third 2"]);
    expect([counted(app, "put_off_records"), counted(app, "waiting_records")]).toEqual([1, 1]);
    await cluster.clock.advance(10_000);
    expect([counted(app, "put_off_records"), counted(app, "waiting_records")]).toEqual([2, 1]);
    broken = false;
    await cluster.clock.advance(57_000);
    expect(await values()).toHaveLength(2);
    await cluster.clock.advance(5000);
    expect(await values()).toEqual(["k first 1", "k third 2", "k second 3"]);
    expect([counted(app, "waiting_records"), counted(app, "dead_letter_records")]).toEqual([0, 0]);
    await cluster.close();
    expect(cluster.clock.nextDueMs).toBeUndefined();
  });

  it("ends in the dead-letter topic after its last try, as it came, with its own place and time", async () => {
    const { cluster, values } = await world();
    const app = await cluster.start(counting(deadLetter("dead", { retryAfter: [seconds(1), seconds(2)] }), (word) => word === "bad"));
    const at = cluster.clock.now() - 5000;
    await cluster.produce(words, [
      { key: "k", value: "good", timestamp: at },
      { key: "k", value: "bad", timestamp: at + 1 },
    ]);
    await cluster.clock.advance(2500);
    expect(await values(dead)).toEqual([]);
    await cluster.clock.advance(3000);
    expect((await cluster.read(dead)).map(({ key, value, timestamp }) => [key, value, timestamp - at])).toEqual([["k", "bad", 1]]);
    const fetcher = cluster.log.fetcher({ isolation: "read-committed" });
    const [fetched] = await cluster.drive(fetcher.poll([{ topic: "dead", partition: 0, offset: 0 }], 0));
    fetched!.records.next();
    const headers = Object.fromEntries(fetched!.records.headers().map(([name, value]) => [name, new TextDecoder().decode(value!)]));
    await fetcher.close();
    expect(headers).toEqual({
      "millrace.error.class": "StepError",
      "millrace.error.code": "STEP_FAILED",
      "millrace.error.message": "Step 'count' threw: no bad",
      "millrace.error.step": "count",
      "millrace.error.topic": "words",
      "millrace.error.partition": "0",
      "millrace.error.offset": "1",
    });
    expect([counted(app, "put_off_records"), counted(app, "dead_letter_records")]).toEqual([2, 1]);
    await cluster.close();
  });

  it("is told from what somebody else has written into its topic", async () => {
    for (const about of [undefined, "{", '{"topic":1}', '{"topic":"words","partition":0,"offset":-0.5}']) {
      const { cluster } = await world();
      const app = await cluster.start(counting(deadLetter("dead", { retryAfter: [seconds(10)] }), () => false));
      const outbox = cluster.log.outbox();
      const headers = about === undefined ? noHeaders : [["millrace.retry", new TextEncoder().encode(about)] as const];
      outbox.append("app-from-words-retry-1", 0, null, Uint8Array.of(1), cluster.clock.now(), headers);
      const producer = await cluster.drive(cluster.log.producer({ transactionalId: null, transactionTimeoutMs: 60_000 }));
      await cluster.drive(producer.send(outbox));
      await producer.close();
      await expect(cluster.drive(app.finished)).rejects.toMatchObject({
        name: "FatalError",
        message: expect.stringMatching(/^A record in a retry topic does not say where it came from/),
      });
    }
  });

  it("waits no longer than it has to although the clock that it was put off by ran ahead", async () => {
    const { cluster, values } = await world();
    let broken = true;
    await cluster.start(counting(deadLetter("dead", { retryAfter: [seconds(10)] }), () => broken));
    cluster.clock.jump(3_600_000);
    await cluster.produce(
      words,
      ["a", "b", "c"].map((value) => ({ key: "k", value, timestamp: cluster.clock.now() - 3_600_000 })),
    );
    await cluster.clock.advance(1000);
    cluster.clock.jump(-3_600_000);
    broken = false;
    await cluster.clock.advance(7000);
    expect(await values()).toEqual([]);
    await cluster.clock.advance(5000);
    expect(await values()).toEqual(["k a 1", "k b 2", "k c 3"]);
    await cluster.close();
  });

  it("is shown to the program as it came in", async () => {
    const { cluster, values } = await world();
    let broken = true;
    await cluster.start(
      topology("app", ({ from }) => {
        from(words)
          .map((word, record) => {
            if (broken) throw new Error("no");
            return `${word} ${record.topic}/${record.partition}@${record.offset} ${record.timestamp % 1000} ${[...record.headers].length}`;
          })
          .with({ onError: deadLetter("dead", { retryAfter: [seconds(1)] }) })
          .to(out);
      }),
    );
    await cluster.produce(words, [{ key: "k", value: "a", timestamp: Math.floor(cluster.clock.now() / 1000) * 1000 + 7 }]);
    await cluster.clock.advance(500);
    broken = false;
    await cluster.clock.advance(3000);
    expect(await values()).toEqual(["a words/0@0 7 0"]);
    await cluster.close();
  });

  it("is neither lost nor handled twice when instances are killed while it waits", async () => {
    const { cluster, values } = await world(2);
    let broken = true;
    const policy = deadLetter("dead", { retryAfter: [seconds(30)] });
    const app = await cluster.start(counting(policy, (word) => broken && word.startsWith("b")));
    const all = Array.from({ length: 40 }, (_, n) => ({ key: `k${n % 5}`, value: `${n % 3 === 0 ? "b" : "a"}${n}` }));
    await cluster.produce(words, all);
    await cluster.clock.advance(3000);
    app.kill();
    broken = false;
    const second = await cluster.start(counting(policy, () => false));
    await cluster.clock.advance(20_000);
    second.kill();
    await cluster.start(counting(policy, () => false));
    await cluster.clock.advance(120_000);
    const seen = (await values()).map((line) => line!.split(" ")[1]!);
    expect([...seen].sort()).toEqual(all.map(({ value }) => value).sort());
    await cluster.close();
  });

  it("holds the end of a bounded run back, and the end of time with it", async () => {
    const { cluster, values } = await world();
    await cluster.produce(
      words,
      ["a", "bad", "b"].map((value) => ({ key: "k", value })),
    );
    let tries = 0;
    const app = await cluster.start(
      counting(deadLetter("dead", { retryAfter: [seconds(10), seconds(10), seconds(10)] }), (word) => word === "bad" && ++tries < 3),
      { mode: "batch" },
    );
    await cluster.drive(app.finished);
    expect(await values()).toEqual(["k a 1", "k b 2", "k bad 3"]);
  });

  it("is for policies that are there before the start: a function cannot name such topics", async () => {
    const { cluster } = await world();
    const app = await cluster.start(
      topology("app", ({ from }) => {
        from(words)
          .map((): string => {
            throw new Error("bad");
          })
          .with({ name: "picky", onError: () => deadLetter("dead", { retryAfter: [seconds(1)] }) })
          .to(out);
      }),
    );
    await cluster.produce(words, [{ key: "k", value: "a" }]);
    await expect(cluster.drive(app.finished)).rejects.toMatchObject({
      name: "TopologyError",
      code: "OPTION_INVALID",
      message:
        "The function that is the error policy of step 'picky' gave deadLetter(\"dead\") with retryAfter, whose topics have to be there before the start: make that policy the step's own, and no function, for the error: Step 'picky' threw: bad",
    });
  });

  it("has its topics in the description of the program, and they are no reason for a step's state to have changed", async () => {
    const { cluster, values } = await world();
    await cluster.produce(words, [{ key: "k", value: "a" }]);
    const first = await cluster.start(counting(fail(), () => false));
    await cluster.clock.advance(2000);
    await cluster.drive(first.close());
    const patient = counting(deadLetter("dead", { retryAfter: [seconds(1)] }), () => false);
    expect(patient.describe()).toContain("from-words-retry-1");
    expect(patient.describe("mermaid")).toContain("from-words-retry-1");
    await cluster.produce(words, [{ key: "k", value: "b" }]);
    const second = await cluster.start(patient);
    await cluster.clock.advance(2000);
    await cluster.drive(second.close());
    expect(await values()).toEqual(["k a 1", "k b 2"]);
    // What waits there would be lost without a word.
    await expect(cluster.start(counting(fail(), () => false))).rejects.toMatchObject({ code: "TOPOLOGY_CHANGED" });
  });
});

/** Writes records back as `millrace dlq replay` does. */
const replay = async (cluster: Cluster, name: string, records: readonly { readonly key: string; readonly value: string }[]) => {
  const outbox = cluster.log.outbox();
  const header = [replayedHeader, new TextEncoder().encode(name)] as const;
  for (const { key, value } of records)
    outbox.append("words", 0, text.serialize(key, ""), text.serialize(value, ""), cluster.clock.now(), [...noHeaders, header]);
  const producer = await cluster.drive(cluster.log.producer({ transactionalId: null, transactionTimeoutMs: 60_000 }));
  await cluster.drive(producer.send(outbox));
  await producer.close();
};

describe("a key that is parked", () => {
  it("keeps its order while its records are put off, and other keys go on", async () => {
    const { cluster, values } = await world();
    let broken = true;
    const app = await cluster.start(
      counting(deadLetter("dead", { retryAfter: [seconds(10), seconds(20)], parkKey: true }), (word) => broken && word === "a2"),
    );
    await cluster.produce(
      words,
      ["a1", "a2", "b1", "a3", "b2", "a4"].map((value) => ({ key: value[0]!, value })),
    );
    await cluster.clock.advance(3000);
    expect(await values()).toEqual(["a a1 1", "b b1 1", "b b2 2"]);
    expect(["waiting_records", "parked_keys", "parked_records"].map((name) => counted(app, name))).toEqual([3, 1, 2]);
    await cluster.clock.advance(10_000);
    await cluster.produce(words, [{ key: "a", value: "a5" }]);
    broken = false;
    await cluster.clock.advance(15_000);
    expect(await values()).toHaveLength(3);
    await cluster.clock.advance(10_000);
    expect((await values()).slice(3)).toEqual(["a a2 2", "a a3 3", "a a4 4", "a a5 5"]);
    expect(["waiting_records", "parked_keys", "dead_letter_records"].map((name) => counted(app, name))).toEqual([0, 0, 0]);
    await cluster.produce(words, [{ key: "a", value: "a6" }]);
    await cluster.clock.advance(1000);
    expect((await values()).at(-1)).toBe("a a6 6");
    await cluster.close();
  });

  it("goes to the dead-letter topic as a whole, in order, and is free when all of it was replayed and handled", async () => {
    const { cluster, values } = await world();
    let broken = true;
    const policy = deadLetter("dead", { retryAfter: [seconds(1)], parkKey: true });
    const first = await cluster.start(counting(policy, (word) => broken && word === "a1"));
    await cluster.produce(
      words,
      ["a1", "a2", "b1", "a3"].map((value) => ({ key: value[0]!, value })),
    );
    await cluster.clock.advance(5000);
    await cluster.produce(words, [{ key: "a", value: "a4" }]);
    await cluster.clock.advance(5000);
    expect(await values()).toEqual(["b b1 1"]);
    expect(await values(dead)).toEqual(["a1", "a2", "a3", "a4"]);
    expect([counted(first, "waiting_records"), counted(first, "parked_keys")]).toEqual([0, 1]);
    // Parked is state: another instance knows of it.
    await cluster.drive(first.close());
    broken = false;
    const second = await cluster.start(counting(policy, () => broken));
    await cluster.produce(words, [{ key: "a", value: "a5" }]);
    await cluster.clock.advance(3000);
    expect((await values(dead)).at(-1)).toBe("a5");
    await replay(
      cluster,
      "r1",
      ["a1", "a2", "a3", "a4", "a5"].map((value) => ({ key: "a", value })),
    );
    await cluster.produce(words, [{ key: "a", value: "a6" }]);
    await cluster.clock.advance(3000);
    expect((await values()).slice(1)).toEqual(["a a1 1", "a a2 2", "a a3 3", "a a4 4", "a a5 5", "a a6 6"]);
    expect(counted(second, "parked_keys")).toBe(0);
    await cluster.close();
  });

  it("stays parked when a replayed record fails again, and those behind it in the replay are not tried", async () => {
    const { cluster, values } = await world();
    let broken = "a1";
    const policy = deadLetter("dead", { parkKey: true });
    const app = await cluster.start(counting(policy, (word) => word === broken));
    await cluster.produce(
      words,
      ["a1", "a2"].map((value) => ({ key: "a", value })),
    );
    await cluster.clock.advance(3000);
    await replay(
      cluster,
      "r1",
      ["a1", "a2"].map((value) => ({ key: "a", value })),
    );
    await cluster.clock.advance(3000);
    expect(await values()).toEqual([]);
    expect(await values(dead)).toEqual(["a1", "a2", "a1", "a2"]);
    broken = "";
    await replay(
      cluster,
      "r2",
      ["a1", "a2"].map((value) => ({ key: "a", value })),
    );
    await cluster.clock.advance(3000);
    expect(await values()).toEqual(["a a1 1", "a a2 2"]);
    expect(counted(app, "parked_keys")).toBe(0);
    await cluster.close();
  });

  it("is refused together with payload: false, as nothing could bring it back", () => {
    expect(() => deadLetter("dead", { payload: false, parkKey: true })).toThrow(
      'deadLetter("dead") has parkKey and payload: false, so what is parked could never come back: leave one of them out',
    );
  });

  it("keeps every record exactly once and in the order of its key, whatever fails when and whoever is killed", async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 1_000_000 }), async (seed) => {
        const { cluster, values } = await world(2, seed);
        let state = seed;
        const chance = () => {
          state = (state * 1103515245 + 12345) % 2147483648;
          return state / 2147483648;
        };
        const policy = deadLetter("dead", { retryAfter: [seconds(2), seconds(5), seconds(2)], parkKey: true });
        // Some records fail now and then, some always.
        const program = () => counting(policy, (word) => word.startsWith("x") || (word.startsWith("s") && chance() < 0.6));
        let app = await cluster.start(program());
        const sent: { readonly key: string; readonly value: string }[] = [];
        for (let round = 0; round < 6; round++) {
          const batch = Array.from({ length: 8 }, () => {
            const luck = chance();
            const kind = luck < 0.04 ? "x" : luck < 0.3 ? "s" : "g";
            const record = { key: `k${Math.floor(chance() * 4)}`, value: `${kind}${sent.length}` };
            sent.push(record);
            return record;
          });
          await cluster.produce(words, batch);
          await cluster.clock.advance(Math.floor(chance() * 4000));
          if (chance() < 0.5) {
            app.kill();
            app = await cluster.start(program());
          }
        }
        await cluster.clock.advance(180_000);
        const handled = (await values()).map((line) => line!.split(" ")[1]!);
        const buried = (await values(dead)).map((value) => value!);
        expect([...handled, ...buried].sort()).toEqual(sent.map(({ value }) => value).sort());
        for (const key of ["k0", "k1", "k2", "k3"]) {
          const order = sent.filter((record) => record.key === key).map(({ value }) => value);
          const mine = (list: readonly string[]) => list.filter((value) => order.includes(value));
          // What was handled comes before what is dead: behind the first dead one nothing is tried.
          expect([...mine(handled), ...mine(buried)]).toEqual(order);
        }
        expect(counted(app, "waiting_records")).toBe(0);
        await cluster.close();
      }),
      { numRuns: 15 },
    );
  }, 120_000);
});

describe("a record that stops instance after instance", () => {
  const always = (onError: Policy) => counting(onError, (word) => word === "bad");

  it("holds its own task after so many times, and the others go on", async () => {
    const { cluster, values } = await world(2);
    const [a, b] = ["a", "b"].map((key) => ({ key, partition: key === "a" ? 0 : 1 }));
    await cluster.produce(words, [
      { ...a!, value: "good" },
      { ...a!, value: "bad" },
      { ...a!, value: "behind" },
    ]);
    const program = topology("app", ({ from }) => {
      from(words)
        .process("count", {
          onRecord(word, { key }) {
            if (word === "bad") throw new Error("no bad");
            return [`${key} ${word}`];
          },
        })
        .with({ onError: fail({ attempts: 3 }) })
        .to(out);
    });
    for (let start = 0; start < 3; start++) {
      const app = await cluster.start(program);
      await expect(cluster.drive(app.finished)).rejects.toMatchObject({ name: "StepError", offset: 1 });
    }
    const app = await cluster.start(program);
    await cluster.clock.advance(3000);
    expect(app.state).toBe("running");
    expect(counted(app, "stopped_tasks")).toBe(1);
    await cluster.produce(words, [{ ...b!, value: "elsewhere" }]);
    await cluster.clock.advance(3000);
    expect([...(await values())].sort()).toEqual(["a good", "b elsewhere"]);
    expect(
      cluster.warnings.some((line) =>
        line.startsWith("Task 0_0 stands still, with all that is behind this record, which has stopped instances 3 times"),
      ),
    ).toBe(true);
    await cluster.drive(app.close());
    // Mended, it goes on where it stood.
    const mended = topology("app", ({ from }) => {
      from(words)
        .process("count", { onRecord: (word, { key }) => [`${key} ${word}`] })
        .to(out);
    });
    await cluster.start(mended);
    await cluster.clock.advance(3000);
    expect([...(await values())].sort()).toEqual(["a bad", "a behind", "a good", "b elsewhere"]);
    await cluster.close();
  });

  it("goes where the policy says then, and its neighbours are not touched", async () => {
    const { cluster, values } = await world();
    const program = always(fail({ attempts: 2, then: deadLetter("dead") }));
    await cluster.produce(
      words,
      ["a", "bad", "b"].map((value) => ({ key: "k", value })),
    );
    const app = await cluster.start(program, { onUncaught: "replace-worker" });
    await cluster.clock.advance(30_000);
    expect(app.state).toBe("running");
    expect(await values()).toEqual(["k a 1", "k b 2"]);
    expect(await values(dead)).toEqual(["bad"]);
    await cluster.close();
  });

  it("is not counted with others before it, nor when it was handled after all", async () => {
    const { cluster, values } = await world();
    let broken: string | undefined = "b";
    const start = () => cluster.start(counting(fail({ attempts: 2, then: skip() }), (word) => word === broken));
    await cluster.produce(
      words,
      ["a", "b", "c", "d"].map((value) => ({ key: "k", value })),
    );
    for (const next of ["c", "d", "b"]) {
      await expect(cluster.drive((await start()).finished)).rejects.toMatchObject({ name: "StepError" });
      broken = next;
    }
    broken = undefined;
    await start();
    await cluster.clock.advance(3000);
    expect(await values()).toEqual(["k a 1", "k b 2", "k c 3", "k d 4"]);
    await cluster.close();
  });

  it("ends a bounded run each time: it could not come to its end", async () => {
    const { cluster } = await world();
    await cluster.produce(words, [{ key: "k", value: "bad" }]);
    for (let start = 0; start < 3; start++) {
      const app = await cluster.start(always(fail({ attempts: 1 })), { mode: "batch" });
      await expect(cluster.drive(app.finished)).rejects.toMatchObject({ name: "StepError" });
    }
  });
});
