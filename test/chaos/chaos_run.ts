import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Log } from "../../core/ports/log.ts";
import { seededRandom } from "../../core/time_source/seeded_random.ts";
import { kafkaLog } from "../../node/kafka/mod.ts";
import { freePort } from "../../node/local/free_port.ts";
import { type LocalKafka, startKafka } from "../../node/local/kafka_broker.ts";
import { type Fault, faults, type Scene, sleep } from "./faults.ts";
import { Fleet } from "./fleet.ts";
import { judge } from "./judge.ts";
import { partitions, topics } from "./names.ts";
import { Progress } from "./progress.ts";
import { TcpProxy } from "./tcp_proxy.ts";
import type { Verdict } from "./verdict.ts";

export interface ChaosOptions {
  readonly minutes: number;
  readonly seed: number;
  /** Orders per second. */
  readonly rate: number;
  readonly standbys: number;
  readonly say: (line: string) => void;
}

export interface ChaosReport extends Verdict {
  readonly faults: number;
  /** How often each was done. */
  readonly done: ReadonlyMap<string, number>;
  /** Processes of the application that ended without being asked. */
  readonly endedByThemselves: number;
  /** The longest time in which no order was committed, seconds. */
  readonly standstillSeconds: number;
  /** Where the logs are; undefined when nothing is wrong and they are gone. */
  readonly folder: string | undefined;
}

const nodes = 3;
/** Between the beginnings of two faults. */
const pauseMs = [1_500, 6_500] as const;
/** How long the application may take for what is left when there are no more faults. */
const settleMs = 180_000;

/**
 * Starts three brokers behind proxies, three instances of an application and a feeder, lets faults happen for some minutes, waits until everything is through, and
 * then has another program read what was committed. Rejects when it cannot begin; whatever was started is ended.
 */
export const chaosRun = async ({ minutes, seed, rate, standbys, say }: ChaosOptions): Promise<ChaosReport> => {
  const folder = mkdtempSync(join(tmpdir(), "millrace-chaos-"));
  // A process that was killed a moment ago may still write something.
  const removeFolder = (): void => rmSync(folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 });
  process.once("exit", removeFolder);
  const ledgerFile = ledgerIn(folder);
  const proxyPorts: number[] = [];
  while (proxyPorts.length < nodes) proxyPorts.push(await freePort());
  say(`starting ${nodes} brokers; logs are in ${folder}`);
  const kafka = await startKafka({ nodes, proxyPorts, heapMb: 400, dataDir: brokersIn(folder), properties: brokerProperties });
  const proxies = await Promise.all(proxyPorts.map((port, node) => TcpProxy.start(port, kafka.behindProxies[node]!)));
  const log = await kafkaLog({ brokers: kafka.brokers, clientId: "chaos", retryForMs: 120_000 });
  const fleet = new Fleet({ brokers: proxyPorts.map((port) => `127.0.0.1:${port}`).join(","), standbys, folder, say });
  const progress = new Progress(log, say);
  let feeder: ChildProcess | undefined;
  try {
    await createTopics(log);
    feeder = startFeeder(kafka, rate, seed, ledgerFile);
    // Two have a name in the group which outlives them, one has not.
    for (const seat of ["seat-1", "seat-2", undefined]) fleet.start(seat);
    await progress.begun();
    const random = seededRandom(seed);
    const scene = { random, kafka, proxies, fleet, say, taken: new Set() } satisfies Omit<Scene, "tell">;
    const done = await doFaults(scene, performance.now() + minutes * 60_000, progress);

    say("no more faults; the input ends, and everything has to come through");
    await endFeeder(feeder);
    await progress.settled(settleMs);
    await fleet.closeAll();
    progress.stop();
    say("the application is closed; Kafka's console consumer reads what was committed");
    // From here on what was found is worth more than a clean disk.
    process.off("exit", removeFolder);
    const judged = await judge(kafka, ledgerFile, say);
    const count = [...done.values()].reduce((sum, one) => sum + one, 0);
    const wrong = judged.lost.length + judged.duplicated.length + judged.outOfOrder.length > 0;
    if (!wrong) process.once("exit", removeFolder);
    return {
      ...judged,
      faults: count,
      done,
      endedByThemselves: fleet.endedByThemselves,
      standstillSeconds: progress.standstillMs / 1000,
      folder: wrong ? folder : undefined,
    };
  } finally {
    progress.stop();
    feeder?.kill("SIGKILL");
    await fleet.closeAll();
    await log.close();
    for (const proxy of proxies) await proxy.close();
    await kafka.stop();
  }
};

