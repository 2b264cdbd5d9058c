import type { Log } from "../../core/ports/log.ts";
import { Instance, type System, sleep, until } from "./instances.ts";
import { Arrivals, Stage } from "./stage.ts";

export interface Disturbance {
  readonly name: string;
  readonly instances: number;
  play(stage: PlayedOn): Promise<Readonly<Record<string, number>>>;
}

interface PlayedOn {
  readonly instances: Instance[];
  readonly stage: Stage;
  readonly arrivals: Arrivals;
  start(): Promise<Instance>;
}

const partitions = 6;
const perSecond = 1_200;
const sessionMs = 6_000;
const heartbeatMs = 500;
/** So long the flow is watched after something has happened. */
const watchedMs = 4_000;

const started = async (on: PlayedOn): Promise<Instance> => {
  const instance = await on.start();
  await until("an instance runs", () => instance.isRunning);
  return instance;
};

/** From one moment until something has come out of every task: how long the last one has taken. */
const untilAllFlow = async ({ arrivals }: PlayedOn, fromMs: number): Promise<number> => {
  const firsts = (): readonly (number | undefined)[] => arrivals.firstAfter(fromMs);
  await until("every task gives something again", () => firsts().every((at) => at !== undefined));
  return Math.round(Math.max(...firsts().map((at) => at! - fromMs)));
};

export const disturbances: readonly Disturbance[] = [
  {
    name: "1 to 3 to 1 instances",
    instances: 1,
    play: async (on) => {
      const [one, other] = [await started(on), await started(on)];
      await sleep(2 * watchedMs);
      await one.stop();
      await sleep(watchedMs);
      await other.stop();
      await sleep(sessionMs + watchedMs);
      return {};
    },
  },
  {
    name: "rolling restart of three",
    instances: 3,
    play: async (on) => {
      for (const instance of [...on.instances]) {
        await instance.stop();
        await started(on);
        await sleep(watchedMs);
      }
      await sleep(sessionMs);
      return {};
    },
  },
  {
    name: "one of two is stopped",
    instances: 2,
    play: async (on) => {
      await on.instances[1]!.stop();
      const stoppedMs = performance.now();
      const takeoverMs = await untilAllFlow(on, stoppedMs);
      await sleep(watchedMs);
      return { firstOutputAfterMs: takeoverMs };
    },
  },
  {
    name: "one of two is killed",
    instances: 2,
    play: async (on) => {
      const { stage } = on;
      // In the middle of a transaction, if that can be had: something stands behind the last stable offset.
      let [stable, ends] = [await stage.stable(), await stage.ends()];
      for (let tries = 0; tries < 200 && !stable.some((end, i) => end < ends[i]!); tries++)
        [stable, ends] = [await stage.stable(), await stage.ends()];
      on.instances[1]!.kill();
      const killedMs = performance.now();
      await sleep(300);
      // What is under way comes to its end meanwhile; what stands now is the victim's.
      stable = await stage.stable();
      await sleep(200);
      const stuck = (await stage.stable()).map((end, i) => end === stable[i]);
      let movedMs = 0;
      if (stuck.includes(true)) {
        await until("the last stable offsets move", async () => (await stage.stable()).every((end, i) => !stuck[i] || end > stable[i]!));
        movedMs = Math.round(performance.now() - killedMs);
      }
      const takeoverMs = await untilAllFlow(on, killedMs + 500);
      await sleep(watchedMs);
      return { stableOffsetsMovedAfterMs: movedMs, firstOutputAfterMs: takeoverMs + 500 };
    },
  },
];

/** Plays a disturbance on a steady flow; the longest silence of a task, and whether every result was right. */
export const disturb = async (
  log: Log,
  brokers: string,
  system: System,
  disturbance: Disturbance,
  standbys: number,
  keys: number,
): Promise<Readonly<Record<string, number>>> => {
  const stage = new Stage(log, partitions);
  await stage.create();
  await stage.fill(keys, keys);
  const { applicationId, input, output } = stage;
  const arrivals = new Arrivals(log, stage);
  const instances: Instance[] = [];
  const all: Instance[] = [];
  const start = async (): Promise<Instance> => {
    const instance = new Instance(system, { brokers, applicationId, input, output, standbys, sessionMs, heartbeatMs, commitMs: 100 });
    all.push(instance);
    return instance;
  };
  const on: PlayedOn = { instances, stage, arrivals, start };
  try {
    for (let i = 0; i < disturbance.instances; i++) instances.push(await start());
    for (const instance of instances) await until("an instance runs", () => instance.isRunning);
    await until("the input is handled", async () => (await stage.committed()) >= stage.sent);
    await sleep(watchedMs);
    const stop = await stage.feed(perSecond, partitions * 100);
    await sleep(watchedMs);
    const fromMs = performance.now();
    const measured = await disturbance.play(on);
    const toMs = performance.now();
    await stop();
    await until("everything has come out", () => arrivals.records >= stage.sent);
    const gaps = [...arrivals.gaps(fromMs, toMs)].sort((a, b) => a - b);
    return {
      standbys,
      keys,
      ...measured,
      longestGapMs: Math.round(gaps.at(-1)!),
      medianGapMs: Math.round(gaps[gaps.length >> 1]!),
      sent: stage.sent,
      received: arrivals.records,
      wrong: arrivals.wrong,
    };
  } finally {
    for (const instance of all) instance.kill();
    await Promise.all(all.map(({ ended }) => ended));
    await arrivals.close();
    await stage.delete();
  }
};
