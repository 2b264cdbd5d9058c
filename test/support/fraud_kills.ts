import { type ChildProcess, spawn } from "node:child_process";
import { appendFileSync } from "node:fs";
import type { Log } from "../../core/ports/log.ts";
import { seededRandom } from "../../core/time_source/seeded_random.ts";
import { generate } from "../../examples/fraud-detection/generate.ts";
import { kafkaLog } from "../../node/kafka/mod.ts";
import { expectedAlerts } from "../examples/fraud/checker.ts";
import { readAll } from "./read_all.ts";
import { numberOption, refuse, toolOptions } from "./tool_options.ts";

const help = `
npm run test:kills -- --brokers HOST:PORT [options]

Two instances of the fraud job on Kafka, one of them killed again and again while the input flows; then every alert has to be there exactly once. Exit code 1 when it is not.

  --kills N          how often (10)
  --transactions N   how long the input is (200000)
  --rate N           records per second, slow enough for the input to flow through all kills (4000)
  --seed S           what the generated data depends on (1)
  --registry URL     with a schema registry
  --search URL       with a search server, whose index is compared too
`;

export interface KillOptions {
  readonly brokers: string;
  readonly kills: number;
  readonly transactions: number;
  readonly seed: number;
  /** Records per second: slow enough for the input to flow through all kills. */
  readonly rate: number;
  readonly registry?: string | undefined;
  readonly search?: string | undefined;
  readonly say: (line: string) => void;
}

export interface KillReport {
  readonly kills: number;
  /** Kills that fell inside an open transaction. */
  readonly open: number;
  readonly expected: number;
  readonly found: number;
  readonly missing: readonly string[];
  readonly unexpected: readonly string[];
  /** Alert ids that stand in the topic more than once. */
  readonly doubled: readonly string[];
  /** Documents in the index that differ from what is expected; undefined without an index. */
  readonly indexDiffers: number | undefined;
}

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

interface Instance {
  readonly name: string;
  readonly child: ChildProcess;
  readonly ended: Promise<number | null>;
  /** Of its worker, once it has been told in the log. */
  transactionalId: string | undefined;
}

export const killRun = async (options: KillOptions): Promise<KillReport> => {
  const { brokers, kills, transactions, seed, registry, search, say } = options;
  const prefix = `kills-${Date.now().toString(36)}-`;
  const random = seededRandom(seed);
  const log = await kafkaLog({ brokers: [brokers] });
  const common = [
    "--brokers",
    brokers,
    "--transactions",
    String(transactions),
    "--seed",
    String(seed),
    "--json",
    "--prefix",
    prefix,
    "--session-timeout",
    "6000",
    "--rate",
    String(options.rate),
    ...(registry === undefined ? [] : ["--registry", registry]),
    ...(search === undefined ? [] : ["--search", search]),
  ];
  let started = 0;
  const start = (produce: boolean): Instance => {
    const name = `instance ${++started}`;
    const child = spawn(process.execPath, ["examples/fraud-detection/main.ts", ...common, ...(produce ? ["--produce"] : [])], {
      stdio: ["ignore", "pipe", "pipe"],
    });
    const instance: Instance = {
      name,
      child,
      transactionalId: undefined,
      ended: new Promise((resolve) => child.on("exit", (code) => resolve(code))),
    };
    child.stdout!.resume();
    let said = "";
    child.stderr!.on("data", (data: Buffer) => {
      said = (said + data.toString()).slice(-20_000);
      if (process.env["KILLS_LOG"] !== undefined) appendFileSync(`${process.env["KILLS_LOG"]}-${name.replace(" ", "-")}.log`, data);
      const [, id] = /"transactionalId":"([^"]+)","msg":"A worker begins/.exec(said) ?? [];
      if (id !== undefined) instance.transactionalId = id;
    });
    child.on("exit", (code) => {
      if (code !== 0 && code !== null) say(`${name} ended with ${code}: ${said.slice(-500)}`);
    });
    return instance;
  };
  let stays = start(true);
  let victim = start(false);
  let open = 0;
  let done = 0;
  for (let kill = 1; kill <= kills; kill++) {
    // Data has to flow again after the kill before; then a random moment.
    while (victim.transactionalId === undefined && victim.child.exitCode === null) await sleep(50);
    await flowing(log, prefix);
    await sleep(random.next() * 500);
    if (victim.child.exitCode !== null || stays.child.exitCode !== null) {
      say(`The input ended before kill ${kill}`);
      break;
    }
    victim.child.kill("SIGKILL");
    await victim.ended;
    const id = victim.transactionalId;
    const state = id === undefined ? "unknown" : ((await log.admin.transactionStates([id])).get(id) ?? "unknown");
    if (state === "open") open++;
    done++;
    say(`kill ${kill} of ${kills}: ${victim.name} (process ${victim.child.pid}), its transaction: ${state}`);
    // The roles change, so that the one that feeds is killed as well.
    victim = stays;
    stays = start(kill % 2 === 0);
  }
  const codes = await Promise.all([stays.ended, victim.ended]);
  say(`both instances ended with ${codes.join(" and ")}`);
  const expected = new Set([...expectedAlerts([...generate({ transactions, seed })])].map((alert) => JSON.stringify(alert)));
  const found = (await readAll(log, `${prefix}alerts`)).map(({ value }) => value!);
  const counts = new Map<string, number>();
  for (const value of found) {
    const { id } = JSON.parse(value) as { id: string };
    counts.set(id, (counts.get(id) ?? 0) + 1);
  }
  await log.close();
  return {
    kills: done,
    open,
    expected: expected.size,
    found: found.length,
    missing: [...expected].filter((alert) => !found.includes(alert)),
    unexpected: found.filter((alert) => !expected.has(alert)),
    doubled: [...counts].filter(([, n]) => n > 1).map(([id]) => id),
    indexDiffers: search === undefined ? undefined : await indexDifference(search, `${prefix}alerts`, expected),
  };
};

