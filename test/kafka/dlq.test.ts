import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { expect, it } from "@jest/globals";
import { deadLetter } from "../../core/error_policy.ts";
import { text } from "../../core/serde/text.ts";
import { millrace } from "../../node/cli/millrace.ts";
import { topic } from "../../topology/topic.ts";
import { topology } from "../../topology/topology.ts";
import { type AppWorld, inWorld, total } from "../app_scenarios/app_world.ts";
import { kafkaAppWorld } from "./app/kafka_app_world.ts";
import { describeKafka } from "./support/describe_kafka.ts";
import { suite, unique } from "./support/kafka_suite.ts";

const on = inWorld(kafkaAppWorld);

const dlq = async (...args: readonly string[]) => {
  let out = "";
  let err = "";
  const terminal = { out: (text: string) => void (out += text), err: (text: string) => void (err += text), env: {} };
  return { code: await millrace(["dlq", ...args, "--brokers", suite.brokers.join(",")], terminal), out, err };
};

/** An application whose step refuses every word while it is broken. */
const open = async (world: AppWorld, parkKey: boolean) => {
  const [words, out, dead] = ["words", "out", "dead"].map((name) => topic(unique(name), { key: text, value: text }));
  for (const { name } of [words!, out!, dead!]) await world.create(name, 2);
  const state = { broken: true };
  const app = await world.start(
    topology(unique("refusing"), ({ from }) => {
      from(words!)
        .map((word) => {
          if (state.broken) throw new Error("broken");
          return word;
        })
        .with({ name: "picky", onError: deadLetter(dead!.name, { parkKey }) })
        .to(out!);
    }),
  );
  return { words: words!, out: out!, dead: dead!, state, app };
};

describeKafka("millrace dlq on a broker", () => {
  it(
    "lists, shows, and writes back what an application has put aside, whose keys are free then",
    on(async (world) => {
      const { words, out, dead, state, app } = await open(world, true);
      await world.produce(
        words,
        ["a1", "b1", "a2"].map((value) => ({ key: value[0]!, value })),
      );
      await world.until("all are dead", async () => ((await world.read(dead)).length === 3 ? true : undefined));
      expect((await dlq("list", dead.name)).out.split("\n").map((line) => line.trim())).toEqual([
        `${dead.name}: 3 records`,
        `2  STEP_FAILED  step picky${" ".repeat(`from-${words.name}`.length - 5)}  from ${words.name}`,
        `1  KEY_PARKED   step from-${words.name}  from ${words.name}`,
        "",
      ]);
      const shown = await dlq("show", dead.name);
      expect(shown.out).toContain(`"Step 'picky' threw: broken"`);
      expect(shown.out).toContain('key     "a" (1 byte)');
      const dry = await dlq("replay", dead.name, "--group", dead.name);
      expect(dry.out).toBe(`From '${dead.name}':\n  3 records to ${words.name}\nNothing was written: add --yes to do it.\n`);
      expect(await world.read(words)).toHaveLength(3);
      expect(total(app, "parked_keys")).toBe(2);
      state.broken = false;
      expect(await dlq("replay", dead.name, "--group", dead.name, "--yes")).toMatchObject({
        code: 0,
        out: `From '${dead.name}':\n  3 records to ${words.name}\n3 records written back.\n`,
      });
      await world.until("all are through", async () => ((await world.read(out)).length === 3 ? true : undefined));
      const values = (await world.read(out)).map(({ value }) => value!);
      expect(values.filter((value) => value.startsWith("a"))).toEqual(["a1", "a2"]);
      expect(total(app, "parked_keys")).toBe(0);
      expect((await dlq("replay", dead.name, "--group", dead.name, "--yes")).out).toBe(
        `Nothing in '${dead.name}' waits to be written back.\n`,
      );
    }),
  );

  it(
    "writes each record back once although replays are killed in the middle",
    on(async (world) => {
      const { words, out, dead, state } = await open(world, false);
      const records = 12_000;
      const filler = "x".repeat(500);
      await world.produce(
        words,
        Array.from({ length: records }, (_, n) => ({ key: `k${n % 50}`, value: `${n} ${filler}` })),
      );
      await world.until("all are dead", async () => ((await world.read(dead)).length === records ? true : undefined));
      state.broken = false;
      let killed = 0;
      for (let tries = 0; tries < 4; tries++) {
        const args = ["dlq", "replay", dead.name, "--group", dead.name, "--yes", "--brokers", suite.brokers.join(",")];
        const replay = spawn(process.execPath, ["node/cli/main.ts", ...args], { stdio: ["ignore", "ignore", "pipe"] });
        if (await killedAfter(replay, 1 + tries)) killed++;
      }
      expect(killed).toBeGreaterThan(0);
      expect(await dlq("replay", dead.name, "--group", dead.name, "--yes")).toMatchObject({ code: 0 });
      await world.until("all are through", async () => ((await world.read(out)).length >= records ? true : undefined));
      const numbers = (await world.read(out)).map(({ value }) => Number(value!.split(" ")[0])).sort((a, b) => a - b);
      expect(numbers).toEqual(Array.from({ length: records }, (_, n) => n));
    }),
  );

  it("says what it was told wrong, and that a topic does not exist, in one paragraph", async () => {
    const name = unique("nowhere");
    expect(await dlq("list", name)).toEqual({ code: 2, out: "", err: `There is no topic '${name}': check its name\n` });
    expect(await dlq("replay", name, "--yes")).toMatchObject({ code: 2, err: `There is no topic '${name}': check its name\n` });
    expect(await dlq("weed")).toEqual({ code: 2, out: "", err: "There is no 'dlq weed': 'millrace dlq --help' lists what there is\n" });
  });
});

/** Kills the process behind so many of its commits; false when it had ended before. */
const killedAfter = async (replay: ChildProcess, commits: number): Promise<boolean> => {
  let said = "";
  const ended = once(replay, "exit");
  replay.stderr!.on("data", (chunk) => {
    said += chunk;
    if (said.split("\n").length > commits) replay.kill("SIGKILL");
  });
  const [, signal] = await ended;
  return signal === "SIGKILL";
};
