import { describe, expect, it } from "@jest/globals";
import { hours, minutes } from "../../../core/duration.ts";
import { deadLetter } from "../../../core/error_policy.ts";
import { integer } from "../../../core/serde/numbers.ts";
import { text } from "../../../core/serde/text.ts";
import { operatorState } from "../../../core/state/descriptors.ts";
import { tumbling } from "../../../core/window/tumbling.ts";
import type { FromOptions, Scope } from "../../../topology/scope.ts";
import { topic } from "../../../topology/topic.ts";
import { type Topology, topology } from "../../../topology/topology.ts";
import { BadInput, utf8 } from "./outcome.ts";

const words = topic("words", { key: text, value: text });
const counts = topic("counts", { key: text, value: integer });
const copies = topic("copies", { key: text, value: text });

const counting = topology("app", ({ from }) => {
  from(words).keyBy().count("count").to(counts);
});
const shuffling = topology("app", ({ from }) => {
  from(words)
    .keyBy((word) => word)
    .count("count")
    .to(counts);
});
const copying = topology("app", ({ from }) => {
  from(words).to(copies);
});

const say = (world: BadInput, ...keys: readonly string[]) =>
  world.write("words", ...keys.map((key) => ({ key: utf8(key), value: utf8(key) })));
/** Key and count, as they stand in the topic. */
const counted = async (world: BadInput): Promise<readonly string[]> =>
  (await world.cluster.read(counts)).map(({ key, value }) => `${key}=${value}`);

describe("a program that was changed since the application ran", () => {
  it("in what a step keeps: refused with the step, the difference and what to do; and the old program goes on where it was", async () => {
    const world = await BadInput.open({ words: 1, counts: 1 });
    const windows = (size = hours(1)) =>
      topology("app", ({ from }) => {
        from(words).keyBy().window(tumbling({ size })).count("per-hour").to(counts);
      });
    const at = world.cluster.clock.now();
    const hour = Math.floor(at / 3_600_000) * 3_600_000;
    await world.write("words", { key: utf8("a"), value: utf8("a"), timestamp: hour });
    await world.cluster.drive((await world.run(windows())).close());
    expect(await world.refusal(windows(minutes(5)))).toMatchObject({
      name: "ConfigurationError",
      code: "TOPOLOGY_CHANGED",
      step: "per-hour",
      message:
        "Topology 'app' is not the one that application 'app' has run before. The store of step 'per-hour' has changed: 'size' was 3600000, and is now 300000; 'every' was 3600000, and is now 300000. What was kept for the one cannot be read by the other: go back, give the step another name (and what it was called is given up with allowNonRestoredState: true), or give the program another applicationId",
    });
    await world.write("words", { key: utf8("a"), value: utf8("a"), timestamp: hour + 1 });
    await world.write("words", { key: utf8("z"), value: utf8("z"), timestamp: hour + 3_600_000 });
    await world.run(windows());
    expect(await counted(world)).toEqual(["a=2"]);
    await world.close();
  });

  it("which has lost a step with state: refused, unless that may be given up; and it is not found again by a step of that name", async () => {
    const world = await BadInput.open({ words: 1, counts: 1, copies: 1 });
    await say(world, "a");
    await world.cluster.drive((await world.run(counting)).close());
    const error = await world.refusal(copying);
    expect(error).toMatchObject({
      name: "ConfigurationError",
      code: "TOPOLOGY_CHANGED",
      step: "count",
      message:
        "Topology 'app' is not the one that application 'app' has run before. The store of step 'count' is no longer there, so what it holds would be lost: put it back, or start once with allowNonRestoredState: true to give it up",
    });
    await world.cluster.drive((await world.run(copying, { allowNonRestoredState: true })).close());
    await say(world, "a");
    await world.cluster.drive((await world.run(copying)).close());
    expect((await world.texts("copies")).map(({ value }) => value)).toEqual(["a"]);
    const resumed = await world.refusal(counting);
    expect(resumed).toMatchObject({ code: "TOPOLOGY_CHANGED", step: "count" });
    expect(resumed.message).toMatch(
      /The store of step 'count' is new, but it was there once and was given up, and topic 'app-count-changelog' still holds what it had then: delete that topic, or give the step another name$/,
    );
    await world.cluster.drive(world.cluster.log.admin.delete(["app-count-changelog"]));
    await say(world, "a");
    await world.run(counting);
    expect(await counted(world)).toEqual(["a=1", "a=1"]);
    await world.close();
  });

  it("only in steps without state, in outputs, and by more state: started, and what was kept is there", async () => {
    const world = await BadInput.open({ words: 1, counts: 1, copies: 1 });
    await say(world, "a");
    await world.cluster.drive((await world.run(counting)).close());
    const more = topology("app", ({ from }: Scope) => {
      const all = from(words).filter(() => true);
      all.to(copies);
      all.keyBy().count("count").to(counts);
      all
        .keyBy()
        .window(tumbling({ size: hours(1) }))
        .count("per-hour")
        .print();
    });
    await say(world, "a");
    await world.cluster.drive((await world.run(more)).close());
    await say(world, "a");
    await world.run(more);
    expect(await counted(world)).toEqual(["a=1", "a=2", "a=3"]);
    await world.close();
  });

  it("in that a step with state reads from one more topic: started, and what was kept is there", async () => {
    const world = await BadInput.open({ words: 1, more: 1, counts: 1 });
    await say(world, "a");
    await world.cluster.drive((await world.run(counting)).close());
    const wider = topology("app", ({ from }) => {
      from(words)
        .union(from(topic("more", { key: text, value: text })))
        .keyBy()
        .count("count")
        .to(counts);
    });
    await world.write("more", { key: utf8("a"), value: utf8("a") });
    await world.run(wider);
    expect(await counted(world)).toEqual(["a=1", "a=2"]);
    await world.close();
  });

  it("is not asked about where nothing is kept", async () => {
    const world = await BadInput.open({ words: 1, counts: 1, copies: 1 });
    await world.cluster.drive((await world.run(counting, { guarantee: "none" })).close());
    await world.cluster.drive((await world.run(copying, { guarantee: "none" })).close());
  });
});

