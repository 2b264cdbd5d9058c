import { reason } from "../errors.ts";
import { partitionId } from "../ports/log.ts";
import type { Application } from "./application.ts";
import { CommittedWay } from "./committed_way.ts";
import { everywhereStores } from "./everywhere.ts";
import { pause } from "./pause.ts";
import type { Replicas } from "./replicas.ts";
import { inputsOf } from "./task_opening.ts";
import type { TaskStores } from "./task_stores.ts";

export interface CopiesOptions {
  readonly application: Application;
  readonly replicas: Replicas;
  /** Aborted when the worker is no more. */
  readonly signal: AbortSignal;
}

const lookEveryMs = 100;

/** The tasks of which an instance keeps a copy of what every task has, since it runs none of their sub-topology: with global tables it can then answer like all others. */
export const copiesFor = (application: Application, tasks: readonly string[], followed: readonly string[]): readonly string[] => {
  // Without changelogs there is nothing to copy.
  if (application.settings.guarantee === "none") return [];
  return application.plan.subtopologies.flatMap((subtopology) => {
    const isOf = (id: string): boolean => id.startsWith(`${subtopology.id}_`);
    if (tasks.some(isOf) || everywhereStores(subtopology).size === 0 || (application.tasks.get(subtopology.id) ?? 0) === 0) return [];
    // What is followed anyway has it all.
    return [followed.find(isOf) ?? `${subtopology.id}_0`];
  });
};

/** Knows which of those copies are whole: what stood in the tables' topics when they were begun has come into them. */
export class Copies {
  readonly #options: CopiesOptions;
  readonly #whole = new WeakSet<TaskStores>();
  readonly #watches = new Map<string, AbortController>();

  constructor(options: CopiesOptions) {
    this.#options = options;
  }

  /** From now on these are asked for; they are kept as replicas already. */
  assign(ids: readonly string[]): void {
    for (const [id, watch] of this.#watches)
      if (!ids.includes(id)) {
        this.#watches.delete(id);
        watch.abort();
      }
    for (const id of ids) {
      if (this.isWhole(id) || this.#watches.has(id)) continue;
      const watch = new AbortController();
      this.#watches.set(id, watch);
      void this.#watch(id, AbortSignal.any([watch.signal, this.#options.signal])).finally(() => {
        if (this.#watches.get(id) === watch) this.#watches.delete(id);
      });
    }
  }

  /** It is being read, and does not answer yet. */
  isBegun(id: string): boolean {
    return this.#watches.has(id);
  }

  isWhole(id: string): boolean {
    const kept = this.#options.replicas.kept(id);
    return kept !== undefined && this.#whole.has(kept.stores);
  }

  async #watch(id: string, signal: AbortSignal): Promise<void> {
    const { application, replicas } = this.#options;
    try {
      while (!signal.aborted) {
        const stores = replicas.kept(id)?.stores;
        if (stores !== undefined && (await this.#fills(stores, signal))) {
          this.#whole.add(stores);
          return;
        }
        await pause(application.clock, lookEveryMs, signal);
      }
    } catch (error) {
      if (signal.aborted) return;
      application.logger.log("warn", "A global table cannot be copied to this instance, which has no task that has it", {
        task: id,
        reason: reason(error),
      });
    }
  }

  /** False when these stores are not followed any more. */
  async #fills(stores: TaskStores, signal: AbortSignal): Promise<boolean> {
    const { application, replicas } = this.#options;
    const way = new CommittedWay(application, signal);
    const inputs = inputsOf(application, stores).filter(({ plan }) => plan.bootstrap === true);
    for (const { plan } of inputs) await way.leadsTo(plan.topic.name);
    await way.committed(inputs, await way.ends(inputs));
    const names = everywhereStores(stores.plan);
    const tables = stores.stores.filter(({ name }) => names.has(name));
    const ends = await way.ends(tables.flatMap(({ origin }) => origin ?? []));
    const isFull = (): boolean =>
      tables.every(
        ({ origin, store }) =>
          origin === undefined || (store.position?.changelogOffset ?? 0) >= (ends.get(partitionId(origin.topic, origin.partition)) ?? 0),
      );
    while (!isFull()) {
      if (signal.aborted || replicas.kept(stores.id)?.stores !== stores) return false;
      await pause(application.clock, lookEveryMs, signal);
    }
    return true;
  }
}
