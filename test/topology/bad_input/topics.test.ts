import { describe, expect, it } from "@jest/globals";
import { deadLetter, skip } from "../../../core/error_policy.ts";
import { integer } from "../../../core/serde/numbers.ts";
import { text } from "../../../core/serde/text.ts";
import { runOn } from "../../../topology/run.ts";
import { topic } from "../../../topology/topic.ts";
import { type Topology, topology } from "../../../topology/topology.ts";
import { BadInput, utf8 } from "./outcome.ts";

const words = topic("words", { key: text, value: text });
const accounts = topic("accounts", { key: text, value: text });
const counts = topic("counts", { key: text, value: integer });

/** Starts as on a broker: topics that are not there are not made. */
const refusal = async (world: BadInput, made: Topology): Promise<unknown> => {
  const { clock, memory } = world.cluster;
  const app = runOn(made, { clock }, { log: memory.connect(), ownsLog: true, createTopics: false });
  return world.cluster.drive(
    app.then(
      async (started) => {
        await started.close();
        throw new Error("The app was started although it should have been refused");
      },
      (error: unknown) => error,
    ),
  );
};

const counting = topology("counting", ({ from }) => {
  from(words)
    .keyBy((word) => word)
    .count("count")
    .to(counts);
});
const joining = topology("joining", ({ from, table }) => {
  from(words)
    .keyBy()
    .join("account", table(accounts), (word, account) => `${word} ${account}`)
    .to(topic("joined", { key: text, value: text }));
});

