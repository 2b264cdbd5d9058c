import type { Measured } from "./bench_case.ts";

/** Time and CPU from one moment to another. */
export interface Meter {
  /** What so many records have cost since the meter was made. */
  read(records: number): Measured;
}

/** Begins to measure: wall time, and the CPU of all threads of this process, user and system. */
export const meter = (): Meter => {
  const at = performance.now();
  const cpu = process.cpuUsage();
  return {
    read: (records) => {
      const seconds = (performance.now() - at) / 1_000;
      const { user, system } = process.cpuUsage(cpu);
      return {
        n: records,
        recordsPerSecond: Math.round(records / seconds),
        cpuSecondsPerMillion: rounded((user + system) / records, 3),
        peakRssMb: Math.round(process.resourceUsage().maxRSS / 1_024),
      };
    },
  };
};

export const rounded = (value: number, digits: number): number => Number(value.toFixed(digits));

/** The smallest of the values that is not exceeded by this share of them. */
export const percentile = (values: readonly number[], share: number): number => {
  const sorted = values.toSorted((one, other) => one - other);
  return rounded(sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? Number.NaN, 1);
};
