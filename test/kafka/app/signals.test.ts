import { type ChildProcess, spawn } from "node:child_process";
import { expect, it } from "@jest/globals";
import { type GroupMember, partitionId } from "../../../core/ports/log.ts";
import { integer } from "../../../core/serde/numbers.ts";
import { text } from "../../../core/serde/text.ts";
import { topic } from "../../../topology/topic.ts";
import { type AppWorld, inWorld } from "../../app_scenarios/app_world.ts";
import { describeKafka } from "../support/describe_kafka.ts";
import { suite } from "../support/kafka_suite.ts";
import { kafkaAppWorld } from "./kafka_app_world.ts";

const on = inWorld(kafkaAppWorld);

const program = "test/kafka/app/word_count_program.ts";
const longSessionMs = 45_000;
const shortSessionMs = 6000;

const start = async (world: AppWorld, sessionMs: number, ...more: readonly string[]) => {
  const lines = topic(world.unique("lines"), { key: text, value: text });
  const counts = topic(world.unique("counts"), { key: text, value: integer });
  await world.create(lines.name, 2);
  await world.create(counts.name, 1);
  const applicationId = world.unique("word-count");
  const child: ChildProcess = spawn(
    process.execPath,
    [program, suite.brokers[0]!, lines.name, counts.name, applicationId, String(sessionMs), ...more],
    { stdio: ["ignore", "pipe", "pipe"] },
  );
  let [said, complained] = ["", ""];
  child.stdout!.on("data", (data: Buffer) => {
    said += data.toString();
  });
  child.stderr!.on("data", (data: Buffer) => {
    complained += data.toString();
  });
  const ended = new Promise<{ readonly code: number | null; readonly signal: string | null }>((resolve) =>
    child.once("close", (code, signal) => resolve({ code, signal })),
  );
  const hasSaid = (what: string) =>
    world.until(`the process says '${what}', after '${said}' and '${complained}'`, () => (said.includes(what) ? true : undefined));
  await hasSaid("state running");
  return { lines, counts, applicationId, child, ended, hasSaid, complaints: () => complained, words: () => said };
};

describeKafka("a process that gets a signal", () => {
  for (const signal of ["SIGTERM", "SIGINT"] as const)
    it(
      `(${signal}) commits what it has done, leaves the group and ends with 0`,
      on(async (world) => {
        const { lines, counts, applicationId, child, ended, complaints, words } = await start(world, longSessionMs);
        await world.produce(lines, [
          { key: "a", value: "to be or not to be" },
          { key: "b", value: "be" },
        ]);
        await world.until("the words are counted", async () => ((await world.read(counts)).length === 7 ? true : undefined));
        child.kill(signal);
        expect(await ended).toEqual({ code: 0, signal: null });
        expect(words()).toMatch(/state stopping\nstate stopped\nfinished\n$/);
        expect(complaints()).toBe("");
        const inputs = [0, 1].map((partition) => ({ topic: lines.name, partition }));
        const committed = await world.log.admin.committed(applicationId, inputs, { requireStable: true });
        expect(
          inputs.reduce((sum, { partition }) => sum + (committed.get(partitionId(lines.name, partition))?.offset ?? 0), 0),
        ).toBeGreaterThanOrEqual(2);
        // Nobody has to wait for the session of who has left: a member of its own gets a generation at once.
        const beganMs = performance.now();
        const member = await new Promise<GroupMember>((resolve, reject) => {
          const joining: GroupMember = world.log.join({
            groupId: applicationId,
            protocols: ["test"],
            topics: [lines.name],
            sessionTimeoutMs: shortSessionMs,
            rebalanceTimeoutMs: shortSessionMs,
            heartbeatMs: 1000,
            subscription: () => new Uint8Array(0),
            assign: (members) => new Map(members.map(({ memberId }) => [memberId, { partitions: [], userData: new Uint8Array(0) }])),
            onRebalance: async () => {},
            onAssigned: async () => resolve(joining),
            onError: reject,
          });
        });
        await member.leave();
        expect(performance.now() - beganMs).toBeLessThan(longSessionMs - 10_000);
      }),
    );

  it(
    "(SIGTERM twice) ends at once when closing takes too long, with the signal's exit code",
    on(async (world) => {
      const { lines, counts, child, ended, hasSaid } = await start(world, longSessionMs, "slow");
      await world.produce(lines, [{ key: "a", value: "to be" }]);
      await world.until("the words are counted", async () => ((await world.read(counts)).length === 2 ? true : undefined));
      child.kill("SIGTERM");
      await hasSaid("state stopping");
      // Everything else is done by then; the sink holds the process, and would for ever.
      await world.pass(2000);
      expect([child.exitCode, child.signalCode]).toEqual([null, null]);
      child.kill("SIGTERM");
      expect(await ended).toEqual({ code: 143, signal: null });
    }),
  );

  it(
    "(SIGKILL) is followed by one that counts on without a gap and without a repetition",
    on(async (world) => {
      const { lines, counts, applicationId, child, ended } = await start(world, shortSessionMs);
      await world.produce(lines, [{ key: "a", value: "to be or not to be" }]);
      await world.until("the words are counted", async () => ((await world.read(counts)).length === 6 ? true : undefined));
      await world.produce(lines, [{ key: "a", value: "to be or not to be" }]);
      child.kill("SIGKILL");
      expect(await ended).toEqual({ code: null, signal: "SIGKILL" });
      const second = spawn(process.execPath, [program, suite.brokers[0]!, lines.name, counts.name, applicationId, String(shortSessionMs)]);
      await world.until("the words are counted twice", async () => ((await world.read(counts)).length === 12 ? true : undefined));
      const left = new Promise((resolve) => second.once("close", resolve));
      second.kill("SIGTERM");
      await left;
      expect((await world.read(counts)).map(({ key, value }) => `${key} ${value}`).sort()).toEqual(
        ["be 1", "be 2", "be 3", "be 4", "not 1", "not 2", "or 1", "or 2", "to 1", "to 2", "to 3", "to 4"].sort(),
      );
    }),
  );
});
