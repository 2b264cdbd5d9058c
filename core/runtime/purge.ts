import { reason } from "../errors.ts";
import { type FetchPosition, partitionId } from "../ports/log.ts";
import type { Application } from "./application.ts";
import type { InputPlan } from "./plan.ts";
import type { Task } from "./sealed_task.ts";

const everyMs = 10_000;
/** In a log in memory what is done with goes at the latest when it takes this part of what internal topics may hold. */
const shareLeft = 1 / 8;
const isInternal: ReadonlySet<string> = new Set(["repartition", "sink", "retry"]);

const isPurged = ({ kind, restores }: InputPlan, logIsPrivate: boolean): boolean =>
  isInternal.has(kind) || (logIsPrivate && restores !== true);

/**
 * Deletes from internal topics what every reader has committed: each of their partitions has one reader, and nobody needs the records again. In a log that nobody else sees, which has to fit into memory, the same goes for sources.
 */
export class Purge {
  readonly #application: Application;
  readonly #purged = new Map<string, number>();
  #nextMs = Number.NEGATIVE_INFINITY;
  #running = false;

  constructor(application: Application) {
    this.#application = application;
  }

  /** Called now and then; does its work in the background. */
  step(tasks: readonly Task[]): void {
    const { clock, log, logger, logIsPrivate } = this.#application;
    const nowMs = clock.monotonic();
    if (this.#running || (nowMs < this.#nextMs && !this.#isMuch(tasks))) return;
    this.#nextMs = nowMs + everyMs;
    const offsets: FetchPosition[] = [];
    for (const task of tasks)
      for (const input of task.inputs) {
        if (!isPurged(input.plan, logIsPrivate)) continue;
        const offset = task.committedOffset(input);
        if (offset > (this.#purged.get(input.id) ?? 0)) offsets.push({ topic: input.topic, partition: input.partition, offset });
      }
    if (offsets.length === 0) return;
    this.#running = true;
    log.admin.deleteRecords(offsets).then(
      () => {
        for (const { topic, partition, offset } of offsets) this.#purged.set(partitionId(topic, partition), offset);
        this.#running = false;
      },
      (error: unknown) => {
        // The records stay a little longer.
        logger.log("debug", "Internal topics could not be purged", { reason: reason(error) });
        this.#running = false;
      },
    );
  }

  #isMuch(tasks: readonly Task[]): boolean {
    const { log, settings, logIsPrivate } = this.#application;
    if (log.heldBytes === undefined) return false;
    const topics = new Set<string>();
    for (const { inputs } of tasks) for (const { topic, plan } of inputs) if (isPurged(plan, logIsPrivate)) topics.add(topic);
    let bytes = 0;
    for (const topic of topics) bytes += log.heldBytes(topic);
    return bytes > settings.internalBytes * shareLeft;
  }
}
