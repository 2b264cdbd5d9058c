import { describe, expect, it } from "@jest/globals";
import { millis } from "../../../core/duration.ts";
import { retry } from "../../../core/error_policy.ts";
import type { Clock } from "../../../core/ports/clock.ts";
import { text } from "../../../core/serde/text.ts";
import { topic } from "../../../topology/topic.ts";
import { topology } from "../../../topology/topology.ts";
import { Cluster } from "../../support/cluster.ts";

const words = topic("words", { key: text, value: text });
const out = topic("out", { key: text, value: text });
const manyWaits = 2_000;

describe("a record that is tried again later", () => {
  // The moment to wake up was once reckoned in the Clock's large numbers, in which a part of a microsecond is lost: the worker then woke too early, again and again, without any time passing.
  for (const offsetMs of [0.0001, 0.1234567, 0.3705, 0.98765432])
    it(`is waited for, not looked for, at moments between two milliseconds (${offsetMs})`, async () => {
      const cluster = new Cluster();
      for (const name of ["words", "out"]) await cluster.create(name, 1);
      await cluster.clock.advance(offsetMs);
      let waits = 0;
      const counted: Clock = {
        now: () => cluster.clock.now(),
        monotonic: () => cluster.clock.monotonic(),
        yield: () => cluster.clock.yield(),
        after: (delayMs, callback) => {
          if (++waits > manyWaits) throw new Error("Too many waits");
          return cluster.clock.after(delayMs, callback);
        },
      };
      let failures = 7;
      const unlucky = topology("unlucky", ({ from }) => {
        from(words)
          .map((word) => {
            if (failures-- > 0) throw new Error("not now");
            return word;
          })
          .with({ onError: retry({ attempts: 10, backoff: (attempt) => millis(3 * attempt + 0.3333) }) })
          .to(out);
      });
      const app = await cluster.start(unlucky, { clock: counted });
      await cluster.produce(words, [{ key: "a", value: "a" }]);
      await cluster.clock.advance(1_000);
      expect((await cluster.read(out)).map(({ value }) => value)).toEqual(["a"]);
      expect(waits).toBeLessThan(manyWaits);
      await cluster.drive(app.close());
    });
});
