import { reason } from "../errors.ts";
import type { Application } from "./application.ts";
import { everywhereStores } from "./everywhere.ts";
import { insist } from "./insist.ts";
import type { StoreFollower } from "./store_follower.ts";
import { openTaskStores, type TaskStores, taskOf } from "./task_stores.ts";

export interface ReplicasOptions {
  readonly application: Application;
  readonly follower: StoreFollower;
  /** Aborted when the worker is no more. */
  readonly signal: AbortSignal;
}

/**
 * - "standby": another worker runs the task; this one follows its changelogs.
 * - "warmup": the same, and the task is to come here when it is far enough.
 * - "copy": the same, of those stores alone of which every task has all, since nothing else here has them.
 * - "parked": the task ran here, and it is not known yet who gets it next.
 */
type Kind = "standby" | "warmup" | "copy" | "parked";

interface Replica {
  kind: Kind;
  /** Undefined when it was given up before it was opened, or could not be. */
  readonly opening: Promise<TaskStores | undefined>;
  stores: TaskStores | undefined;
  gone: boolean;
  /** Of a warm-up: when the group was asked last to look at it. */
  toldMs: number;
}

/** When the leader was of another opinion, since the changelog had grown meanwhile, it is asked again after so long: every question is a rebalance. */
const tellAgainMs = 10_000;

/** The stores that a worker keeps of tasks that it does not run. */
export class Replicas {
  readonly #options: ReplicasOptions;
  readonly #replicas = new Map<string, Replica>();
  /** A store is not opened before it is closed. */
  readonly #closing = new Map<string, Promise<void>>();

  constructor(options: ReplicasOptions) {
    this.#options = options;
  }

  /** Takes over the stores of a task that has ended here. */
  park(stores: TaskStores): void {
    stores.kept = false;
    // A replica that was begun from nothing meanwhile gives way to the one that has something.
    const before = this.#replicas.get(stores.id);
    if (before !== undefined) this.#drop(stores.id, before);
    const kind = before?.kind ?? "parked";
    const replica: Replica = { kind, opening: Promise.resolve(stores), stores, gone: false, toldMs: Number.NEGATIVE_INFINITY };
    this.#replicas.set(stores.id, replica);
    if (kind !== "parked") void this.#follow(replica, stores);
  }

  /** Hands the stores of a task over to who runs it from now on; undefined when there are none. */
  claim(id: string): Promise<TaskStores | undefined> {
    const replica = this.#replicas.get(id);
    this.#replicas.delete(id);
    if (replica === undefined) return (this.#closing.get(id) ?? Promise.resolve()).then(() => undefined);
    if (replica.stores !== undefined) this.#options.follower.stop(replica.stores);
    return replica.opening;
  }

  /** From now on exactly these are kept and followed; what is followed as a whole is no copy beside that. */
  assign(standbys: readonly string[], warmups: readonly string[], copies: readonly string[]): void {
    const wanted = new Map<string, Kind>([
      ...copies.map((id) => [id, "copy"] as const),
      ...standbys.map((id) => [id, "standby"] as const),
      ...warmups.map((id) => [id, "warmup"] as const),
    ]);
    for (const [id, replica] of [...this.#replicas]) {
      const kind = wanted.get(id);
      // A copy has not all the stores.
      if (kind === undefined || (kind === "copy") !== (replica.kind === "copy")) this.#drop(id, replica);
    }
    for (const [id, kind] of wanted) {
      const known = this.#replicas.get(id);
      if (known === undefined) this.#replicas.set(id, this.#open(id, kind));
      else {
        const wasParked = known.kind === "parked";
        known.kind = kind;
        if (wasParked && known.stores !== undefined) void this.#follow(known, known.stores);
      }
    }
  }

  /** What is followed here of a task, with how many changelog records are missing. */
  kept(id: string): { readonly stores: TaskStores; readonly lag: number } | undefined {
    const stores = this.#replicas.get(id)?.stores;
    const { follower } = this.#options;
    return stores === undefined || !follower.follows(stores) ? undefined : { stores, lag: follower.lagOf(stores) };
  }

  /** How far the stores go that are kept, by task. */
  *sums(): IterableIterator<readonly [id: string, sum: number]> {
    for (const [id, { stores, kind }] of this.#replicas) if (stores !== undefined && kind !== "copy") yield [id, stores.offsetSum];
  }

  /** Some task that is to come here has become ready for it. */
  hasWarmed(acceptableLag: number): boolean {
    const { follower, application } = this.#options;
    const nowMs = application.clock.monotonic();
    let warmed = false;
    for (const replica of this.#replicas.values()) {
      const { kind, toldMs, stores } = replica;
      if (kind !== "warmup" || nowMs - toldMs < tellAgainMs || stores === undefined || !follower.follows(stores)) continue;
      if (follower.lagOf(stores) > acceptableLag) continue;
      replica.toldMs = nowMs;
      warmed = true;
    }
    return warmed;
  }

  async close(): Promise<void> {
    for (const [id, replica] of [...this.#replicas]) this.#drop(id, replica);
    await Promise.all(this.#closing.values());
  }

  #open(id: string, kind: Kind): Replica {
    const { application } = this.#options;
    const opened = async (): Promise<TaskStores | undefined> => {
      await this.#closing.get(id);
      if (replica.gone) return undefined;
      try {
        const stores = await openTaskStores(application, id, kind === "copy" ? everywhereStores(taskOf(application, id).plan) : undefined);
        replica.stores = stores;
        // Who claims it now reads on by itself.
        if (this.#replicas.get(id) === replica) void this.#follow(replica, stores);
        return stores;
      } catch (error) {
        application.logger.log("warn", `Task ${id} has no standby here, as its stores cannot be opened`, { reason: reason(error) });
        if (this.#replicas.get(id) === replica) this.#replicas.delete(id);
        return undefined;
      }
    };
    const replica: Replica = {
      kind,
      opening: Promise.resolve().then(opened),
      stores: undefined,
      gone: false,
      toldMs: Number.NEGATIVE_INFINITY,
    };
    return replica;
  }

  async #follow(replica: Replica, stores: TaskStores): Promise<void> {
    const { application, follower, signal } = this.#options;
    const { clock, logger } = application;
    const isWanted = (): boolean => this.#replicas.get(stores.id) === replica && !signal.aborted;
    try {
      const onFailure = ({ message }: Error): void =>
        logger.log("warn", `Task ${stores.id} cannot be followed yet: trying again`, { reason: message });
      const ranges = await insist(() => follower.ranges([stores]), { clock, signal, onFailure });
      if (isWanted()) follower.follow(stores, ranges);
    } catch (error) {
      if (isWanted()) logger.log("warn", `Task ${stores.id} has no standby here, as it cannot be followed`, { reason: reason(error) });
    }
  }

  #drop(id: string, replica: Replica): void {
    replica.gone = true;
    this.#replicas.delete(id);
    if (replica.stores !== undefined) this.#options.follower.stop(replica.stores);
    const before = this.#closing.get(id);
    const closing = (async () => {
      await before;
      await (await replica.opening)?.close();
    })();
    this.#closing.set(id, closing);
    void closing.finally(() => {
      if (this.#closing.get(id) === closing) this.#closing.delete(id);
    });
  }
}
