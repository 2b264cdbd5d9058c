import { StoreError } from "../errors.ts";
import { partitionForKey } from "../partitioner.ts";
import { StepState } from "../state/step_state.ts";
import type { StoreReader } from "../state/stores/store_descriptor.ts";
import type { Application } from "./application.ts";
import { instanceName } from "./application.ts";
import type { Owner } from "./assignment.ts";
import { isEverywhere } from "./everywhere.ts";
import { inputsBefore } from "./inputs_before.ts";
import type { InputPlan, StorePlan, SubtopologyPlan } from "./plan.ts";
import type { Task } from "./sealed_task.ts";
import { storeView } from "./store_view.ts";
import type { TaskStores } from "./task_stores.ts";

/** What a query may see. */
export interface QueryOptions {
  /** "committed": what a crash cannot take back. "latest": also what the tasks here have done since their last commit; it may still be undone. @default "committed" [isolation.level, KIP-535] */
  readonly read?: "committed" | "latest";
  /** Tasks that run elsewhere and are followed here answer as well, when at most so many changelog records are missing. @default only tasks that run here */
  readonly maxLag?: number;
  /** Answer only when everything before these offsets of the inputs, by "topic/partition", is in: a position that `app.positions` gave somewhere. Followed tasks do not know theirs, and do not answer then. */
  readonly atLeast?: ReadonlyMap<string, number>;
  /** Only this partition of the store; refused when it is elsewhere. @default all that are here */
  readonly partition?: number;
}

/** A store that can be asked. */
export interface StoreInfo {
  readonly name: string;
  readonly kind: StoreReader["kind"];
  /** Its parts, one per task; a store that every task has a copy of has one. */
  readonly partitions: number;
}

/** An instance of the application, and what it has. */
export interface InstanceInfo {
  readonly instance: string;
  /** Where it can be asked; empty when it has not said. */
  readonly endpoint: string;
  /** It is this instance. */
  readonly local: boolean;
  /** The stores that it has, with the partitions of each. */
  readonly stores: ReadonlyMap<string, readonly number[]>;
  /** What it follows of stores that others have. */
  readonly standbys: ReadonlyMap<string, readonly number[]>;
}

/** Who has the entries of a key. */
export interface KeyOwner {
  readonly instance: string;
  /** Where the instance can be asked; empty when it has not said. */
  readonly endpoint: string;
  readonly partition: number;
  /** It is this instance. */
  readonly local: boolean;
  /** Instances that follow the state of the task. */
  readonly standbys: readonly { readonly instance: string; readonly endpoint: string }[];
}

/** What an instance has of a task: the task itself when it runs here, else how far behind its stores are. */
export interface KeptTask {
  readonly task: Task | undefined;
  readonly stores: TaskStores;
  readonly lag: number;
  /** Of what every task has this is all: it need not be asked how old it is. */
  readonly isWhole: boolean;
}

/** The tasks of this instance, and whose the others are. */
export interface TaskDirectory {
  kept(id: string): KeptTask | undefined;
  /** It is to run here, whether it does already or not. */
  isAssigned(id: string): boolean;
  /** What every task has is being copied from it, as no such task is to run here. */
  isCopied(id: string): boolean;
  readonly owners: readonly Owner[];
}

/** A store as the plan has it. */
interface Planned {
  readonly name: string;
  readonly subtopology: SubtopologyPlan;
  readonly store: StorePlan;
  readonly reader: StoreReader;
  /** Each task has all of it. */
  readonly isEverywhere: boolean;
  /** The input whose records' keys say in which partition something is kept. */
  readonly keyedBy: InputPlan | undefined;
}

type Named = string | { readonly name: string };

/** Answers questions from outside the topology about what its stores hold (KIP-67, KIP-535). */
export class Queries {
  readonly #application: Application;
  readonly #directory: () => TaskDirectory;

  constructor(application: Application, directory: () => TaskDirectory) {
    this.#application = application;
    this.#directory = directory;
  }

  stores(): readonly StoreInfo[] {
    return this.#all().map((planned) => this.#describe(planned));
  }

  /** What is known of one store; throws when there is none of that name. */
  describe(named: Named): StoreInfo {
    return this.#describe(this.#find(named));
  }

  /** The bytes by which a store puts its keys in order. */
  keyBytes(named: Named, key: unknown): Uint8Array {
    const { reader, store } = this.#find(named);
    return reader.keyBytes?.(key) ?? store.keys.encode(key).slice();
  }

  /** About how much a partition of a store holds here: what a question about many of its keys walks through. */
  entriesOf(named: Named, partition: number): number {
    const planned = this.#find(named);
    const kept = this.#directory().kept(taskId(planned, this.#numbered(planned, partition)));
    return kept?.stores.stores.find(({ name }) => name === planned.name)?.store.approximateEntries ?? 0;
  }

