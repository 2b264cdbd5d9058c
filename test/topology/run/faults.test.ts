import { describe, expect, it } from "@jest/globals";
import { millis, seconds } from "../../../core/duration.ts";
import type { RequestKind } from "../../../core/log/link.ts";
import { integer } from "../../../core/serde/numbers.ts";
import { text } from "../../../core/serde/text.ts";
import { seededRandom } from "../../../core/time_source/seeded_random.ts";
import type { RunOptions } from "../../../topology/run_options.ts";
import { topic } from "../../../topology/topic.ts";
import { topology } from "../../../topology/topology.ts";
import { Cluster } from "../../support/cluster.ts";
import { type Fault, FaultyLink } from "../../support/faulty_link.ts";

const words = topic("words", { key: text, value: text });
const counts = topic("counts", { key: text, value: integer });

const counting = topology("counting", ({ from }) => {
  from(words)
    .keyBy((word) => word)
    .count("count")
    .to(counts);
});

const group = { sessionTimeout: seconds(6), heartbeat: seconds(1), rebalanceTimeout: seconds(10) };

const world = async (transactionVersion: 1 | 2 = 2) => {
  const cluster = new Cluster({ transactionVersion, transactionCheckMs: 2000 });
  await cluster.create("words", 3);
  await cluster.create("counts", 1);
  const said = new Map<string, number>();
  const say = async (...list: readonly string[]): Promise<void> => {
    for (const word of list) said.set(word, (said.get(word) ?? 0) + 1);
    await cluster.produce(
      words,
      list.map((value) => ({ key: value, value })),
    );
  };
  const start = async (
    options: RunOptions & { readonly fault?: FaultyLink["fault"]; readonly latencyMs?: () => number; readonly faultMs?: () => number } = {},
  ) => {
    const { fault, latencyMs = () => 1, faultMs = () => 700, ...more } = options;
    const link = new FaultyLink({ clock: cluster.clock, latencyMs, faultMs });
    link.fault = fault;
    const app = await cluster.start(counting, { group, commit: { interval: millis(100) }, log: cluster.memory.connect(link), ...more });
    return { app, link };
  };
  /** Every revision of every count, each once. */
  const everyRevision = async (): Promise<void> => {
    const found = (await cluster.read(counts)).map(({ key, value }) => `${key} ${value}`).sort();
    const wanted = [...said].flatMap(([word, n]) => Array.from({ length: n }, (_, i) => `${word} ${i + 1}`)).sort();
    expect(found).toEqual(wanted);
  };
  return { cluster, say, start, everyRevision };
};

/** That fault for the n-th request of the kind, once it is switched on. */
const onceAt = (kind: RequestKind, fault: Fault, n = 0) => {
  let left = n;
  const state = { on: false, hit: false };
  return {
    state,
    fault: (asked: RequestKind): Fault | undefined => {
      if (!state.on || state.hit || asked !== kind || left-- > 0) return undefined;
      state.hit = true;
      return fault;
    },
  };
};

const everyFault: readonly Fault[] = ["request-lost", "response-lost", "late", "delayed"];

describe("a request of a commit that meets a fault", () => {
  for (const [version, kinds] of [
    [2, ["Produce", "TxnOffsetCommit", "EndTxn"]],
    [1, ["AddPartitionsToTxn", "AddOffsetsToTxn", "Produce", "TxnOffsetCommit", "EndTxn"]],
  ] as const)
    for (const kind of kinds)
      for (const fault of everyFault)
        it(`(${kind} ${fault}, protocol ${version}) changes nothing in the output`, async () => {
          const { cluster, say, start, everyRevision } = await world(version);
          const once = onceAt(kind, fault);
          await start({ fault: once.fault });
          await say("a", "b", "a");
          await cluster.clock.advance(1000);
          once.state.on = true;
          for (let i = 0; i < 10; i++) {
            await say("a", "b");
            await cluster.clock.advance(170);
          }
          await cluster.clock.advance(5000);
          expect(once.state.hit).toBe(true);
          await everyRevision();
          await cluster.close();
        });

  it("(a new epoch after it, again and again) is tried until it succeeds", async () => {
    const { cluster, say, start, everyRevision } = await world();
    let broken = true;
    const { app } = await start({
      fault: (kind) =>
        broken && (kind === "EndTxn" || kind === "InitProducerId") && cluster.clock.monotonic() > 1000 ? "response-lost" : undefined,
    });
    await say("a");
    await cluster.clock.advance(1000);
    await say("a", "b");
    await cluster.clock.advance(10_000);
    expect(app.state).toBe("running");
    broken = false;
    await cluster.clock.advance(15_000);
    await everyRevision();
    await cluster.close();
  });
});