describe("topics that are not as the program needs them", () => {
  it("the input is missing: refused within seconds, with its name and the step that reads it", async () => {
    const world = await BadInput.open({ counts: 1 });
    const beganMs = world.cluster.clock.monotonic();
    const error = await refusal(world, counting);
    expect(error).toMatchObject({ name: "ConfigurationError", code: "TOPIC_MISSING", topic: "words", step: "from-words" });
    expect(error).toMatchObject({ message: "Topic 'words', which step 'from-words' reads, does not exist: create it first" });
    expect(world.cluster.clock.monotonic() - beganMs).toBeLessThan(10_000);
    // Nothing was begun: no internal topic, no group.
    expect((await world.cluster.log.admin.list()).filter((name) => name.startsWith("counting"))).toEqual([]);
  });

  it("the input appears a moment later, as it may on a cluster of several brokers: the app starts", async () => {
    const world = await BadInput.open({ counts: 1 });
    const { cluster } = world;
    const app = runOn(counting, { clock: cluster.clock }, { log: cluster.memory.connect(), ownsLog: true, createTopics: false });
    await cluster.clock.advance(2000);
    await cluster.create("words", 2);
    await cluster.drive((await cluster.drive(app)).close());
  });

  it("an output is missing", async () => {
    const world = await BadInput.open({ words: 1 });
    expect(await refusal(world, counting)).toMatchObject({
      name: "ConfigurationError",
      code: "TOPIC_MISSING",
      topic: "counts",
      message: "Topic 'counts', which step 'to-counts' writes, does not exist: create it first",
    });
    expect((await world.cluster.log.admin.list()).filter((name) => name.startsWith("counting"))).toEqual([]);
  });

  it("a dead-letter topic is missing: better now than with the first bad record", async () => {
    const world = await BadInput.open({ words: 1, counts: 1 });
    const parking = topology("parking", ({ from }) => {
      from(words, { onError: deadLetter("parked") })
        .keyBy()
        .count("n")
        .to(counts);
    });
    expect(await refusal(world, parking)).toMatchObject({
      name: "ConfigurationError",
      code: "TOPIC_MISSING",
      topic: "parked",
      message: "Topic 'parked', which step 'from-words' writes, does not exist: create it first",
    });
    expect((await world.cluster.log.admin.list()).filter((name) => name.startsWith("parking"))).toEqual([]);
  });

  it("one that says `create` is made, with the partitions that it says", async () => {
    const world = await BadInput.open({ words: 1 });
    const { cluster } = world;
    const made = topology("making", ({ from }) => {
      from(words).to(topic("copies", { key: text, value: text, create: true, partitions: 5 }));
    });
    const app = await cluster.drive(
      runOn(made, { clock: cluster.clock }, { log: cluster.memory.connect(), ownsLog: true, createTopics: false }),
    );
    expect((await cluster.log.admin.describe(["copies"])).get("copies")?.partitions).toBe(5);
    await cluster.drive(app.close());
  });

  it("the program says another number of partitions than the topic has", async () => {
    const world = await BadInput.open({ words: 4, counts: 1 });
    const wrong = topology("wrong", ({ from }) => {
      from(topic("words", { key: text, value: text, partitions: 6 }))
        .keyBy()
        .count("n")
        .to(counts);
    });
    expect(await refusal(world, wrong)).toMatchObject({
      name: "ConfigurationError",
      code: "PARTITIONS_DIFFER",
      topic: "words",
      message:
        "Topic 'words' has 4 partitions, and the program says 6 (sub-topology 0, step 'from-words'): correct the program, or give the topic as many",
    });
  });

  it("both sides of a join have different numbers of partitions", async () => {
    const world = await BadInput.open({ words: 4, accounts: 6, joined: 1 });
    const error = await refusal(world, joining);
    expect(error).toMatchObject({ name: "ConfigurationError", code: "PARTITIONS_DIFFER", step: "account" });
    expect((error as Error).message).toMatch(
      /topic 'words' has 4 partitions and topic 'accounts' has 6 partitions: .*\.repartition\(name\)\.keyBy\(\)/,
    );
  });

  it("an internal topic has another number of partitions than its store's tasks", async () => {
    const world = await BadInput.open({ words: 2, counts: 1 });
    await world.cluster.create("counting-count-changelog", 4, { "cleanup.policy": "compact" });
    const error = await refusal(world, counting);
    expect(error).toMatchObject({ name: "ConfigurationError", code: "PARTITIONS_DIFFER", topic: "counting-count-changelog" });
    expect((error as Error).message).toBe(
      "Internal topic 'counting-count-changelog' has 4 partitions and the topology needs 2: did an input topic get more partitions, or does a wider one match a pattern? Reset the application, or give it another applicationId",
    );
  });

  it("a changelog would lose state, as somebody has set its cleanup.policy", async () => {
    const world = await BadInput.open({ words: 2, counts: 1 });
    await world.cluster.create("counting-count-changelog", 2, { "cleanup.policy": "delete" });
    expect(await refusal(world, counting)).toMatchObject({
      name: "ConfigurationError",
      code: "TOPIC_MISCONFIGURED",
      topic: "counting-count-changelog",
      message: "Internal topic 'counting-count-changelog' has cleanup.policy=delete, which would lose state: set it to compact",
    });
  });

  it("a topic between tasks would lose records in flight, as it deletes by time: the time of the events, at that", async () => {
    const world = await BadInput.open({ words: 2, counts: 1 });
    await world.cluster.create("counting-count-repartition", 2, { "cleanup.policy": "delete", "retention.ms": "3600000" });
    expect(await refusal(world, counting)).toMatchObject({
      name: "ConfigurationError",
      code: "TOPIC_MISCONFIGURED",
      topic: "counting-count-repartition",
      message: "Internal topic 'counting-count-repartition' has retention.ms=3600000, which would lose records in flight: set it to -1",
    });
  });

  it("the input is deleted while it is read: the instance stops and names it, and what it did stays committed", async () => {
    const world = await BadInput.open({ words: 1, counts: 1 });
    await world.write("words", { value: utf8("a") });
    const app = await world.run(counting);
    await world.cluster.drive(world.cluster.log.admin.delete(["words"]));
    const error = await world.failureOf(app);
    expect(error).toMatchObject({ name: "ConfigurationError", code: "TOPIC_MISSING", topic: "words" });
    expect(error.message).toMatch(/^Topic 'words' has gone while it was read/);
    expect(await world.texts("counts")).toHaveLength(1);
  });

  it("the offset to go on at is not there any more: by startAt, or refused where startAt says none", async () => {
    const reading = (startAt: "earliest" | "none") =>
      topology("reading", ({ from }) => {
        from(words, { startAt, onError: skip() }).to(topic("copies", { key: text, value: text }));
      });
    const world = await BadInput.open({ words: 1, copies: 1 });
    expect(await world.failure(reading("none"))).toMatchObject({
      name: "ConfigurationError",
      code: "OFFSET_OUT_OF_RANGE",
      message: `Nothing is committed for words/0 and step 'from-words' has startAt: "none": choose "earliest", "latest" or a timestamp`,
    });
    await world.write("words", { value: utf8("a") });
    await world.cluster.drive((await world.run(reading("earliest"))).close());
    await world.write("words", { value: utf8("b") }, { value: utf8("c") }, { value: utf8("d") });
    await world.cluster.drive(world.cluster.log.admin.deleteRecords([{ topic: "words", partition: 0, offset: 3 }]));
    const error = await world.failure(reading("none"));
    expect(error).toMatchObject({ code: "OFFSET_OUT_OF_RANGE", topic: "words", partition: 0, offset: 1 });
    expect(error.message).toMatch(/^Offset 1 of words\/0 is not in the log any more \(the log has 3 to 4\): reset the offsets/);
    const app = await world.run(reading("earliest"));
    expect((await world.texts("copies")).map(({ value }) => value)).toEqual(["a", "d"]);
    expect([...app.metrics()].find(({ name }) => name === "offset_resets")?.value).toBe(1);
    await world.close();
  });
});
