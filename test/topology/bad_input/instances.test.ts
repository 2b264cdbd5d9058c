import { describe, expect, it } from "@jest/globals";
import type { GroupMember, Log, LogError, MemberSubscription } from "../../../core/ports/log.ts";
import { integer } from "../../../core/serde/numbers.ts";
import { text } from "../../../core/serde/text.ts";
import { topic } from "../../../topology/topic.ts";
import { topology } from "../../../topology/topology.ts";
import { BadInput, counted, utf8 } from "./outcome.ts";

const words = topic("words", { key: text, value: text });
const counts = topic("counts", { key: text, value: integer });

const counting = (store: string) =>
  topology("counting", ({ from }) => {
    from(words)
      .keyBy((word) => word)
      .count(store)
      .to(counts);
  });

/** A member that knows nothing of this library, as a plain consumer would be. */
const stranger = (log: Log, groupId: string, protocol: string, userData: Uint8Array = new Uint8Array(0)): GroupMember =>
  log.join({
    groupId,
    protocols: [protocol],
    topics: ["words"],
    sessionTimeoutMs: 10_000,
    rebalanceTimeoutMs: 10_000,
    heartbeatMs: 1000,
    subscription: () => userData,
    assign: (members: readonly MemberSubscription[]) => new Map(members.map(({ memberId }) => [memberId, { partitions: [], userData }])),
    onRebalance: async () => {},
    onAssigned: async () => {},
    onError: (error: LogError) => {
      throw error;
    },
  });

describe("another program under the same application id", () => {
  it("with another topology is refused with what differs, and the first one goes on", async () => {
    const world = await BadInput.open({ words: 2, counts: 1 });
    const first = await world.run(counting("count"));
    expect(await world.refusal(counting("tally"))).toMatchObject({
      name: "ConfigurationError",
      code: "TOPOLOGY_CHANGED",
      step: "count",
      message:
        "Topology 'counting' is not the one that application 'counting' has run before. The store of step 'count' is no longer there. Internal topic 'count-repartition' is no longer there, so what it holds would be lost: put it back, or start once with allowNonRestoredState: true to give it up",
    });
    // What may follow after it cannot run beside it.
    const second = await world.cluster.start(counting("tally"), { allowNonRestoredState: true });
    const error = await world.failureOf(second);
    expect(error).toMatchObject({ name: "TopologyError", code: "TOPOLOGY_CHANGED" });
    expect(error.message).toMatch(
      /^Other instances of application 'counting' run another topology \(.+\): stop them first, or give this program another applicationId$/,
    );
    await world.write("words", { key: utf8("k"), value: utf8("a") });
    await world.cluster.clock.advance(5000);
    expect(first.state).toBe("running");
    expect(await world.texts("counts")).toHaveLength(1);
    await world.cluster.drive(first.close());
  });

  it("that is a plain consumer group is refused with the group's name and what to do", async () => {
    const world = await BadInput.open({ words: 2, counts: 1 });
    const member = stranger(world.cluster.memory.connect(), "counting", "range");
    await world.cluster.clock.advance(2000);
    const error = await world.failure(counting("count"));
    expect(error).toMatchObject({ name: "ConfigurationError", code: "OPTION_INVALID" });
    expect(error.message).toMatch(/'counting'.*Stop what uses that group, or give this program another applicationId$/);
    await world.cluster.drive(member.leave());
    // The records that came meanwhile are there for whoever runs next.
    await world.write("words", { key: utf8("k"), value: utf8("a") });
    await world.run(counting("count"));
    expect(await world.texts("counts")).toHaveLength(1);
    await world.close();
  });

  it("whose messages to the group cannot be read does not bring the instance down", async () => {
    const world = await BadInput.open({ words: 2, counts: 1 });
    const app = await world.run(counting("count"));
    const member = stranger(world.cluster.memory.connect(), "counting", "millrace-1", Uint8Array.of(255, 254, 1, 2, 3));
    await world.cluster.clock.advance(5000);
    await world.write("words", { key: utf8("k"), value: utf8("a") });
    await world.cluster.clock.advance(5000);
    expect(app.state).toBe("running");
    expect(await world.texts("counts")).toHaveLength(1);
    expect(counted(app, "unreadable_members")).toBeGreaterThan(0);
    expect(world.cluster.warnings).toContainEqual(
      expect.stringMatching(/^What a member of the group says cannot be read: it counts as one without state/),
    );
    await world.cluster.drive(member.leave());
    await world.close();
  });
});