const ledgerIn = (folder: string): string => join(folder, "ledger");
const brokersIn = (folder: string): string => join(folder, "kafka");

/** The verdict on a run whose folder was kept. */
export const judgeAgain = async (folder: string, say: (line: string) => void): Promise<Verdict> => {
  const kafka = await startKafka({ nodes, heapMb: 400, dataDir: brokersIn(folder), properties: brokerProperties });
  try {
    return await judge(kafka, ledgerIn(folder), say);
  } finally {
    await kafka.stop();
  }
};

/** A broker that is gone is noticed soon. */
const brokerProperties = { "broker.session.timeout.ms": "4000", "broker.heartbeat.interval.ms": "1000" };

const createTopics = (log: Log): Promise<void> =>
  log.admin.create(
    Object.values(topics).map((topic) => ({
      topic,
      partitions,
      replication: nodes,
      // The last orders lie ahead of the clock, and nothing is to be forgotten before it is judged.
      config: { "message.timestamp.after.max.ms": "9223372036854775807", "retention.ms": "-1" },
    })),
  );

const startFeeder = (kafka: LocalKafka, rate: number, seed: number, ledgerFile: string): ChildProcess => {
  const program = join(import.meta.dirname, "feeder.ts");
  const args = ["--disable-warning=ExperimentalWarning", program, kafka.brokers.join(","), String(rate), String(seed), ledgerFile];
  const feeder = spawn(process.execPath, args, { stdio: ["pipe", "inherit", "inherit"] });
  process.prependOnceListener("exit", () => feeder.kill("SIGKILL"));
  return feeder;
};

const endFeeder = async (feeder: ChildProcess): Promise<void> => {
  const ended = new Promise<number | null>((resolve) => feeder.once("close", resolve));
  if (feeder.exitCode !== null) throw new Error(`The feeder has ended before its time with ${feeder.exitCode}`);
  feeder.kill("SIGTERM");
  const code = await ended;
  if (code !== 0) throw new Error(`The feeder ended with ${code}: its ledger is not whole`);
};

const doFaults = async (scene: Omit<Scene, "tell">, untilMs: number, progress: Progress): Promise<Map<string, number>> => {
  const { random, say } = scene;
  const done = new Map<string, number>();
  const busy = new Set<Fault["needs"]>();
  const underWay = new Set<Promise<void>>();
  let number = 0;
  while (performance.now() < untilMs) {
    await sleep(pauseMs[0] + random.next() * (pauseMs[1] - pauseMs[0]));
    const free = faults.filter(({ needs }) => !busy.has(needs));
    const fault = weighted(random.next(), free);
    if (fault === undefined) continue;
    const own = ++number;
    const tell: Scene["tell"] = (what, expected) => say(`fault ${own}: ${what}\n            expected: ${expected} (${progress.behind})`);
    const work = fault.prepare({ ...scene, tell, say: (line) => say(`  fault ${own}: ${line}`) });
    if (work === undefined) {
      number--;
      continue;
    }
    done.set(fault.name, (done.get(fault.name) ?? 0) + 1);
    // Two instances may be in trouble at once, beside a broker and the network.
    const alone = fault.needs !== "instance" || scene.taken.size > 0;
    if (alone) busy.add(fault.needs);
    const lasting = work().finally(() => {
      if (alone) busy.delete(fault.needs);
      underWay.delete(lasting);
    });
    underWay.add(lasting);
  }
  await Promise.all(underWay);
  return done;
};

const weighted = (chance: number, from: readonly Fault[]): Fault | undefined => {
  let left = chance * from.reduce((sum, { weight }) => sum + weight, 0);
  return from.find(({ weight }) => (left -= weight) < 0);
};
