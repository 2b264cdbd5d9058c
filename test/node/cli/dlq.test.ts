import { describe, expect, it } from "@jest/globals";
import { seconds } from "../../../core/duration.ts";
import { deadLetter } from "../../../core/error_policy.ts";
import { noHeaders } from "../../../core/ports/log.ts";
import { text } from "../../../core/serde/text.ts";
import { valueState } from "../../../core/state/descriptors.ts";
import { type DlqOptions, onLog } from "../../../node/cli/dlq.ts";
import { millrace } from "../../../node/cli/millrace.ts";
import { topic } from "../../../topology/topic.ts";
import { topology } from "../../../topology/topology.ts";
import { Cluster } from "../../support/cluster.ts";

const words = topic("words", { key: text, value: text });
const out = topic("out", { key: text, value: text });
const dead = topic("dead", { key: text, value: text });

/** An application whose step fails for what `broken` names. */
class World {
  readonly cluster = new Cluster();
  broken: (word: string) => boolean = (word) => word.startsWith("bad");

  static async open(options: Parameters<typeof deadLetter>[1] = {}): Promise<World> {
    const world = new World();
    for (const name of ["words", "out", "dead", "elsewhere"]) await world.cluster.create(name, 2);
    await world.cluster.start(
      topology("app", ({ from }) => {
        from(words)
          .keyBy()
          .process("count", {
            state: { n: valueState({ initial: 0 }) },
            onRecord: (word, { state, headers }) => {
              if (world.broken(word)) throw new Error(`no\u001b[31m ${word}`);
              state.n.set(state.n.get() + 1);
              return [`${word} ${state.n.get()} ${[...headers].map(([name]) => name).join()}`];
            },
          })
          .with({ onError: deadLetter("dead", options) })
          .to(out);
      }),
    );
    return world;
  }

  async dlq(operands: readonly string[], given: DlqOptions = {}) {
    let output = "";
    let errors = "";
    const terminal = { out: (text: string) => void (output += text), err: (text: string) => void (errors += text), env: {} };
    const code = await this.cluster.drive(onLog(operands, given)(this.cluster.memory.connect(), terminal));
    return { code, output, errors };
  }

  async say(...all: readonly string[]): Promise<void> {
    await this.cluster.produce(
      words,
      all.map((value) => ({ key: value.at(-1)!, value, timestamp: 1_700_000_000_000 })),
    );
    await this.cluster.clock.advance(3000);
  }

  async values(of = out): Promise<readonly string[]> {
    return (await this.cluster.read(of)).map(({ value }) => value!);
  }
}

describe("millrace dlq list", () => {
  it("finds the topics with dead letters, and counts by code, step and source", async () => {
    const world = await World.open();
    await world.say("bad a", "good a", "bad b", "bad c");
    expect(await world.dlq(["list"])).toEqual({
      code: 0,
      output: "dead: 3 records\n  3  STEP_FAILED  step count  from words\n",
      errors: "",
    });
    expect(JSON.parse((await world.dlq(["list", "dead"], { json: true })).output)).toEqual({
      topics: [{ topic: "dead", counts: [{ code: "STEP_FAILED", step: "count", source: "words", records: 3, replayed: 0 }], strangers: 0 }],
    });
    expect((await world.dlq(["list", "words"])).output).toBe("words: 0 records\n  4 records that no error policy has written\n");
    await world.cluster.close();
  });

  it("says so when there are none, and which topic there is not", async () => {
    const world = await World.open();
    expect((await world.dlq(["list"])).output).toBe("No topic has dead letters.\n");
    await expect(world.dlq(["list", "nowhere"])).rejects.toMatchObject({
      code: "TOPIC_MISSING",
      message: "There is no topic 'nowhere': check its name",
    });
    await world.cluster.close();
  });
});