describe("a topic that was deleted and made anew", () => {
  const renew = async (world: BadInput, name: string, partitions = 1): Promise<void> => {
    await world.cluster.drive(world.cluster.log.admin.delete([name]));
    await world.cluster.create(name, partitions);
  };

  it("between two runs is not read as if it were the old one, until the program is told so", async () => {
    const world = await BadInput.open({ words: 1, counts: 1 });
    await say(world, "a", "a");
    await world.cluster.drive((await world.run(counting)).close());
    await renew(world, "words");
    await say(world, "a", "b", "c");
    const error = await world.refusal(counting);
    expect(error).toMatchObject({ name: "ConfigurationError", code: "TOPIC_CHANGED", topic: "words" });
    expect(error.message).toMatch(
      /^Topic 'words' was deleted and made anew since application 'app' has used it \(its id is \S+, and was \S+\), so offsets and state stand for records that are not there any more: start once with allowNonRestoredState: true to go on with the new one, or give the program another applicationId$/,
    );
    await world.cluster.drive((await world.run(counting, { allowNonRestoredState: true })).close());
    await say(world, "a");
    await world.run(counting);
    expect(await counted(world)).toEqual(["a=1", "a=2", "a=3", "b=1", "c=1", "a=4"]);
    await world.close();
  });

  it("that is a changelog is refused as well, and one that is simply gone", async () => {
    for (const anew of [true, false]) {
      const world = await BadInput.open({ words: 1, counts: 1 });
      await say(world, "a");
      await world.cluster.drive((await world.run(counting)).close());
      if (anew) await renew(world, "app-count-changelog");
      else await world.cluster.drive(world.cluster.log.admin.delete(["app-count-changelog"]));
      const error = await world.refusal(counting);
      expect(error).toMatchObject({ name: "ConfigurationError", code: "TOPIC_CHANGED", topic: "app-count-changelog" });
      expect(error.message).toContain(anew ? "was deleted and made anew" : "is gone, and what it held with it");
      // Nothing was made in its place meanwhile.
      expect((await world.cluster.log.admin.describe(["app-count-changelog"])).size).toBe(anew ? 1 : 0);
    }
  });

  it("while it is read stops the instance, whether the new one reaches as far as the old one or not", async () => {
    for (const records of [1, 5]) {
      const world = await BadInput.open({ words: 1, counts: 1 });
      await say(world, "a", "b", "c");
      const app = await world.run(counting, { onUncaught: "replace-worker" });
      // Nobody looks at the very moment when it is gone.
      app.pause();
      await world.cluster.clock.advance(1000);
      await renew(world, "words");
      await say(world, ..."vwxyz".slice(0, records));
      app.resume();
      const beganMs = world.cluster.clock.monotonic();
      expect(await world.failureOf(app)).toMatchObject({ name: "ConfigurationError", code: "TOPIC_CHANGED", topic: "words" });
      expect(world.cluster.clock.monotonic() - beganMs).toBeLessThan(31_000);
      // Never from its beginning as if nothing had been.
      expect((await counted(world)).slice(0, 4)).not.toContain("v=1");
    }
  });
});

