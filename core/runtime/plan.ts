import type { ErrorPolicy } from "../error_policy.ts";
import type { OperatorFactory } from "../operators/operator.ts";
import type { Draft, Meta } from "../record.ts";
import type { Serde } from "../serde/serde.ts";
import type { KeyCodec } from "../state/step_state.ts";
import type { StoreReader } from "../state/stores/store_descriptor.ts";
import type { WatermarkStrategy } from "../time/watermark_strategy.ts";

/** What a topology becomes before it runs: sub-topologies, each with inputs, steps in topological order and stores, and the internal topics between them. Immutable; holds no state. */
export interface Plan {
  readonly name: string;
  readonly subtopologies: readonly SubtopologyPlan[];
  /** Repartition and sink topics; changelogs follow from the stores. */
  readonly topics: readonly InternalTopicPlan[];
  /** The least time between two watermark records of one task to one topic. */
  readonly watermarkIntervalMs: number;
  /** What comes out, as a set, does not depend on the order in which records of different partitions arrive, as long as none is late. */
  readonly orderFree: boolean;
}

/** A topic of the user's has its name as given; an internal one is called `<applicationId>-<name>`. */
export interface TopicRef {
  readonly name: string;
  readonly internal: boolean;
  /** Of a topic of the user's: what the program says of it. */
  readonly declared?: TopicDeclaration;
  /** Present: it stands for every topic of the user's whose name matches, and `name` is the pattern as text. */
  readonly pattern?: TopicPattern;
}

/** Which topics are read: those whose names the expression finds itself in. */
export interface TopicPattern {
  /** Remembers nothing from one name to the next: without the flags g and y. */
  readonly expression: RegExp;
  /** What a start does when no topic matches. */
  readonly whenMissing: "wait" | "refuse";
}

/** What a program may say of a topic of its own. */
export interface TopicDeclaration {
  /** Checked at the start. */
  readonly partitions?: number;
  /** Make it at the start when it is not there, as this says; an embedded run makes every topic. @default false */
  readonly create?: boolean;
  /** Of a topic that is made. @default the broker's */
  readonly replication?: number;
  /** Of a topic that is made, in Kafka's names. */
  readonly config?: Readonly<Record<string, string>>;
}

export interface InternalTopicPlan {
  readonly name: string;
  readonly kind: "repartition" | "sink" | "records" | "retry";
  /** Undefined: as many as the largest input of the sub-topologies that write it, unless co-partitioning asks for something else. "tasks": as many as the sub-topology that reads it has by its other inputs. */
  readonly partitions: number | "tasks" | undefined;
}

/** The steps that one task runs: those that are connected without a topic in between. Sub-topologies that write a topic stand before the one that reads it. */
export interface SubtopologyPlan {
  readonly id: number;
  readonly inputs: readonly InputPlan[];
  /** In topological order; a node's `id` is its place in here. */
  readonly nodes: readonly NodePlan[];
  /** Indexes of inputs that must have equally many partitions, with the steps that ask for it. */
  readonly copartitioned: readonly { readonly inputs: readonly number[]; readonly step: string }[];
  /** Present when the sub-topology only hands the records of its one input to a system outside. It then has no nodes. */
  readonly sink?: SinkPlan;
}

export interface InputPlan {
  readonly topic: TopicRef;
  /** The pattern, as text, that the topic is read for. */
  readonly matches?: string;
  readonly kind: "source" | "repartition" | "sink" | "records" | "retry";
  readonly step: string;
  readonly key: Serde<any>;
  readonly value: Serde<any>;
  /** A null value is a deletion: it is passed on as null, and no decoding is tried. */
  readonly table: boolean;
  /** Of sources; a repartition topic carries the watermarks of its writers. */
  readonly time: TimePlan | undefined;
  readonly startAt: "earliest" | "latest" | "none" | { readonly timestamp: number };
  readonly endAt: undefined | "latest" | { readonly timestamp: number };
  readonly onError: ErrorPolicy;
  /** The keyed steps behind rely on the records' own partition: a sample of keys is compared with murmur2. */
  readonly checkPartitioning: boolean;
  /** What was written to the topics that it comes from is read to their end before the other inputs of the task. */
  readonly bootstrap?: boolean;
  /** A store comes back from its topic, which is not purged of what was read. */
  readonly restores?: boolean;
  /** Of an input whose records some policy puts off or parks. */
  readonly putOff?: PutOffPlan;
  /** Of kind "retry": the input whose records are read again here, by its place among the inputs. */
  readonly retryOf?: number;
  /** Of kind "records": what is written to the topic before the run begins. */
  readonly records?: () => Iterable<Draft<unknown, unknown>> | AsyncIterable<Draft<unknown, unknown>>;
}

