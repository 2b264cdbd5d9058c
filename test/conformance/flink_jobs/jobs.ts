import { asyncJob } from "./async.ts";
import { broadcastJob, keyedBroadcastJob } from "./broadcast.ts";
import { coGroupJob, intervalJoinJob, windowJoinJob } from "./joins.ts";
import { patternJob } from "./patterns.ts";
import { coMapJob, coProcessJob, keyedCoProcessJob, processJob } from "./process.ts";
import { rollingJob } from "./rolling.ts";
import type { Job } from "./shapes.ts";
import { timeJob } from "./time_strategies.ts";
import { valveJob } from "./valve.ts";
import { windowJob } from "./windows.ts";

/** How each `op` of a vector is built. Throws where Flink refuses the job. */
export const jobs: Readonly<Record<string, (job: any) => Job>> = {
  window: windowJob,
  countWindow: windowJob,
  rolling: rollingJob,
  process: processJob,
  keyedCoProcess: keyedCoProcessJob,
  coMap: coMapJob,
  coProcess: coProcessJob,
  broadcast: broadcastJob,
  keyedBroadcast: keyedBroadcastJob,
  intervalJoin: intervalJoinJob,
  windowJoin: windowJoinJob,
  coGroup: coGroupJob,
  async: asyncJob,
  assignTimestampsAndWatermarks: timeJob,
  watermarkValve: valveJob,
  cep: patternJob,
};
