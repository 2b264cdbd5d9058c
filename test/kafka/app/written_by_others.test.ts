import { expect, it } from "@jest/globals";
import { integer } from "../../../core/serde/numbers.ts";
import { text } from "../../../core/serde/text.ts";
import { topic } from "../../../topology/topic.ts";
import { topology } from "../../../topology/topology.ts";
import { inWorld } from "../../app_scenarios/app_world.ts";
import { describeKafka } from "../support/describe_kafka.ts";
import { javaTool } from "../support/java_tool.ts";
import { suite } from "../support/kafka_suite.ts";
import { kafkaAppWorld } from "./kafka_app_world.ts";

describeKafka("an application on what other programs have written", () => {
  it(
    "counts the words of gzip batches of a Java producer, by the keys that it gave them",
    inWorld(kafkaAppWorld)(async (world) => {
      const lines = topic(world.unique("lines"), { key: text, value: text });
      const counts = topic(world.unique("counts"), { key: text, value: integer });
      await world.create(lines.name, 3);
      await world.create(counts.name, 1);
      // Keyed steps without a shuffle: they rely on the partitions that the Java client has chosen.
      const program = topology(world.unique("gzip"), ({ from }) => {
        from(lines).keyBy().count("by-key").to(counts);
      });
      const app = await world.start(program);
      const keys = Array.from({ length: 50 }, (_, n) => `key ${n}`);
      const input = Array.from({ length: 2000 }, (_, n) => `${keys[n % 50]}\tline ${n} ${"payload ".repeat(20)}`);
      await javaTool(
        "org.apache.kafka.tools.ConsoleProducer",
        [
          ...["--bootstrap-server", suite.brokers[0]!, "--topic", lines.name, "--compression-codec", "gzip"],
          ...["--property", "parse.key=true"],
        ],
        `${input.join("\n")}\n`,
      );
      await world.until("all lines are counted", async () => ((await world.read(counts)).length >= 2000 ? true : undefined));
      const newest = new Map((await world.read(counts)).map(({ key, value }) => [key, value]));
      expect(newest).toEqual(new Map(keys.map((key) => [key, 40])));
      expect(await world.read(counts)).toHaveLength(2000);
      expect(app.state).toBe("running");
    }),
  );
});