export interface PutOffPlan {
  /** The store of what is put off and parked, with a changelog like any other. */
  readonly store: string;
  /** The inputs that read the records again, by their place: after the first failure, the second, ... */
  readonly retries: readonly number[];
}

export interface TimePlan {
  /** Undefined: the record's own timestamp. */
  readonly timestamp: ((value: any, record: Meta<any> & { readonly partitionTime: number }) => number) | undefined;
  readonly watermarks: WatermarkStrategy<any>;
  readonly idlenessMs: number | undefined;
  readonly advanceWhenIdle: boolean;
  readonly alignment: { readonly group: string; readonly maxDriftMs: number } | undefined;
  /** Undefined: one hour ahead of the Clock; in a bounded run no limit. */
  readonly maxFutureMs: number | undefined;
}

export type Edge = { readonly input: number } | { readonly node: number; readonly output: string };

/** The name of an operator's main output; side outputs have the user's names. */
export const mainOutput = "";

export interface NodePlan {
  readonly id: number;
  /** Unique in its sub-topology, and in the plan where there is a store: a step without state that stands behind a union of two sub-topologies runs in both. */
  readonly step: string;
  readonly kind: string;
  /** What tells two such steps apart, for `describe` and for the check of a changed topology. */
  readonly parameters: Readonly<Record<string, string | number | boolean>>;
  /** Per input port the edges that lead to it. */
  readonly inputs: readonly (readonly Edge[])[];
  /** What the step does; a node with an `output` has none. */
  readonly operator?: OperatorFactory;
  readonly output?: OutputPlan;
  readonly store?: StorePlan;
  /** The steps of this sub-topology whose stores it looks into or writes beside its own. */
  readonly uses?: readonly string[];
  readonly onError: ErrorPolicy;
}

/** The store of one step and its changelog topic `<applicationId>-<name>-changelog`. */
export interface StorePlan {
  readonly name: string;
  readonly keys: KeyCodec;
  /** How keys are written, where that has a name: state cannot be read with another one. */
  readonly keySerde?: string;
  readonly changelog: boolean;
  /** Present: it holds the rows of a topic as they come in, and comes back from that topic instead of a changelog of its own. */
  readonly rowsOf?: RowsOfInput;
  /** How those who do not own it read what it holds. */
  readonly reader?: StoreReader;
}

/** Where the rows of a table come from that has no changelog. */
export interface RowsOfInput {
  /** By its place among the inputs of the sub-topology. */
  readonly input: number;
  /** How they are written; undefined stands for self-describing. */
  readonly value: Serde<any> | undefined;
  /** Records may be left out: what a row is made of is then checked as it was when the record came in. */
  readonly mayLeaveOut: boolean;
  /** Steps rely on what a row was before, so every record has to stay in the topic: one that is compacted does not do. */
  readonly needsHistory: boolean;
}

export interface OutputPlan {
  readonly topic: TopicRef;
  readonly key: Serde<any>;
  readonly value: Serde<any>;
  /** How the partition is chosen: by the key's bytes (records without key go round), everything to one, to all, in turn, or as a function says. */
  readonly partition:
    | "key"
    | "single"
    | "broadcast"
    | "round-robin"
    | ((value: any, record: Meta<any>, partitions: number) => number | readonly number[] | "all");
  /** A shuffle by key has no place for records without one: they are dropped and counted. */
  readonly dropNullKeys: boolean;
  /** Repartition and sink topics carry the watermarks of their writers. */
  readonly watermarks: boolean;
  /** A null value is written as a tombstone. */
  readonly nullDeletes: boolean;
  /** Present: a new key is taken from the value (`keyBy(fn)`). */
  readonly rekey?: (value: any, record: Meta<any>) => unknown;
}

export interface SinkPlan {
  readonly name: string;
  readonly writer: SinkWriter<any, any>;
}

/** A system outside Kafka. Writes may be repeated after a crash: give records an id. */
export interface SinkWriter<in V, in K> {
  /** Called once, before the instance joins; what it rejects with ends the start. */
  open?(): Promise<void>;
  /** Resolves when the batch is safe; a rejection is retried with backoff until the task's time-out. */
  write(batch: readonly Draft<V, K>[], signal: AbortSignal): Promise<void>;
  /** Called once, when everything else has ended. */
  close?(): Promise<void>;
}