/** Waits until the committed end of the alerts' first stage moves. */
const flowing = async (log: Log, prefix: string): Promise<void> => {
  const topic = `${prefix}fraud-detection-card-test-repartition`;
  const end = async (): Promise<number> => {
    const described = (await log.admin.describe([topic])).get(topic);
    if (described === undefined) return 0;
    const ends = await log.admin.offsets(
      Array.from({ length: described.partitions }, (_, partition) => ({ topic, partition })),
      "latest",
      "read-committed",
    );
    return [...ends.values()].reduce((sum, one) => sum + one, 0);
  };
  const before = await end();
  for (let tries = 0; tries < 300; tries++) {
    await sleep(100);
    if ((await end()) > before + 50) return;
  }
};

const indexDifference = async (url: string, index: string, expected: ReadonlySet<string>): Promise<number> => {
  await fetch(`${url}/${index}/_refresh`, { method: "POST" });
  const answer = (await (await fetch(`${url}/${index}/_search?size=10000`)).json()) as {
    hits: { hits: { _id: string; _source: { id: string } }[] };
  };
  const documents = new Set(
    answer.hits.hits.map(({ _id, _source }) => (_id === _source.id ? JSON.stringify(_source) : `${_id} holds ${_source.id}`)),
  );
  return [...expected].filter((alert) => !documents.has(alert)).length + [...documents].filter((alert) => !expected.has(alert)).length;
};

if (import.meta.main) {
  const { values } = toolOptions(help, {
    options: {
      brokers: { type: "string" },
      kills: { type: "string", default: "10" },
      transactions: { type: "string", default: "200000" },
      seed: { type: "string", default: "1" },
      rate: { type: "string", default: "4000" },
      registry: { type: "string" },
      search: { type: "string" },
    },
  });
  const report = await killRun({
    brokers: values.brokers ?? refuse("No broker is given"),
    kills: numberOption("kills", values.kills),
    transactions: numberOption("transactions", values.transactions),
    seed: numberOption("seed", values.seed),
    rate: numberOption("rate", values.rate),
    registry: values.registry,
    search: values.search,
    say: (line) => console.log(line),
  });
  const { kills, open, expected, found, missing, unexpected, doubled, indexDiffers } = report;
  console.log(
    `${kills} kills, ${open} inside an open transaction; ${found} alerts of ${expected}, ${missing.length} missing, ${unexpected.length} unexpected, ${doubled.length} doubled${indexDiffers === undefined ? "" : `, ${indexDiffers} documents differ`}`,
  );
  process.exitCode = missing.length + unexpected.length + doubled.length + (indexDiffers ?? 0) === 0 ? 0 : 1;
}
