import { describe, expect, it } from "@jest/globals";
import { hours, seconds } from "../../../core/duration.ts";
import { text } from "../../../core/serde/text.ts";
import { topic } from "../../../topology/topic.ts";
import { topology } from "../../../topology/topology.ts";
import { BadInput, utf8 } from "./outcome.ts";

const words = topic("words", { key: text, value: text });
const out = topic("out", { key: text, value: text });

describe("a wall clock that is set", () => {
  for (const [what, byMs] of [
    ["back", -hours(2)],
    ["forward", hours(2)],
  ] as const)
    it(`${what} by two hours ends no session, holds no commit back and loses no record`, async () => {
      const world = await BadInput.open({ words: 1, out: 1 });
      const copying = topology("copying", ({ from }) => {
        from(words).to(out);
      });
      const first = await world.run(copying, { group: { sessionTimeout: seconds(10) } });
      const second = await world.run(copying, { group: { sessionTimeout: seconds(10) } });
      await world.write("words", { value: utf8("before") });
      await world.cluster.clock.advance(1000);
      world.cluster.clock.jump(byMs);
      // With the time that the other machines have, which were not set.
      await world.write("words", { value: utf8("after"), timestamp: world.cluster.clock.now() - Math.max(0, byMs) });
      await world.cluster.clock.advance(30_000);
      expect([first.state, second.state]).toEqual(["running", "running"]);
      expect((await world.texts("out")).map(({ value }) => value)).toEqual(["before", "after"]);
      expect(await world.position("copying", "words")).toBe(2);
      expect(world.cluster.warnings).toEqual([]);
      await world.close();
    });
});

describe("a function that blocks the event loop", () => {
  it("for longer than a heartbeat is told of", async () => {
    const world = await BadInput.open({ words: 1, out: 1 });
    const { clock } = world.cluster;
    // What the clock says is what tells a blocked loop from an idle one.
    let blockedMs = 0;
    const blocking = { ...asClock(clock), monotonic: () => clock.monotonic() + blockedMs };
    await world.write("words", { value: utf8("a") }, { value: utf8("slow") }, { value: utf8("b") });
    await world.run(
      topology("slow", ({ from }) => {
        from(words)
          .map((word) => {
            if (word === "slow") blockedMs += 20_000;
            return word;
          })
          .to(out);
      }),
      { clock: blocking },
    );
    expect((await world.texts("out")).map(({ value }) => value)).toEqual(["a", "slow", "b"]);
    expect(world.cluster.warnings.filter((line) => line.startsWith("The event loop stood still for longer than a heartbeat"))).toHaveLength(
      1,
    );
    await world.close();
  });
});

const asClock = (clock: BadInput["cluster"]["clock"]) => ({
  now: () => clock.now(),
  after: (delayMs: number, callback: () => void) => clock.after(delayMs, callback),
  yield: () => clock.yield(),
});