describe("the end of a transaction whose answer is lost", () => {
  for (const [fault, happened] of [
    ["response-lost", true],
    ["request-lost", false],
  ] as const)
    it(
      happened ? "counts when it has happened: nothing is done twice" : "does not count when it has not happened: it is done again",
      async () => {
        const { cluster, say, start, everyRevision } = await world();
        const once = onceAt("EndTxn", fault);
        const commits: number[] = [];
        await start({ fault: once.fault, on: { commit: ({ records }) => void (records > 0 && commits.push(records)) } });
        await cluster.clock.advance(1000);
        commits.length = 0;
        once.state.on = true;
        await say("a");
        await cluster.clock.advance(10_000);
        await everyRevision();
        expect(once.state.hit).toBe(true);
        expect(cluster.warnings.filter((warning) => warning.startsWith("It is not known whether a commit happened"))).toHaveLength(1);
        const repeated = [...cluster.apps[0]!.metrics()].find(({ name }) => name === "failed_commits");
        expect(repeated?.value).toBe(1);
        await cluster.close();
      },
    );
});

describe("an instance that joins while requests get lost", () => {
  const kinds: readonly RequestKind[] = [
    "JoinGroup",
    "SyncGroup",
    "InitProducerId",
    "Produce",
    "OffsetFetch",
    "ListOffsets",
    "Fetch",
    "Heartbeat",
  ];
  for (const kind of kinds)
    for (const fault of ["request-lost", "response-lost", "late"] as const)
      it(`(${kind} ${fault}) comes in all the same, with its state`, async () => {
        const { cluster, say, start, everyRevision } = await world();
        const first = await start();
        await say("a", "b", "c", "d", "e");
        await cluster.clock.advance(1000);
        await cluster.drive(first.app.close());
        const once = onceAt(kind, fault);
        const second = await start({
          fault: (asked) => {
            // What goes wrong while topics are looked at and made refuses the start. From joining on it is tried again.
            once.state.on ||= asked === "JoinGroup";
            return once.fault(asked);
          },
        });
        await cluster.clock.advance(20_000);
        await say("a", "b", "c");
        await cluster.clock.advance(5000);
        expect([once.state.hit, second.app.state]).toEqual([true, "running"]);
        await everyRevision();
        await cluster.close();
        expect(cluster.clock.nextDueMs).toBeUndefined();
      });
});

describe("an instance that stands still for longer than its session", () => {
  for (const silentMs of [7000, 40_000])
    it(`(${silentMs} ms) cannot commit what it had done, and comes back as a new member`, async () => {
      const { cluster, say, start, everyRevision } = await world();
      const first = await start();
      await start();
      await cluster.clock.advance(5000);
      for (let i = 0; i < 5; i++) {
        await say("a", "b", "c", "d");
        await cluster.clock.advance(30 + i * 13);
      }
      first.link.freeze();
      await say("a", "b", "c", "d");
      await cluster.clock.advance(silentMs);
      first.link.thaw();
      await say("a", "b", "c", "d");
      await cluster.clock.advance(20_000);
      await everyRevision();
      expect(cluster.apps.map(({ state }) => state)).toEqual(["running", "running"]);
      await cluster.close();
    });

  it("leaves no transaction open when it is closed as soon as it wakes up", async () => {
    const { cluster, say, start } = await world();
    const { app, link } = await start({ commit: { interval: seconds(20) } });
    await cluster.clock.advance(1000);
    await say("a", "b", "c");
    await cluster.clock.advance(3000);
    const at = [0, 1, 2].map((partition) => ({ topic: "counting-count-repartition", partition }));
    const ends = async (isolation: "read-committed" | "read-uncommitted") => [
      ...(await cluster.drive(cluster.log.admin.offsets(at, "latest", isolation))).values(),
    ];
    const written = await ends("read-uncommitted");
    expect(await ends("read-committed")).not.toEqual(written);
    link.freeze();
    await cluster.clock.advance(10_000);
    link.thaw();
    await cluster.drive(app.close());
    expect(await ends("read-committed")).toEqual(await ends("read-uncommitted"));
    await cluster.close();
  });

  it("is fenced by the leader, so that its open transaction holds nobody back until its timeout", async () => {
    const { cluster, say, start } = await world();
    const first = await start({ transactionTimeout: seconds(600), commit: { interval: seconds(60) } });
    await cluster.clock.advance(1000);
    await say("a", "b", "c");
    await cluster.clock.advance(50_000);
    first.link.cut();
    first.app.kill();
    await start();
    await cluster.clock.advance(15_000);
    expect((await cluster.read(counts)).map(({ key, value }) => `${key} ${value}`).sort()).toEqual(["a 1", "b 1", "c 1"]);
    await cluster.close();
  });

  it("is fenced although its transaction hides what stands behind it in the control topic", async () => {
    const { cluster, say, start, everyRevision } = await world();
    // A task that is done says so in its transaction, in the topic in which the workers are found.
    const control = { topic: "counting-control", partition: 0 };
    const first = await start();
    await cluster.clock.advance(1000);
    const producer = await cluster.drive(cluster.log.producer({ transactionalId: `hanging`, transactionTimeoutMs: 600_000 }));
    const outbox = cluster.log.outbox();
    outbox.append(control.topic, 0, text.serialize("finished:9_9", ""), text.serialize("{}", ""), cluster.clock.now(), []);
    await cluster.drive(producer.send(outbox));
    await say("a");
    await cluster.clock.advance(300);
    first.link.cut();
    first.app.kill();
    await say("a");
    await start();
    await cluster.clock.advance(15_000);
    await everyRevision();
    await cluster.close();
  });
});

