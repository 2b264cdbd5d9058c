import { Cluster } from "../support/cluster.ts";
import type { AppWorld } from "./app_world.ts";

const lookEveryMs = 50;
const patienceMs = 600_000;

/** The log in memory, on virtual time. */
export const memoryAppWorld = async (): Promise<AppWorld> => {
  const cluster = new Cluster();
  return {
    log: cluster.log,
    unitMs: 1000,
    sessionMs: 6000,
    now: () => cluster.clock.now(),
    unique: (name) => name,
    create: (topic, partitions) => cluster.create(topic, partitions),
    produce: (topic, records) =>
      cluster.produce(
        topic,
        records.map(({ key = null, value = null, ...rest }) => ({ key, value, ...rest })),
      ),
    read: (topic) => cluster.read(topic),
    start: (topology, options) => cluster.start(topology, options),
    settled: (promise) => cluster.drive(promise),
    pass: (ms) => cluster.clock.advance(ms),
    until: async (what, look) => {
      const beganMs = cluster.clock.monotonic();
      for (;;) {
        const value = await look();
        const waitedMs = cluster.clock.monotonic() - beganMs;
        if (value !== undefined) return { value, waitedMs };
        if (waitedMs > patienceMs)
          throw new Error(`In ${patienceMs} ms of virtual time it never came to this: ${what}; ${cluster.warnings.slice(-5).join("\n")}`);
        await cluster.clock.advance(lookEveryMs);
      }
    },
    close: () => cluster.close(),
  };
};