describe("an input that has got more partitions", () => {
  const grow = (world: BadInput): Promise<void> => world.cluster.drive(world.cluster.log.admin.addPartitions("words", 4));

  it("while steps rely on them stops the instance, and is refused at the next start too", async () => {
    const world = await BadInput.open({ words: 2, counts: 1 });
    const app = await world.run(counting);
    await grow(world);
    const error = await world.failureOf(app);
    expect(error).toMatchObject({ name: "ConfigurationError", code: "PARTITIONS_DIFFER", topic: "words" });
    expect(error.message).toMatch(
      /^Topic 'words' has got 4 partitions while it was read, and had 2: keys lie in other partitions from now on/,
    );
    const again = await world.refusal(counting);
    expect(again).toMatchObject({ name: "ConfigurationError", code: "PARTITIONS_DIFFER", topic: "words" });
    expect(again.message).toMatch(/^Topic 'words' has 4 partitions, and had 2 when application 'app' ran last/);
  });

  it("is read by new tasks after a restart where what tasks keep belongs to their partitions; the old ones keep what they had", async () => {
    const world = await BadInput.open({ words: 2, copies: 1 });
    const numbered = topology("app", ({ from }) => {
      from(words)
        .process("number", {
          state: { seen: operatorState<string>() },
          onRecord: (word, { state }) => {
            state.seen.add(word);
            return [`${word}${state.seen.get().length}`];
          },
        })
        .mapAsync("asked", async (word) => `${word}!`, { timeout: minutes(1) })
        .to(copies);
    });
    const sayIn = (partition: number) =>
      world.write("words", { key: utf8("k"), value: utf8(String.fromCharCode(97 + partition)), partition });
    for (const partition of [0, 1]) await sayIn(partition);
    const app = await world.run(numbered);
    await grow(world);
    await world.cluster.clock.advance(70_000);
    expect([app.state, ...world.cluster.warnings.filter((line) => line.startsWith("Topic"))]).toEqual([
      "running",
      `Topic 'words' has got 4 partitions, and had 2: the new ones are read after a restart of all instances {"topic":"words"}`,
    ]);
    await world.cluster.drive(app.close());
    for (const partition of [0, 1, 2, 3]) await sayIn(partition);
    await world.run(numbered);
    expect((await world.texts("copies")).map(({ value }) => value).sort()).toEqual(["a1!", "a2!", "b1!", "b2!", "c1!", "d1!"]);
    await world.close();
  });

  it("is warned of as what lets nothing start any more, where that is so", async () => {
    const bound = async (program: Topology): Promise<readonly string[]> => {
      const world = await BadInput.open({ words: 2, copies: 2, refused: 1 });
      const app = await world.run(program);
      await grow(world);
      await world.cluster.clock.advance(70_000);
      expect(app.state).toBe("running");
      await world.cluster.drive(app.close());
      const { code } = await world.refusal(program);
      return [
        code,
        ...world.cluster.warnings.filter((line) => line.startsWith("Topic")).map((line) => line.replace(/^.*any more, as /, "")),
      ];
    };
    const stream = (options: FromOptions<string, string | null>, join?: boolean) =>
      topology("app", ({ from, globalTable }) => {
        const read = from(words, options);
        if (join === true)
          read
            .join(
              "joined",
              globalTable(copies),
              () => "x",
              (a, b) => a + b,
            )
            .print();
        else read.print();
      });
    expect(await bound(stream({ onError: deadLetter("refused", { retryAfter: [minutes(1)] }) }))).toEqual([
      "PARTITIONS_DIFFER",
      `what step 'from-words' puts off has a place for each task that there was: run the program under another applicationId from the next start on {"topic":"words"}`,
    ]);
    expect((await bound(stream({}, true)))[1]).toContain("what comes by topic 'copies");
    const declared = topic("words", { key: text, value: text, partitions: 2 });
    expect(await bound(topology("app", ({ from }) => void from(declared).print()))).toEqual([
      "PARTITIONS_DIFFER",
      `the program says that it has 2: correct that before the next start {"topic":"words"}`,
    ]);
  });

  it("behind a shuffle goes on, and reads the new ones after a restart; what lies behind keeps its width", async () => {
    const world = await BadInput.open({ words: 2, counts: 1 });
    await say(world, "a");
    const app = await world.run(shuffling);
    await grow(world);
    await world.write("words", { key: utf8("k"), value: utf8("a"), partition: 3 });
    await world.cluster.clock.advance(70_000);
    expect(app.state).toBe("running");
    const said = world.cluster.warnings.filter((line) => line.startsWith("Topic 'words' has got 4 partitions, and had 2"));
    expect(said).toHaveLength(1);
    await world.cluster.drive(app.close());
    await world.run(shuffling);
    expect(await counted(world)).toEqual(["a=1", "a=2"]);
    expect((await world.cluster.log.admin.describe(["app-count-repartition"])).get("app-count-repartition")?.partitions).toBe(2);
    await world.close();
  });
});