describe("a transaction that the broker ends by its timeout", () => {
  it("is done again in a new epoch", async () => {
    const { cluster, say, start, everyRevision } = await world();
    let slow = false;
    const { link } = await start({
      transactionTimeout: seconds(3),
      faultMs: () => 8000,
      commit: { interval: millis(100), timeout: seconds(60) },
    });
    link.fault = (kind) => (slow && kind === "EndTxn" ? "delayed" : undefined);
    await say("a", "b");
    await cluster.clock.advance(1000);
    slow = true;
    await say("a", "b");
    await cluster.clock.advance(2000);
    slow = false;
    await cluster.clock.advance(20_000);
    await everyRevision();
    expect(cluster.warnings.some((warning) => warning.startsWith("A commit failed and is taken back"))).toBe(true);
    await cluster.close();
  });
});

describe("a rebalance while a commit is under way", () => {
  for (const kind of ["Produce", "TxnOffsetCommit", "EndTxn"] as const)
    for (const lateMs of [2500, 6000, 25_000])
      it(`(${kind} takes ${lateMs} ms) neither loses nor repeats anything`, async () => {
        const { cluster, say, start, everyRevision } = await world();
        let slow = false;
        const { link } = await start({ faultMs: () => lateMs, transactionTimeout: seconds(60) });
        link.fault = (asked) => (slow && asked === kind ? "delayed" : undefined);
        await say("a", "b", "c", "d");
        await cluster.clock.advance(1000);
        slow = true;
        await say("a", "b", "c", "d", "e", "f");
        await cluster.clock.advance(250);
        // Work goes on beside the commit that hangs, and then somebody comes who takes a part of the tasks.
        await say("a", "b", "c", "d", "e", "f");
        await cluster.clock.advance(250);
        await start();
        slow = false;
        for (let i = 0; i < 6; i++) {
          await say("a", "c", "e");
          await cluster.clock.advance(1500);
        }
        await cluster.clock.advance(60_000);
        await everyRevision();
        expect(cluster.apps.map(({ state }) => state)).toEqual(["running", "running"]);
        await cluster.close();
      });

  it("does not lose what is done in the middle of it when an instance is closed there", async () => {
    const { cluster, say, start, everyRevision } = await world();
    const first = await start({ faultMs: () => 8000 });
    const second = await start();
    await cluster.clock.advance(5000);
    // A third one makes the group share anew, and the first one keeps everybody waiting.
    first.link.fault = (kind) => (kind === "JoinGroup" ? "delayed" : undefined);
    await start();
    await cluster.clock.advance(2000);
    for (let i = 0; i < 5; i++) {
      await say("a", "b", "c", "d", "e", "f");
      await cluster.clock.advance(100);
    }
    expect(second.app.state).toBe("rebalancing");
    await cluster.drive(second.app.close());
    await cluster.clock.advance(30_000);
    await everyRevision();
    await cluster.close();
  });
});

describe("several instances that start in one moment", () => {
  it("share the work, and make every topic once", async () => {
    const { cluster, say, start, everyRevision } = await world();
    await say("a", "b", "c", "a");
    await Promise.all([1, 2, 3].map((seed) => start({ random: seededRandom(seed) })));
    await cluster.clock.advance(10_000);
    await say("a", "b");
    await cluster.clock.advance(3000);
    await everyRevision();
    const tasks = cluster.apps.map((app) => [...app.metrics()].find(({ name }) => name === "tasks")?.value);
    expect(tasks).toEqual([2, 2, 2]);
    await cluster.close();
  });
});
