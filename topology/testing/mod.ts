/** Tests of a program without brokers: a driver that runs it by hand, and whole clusters of its instances in one process, on virtual time, with everything that can go wrong. */

export type { FaultCounts } from "./faults.ts";
export { type Feed, type FeedRecord, feed } from "./feed.ts";
export { shrink } from "./shrink.ts";
export { type SimulatedRecord, type SimulationOptions, type SimulationReport, simulate } from "./simulate.ts";
export { type StoreChange, type TestDriver, type TestDriverOptions, testDriver } from "./test_driver.ts";
export type { InputMeta, TestInput } from "./test_input.ts";
export type { OutputRecord, TestOutput } from "./test_output.ts";
export type { Account } from "./verdict.ts";