describe("millrace dlq show", () => {
  it("shows a record with its cause, and gives the terminal no orders", async () => {
    const world = await World.open();
    await world.say("bad\u001b[2J\u0007 a");
    const { partition } = (await world.cluster.read(dead))[0]!;
    const shown = await world.dlq(["show", "dead", `${partition}/0`]);
    expect(shown.output).toBe(
      [
        `dead/${partition} at offset 0`,
        "  cause   StepError STEP_FAILED in step 'count'",
        `          "Step 'count' threw: no\\u001b[31m bad\\u001b[2J\\u0007 a"`,
        `  from    words/${partition} at offset 0, 2023-11-14T22:13:20.000Z`,
        '  key     "a" (1 byte)',
        "  value   0x6261641b5b324a072061 (10 bytes)",
        "",
      ].join("\n"),
    );
    const [json] = (await world.dlq(["show", "dead"], { json: true })).output.trim().split("\n");
    expect(JSON.parse(json!)).toMatchObject({
      partition,
      offset: 0,
      cause: { class: "StepError", code: "STEP_FAILED", step: "count" },
      from: { topic: "words", partition, offset: 0, timestamp: 1_700_000_000_000 },
      key: "a",
      value: { base64: Buffer.from("bad\u001b[2J\u0007 a").toString("base64") },
      headers: [],
    });
    await world.cluster.close();
  });

  it("shows the last ones, and long values only as far as asked for", async () => {
    const world = await World.open();
    await world.say(...Array.from({ length: 15 }, (_, n) => `bad ${"x".repeat(600)} ${n} a`));
    const few = (await world.dlq(["show", "dead"], { last: "2" })).output;
    expect(few.match(/^dead\/\d at offset \d+$/gm)).toHaveLength(2);
    expect(few).toContain(`${"x".repeat(400)}`);
    expect(few).toContain('..." (609 bytes)');
    expect((await world.dlq(["show", "dead"], { last: "1", full: true })).output).toContain(`"bad ${"x".repeat(600)} 14 a"`);
    expect(await world.dlq(["show", "dead", "0/99"])).toEqual({
      code: 1,
      output: "",
      errors: "There is no dead letter at 0/99 of 'dead'\n",
    });
    await world.cluster.close();
  });
});

describe("millrace dlq replay", () => {
  it("says first what it would do, and writes nothing", async () => {
    const world = await World.open();
    await world.say("bad a", "bad b");
    expect(await world.dlq(["replay", "dead"])).toEqual({
      code: 0,
      output: "From 'dead':\n  2 records to words\nNothing was written: add --yes to do it.\n",
      errors: "",
    });
    expect(await world.values(words)).toHaveLength(2);
    await world.cluster.close();
  });

  it("writes the originals back, each once, and the application handles them as it would have", async () => {
    const world = await World.open();
    await world.say("bad a", "good a", "bad b");
    world.broken = () => false;
    expect((await world.dlq(["replay", "dead"], { yes: true })).output).toBe(
      "From 'dead':\n  2 records to words\n2 records written back.\n",
    );
    await world.cluster.clock.advance(3000);
    // The program sees no header that is ours.
    expect([...(await world.values())].sort()).toEqual(["bad a 2 ", "bad b 1 ", "good a 1 "]);
    const back = (await world.cluster.read(words)).filter(({ value }) => value!.startsWith("bad"));
    expect(back.map(({ timestamp }) => timestamp)).toEqual([1, 1, 1, 1].map(() => 1_700_000_000_000));
    for (const letter of ["a", "b"])
      expect(new Set(back.filter(({ key }) => key === letter).map(({ partition }) => partition)).size).toBe(1);
    expect((await world.dlq(["replay", "dead"], { yes: true })).output).toBe("Nothing in 'dead' waits to be written back.\n");
    expect((await world.dlq(["list"])).output).toBe("dead: 2 records, 2 of them written back\n  2  STEP_FAILED  step count  from words\n");
    await world.cluster.close();
  });

  it("that is broken off in the middle goes on where it was: nothing is lost, nothing doubled", async () => {
    const world = await World.open();
    const all = Array.from({ length: 2500 }, (_, n) => `bad ${n} ${n % 2 === 0 ? "a" : "b"}`);
    await world.say(...all);
    world.broken = () => false;
    // The third commit, and all that follows, never comes through.
    const log = world.cluster.memory.connect();
    let commits = 0;
    const failing: typeof log = {
      ...log,
      admin: log.admin,
      fetcher: (options) => log.fetcher(options),
      outbox: () => log.outbox(),
      producer: async (options) => {
        const producer = await log.producer(options);
        return {
          epoch: producer.epoch,
          send: (outbox) => producer.send(outbox),
          sendOffsets: (group, offsets) => producer.sendOffsets(group, offsets),
          commit: () => (++commits === 3 ? Promise.reject(new Error("the cable was pulled")) : producer.commit()),
          abort: () => Promise.reject(new Error("the cable was pulled")),
          close: () => producer.close(),
        };
      },
    };
    const silent = { out: () => {}, err: () => {}, env: {} };
    await expect(world.cluster.drive(onLog(["replay", "dead"], { yes: true })(failing, silent))).rejects.toThrow("the cable was pulled");
    const second = await world.dlq(["replay", "dead"], { yes: true });
    expect(second.output).toMatch(/^From 'dead':\n {2}\d+ records to words\n\d+ records written back\.\n$/);
    await world.cluster.clock.advance(5000);
    expect([...(await world.values())].map((value) => value.split(" ").slice(0, 3).join(" ")).sort()).toEqual([...all].sort());
    await world.cluster.close();
  });

  it("goes to another topic where that is asked for, and deletes what is done with", async () => {
    const world = await World.open();
    await world.say("bad a", "bad b", "bad c");
    const { output } = await world.dlq(["replay", "dead"], { to: "elsewhere", yes: true, delete: true });
    expect(output).toBe("From 'dead':\n  3 records to elsewhere\n3 records written back.\n");
    expect([...(await world.values(topic("elsewhere", { key: text, value: text })))].sort()).toEqual(["bad a", "bad b", "bad c"]);
    expect(await world.values(dead)).toEqual([]);
    await world.cluster.close();
  });

  it("stops before what cannot be written back, unless it may be left out", async () => {
    const world = await World.open({ payload: false });
    await world.say("bad a");
    const producer = await world.cluster.drive(world.cluster.log.producer({ transactionalId: null, transactionTimeoutMs: 60_000 }));
    const outbox = world.cluster.log.outbox();
    outbox.append("dead", 0, null, Uint8Array.of(1), world.cluster.clock.now(), noHeaders);
    const strange = ["class", "topic", "partition", "offset"].map(
      (name) => [`millrace.error.${name}`, new TextEncoder().encode("x")] as const,
    );
    outbox.append("dead", 0, null, Uint8Array.of(1), world.cluster.clock.now(), strange);
    await world.cluster.drive(producer.send(outbox));
    await producer.close();
    const refused = await world.dlq(["replay", "dead"], { yes: true });
    expect(refused.code).toBe(1);
    expect([...refused.output.trim().split("\n")].sort()).toEqual([
      "  1 record cannot be written back: those whose value the policy has left out",
      "  2 records cannot be written back: those that no error policy has written",
      "From 'dead':",
    ]);
    const passed = await world.dlq(["replay", "dead"], { yes: true, "leave-out": true });
    expect([passed.code, passed.output.trim().split("\n").at(-1)]).toEqual([0, "0 records written back."]);
    expect((await world.dlq(["replay", "dead"])).output).toBe("Nothing in 'dead' waits to be written back.\n");
    await world.cluster.close();
  });

  it("frees keys whose order was kept", async () => {
    const world = await World.open({ parkKey: true, retryAfter: [seconds(1)] });
    await world.say("bad a", "1 a", "2 a");
    await world.cluster.clock.advance(5000);
    expect((await world.dlq(["list"])).output).toBe(
      "dead: 3 records\n  2  KEY_PARKED   step from-words  from words\n  1  STEP_FAILED  step count       from words\n",
    );
    world.broken = () => false;
    await world.dlq(["replay", "dead"], { yes: true });
    await world.say("3 a");
    await world.cluster.clock.advance(3000);
    expect((await world.values()).map((value) => value.trim())).toEqual(["bad a 1", "1 a 2", "2 a 3", "3 a 4"]);
    await world.cluster.close();
  });
});

