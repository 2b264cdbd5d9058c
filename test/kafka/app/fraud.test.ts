import { spawn } from "node:child_process";
import { expect, it } from "@jest/globals";
import { generate } from "../../../examples/fraud-detection/generate.ts";
import { kafkaLog } from "../../../node/kafka/kafka_log.ts";
import { type LocalSchemaRegistry, schemaRegistryMissing, startSchemaRegistry } from "../../../node/local/schema_registry.ts";
import { expectedAlerts } from "../../examples/fraud/checker.ts";
import { readAll } from "../../support/read_all.ts";
import { describeKafka } from "../support/describe_kafka.ts";
import { suite, unique } from "../support/kafka_suite.ts";

const transactions = 20_000;
const seed = 1;

/** Runs the example as a user does, to its end; gives what it prints, line by line. */
const fraud = async (
  ...args: readonly string[]
): Promise<{ readonly code: number | null; readonly lines: readonly string[]; readonly log: string }> => {
  const child = spawn(
    process.execPath,
    [
      "examples/fraud-detection/main.ts",
      "--brokers",
      suite.brokers[0]!,
      "--transactions",
      String(transactions),
      "--seed",
      String(seed),
      "--json",
      ...args,
    ],
    { stdio: ["ignore", "pipe", "pipe"] },
  );
  let [stdout, stderr] = ["", ""];
  child.stdout.on("data", (data: Buffer) => {
    stdout += data.toString();
  });
  child.stderr.on("data", (data: Buffer) => {
    stderr += data.toString();
  });
  const code = await new Promise<number | null>((resolve) => child.once("close", resolve));
  return { code, lines: stdout.split("\n").filter((line) => line !== ""), log: stderr };
};

const expected = (): readonly string[] =>
  [...expectedAlerts([...generate({ transactions, seed })])].map((alert) => JSON.stringify(alert)).sort();

/** What readers of committed records find in the topic: key, time and value of each alert, none of them twice. */
const expectAlerts = async (topic: string): Promise<void> => {
  const log = await kafkaLog({ brokers: suite.brokers });
  const found = await readAll(log, topic);
  await log.close();
  expect(found.map(({ value }) => value!).sort()).toEqual(expected());
  for (const { key, value, timestamp } of found) {
    const { alertId, windowEnd } = JSON.parse(value!) as { readonly alertId: string; readonly windowEnd: number };
    expect([key, timestamp]).toEqual([alertId, windowEnd - 1]);
  }
};

describeKafka("the fraud example on a broker", () => {
  it("finds the checker's alerts, prints each once, and writes each once", async () => {
    const prefix = `${unique("fraud")}-`;
    const { code, lines, log } = await fraud("--produce", "--prefix", prefix);
    expect([code, log]).toEqual([0, expect.not.stringContaining('"level":50')]);
    expect([...lines].sort()).toEqual(expected());
    await expectAlerts(`${prefix}alerts`);
    // Started again it finds that all is done, and says nothing twice.
    expect(await fraud("--produce", "--prefix", prefix)).toMatchObject({ code: 0, lines: [] });
    await expectAlerts(`${prefix}alerts`);
  });

  it("finds them with two instances, of which one feeds: what the two print is together what is committed", async () => {
    const prefix = `${unique("fraud")}-`;
    const runs = await Promise.all([fraud("--produce", "--prefix", prefix), fraud("--prefix", prefix)]);
    expect(runs.map(({ code }) => code)).toEqual([0, 0]);
    await expectAlerts(`${prefix}alerts`);
    // A sink may be handed a batch again after a rebalance, so here an alert may be printed twice; none may be missing.
    expect([...new Set(runs.flatMap(({ lines }) => lines))].sort()).toEqual(expected());
  });

  const missing = schemaRegistryMissing();
  const withRegistry = missing.length === 0 ? it : it.skip;
  withRegistry(
    `finds them with a schema registry${missing.length === 0 ? "" : ` (skipped: ${missing.join(" and ")} not found)`}`,
    async () => {
      const registry: LocalSchemaRegistry = await startSchemaRegistry();
      try {
        const prefix = `${unique("fraud")}-`;
        const { code, lines } = await fraud("--produce", "--prefix", prefix, "--registry", registry.url);
        expect(code).toBe(0);
        expect([...lines].sort()).toEqual(expected());
        await expectAlerts(`${prefix}alerts`);
        const subjects = (await (await fetch(`${registry.url}/subjects`)).json()) as string[];
        expect(subjects.sort()).toEqual([`${prefix}accounts-value`, `${prefix}transactions-value`]);
      } finally {
        await registry.stop();
      }
    },
  );

  it("says in one paragraph that the registry cannot be reached, and ends with 2", async () => {
    const { code, lines, log } = await fraud("--produce", "--prefix", `${unique("fraud")}-`, "--registry", "http://127.0.0.1:1");
    const said = log.split("\n").filter((line) => line !== "" && !line.startsWith("{"));
    expect(said).toEqual([
      expect.stringMatching(/^Cannot reach the schema registry http:\/\/127\.0\.0\.1:1: .*check its address and that it runs$/),
    ]);
    expect([code, lines]).toEqual([2, []]);
  });
});
