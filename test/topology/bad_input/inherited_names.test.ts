import { describe, expect, it } from "@jest/globals";
import { integer } from "../../../core/serde/numbers.ts";
import { text } from "../../../core/serde/text.ts";
import { topic } from "../../../topology/topic.ts";
import { topology } from "../../../topology/topology.ts";
import { BadInput, utf8 } from "./outcome.ts";

describe("names that every object inherits something by", () => {
  for (const name of ["__proto__", "constructor", "toString"]) {
    it(`are names like all others: topics, steps, keys, values and the application called '${name}'`, async () => {
      const before = Object.getOwnPropertyNames(Object.prototype);
      const source = topic(name, { key: text, value: text });
      const results = topic(`${name}-counts`, { key: text, value: integer });
      const program = topology(name, ({ from }) =>
        from(source)
          .map((word) => word)
          .keyBy((word) => word)
          .count(name)
          .to(results),
      );
      const world = await BadInput.open({ [`${name}`]: 1, [`${name}-counts`]: 1 });
      await world.write(name, { key: utf8(name), value: utf8(name) }, { key: null, value: utf8("hasOwnProperty") });
      const first = await world.run(program);
      await world.cluster.drive(first.close());
      // A start that finds what the last one has left.
      await world.write(name, { key: utf8(name), value: utf8(name) });
      await world.run(program);
      expect((await world.cluster.read(results)).map(({ key, value }) => `${key} ${value}`)).toEqual([
        `${name} 1`,
        "hasOwnProperty 1",
        `${name} 2`,
      ]);
      await world.close();
      expect(Object.getOwnPropertyNames(Object.prototype)).toEqual(before);
    });
  }
});
