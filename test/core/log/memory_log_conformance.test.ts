import { logConformance } from "../../conformance_log/conformance.ts";
import { memoryWorld } from "./memory_world.ts";

logConformance("the log in memory", async () => memoryWorld());
logConformance("the log in memory with the older transaction protocol", async () => memoryWorld({ transactionVersion: 1 }));

/** Markers that come late and in another order than they were decided, as on a busy cluster. */
const slowMarkers = (): (() => number) => {
  let asked = 0;
  return () => [0, 30, 7, 120, 1][asked++ % 5] ?? 0;
};
logConformance("the log in memory with slow markers", async () =>
  memoryWorld({ markerDelayMs: slowMarkers(), initialRebalanceDelayMs: 3_000 }),
);
logConformance("the log in memory with slow markers and the older transaction protocol", async () =>
  memoryWorld({ markerDelayMs: slowMarkers(), transactionVersion: 1 }),
);