  /** A partition of a store from a key on, in the order of the keys' bytes, without making a list of all that is in it; undefined where there is no such way. Read at once: what changes meanwhile may be seen or not. */
  walk(
    named: Named,
    partition: number,
    options: QueryOptions,
    from: Uint8Array | undefined,
  ): Iterable<readonly [bytes: Uint8Array, key: unknown, value: unknown]> | undefined {
    const planned = this.#find(named);
    // What is not committed is in no order yet.
    if (planned.reader.walk === undefined || options.read === "latest") return undefined;
    const number = this.#numbered(planned, partition);
    return planned.reader.walk(this.#state(planned, number, options) ?? this.#refuse(planned, number, options), from);
  }

  /** A view that stays: what it finds depends on when it is asked. */
  view(named: Named, options: QueryOptions = {}): object {
    const planned = this.#find(named);
    return storeView(planned.reader.kind, {
      partOf: (key) => {
        const partition = planned.isEverywhere ? this.#anyHere(planned) : this.#partitionOf(planned, key);
        return this.#read(planned, partition, options) ?? this.#refuse(planned, partition, options);
      },
      parts: () => {
        if (options.partition !== undefined || planned.isEverywhere) {
          const partition = this.#numbered(planned, options.partition ?? 0);
          return [this.#read(planned, partition, options) ?? this.#refuse(planned, partition, options)];
        }
        return this.#parts(planned).flatMap((partition) => {
          const part = this.#read(planned, partition, options);
          if (part !== undefined) return [part];
          // What runs elsewhere is asked there; what is to run here is missing.
          return this.#directory().isAssigned(taskId(planned, partition)) ? this.#refuse(planned, partition, options) : [];
        });
      },
    });
  }

  ownerOf(named: Named, key: unknown): KeyOwner {
    const planned = this.#find(named);
    return this.#keyOwner(planned, planned.isEverywhere ? this.#anyHere(planned) : this.#partitionOf(planned, key));
  }

  ownerOfPartition(named: Named, partition: number): KeyOwner {
    const planned = this.#find(named);
    return this.#keyOwner(planned, this.#numbered(planned, partition));
  }

