import { describe, expect, it } from "@jest/globals";
import { deadLetter } from "../../../core/error_policy.ts";
import { text } from "../../../core/serde/text.ts";
import { runOn } from "../../../topology/run.ts";
import { topic } from "../../../topology/topic.ts";
import { topology } from "../../../topology/topology.ts";
import { BadInput, counted, utf8 } from "./outcome.ts";

const words = topic("words", { key: text, value: text });
const copies = topic("copies", { key: text, value: text });

/** Each bad word names the topic that it goes to. */
const parking = topology("parking", ({ from }) => {
  from(words)
    .map((word) => {
      if (word.startsWith("bad")) throw new Error(word.slice(4, 24));
      return word;
    })
    .with({ name: "picky", onError: (error) => deadLetter((error.cause as Error).message.trim()) })
    .to(copies);
});

describe("a dead-letter topic that a policy names in the moment in which it is asked", () => {
  it("gets the record in the partition that it came from, in its turn", async () => {
    const world = await BadInput.open({ words: 3, copies: 3, wide: 3, narrow: 2 });
    const app = await world.run(parking);
    await world.write(
      "words",
      { value: utf8("before"), partition: 2 },
      { value: utf8("bad wide"), partition: 2 },
      { value: utf8("bad narrow"), partition: 2 },
      { value: utf8("bad wide"), partition: 1 },
      { value: utf8("after"), partition: 2 },
    );
    await world.cluster.clock.advance(3000);
    expect((await world.texts("copies")).map(({ value }) => value)).toEqual(["before", "after"]);
    const places = async (name: string) =>
      (await world.cluster.read(topic(name, { key: text, value: text }))).map(({ partition }) => partition);
    expect(await places("wide")).toEqual([1, 2]);
    expect(await places("narrow")).toEqual([0]);
    expect(counted(app, "dead_letter_records")).toBe(3);
    await world.close();
  });

  it("refuses a record that it does not take before anything is sent", async () => {
    const world = await BadInput.open({ words: 1, copies: 1 });
    await world.cluster.create("small", 1, { "max.message.bytes": "200" });
    await world.write("words", { value: utf8(`bad small${" ".repeat(15)}${"x".repeat(500)}`) });
    const error = await world.failure(parking);
    expect(error).toMatchObject({ name: "ProduceError", code: "RECORD_REFUSED", step: "picky" });
    expect(error.message).toMatch(
      /^A record cannot go to its dead-letter topic, deadLetter\(topic, \{ payload: false \}\) would leave its value out\./,
    );
  });

  it("and which does not exist stops the instance, and the record is not lost", async () => {
    const world = await BadInput.open({ words: 1, copies: 1 });
    const { cluster } = world;
    await world.write("words", { value: utf8("bad missing") }, { value: utf8("after") });
    const start = () =>
      cluster.drive(runOn(parking, { clock: cluster.clock }, { log: cluster.memory.connect(), ownsLog: true, createTopics: false }));
    expect(await world.failureOf(await start())).toMatchObject({
      name: "ConfigurationError",
      code: "TOPIC_MISSING",
      topic: "missing",
      step: "picky",
      message: "Topic 'missing', to which the error policy of step 'picky' sends a record, does not exist: create it first",
    });
    expect(await world.texts("copies")).toEqual([]);
    await cluster.create("missing", 1);
    const app = await start();
    await cluster.clock.advance(3000);
    expect((await world.texts("missing")).map(({ value }) => value)).toEqual(["bad missing"]);
    expect((await world.texts("copies")).map(({ value }) => value)).toEqual(["after"]);
    await cluster.drive(app.close());
  });
});
