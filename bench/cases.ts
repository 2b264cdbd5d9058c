import type { BenchCase, Comparison } from "./bench_case.ts";

/** The files of this folder that hold cases, in the order in which they are run. Each is loaded only by who needs it: what a case does not use shall not be in its memory. */
export const families: readonly string[] = [
  "keyed_count",
  "operators",
  "windows",
  "cep",
  "fraud_job",
  "memory_log",
  "kafka_transport",
  "stateless_map",
  "latency",
  "tables",
  "flink",
];

export const casesOf = async (family: string): Promise<readonly (BenchCase | Comparison)[]> =>
  ((await import(`./${family}.ts`)) as { readonly cases: readonly (BenchCase | Comparison)[] }).cases;
