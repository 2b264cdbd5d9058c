import { describe, expect, it } from "@jest/globals";
import type { ConfigurationError } from "../../../core/errors.ts";
import { integer } from "../../../core/serde/numbers.ts";
import { text } from "../../../core/serde/text.ts";
import { runOn } from "../../../topology/run.ts";
import type { Source } from "../../../topology/source.ts";
import { topic } from "../../../topology/topic.ts";
import { topics } from "../../../topology/topics.ts";
import { type Topology, topology } from "../../../topology/topology.ts";
import { BadInput, utf8 } from "./outcome.ts";

const serdes = { key: text, value: text };
const words = topics(/^words-/, serdes);
const out = topic("out", serdes);
const counts = topic("counts", { key: text, value: integer });

const copying = (source: Source<string, string | null>): Topology => topology("copying", ({ from }) => void from(source).to(out));
const counting = (source: Source<string, string | null>): Topology =>
  topology("counting", ({ from }) => void from(source).keyBy().count("count").to(counts));

/** Starts as on a broker: topics that are not there are not made. */
const starting = ({ cluster }: BadInput, made: Topology, options: Parameters<typeof runOn>[1] = {}) => {
  const warnings: string[] = [];
  const logger = { log: (level: string, message: string) => void (level === "warn" && warnings.push(message)) };
  const app = runOn(
    made,
    { clock: cluster.clock, logger, ...options },
    { log: cluster.memory.connect(), ownsLog: true, createTopics: false },
  );
  app.catch(() => {});
  return { app, warnings };
};
const refusal = async (world: BadInput, made: Topology, options: Parameters<typeof runOn>[1] = {}): Promise<ConfigurationError> =>
  world.cluster.drive(
    starting(world, made, options).app.then(
      async (app) => {
        await app.close();
        throw new Error("The app was started although it should have been refused");
      },
      (error: ConfigurationError) => error,
    ),
  );
const say = (world: BadInput, topic: string, ...values: readonly string[]) =>
  world.write(topic, ...values.map((value) => ({ key: utf8("k"), value: utf8(value) })));
const copies = async (world: BadInput) => (await world.texts("out")).map(({ value }) => value).sort();