describe("millrace dlq with a command line that cannot be", () => {
  const refused: readonly (readonly [args: readonly string[], message: string])[] = [
    [[], "Say what to do: millrace dlq list | show | replay"],
    [["lst"], "There is no 'dlq lst': did you mean 'list'?"],
    [["purge"], "There is no 'dlq purge': 'millrace dlq --help' lists what there is"],
    [["constructor"], "There is no 'dlq constructor': 'millrace dlq --help' lists what there is"],
    [["show"], "Say which topic: millrace dlq show TOPIC [PARTITION/OFFSET]"],
    [["show", "dead", "17"], "'17' is no place in a topic: write PARTITION/OFFSET, such as 0/17"],
    [["show", "dead", "--last", "0"], "Option --last is '0': give a whole number above 0"],
    [["replay"], "Say which topic: millrace dlq replay TOPIC"],
    [["replay", "dead", "more"], "Say which topic: millrace dlq replay TOPIC"],
    [["replay", "dead", "--to", "dead"], "Topic 'dead' would be written to itself: give --to another one, or leave it out"],
    [["replay", "dead", "--yess"], "There is no option '--yess': did you mean '--yes'?"],
    [["list"], "No broker is given: add --brokers HOST:PORT, or --config FILE.json with 'brokers'"],
  ];
  for (const [args, message] of refused)
    it(`refuses 'millrace dlq ${args.join(" ")}' in one line, with exit code 2`, async () => {
      let err = "";
      const code = await millrace(["dlq", ...args], { out: () => {}, err: (text) => (err += text), env: {} });
      expect([code, err]).toEqual([2, `${message}\n`]);
    });
});