  instances(): readonly InstanceInfo[] {
    const all = this.#all();
    const partsOf = (tasks: readonly string[]): ReadonlyMap<string, readonly number[]> =>
      new Map(
        all
          .map((planned) => [planned.name, this.#parts(planned).filter((partition) => tasks.includes(taskId(planned, partition)))] as const)
          .filter(([, partitions]) => partitions.length > 0),
      );
    return this.#directory().owners.map(({ instance, endpoint, tasks, standbys }) => ({
      instance,
      endpoint,
      local: this.#isThis(instance),
      stores: partsOf(tasks),
      standbys: partsOf(standbys),
    }));
  }

  #keyOwner(planned: Planned, partition: number): KeyOwner {
    const owner = this.#hasCopy(planned, partition)
      ? this.#directory().owners.find(({ instance }) => this.#isThis(instance))
      : this.#ownerOf(planned, partition);
    if (owner === undefined) throw notReady(planned, partition, "the group has not said yet who has it");
    const id = taskId(planned, partition);
    return {
      instance: owner.instance,
      endpoint: owner.endpoint,
      partition,
      local: this.#isThis(owner.instance),
      standbys: this.#directory()
        .owners.filter(({ standbys }) => standbys.includes(id))
        .map(({ instance, endpoint }) => ({ instance, endpoint })),
    };
  }

  /** How far the inputs are, of the tasks here that keep the store, as of the last commit: the next offset of each, by "topic/partition". */
  positions(named: Named): ReadonlyMap<string, number> {
    const planned = this.#find(named);
    const positions = new Map<string, number>();
    for (let partition = 0; partition < this.#tasks(planned); partition++) {
      const task = this.#directory().kept(taskId(planned, partition))?.task;
      for (const input of task?.inputs ?? []) positions.set(input.id, task!.committedOffset(input));
    }
    return positions;
  }

  #read(planned: Planned, partition: number, options: QueryOptions): unknown {
    const state = this.#state(planned, partition, options);
    return state === undefined ? undefined : planned.reader.read(state);
  }

  #state(planned: Planned, partition: number, { read = "committed", maxLag, atLeast }: QueryOptions): StepState | undefined {
    const kept = this.#directory().kept(taskId(planned, partition));
    if (kept === undefined) return undefined;
    const { task, stores, lag, isWhole } = kept;
    if (task === undefined) {
      const acceptable = maxLag ?? (planned.isEverywhere && isWhole ? Number.POSITIVE_INFINITY : -1);
      if (lag > acceptable || atLeast !== undefined) return undefined;
    }
    if (task !== undefined && planned.isEverywhere && !isWhole) return undefined;
    if (task !== undefined && atLeast !== undefined)
      for (const input of task.inputs) {
        const come = read === "latest" ? input.position : task.committedOffset(input);
        if (come < (atLeast.get(input.id) ?? 0))
          throw notReady(planned, partition, `${input.id} has come to offset ${come}, which is before ${atLeast.get(input.id)}`);
      }
    const live = read === "latest" ? task?.stateOf(planned.name) : undefined;
    if (live !== undefined) return live;
    const own = stores.stores.find(({ name }) => name === planned.name);
    if (own === undefined) return undefined;
    const { store, keys } = own;
    // A state of its own: what it decodes is nobody else's, and nothing of it outlives the answer.
    return new StepState(store, keys);
  }

  #refuse(planned: Planned, partition: number, { maxLag }: QueryOptions): never {
    const directory = this.#directory();
    const id = taskId(planned, partition);
    if (directory.isAssigned(id)) throw notReady(planned, partition, "its task is being opened here");
    if (planned.isEverywhere && directory.isCopied(id)) throw notReady(planned, partition, "it is being copied here");
    const owner = this.#ownerOf(planned, partition);
    if (owner === undefined) throw notReady(planned, partition, "the group has not said yet who has it");
    const followed = directory.kept(id);
    const behind =
      followed === undefined || maxLag === undefined
        ? ""
        : `; what is followed here is ${followed.lag} records behind, of at most ${maxLag}`;
    throw new StoreError(
      "KEY_ELSEWHERE",
      `Partition ${partition} of store '${planned.name}' is at instance '${owner.instance}'${owner.endpoint === "" ? "" : ` (${owner.endpoint})`}, not here${behind}: ask app.ownerOf who has a key`,
      { step: planned.name, partition },
    );
  }

  #describe(planned: Planned): StoreInfo {
    const { name, reader, isEverywhere } = planned;
    return { name, kind: reader.kind, partitions: isEverywhere ? 1 : this.#tasks(planned) };
  }

  #isThis(instance: string): boolean {
    const { settings, processId } = this.#application;
    return instance === instanceName(settings, processId);
  }

  /** The task that stands for a partition of the store, of which there has to be one. */
  #numbered(planned: Planned, partition: number): number {
    const { partitions } = this.#describe(planned);
    if (!Number.isInteger(partition) || partition < 0 || partition >= partitions)
      throw new StoreError("STORE_UNKNOWN", `Store '${planned.name}' has no partition ${partition}: it has ${partitions}, counted from 0`, {
        step: planned.name,
        partition,
      });
    return planned.isEverywhere ? this.#anyHere(planned) : partition;
  }

  #parts(planned: Planned): readonly number[] {
    return Array.from({ length: this.#tasks(planned) }, (_, partition) => partition);
  }

  #ownerOf(planned: Planned, partition: number): Owner | undefined {
    const id = taskId(planned, partition);
    return this.#directory().owners.find(({ tasks }) => tasks.includes(id));
  }

  /** Of a store that every task has a copy of: a task that is here, or is copied here, else any. */
  #anyHere(planned: Planned): number {
    const directory = this.#directory();
    const parts = this.#parts(planned);
    const isRun = (partition: number): boolean => directory.kept(taskId(planned, partition))?.task !== undefined;
    return (
      parts.find(isRun) ??
      parts.find((partition) => this.#hasCopy(planned, partition)) ??
      parts.find((partition) => directory.isCopied(taskId(planned, partition))) ??
      0
    );
  }

  #hasCopy(planned: Planned, partition: number): boolean {
    return planned.isEverywhere && this.#directory().kept(taskId(planned, partition))?.isWhole === true;
  }

  #tasks({ subtopology }: Planned): number {
    return this.#application.tasks.get(subtopology.id) ?? 0;
  }

  #partitionOf(planned: Planned, key: unknown): number {
    const tasks = this.#tasks(planned);
    if (tasks <= 1 || planned.keyedBy === undefined) return 0;
    const { names, partitions } = this.#application;
    const topic = names.of(planned.keyedBy.topic);
    return partitionForKey(planned.keyedBy.key.serialize(key, topic), partitions.get(topic) ?? tasks);
  }

  #find(named: Named): Planned {
    const name = typeof named === "string" ? named : named.name;
    const all = this.#all();
    const found = all.find((one) => one.name === name);
    if (found !== undefined) return found;
    throw new StoreError(
      "STORE_UNKNOWN",
      `Topology '${this.#application.plan.name}' keeps nothing under the name '${name}' that could be read${all.length === 0 ? "" : `: it has ${all.map((one) => `'${one.name}'`).join(", ")}`}`,
    );
  }

  #all(): readonly Planned[] {
    return this.#application.plan.subtopologies.flatMap((subtopology) =>
      subtopology.nodes.flatMap(({ store, inputs }): readonly Planned[] => {
        if (store?.reader === undefined) return [];
        const before = inputsBefore(subtopology, inputs.flat());
        const everywhere = isEverywhere(subtopology, { inputs });
        // A store that a program declares is no step of its own: its keys are taken for those of the records that come to its task.
        const keyed = (before.length === 0 ? subtopology.inputs : before).filter(
          ({ kind, bootstrap }) => kind !== "retry" && bootstrap !== true,
        );
        return [
          {
            name: store.name,
            subtopology,
            store,
            reader: store.reader,
            isEverywhere: everywhere,
            keyedBy: keyed[0],
          },
        ];
      }),
    );
  }
}

const taskId = ({ subtopology }: Planned, partition: number): string => `${subtopology.id}_${partition}`;

const notReady = ({ name }: Planned, partition: number, why: string): StoreError =>
  new StoreError("STORE_NOT_READY", `Partition ${partition} of store '${name}' cannot be read now: ${why}; ask again in a moment`, {
    step: name,
    partition,
  });
