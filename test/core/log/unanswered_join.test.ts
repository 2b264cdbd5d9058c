import { describe, expect, it } from "@jest/globals";
import type { Link } from "../../../core/log/link.ts";
import { memoryLog } from "../../../core/log/mod.ts";
import { VirtualClock } from "../../../core/time_source/virtual_clock.ts";

describe("a member whose request to join is never answered", () => {
  // As when an older request of its own comes late and takes the newer one's place: it once waited for ever, and its heart beat on.
  it("asks again when a rebalance would be over", async () => {
    const clock = new VirtualClock();
    const log = memoryLog({ clock });
    await clock.complete(log.connect().admin.create([{ topic: "orders", partitions: 1, replication: -1, config: {} }]));
    let joins = 0;
    const link: Link = {
      request: async (kind, _detail, perform) => (kind === "JoinGroup" && ++joins === 2 ? new Promise(() => {}) : perform()),
    };
    let assigned = 0;
    const member = log.connect(link).join({
      groupId: "g",
      groupInstanceId: null,
      protocols: ["p"],
      topics: ["orders"],
      sessionTimeoutMs: 60_000,
      rebalanceTimeoutMs: 20_000,
      heartbeatMs: 1_000,
      subscription: () => new Uint8Array(),
      assign: async (members) => new Map(members.map(({ memberId }) => [memberId, { partitions: [], userData: new Uint8Array() }])),
      onRebalance: async () => {},
      onAssigned: async () => {
        assigned++;
      },
      onError: () => {},
    });
    await clock.advance(20_000);
    expect([joins, assigned]).toEqual([2, 0]);
    await clock.advance(10_000);
    expect([joins, assigned]).toEqual([3, 1]);
    member.abandon();
  });
});
