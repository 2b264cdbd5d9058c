import { reason } from "../errors.ts";
import { type Application, instanceName, workerPrefix } from "./application.ts";
import { ControlTopic, workerTombstone } from "./control_topic.ts";
import { insist } from "./insist.ts";

/** A departed worker that cannot be fenced after so many tries is left to the broker's timeout. */
const triesMax = 5;

/** Workers that are gone without a farewell, and what they have left open. */
export class Departed {
  readonly #application: Application;
  readonly #signal: AbortSignal;
  /** Read uncommitted: workers are written outside transactions, and one that has left a transaction open must not hide itself. */
  readonly #workers: ControlTopic;

  /** @param signal aborted when the worker here is no more */
  constructor(application: Application, signal: AbortSignal) {
    this.#application = application;
    this.#signal = signal;
    this.#workers = new ControlTopic(application.names.control, "read-uncommitted");
  }

  /** The transactional ids of all workers that have not said farewell: only one that was not heard of anywhere else has to be looked up, as the log remembers those whose leader died with them. */
  async known(): Promise<ReadonlySet<string>> {
    const { log, clock, logger } = this.#application;
    await insist(() => this.#workers.readToEnd(log), {
      clock,
      signal: this.#signal,
      onFailure: ({ message }) => logger.log("warn", "Departed workers cannot be looked up yet", { reason: message }),
    });
    return this.#workers.workers;
  }

  /**
   * Under the name of this instance somebody may have worked before, and may have left a transaction open: no leader tells of it, since the group takes both for the same member.
   * @param but the worker that asks
   */
  async endOwnPast(but: string): Promise<void> {
    const { settings, processId } = this.#application;
    const prefix = workerPrefix(settings.applicationId, instanceName(settings, processId));
    const known = await this.known();
    await this.end([...known].filter((id) => id !== but && id.startsWith(prefix) && /^\d+$/.test(id.slice(prefix.length))));
  }

  /** Ends what they left open, so that nobody waits for the broker's timeout. Harmless when several do it. Never rejects: what cannot be ended the broker ends. */
  async end(transactionalIds: readonly string[]): Promise<void> {
    await Promise.all(transactionalIds.map((id) => this.#end(id)));
  }

  async #end(transactionalId: string): Promise<void> {
    const { log, settings, logger, clock, control } = this.#application;
    try {
      const state = (await log.admin.transactionStates([transactionalId])).get(transactionalId);
      // Closed by who opened it: an answer may come when nobody waits for it any more.
      const fence = async (): Promise<void> =>
        (await log.producer({ transactionalId, transactionTimeoutMs: settings.transactionTimeoutMs })).close();
      await insist(fence, {
        clock,
        signal: this.#signal,
        triesMax,
        onFailure: ({ message }) => logger.log("warn", "A departed worker cannot be fenced yet", { reason: message }),
      });
      logger.log(
        "info",
        state === "open"
          ? "A departed worker had left a transaction open: it was aborted"
          : "A departed worker was fenced: it had no transaction open",
        { transactionalId },
      );
      await control.write(log, null, [workerTombstone(transactionalId)], clock);
    } catch (error) {
      logger.log("warn", "The transaction of a departed worker could not be ended: the broker's timeout will", {
        transactionalId,
        reason: reason(error),
      });
    }
  }
}