describe("a pattern of topics", () => {
  it("that nothing matches yet ends at once when its signal says so, and leaves nothing behind", async () => {
    const world = await BadInput.open({ out: 1 });
    const { clock } = world.cluster;
    const ended = new AbortController();
    const { app } = starting(world, copying(words), { signal: ended.signal });
    await clock.advance(50_000);
    const outcome = app.then(
      () => "it has begun",
      (error: ConfigurationError) => [error.code, error.cause],
    );
    ended.abort("enough");
    expect(await outcome).toEqual(["APP_CLOSED", "enough"]);
    await clock.advance(0);
    expect(clock.nextDueMs).toBeUndefined();
    // Nor does a start begin that was ended before.
    expect((await refusal(world, copying(words), { signal: AbortSignal.abort() })).message).toContain("nothing of it runs on");
    await world.cluster.create("words-en", 1);
    await clock.advance(60_000);
    expect((await world.cluster.log.admin.list()).filter((name) => name.startsWith("copying"))).toEqual([]);
  });

  it("that nothing matches is waited for, with a warning, and begins with the first topic that does", async () => {
    const world = await BadInput.open({ out: 1, "old-words-en": 1 });
    const { clock } = world.cluster;
    const { app, warnings } = starting(world, copying(words));
    await clock.advance(50_000);
    expect(warnings).toEqual(
      Array(2).fill("No topic matches /^words-/, which step 'from-words-' reads: the application begins when there is one"),
    );
    // Nothing was begun: no internal topic, no group.
    expect((await world.cluster.log.admin.list()).filter((name) => name.startsWith("copying"))).toEqual([]);
    await world.cluster.create("words-en", 2);
    await say(world, "words-en", "one");
    const started = await world.cluster.drive(app);
    await clock.advance(3000);
    expect(await copies(world)).toEqual(["one"]);
    await world.cluster.drive(started.close());
  });

  it("that nothing matches is refused within seconds where the program says so", async () => {
    const world = await BadInput.open({ out: 1 });
    const beganMs = world.cluster.clock.monotonic();
    const error = await refusal(world, copying(topics(/^words-/, { ...serdes, whenMissing: "refuse" })));
    expect(error).toMatchObject({ name: "ConfigurationError", code: "TOPIC_MISSING", step: "from-words-" });
    expect(error.message).toBe(
      `No topic matches /^words-/, which step 'from-words-' reads: create one, correct the pattern, or let the start wait with whenMissing: "wait"`,
    );
    expect(world.cluster.clock.monotonic() - beganMs).toBeLessThan(10_000);
  });

  it("that nothing matches is refused in a bounded run and on a log of its own, where no topic can appear", async () => {
    const world = await BadInput.open({ out: 1 });
    const bounded = await refusal(world, copying(words), { mode: "batch" });
    expect([bounded.code, bounded.message]).toEqual(["TOPIC_MISSING", expect.stringContaining("none can appear")]);
    const { clock } = world.cluster;
    const alone = await world.cluster.drive(
      runOn(copying(words), { clock }, {}).then(
        () => undefined,
        (error: unknown) => error,
      ),
    );
    expect(alone).toMatchObject({ name: "ConfigurationError", code: "TOPIC_MISSING" });
  });

  it("reads in a bounded run what matches at its start, and ends there", async () => {
    const world = await BadInput.open({ out: 1, "words-en": 2, "words-de": 1 });
    await say(world, "words-en", "one", "two");
    await say(world, "words-de", "eins");
    const app = await world.cluster.drive(starting(world, copying(words), { mode: "batch" }).app);
    await world.cluster.drive(app.finished);
    expect(await copies(world)).toEqual(["eins", "one", "two"]);
  });

  it("does not stand for what the application makes for itself, whatever its names", async () => {
    const world = await BadInput.open({ counts: 1, "counting-words": 1 });
    const own = counting(topics(/^counting-/, serdes));
    for (let start = 0; start < 2; start++) {
      const app = await world.cluster.start(own);
      await say(world, "counting-words", "word");
      await world.cluster.clock.advance(35_000);
      const read = [...app.metrics()].flatMap(({ name, tags }) => (name === "records_in" ? [tags["topic"]] : []));
      expect(read).toEqual(["counting-words"]);
      expect(app.state).toBe("running");
      await world.cluster.drive(app.close());
    }
  });

  it("that wants a topic which another pattern wants as well is refused, or stops the instance when such a topic is made", async () => {
    const overlapping = topology("overlapping", ({ from }) => {
      from([words, topics(/-en$/, serdes)]).to(out);
    });
    const world = await BadInput.open({ out: 1, "words-de": 1, "names-en": 1 });
    const app = await world.cluster.start(overlapping);
    await world.cluster.clock.advance(3000);
    await world.cluster.create("words-en", 1);
    const running = await world.failureOf(app);
    const atStart = await refusal(world, overlapping);
    for (const error of [running, atStart]) {
      expect([error.name, error.code, error.topic]).toEqual(["ConfigurationError", "TOPOLOGY_INVALID", "words-en"]);
      expect(error.message).toContain(
        "matches two patterns of topology 'overlapping', /^words-/ of step 'from-words-' and /-en$/ of step 'from--en'",
      );
    }
  });

  it("takes the place of topics that were named, and makes room for them, as long as all are read that were", async () => {
    const world = await BadInput.open({ counts: 1, "words-en": 1, "words-de": 1 });
    const start = async (source: Source<string, string | null>): Promise<void> => {
      const app = await world.run(counting(source));
      await world.cluster.drive(app.close());
    };
    const [en, de] = [topic("words-en", serdes), topic("words-de", serdes)];
    await say(world, "words-en", "one");
    await start(en);
    await say(world, "words-de", "eins");
    await start(words);
    await say(world, "words-en", "two");
    await start(topics(/^words-(en|de)$/, serdes));
    expect((await world.cluster.read(counts)).map(({ value }) => value)).toEqual([1, 2, 3]);
    const error = await world.refusal(counting(de));
    expect([error.name, error.code]).toEqual(["ConfigurationError", "TOPOLOGY_CHANGED"]);
    expect(error.message).toContain("'reads from' was /^words-(en|de)$/, and is now words-de");
  });

  it("refuses a topic that was made anew between two runs, as one that is named", async () => {
    const world = await BadInput.open({ out: 1, "words-en": 1, "words-de": 1 });
    await say(world, "words-en", "one", "two");
    const app = await world.run(copying(words));
    await world.cluster.drive(app.close());
    await world.cluster.drive(world.cluster.log.admin.delete(["words-en"]));
    await world.cluster.create("words-en", 1);
    const error = await world.refusal(copying(words));
    expect([error.name, error.code, error.topic]).toEqual(["ConfigurationError", "TOPIC_CHANGED", "words-en"]);
  });
});
