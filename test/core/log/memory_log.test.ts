import { describe, expect, it } from "@jest/globals";
import { directLink, type Link, type MemoryLogOptions, memoryLog, type RequestKind } from "../../../core/log/mod.ts";
import { sleep } from "../../../core/ports/clock.ts";
import { LogError, type Outbox, type Producer } from "../../../core/ports/log.ts";
import { VirtualClock } from "../../../core/time_source/mod.ts";

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

/** A link that does with each request what the test wants, and writes down what was asked. */
class ScriptedLink implements Link {
  readonly asked: RequestKind[] = [];
  on: <T>(kind: RequestKind, perform: () => T | Promise<T>) => Promise<T> = async (_kind, perform) => perform();

  request<T>(kind: RequestKind, _detail: Readonly<Record<string, unknown>>, perform: () => T | Promise<T>): Promise<T> {
    this.asked.push(kind);
    return this.on(kind, perform);
  }
}

const setting = async (options: Partial<MemoryLogOptions> = {}) => {
  const clock = new VirtualClock();
  const cluster = memoryLog({ clock, ...options });
  const link = new ScriptedLink();
  const log = cluster.connect(link);
  await log.admin.create([{ topic: "t", partitions: 1, replication: -1, config: {} }]);
  const transactional = () => log.producer({ transactionalId: "id", transactionTimeoutMs: 60_000 });
  const one = (value: string): Outbox => {
    const outbox = log.outbox();
    outbox.append("t", 0, null, bytes(value), clock.now(), []);
    return outbox;
  };
  const values = async (isolation: "read-committed" | "read-uncommitted" = "read-committed"): Promise<string[]> => {
    const reader = cluster.connect();
    const fetcher = reader.fetcher({ isolation });
    const seen: string[] = [];
    for (let offset = 0; ; ) {
      const [part] = await fetcher.poll([{ topic: "t", partition: 0, offset }], 0);
      if (part === undefined) break;
      while (part.records.next()) seen.push(new TextDecoder().decode(part.records.value() ?? bytes("null")));
      offset = part.nextOffset;
    }
    return seen;
  };
  return { clock, cluster, link, log, transactional, one, values };
};

