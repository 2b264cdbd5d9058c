/** Tests of a program without brokers: its steps driven by hand, event time alone, a driver that runs the whole by hand, and clusters of its instances in one process, on virtual time, with everything that can go wrong. */

export type { FaultCounts } from "./faults.ts";
export { type Feed, type FeedRecord, feed } from "./feed.ts";
export { type Harness, type HarnessOptions, harness } from "./harness.ts";
export { type Input, input } from "./input.ts";
export { type ExpectedRecord, matchers, type RecordMatchers } from "./matchers.ts";
export { shrink } from "./shrink.ts";
export { type SimulatedRecord, type SimulationOptions, type SimulationReport, simulate } from "./simulate.ts";
export { type StoreChange, type TestDriver, type TestDriverOptions, testDriver } from "./test_driver.ts";
export type { InputMeta, TestInput } from "./test_input.ts";
export type { OutputRecord, TestOutput } from "./test_output.ts";
export type { TestEvent, TestRecord } from "./test_record.ts";
export { type SplitSignal, type TimeHarness, timeHarness } from "./time_harness.ts";
export type { Account } from "./verdict.ts";
