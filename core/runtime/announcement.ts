import type { Application } from "./application.ts";
import type { CommitCycle } from "./commit_cycle.ts";
import { workerRecord } from "./control_topic.ts";
import type { Departed } from "./departed.ts";
import { insist } from "./insist.ts";

export interface AnnouncementOptions {
  readonly application: Application;
  readonly transactionalId: string;
  readonly commits: CommitCycle;
  readonly departed: Departed;
  /** Aborted when the worker is no more. */
  readonly signal: AbortSignal;
}

/** Makes a worker known before its first transaction, and opens its epoch. In that order: what nobody knows of, nobody ends. */
export class Announcement {
  readonly #options: AnnouncementOptions;
  #made: Promise<void> | undefined;

  constructor(options: AnnouncementOptions) {
    this.#options = options;
  }

  /** Resolves when it is made, which happens once; when it fails, the next call tries again. */
  async made(): Promise<void> {
    const making = (this.#made ??= this.#make());
    try {
      await making;
    } catch (error) {
      if (this.#made === making) this.#made = undefined;
      throw error;
    }
  }

  /** The epoch is over: the next call opens another. */
  revoke(): void {
    this.#made = undefined;
  }

  async #make(): Promise<void> {
    const { application, transactionalId, commits, departed } = this.#options;
    const { settings, log, clock, control, logger, announcements } = application;
    const worker = settings.guarantee === "exactly-once" ? [workerRecord(transactionalId)] : [];
    const news = [...worker, ...announcements];
    if (news.length > 0) await this.#patiently(() => control.write(log, null, news, clock), "The worker cannot be announced yet");
    await this.#patiently(() => commits.open(), "An epoch cannot be opened yet");
    if (settings.guarantee === "exactly-once" && settings.groupInstanceId !== null) await departed.endOwnPast(transactionalId);
    logger.log("info", "A worker begins", { transactionalId });
  }

  #patiently<T>(attempt: () => Promise<T>, complaint: string): Promise<T> {
    const { application, signal } = this.#options;
    const { clock, logger } = application;
    return insist(attempt, { clock, signal, onFailure: ({ message }) => logger.log("warn", complaint, { reason: message }) });
  }
}
