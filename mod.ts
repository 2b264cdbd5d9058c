/**
 * Millrace: stream processing for TypeScript. Describe a topology, run it, start it again to scale it out.
 *
 * This is the neutral face: it runs in Node, Deno, Bun and browsers.
 * @module
 */

// ---------------------------------------------------------------- patterns
export type { MatchOptions } from "./core/cep/match_options.ts";
export type { MatchPatternsOptions } from "./core/cep/match_patterns_operator.ts";
export type { Loop, LoopOptions, Opt, Pattern, PatternStart, PatternTail, TakenSoFar } from "./core/cep/pattern.ts";
export type { PatternCondition, PatternData, PatternLoop, PatternMatch, PatternStep, PatternValue } from "./core/cep/pattern_data.ts";
export { checkPattern } from "./core/cep/read_pattern.ts";
// ---------------------------------------------------------------- time
export { type Duration, days, forever, hours, millis, minutes, seconds } from "./core/duration.ts";
// ---------------------------------------------------------------- errors
export { deadLetter, type ErrorPolicy, fail, type Policy, retry, skip } from "./core/error_policy.ts";
export {
  ConfigurationError,
  DecodeError,
  type ErrorCode,
  type ErrorPlace,
  FatalError,
  MillraceError,
  ProduceError,
  StepError,
  StoreError,
  TaskTimeoutError,
  TopologyError,
} from "./core/errors.ts";
// ---------------------------------------------------------------- functions with state and timers, functions that wait
export type { AsyncCall, AsyncOptions, AsyncRetry } from "./core/operators/async_options.ts";
export type {
  Broadcast,
  Connect,
  Context,
  KeyedContext,
  Out,
  PlainBroadcast,
  PlainProcess,
  Process,
  Scheduled,
  TaskContext,
} from "./core/operators/process_function.ts";
export { type Carried, type Output, output, type SideSpec, type Sides } from "./core/operators/side_output.ts";
export type { Timer, TimerDomain, Timers } from "./core/operators/timers.ts";
// ---------------------------------------------------------------- records, and how they are written
export type { Draft, DraftHeaders, Headers, Meta } from "./core/record.ts";
// ---------------------------------------------------------------- what a topology becomes
export { fingerprint, type StatefulPart, statefulParts, type TopologyChange, topologyChanges } from "./core/runtime/fingerprint.ts";
export type { Plan, SinkWriter, TopicDeclaration } from "./core/runtime/plan.ts";
export { bytes } from "./core/serde/bytes.ts";
export { type JsonLimits, json } from "./core/serde/json.ts";
export { nullable } from "./core/serde/nullable.ts";
export { float64, int64, integer } from "./core/serde/numbers.ts";
export type { Decoded, Infer, Serde } from "./core/serde/serde.ts";
export { text } from "./core/serde/text.ts";
export { type WindowedKey, windowed } from "./core/serde/windowed.ts";
// ---------------------------------------------------------------- aggregates and windows
export {
  type Aggregator,
  average,
  collect,
  combine,
  count,
  type FullAggregator,
  type MergingAggregator,
  maxBy,
  minBy,
  reducing,
  sum,
  top,
} from "./core/state/aggregator.ts";
export {
  type BroadcastSpec,
  type BroadcastState,
  broadcastState,
  type Descriptor,
  type Descriptors,
  type FoldState,
  foldingState,
  type ListState,
  listState,
  type MapState,
  mapState,
  type Opened,
  operatorState,
  type ReadableMapState,
  type ReadonlyBroadcast,
  type SimpleKey,
  type StateOptions,
  type StateScope,
  type StateSpec,
  type StoreSpec,
  type Ttl,
  type ValueState,
  valueState,
} from "./core/state/descriptors.ts";
export { type KeyValueStore, keyValueStore, type ReadableStore, type Store } from "./core/state/stores/key_value_store.ts";
export { type ReadableSessionStore, type SessionedStore, type SessionStore, sessionStore } from "./core/state/stores/session_store.ts";
export type { StoreDescriptor, StoreOptions, StoreReader } from "./core/state/stores/store_descriptor.ts";
export {
  type HistoryStore,
  type ReadableVersionedStore,
  type VersionedStore,
  versionedStore,
} from "./core/state/stores/versioned_store.ts";
export { type ReadableWindowStore, type WindowedStore, type WindowStore, windowStore } from "./core/state/stores/window_store.ts";
export type { Put, Version } from "./core/state/versioned_rows.ts";
export {
  boundedOutOfOrderness,
  monotonic,
  noWatermarks,
  type WatermarkGenerator,
  type WatermarkStrategy,
  watermarks,
} from "./core/time/watermark_strategy.ts";
export { around } from "./core/window/around.ts";
export { type Assigner, assigner, type WindowClock } from "./core/window/assigner.ts";
export { type CalendarUnit, calendar } from "./core/window/calendar.ts";
export { counting } from "./core/window/counting.ts";
export { cumulative } from "./core/window/cumulative.ts";
export { type MergeContext, type TriggerContext, trigger } from "./core/window/custom_trigger.ts";
export { type EvictionTime, type Evictor, evictor } from "./core/window/evictor.ts";
export { globalWindow } from "./core/window/global_window.ts";
export { keepLast } from "./core/window/keep_last.ts";
export { keepNear } from "./core/window/keep_near.ts";
export { keepRecent } from "./core/window/keep_recent.ts";
export { onCount } from "./core/window/on_count.ts";
export { onDelta } from "./core/window/on_delta.ts";
export { onInterval } from "./core/window/on_interval.ts";
export { onNever } from "./core/window/on_never.ts";
export { onProcessingTime } from "./core/window/on_processing_time.ts";
export { onWatermark } from "./core/window/on_watermark.ts";
export { orTimeout } from "./core/window/or_timeout.ts";
export type { Pane, PaneProcess } from "./core/window/pane.ts";
export { purging } from "./core/window/purging.ts";
export { onClose, onUpdate, type Revision } from "./core/window/revision.ts";
export { session } from "./core/window/session.ts";
export { sliding, type WindowTime } from "./core/window/sliding.ts";
export type { Trigger, Verdict } from "./core/window/trigger.ts";
export { tumbling } from "./core/window/tumbling.ts";
export type { MergingWindow, Window, Windowed } from "./core/window/window.ts";
// ---------------------------------------------------------------- describing a program
export * from "./topology/mod.ts";