describe("log in memory", () => {
  it("appends a send once, although the request arrives twice", async () => {
    for (const transactionVersion of [1, 2] as const) {
      const { link, transactional, one, values } = await setting({ transactionVersion });
      link.on = async (_kind, perform) => {
        await perform();
        return perform();
      };
      const producer = await transactional();
      for (const value of ["a", "b", "c"]) {
        expect([...(await producer.send(one(value)))].length).toBe(1);
        await producer.commit();
      }
      expect(await values()).toEqual(["a", "b", "c"]);
    }
  });

  it("sends again what was put off, and only to the partitions that put it off", async () => {
    const { clock, link, log, cluster } = await setting();
    await log.admin.create([{ topic: "u", partitions: 2, replication: -1, config: {} }]);
    const producer = await log.producer({ transactionalId: null, transactionTimeoutMs: 60_000 });
    const outbox = log.outbox();
    for (let i = 0; i < 6; i++) outbox.append("u", i % 2, null, bytes(`${i}`), clock.now(), []);
    let refusals = 3;
    link.on = async (kind, perform) => {
      const answer = await perform();
      if (kind !== "Produce" || refusals-- <= 0) return answer;
      // Partition 0 has taken its batch; the leader of partition 1 is said to have moved before it did. A repetition is answered as the first time.
      const [first] = answer as unknown as unknown[];
      return [first, new LogError("NOT_LEADER_OR_FOLLOWER", "retriable", "The leader has moved")].slice(
        0,
        (answer as unknown as unknown[]).length,
      ) as typeof answer;
    };
    const base = await clock.complete(producer.send(outbox));
    expect([...base]).toEqual([
      ["u/0", 0],
      ["u/1", 0],
    ]);
    const ends = await cluster.connect().admin.offsets(
      [0, 1].map((partition) => ({ topic: "u", partition })),
      "latest",
      "read-committed",
    );
    expect([...ends.values()]).toEqual([3, 3]);
  });

  it("gives a send up as unknown when it was put off for too long", async () => {
    const { clock, link, transactional, one } = await setting();
    const producer = await transactional();
    link.on = async () => {
      throw new LogError("NOT_LEADER_OR_FOLLOWER", "retriable", "The leader is moving");
    };
    const refused = producer.send(one("a")).catch((error: unknown) => error);
    expect(await clock.complete(refused)).toMatchObject({ code: "NOT_LEADER_OR_FOLLOWER", disposition: "indefinite" });
    expect(clock.monotonic()).toBeGreaterThanOrEqual(30_000);
  });

  it("lets an epoch do nothing more after an answer got lost", async () => {
    const { link, transactional, one, values } = await setting();
    const producer = await transactional();
    await producer.send(one("a"));
    link.on = async () => {
      throw new LogError("CONNECTION_CLOSED", "indefinite", "The connection closed");
    };
    await expect(producer.commit()).rejects.toMatchObject({ disposition: "indefinite" });
    link.on = async (_kind, perform) => perform();
    const asked = link.asked.length;
    for (const call of [() => producer.commit(), () => producer.abort(), () => producer.send(one("b"))])
      await expect(call()).rejects.toMatchObject({ disposition: "indefinite" });
    expect(link.asked.length).toBe(asked);
    await transactional();
    expect(await values()).toEqual([]);
  });

  it("lets a transaction be aborted in good order when its offsets were refused, and the epoch go on", async () => {
    for (const transactionVersion of [1, 2] as const) {
      const { transactional, one, values } = await setting({ transactionVersion });
      const producer = await transactional();
      await producer.send(one("a"));
      const stranger = { groupId: "g", generationId: 3, memberId: "stranger", groupInstanceId: null };
      const offsets = [{ topic: "t", partition: 0, offset: 1, metadata: "" }];
      await expect(producer.sendOffsets(stranger, offsets)).rejects.toMatchObject({ disposition: "membership" });
      await expect(producer.commit()).rejects.toMatchObject({ disposition: "membership" });
      await producer.abort();
      await producer.send(one("b"));
      await producer.commit();
      expect(await values()).toEqual(["b"]);
    }
  });

  it("lets in protocol 2 a producer abort what has taken too long, and go on, as long as no other has opened its id", async () => {
    const { clock, transactional, one, values } = await setting({ transactionVersion: 2 });
    const producer = await transactional();
    await producer.send(one("a"));
    await clock.advance(80_000);
    await producer.abort();
    await producer.send(one("b"));
    await producer.commit();
    expect(await values()).toEqual(["b"]);
    await producer.send(one("c"));
    await clock.advance(80_000);
    await transactional();
    await expect(producer.abort()).rejects.toMatchObject({ code: "PRODUCER_FENCED", disposition: "fenced" });
  });

  it("names in protocol 2 neither partitions nor groups before it uses them", async () => {
    const requests = async (transactionVersion: 1 | 2): Promise<readonly RequestKind[]> => {
      const { link, transactional, one } = await setting({ transactionVersion });
      const producer = await transactional();
      const before = link.asked.length;
      for (let i = 0; i < 2; i++) {
        await producer.send(one("a"));
        await producer.send(one("b"));
        await producer.sendOffsets({ groupId: "g", generationId: -1, memberId: "", groupInstanceId: null }, [
          { topic: "t", partition: 0, offset: 1, metadata: "" },
        ]);
        await producer.commit();
      }
      return link.asked.slice(before);
    };
    const [produce, commit, end] = ["Produce", "TxnOffsetCommit", "EndTxn"] as const;
    expect(await requests(2)).toEqual([produce, produce, commit, end, produce, produce, commit, end]);
    const first = ["AddPartitionsToTxn", produce, produce, "AddOffsetsToTxn", commit, end] as const;
    expect(await requests(1)).toEqual([...first, ...first]);
  });

  it("takes an outbox again for another epoch when it is not known what became of it", async () => {
    const { link, transactional, one, values } = await setting();
    const outbox = one("again");
    const lost: Producer = await transactional();
    const { on } = link;
    link.on = async (_kind, perform) => {
      await perform();
      throw new LogError("CONNECTION_CLOSED", "indefinite", "The answer was lost");
    };
    await expect(lost.send(outbox)).rejects.toMatchObject({ disposition: "indefinite" });
    link.on = on;
    const next = await transactional();
    await next.send(outbox);
    await next.commit();
    expect(await values()).toEqual(["again"]);
    expect(await values("read-uncommitted")).toEqual(["again", "again"]);
  });

  it("polls on when a fetch got lost", async () => {
    const { clock, link, log, one } = await setting();
    let lost = 2;
    link.on = async (kind, perform) => {
      if (kind === "Fetch" && lost-- > 0) throw new LogError("CONNECTION_CLOSED", "indefinite", "The connection closed");
      return perform();
    };
    const producer = await log.producer({ transactionalId: null, transactionTimeoutMs: 60_000 });
    await producer.send(one("here"));
    const fetcher = log.fetcher({ isolation: "read-committed" });
    const parts = await clock.complete(fetcher.poll([{ topic: "t", partition: 0, offset: 0 }], 1_000));
    expect(parts.map((part) => part.nextOffset)).toEqual([1]);
    expect(clock.monotonic()).toBeLessThan(1_000);
  });

  it("answers a poll that waits when the topic is deleted", async () => {
    const { clock, log } = await setting();
    const fetcher = log.fetcher({ isolation: "read-committed" });
    const waiting = fetcher.poll([{ topic: "t", partition: 0, offset: 0 }], 60_000);
    await clock.advance(1_000);
    await log.admin.delete(["t"]);
    expect((await clock.complete(waiting)).map((part) => part.error?.code)).toEqual(["UNKNOWN_TOPIC_OR_PARTITION"]);
    expect(clock.monotonic()).toBe(1_000);
  });

  it("refuses a second poll beside the first, and everything after it was closed", async () => {
    const { clock, log, transactional, one } = await setting();
    const fetcher = log.fetcher({ isolation: "read-committed" });
    const position = [{ topic: "t", partition: 0, offset: 0 }];
    const waiting = fetcher.poll(position, 1_000);
    await expect(fetcher.poll(position, 0)).rejects.toThrow("Only one poll of a fetcher may be under way");
    const producer = await transactional();
    await log.close();
    expect(await clock.complete(waiting)).toEqual([]);
    await expect(fetcher.poll(position, 0)).rejects.toMatchObject({ code: "CLOSED" });
    await expect(log.producer({ transactionalId: "x", transactionTimeoutMs: 1 })).rejects.toMatchObject({ code: "CLOSED" });
    expect(() => log.fetcher({ isolation: "read-committed" })).toThrow(expect.objectContaining({ code: "CLOSED" }));
    await producer.close();
    await expect(producer.send(one("late"))).rejects.toMatchObject({ code: "CLOSED" });
  });

  it("sends only outboxes of its own", async () => {
    const { transactional } = await setting();
    const strange: Outbox = { append: () => {}, records: 1, bytes: 1 };
    await expect((await transactional()).send(strange)).rejects.toThrow("The log in memory sends its own outboxes only");
  });

  it("keeps nothing back from the clock when its clients are gone", async () => {
    const { clock, log, transactional, one } = await setting();
    const producer = await transactional();
    await producer.send(one("a"));
    await producer.commit();
    const fetcher = log.fetcher({ isolation: "read-committed" });
    await fetcher.poll([{ topic: "t", partition: 0, offset: 0 }], 1_000);
    const member = log.join({
      groupId: "g",
      protocols: ["p"],
      topics: ["t"],
      sessionTimeoutMs: 6_000,
      rebalanceTimeoutMs: 6_000,
      heartbeatMs: 500,
      subscription: () => new Uint8Array(0),
      assign: () => new Map(),
      onRebalance: async () => {},
      onAssigned: async () => {},
      onError: () => {},
    });
    await clock.advance(2_000);
    expect(member.metadata.generationId).toBe(1);
    await log.close();
    await clock.advance(0);
    expect(clock.nextDueMs).toBeUndefined();
  });

  it("tells a member's failed callback to onError and leaves the group", async () => {
    for (const broken of ["assign", "assigned", "rejoin"] as const) {
      const { clock, log } = await setting();
      const errors: LogError[] = [];
      const fail = (): never => {
        throw new RangeError(`no ${broken}`);
      };
      const member = log.join({
        groupId: "g",
        protocols: ["p"],
        topics: ["t"],
        sessionTimeoutMs: 6_000,
        rebalanceTimeoutMs: 6_000,
        heartbeatMs: 500,
        subscription: () => new Uint8Array(0),
        assign: () => (broken === "assign" ? fail() : new Map()),
        onAssigned: async () => (broken === "assigned" ? fail() : undefined),
        onRebalance: async () => (broken === "rejoin" ? fail() : undefined),
        onError: (error) => errors.push(error),
      });
      await clock.advance(1_000);
      member.requestRejoin();
      await clock.advance(1_000);
      expect(errors.map((error) => [error.code, error.cause])).toEqual([["UNKNOWN", new RangeError(`no ${broken}`)]]);
      // The group is empty: offsets may be set from outside.
      await log.admin.commitOffsets("g", [{ topic: "t", partition: 0, offset: 0, metadata: "" }]);
    }
  });

  it("lets a member come back with its id when only its generation is over, and not wait for its own ghost", async () => {
    const { clock, cluster } = await setting();
    const lossy = new ScriptedLink();
    const log = cluster.connect(lossy);
    const story: string[] = [];
    const member = log.join({
      groupId: "g",
      protocols: ["p"],
      topics: ["t"],
      sessionTimeoutMs: 6_000,
      rebalanceTimeoutMs: 6_000,
      heartbeatMs: 500,
      subscription: () => new Uint8Array(0),
      assign: () => new Map(),
      onAssigned: async (_assignment, group) => {
        story.push(`generation ${group.generationId}`);
      },
      onRebalance: async (reason) => {
        story.push(reason);
      },
      onError: (error) => story.push(error.code),
    });
    await clock.advance(1_000);
    const { memberId } = member.metadata;
    lossy.on = async (kind, perform) => {
      if (kind !== "Heartbeat") return perform();
      throw new LogError("ILLEGAL_GENERATION", "membership", "The generation is over");
    };
    await clock.advance(600);
    expect(story).toEqual(["generation 1", "lost", "generation 2"]);
    // Expelled while it was away and refused again on its way back: that is one loss, not two.
    let refusals = 2;
    lossy.on = async (kind, perform) => {
      if ((kind === "Heartbeat" || kind === "JoinGroup") && refusals-- > 0)
        throw new LogError("UNKNOWN_MEMBER_ID", "membership", "Nobody knows this member");
      return perform();
    };
    expect(member.metadata.memberId).toBe(memberId);
    await clock.advance(10_000);
    expect(story).toEqual(["generation 1", "lost", "generation 2", "lost", "generation 3"]);
    expect(member.metadata.memberId).not.toBe(memberId);
    await log.close();
  });

  it("hears a wish to rejoin that is uttered while it is still joining", async () => {
    const { clock, cluster } = await setting();
    const slow: Link = {
      request: async (kind, detail, perform) => {
        await sleep(clock, 100);
        return directLink.request(kind, detail, perform);
      },
    };
    const generations: number[] = [];
    let says = "first";
    const heard: string[] = [];
    const member = cluster.connect(slow).join({
      groupId: "g",
      protocols: ["p"],
      topics: ["t"],
      sessionTimeoutMs: 6_000,
      rebalanceTimeoutMs: 6_000,
      heartbeatMs: 500,
      subscription: () => bytes(says),
      assign: (members) => {
        heard.push(...members.map((one) => new TextDecoder().decode(one.userData)));
        return new Map();
      },
      onAssigned: async (_assignment, group) => {
        generations.push(group.generationId);
      },
      onRebalance: async () => {},
      onError: () => {},
    });
    // The second JoinGroup is on its way: what it says is said, and no answer has come.
    await clock.advance(150);
    expect(generations).toEqual([]);
    says = "second";
    member.requestRejoin();
    await clock.advance(2_000);
    expect([generations, heard]).toEqual([
      [1, 2],
      ["first", "second"],
    ]);
    await clock.complete(member.leave());
  });

  it("asks for another partition first with every poll, and gives one record beyond the bound at most", async () => {
    const { clock, log } = await setting();
    await log.admin.create([{ topic: "w", partitions: 3, replication: -1, config: {} }]);
    const outbox = log.outbox();
    for (let i = 0; i < 90; i++) outbox.append("w", i % 3, null, new Uint8Array(600), clock.now(), []);
    const producer = await log.producer({ transactionalId: null, transactionTimeoutMs: 60_000 });
    await producer.send(outbox);
    const fetcher = log.fetcher({ isolation: "read-committed", totalBytes: 1_000 });
    const offsets = [0, 0, 0];
    for (let polls = 0; polls < 12; polls++) {
      const parts = await fetcher.poll(
        offsets.map((offset, partition) => ({ topic: "w", partition, offset })),
        0,
      );
      expect(parts.reduce((sum, part) => sum + part.bytes, 0)).toBeLessThanOrEqual(1_000);
      for (const part of parts) offsets[part.partition] = part.nextOffset;
    }
    expect(offsets).toEqual([4, 4, 4]);
  });

  it("forgets a group's offsets with their topic", async () => {
    const { log } = await setting();
    await log.admin.commitOffsets("g", [{ topic: "t", partition: 0, offset: 0, metadata: "" }]);
    await log.admin.delete(["t"]);
    await log.admin.create([{ topic: "t", partitions: 1, replication: -1, config: {} }]);
    expect((await log.admin.committed("g", [{ topic: "t", partition: 0 }], { requireStable: true })).size).toBe(0);
  });

  it("refuses names that collide, and more copies than there are brokers", async () => {
    const { log } = await setting({ brokers: 3 });
    const make = (topic: string, replication: number) => log.admin.create([{ topic, partitions: 1, replication, config: {} }]);
    await make("a.b", 3);
    await expect(make("a_b", 1)).rejects.toMatchObject({ code: "INVALID_TOPIC" });
    await expect(make("c", 4)).rejects.toMatchObject({ code: "INVALID_CONFIG", disposition: "configuration" });
    expect(await log.admin.brokers()).toBe(3);
  });

  it("does not delete records of a topic that is only compacted", async () => {
    const { log } = await setting();
    await log.admin.create([{ topic: "c", partitions: 1, replication: -1, config: { "cleanup.policy": "compact" } }]);
    await expect(log.admin.deleteRecords([{ topic: "c", partition: 0, offset: 0 }])).rejects.toMatchObject({ code: "POLICY_VIOLATION" });
  });

  it("takes time on its way only where its link does", async () => {
    const { clock, cluster } = await setting();
    const slow: Link = {
      request: async (kind, detail, perform) => {
        await new Promise<void>((resolve) => clock.after(20, resolve));
        const answer = await directLink.request(kind, detail, perform);
        await new Promise<void>((resolve) => clock.after(20, resolve));
        return answer;
      },
    };
    const far = cluster.connect(slow);
    await clock.complete(far.admin.list());
    expect(clock.monotonic()).toBe(40);
    await cluster.connect().admin.list();
    expect(clock.monotonic()).toBe(40);
  });
});
