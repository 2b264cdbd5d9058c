/** What a program is described with: topics, streams, tables, and the topology that they make. */

export { type Clock, sleep } from "../core/ports/clock.ts";
export type { Logger, LogLevel } from "../core/ports/logger.ts";
export type { Metric } from "../core/ports/metrics.ts";
export type { App, AppEvents, AppState, CloseOptions, Listeners, UncaughtPolicy } from "../core/runtime/app.ts";
export type { Assigned } from "../core/runtime/membership.ts";
export type { InstanceInfo, KeyOwner, QueryOptions, StoreInfo } from "../core/runtime/queries.ts";
export type { Fed, Feed } from "../core/runtime/start.ts";
export type { RestoreProgress } from "../core/runtime/store_follower.ts";
export type { DescriptionFormat } from "./describe/describe_plan.ts";
export { fastClock, systemClock } from "./platform.ts";
export { run } from "./run.ts";
export type { RunOptions } from "./run_options.ts";
export type { FromOptions, Scope, TableOptions } from "./scope.ts";
export type { ExternalSink, Sink } from "./sink.ts";
export { sink } from "./sink.ts";
export type { RecordsSource, Source } from "./source.ts";
export { records } from "./source.ts";
export type {
  AnyKeyedStream,
  AnyStream,
  AsOf,
  AsOfStreamTime,
  KeyedStream,
  LateSides,
  RepartitionOptions,
  SideStreams,
  StepOptions,
  Stream,
  ToOptions,
  WithSide,
} from "./stream.ts";
export type { Interval } from "./stream_join.ts";
export { type Suppression, type SuppressionBuffer, untilTimeLimit, untilWindowCloses } from "./suppression.ts";
export type { GlobalTable, GroupedTable, Table } from "./table.ts";
export { tagged } from "./tagged.ts";
export type { TimeOptions } from "./time_options.ts";
export type { Topic, TopicSink } from "./topic.ts";
export { topic } from "./topic.ts";
export { topicPerRecord } from "./topic_per_record.ts";
export { type TopicsOptions, type TopicsSource, topics } from "./topics.ts";
export type { Topology, TopologyOptions } from "./topology.ts";
export { topology } from "./topology.ts";
export { type DiffVerdict, type TopologyDiff, type TopologyDifference, topologyDiff } from "./topology_diff.ts";
export type { Firing, Revising, WindowedStream, WindowedTable, WindowJoin } from "./windowed_stream.ts";
