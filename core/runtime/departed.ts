import { reason } from "../errors.ts";
import type { Application } from "./application.ts";
import { workerTombstone } from "./control_topic.ts";
import { insist } from "./insist.ts";

/** A departed worker that cannot be fenced after so many tries is left to the broker's timeout. */
const triesMax = 5;

/** Workers that are gone without a farewell, and what they have left open. */
export class Departed {
  readonly #application: Application;
  readonly #signal: AbortSignal;

  /** @param signal aborted when the worker here is no more */
  constructor(application: Application, signal: AbortSignal) {
    this.#application = application;
    this.#signal = signal;
  }

  /** Ends what they left open, so that nobody waits for the broker's timeout. Harmless when several do it. Never rejects: what cannot be ended the broker ends. */
  async end(transactionalIds: readonly string[]): Promise<void> {
    await Promise.all(transactionalIds.map((id) => this.#end(id)));
  }

  async #end(transactionalId: string): Promise<void> {
    const { log, settings, logger, clock, control } = this.#application;
    try {
      const state = (await log.admin.transactionStates([transactionalId])).get(transactionalId);
      const producer = await insist(() => log.producer({ transactionalId, transactionTimeoutMs: settings.transactionTimeoutMs }), {
        clock,
        signal: this.#signal,
        triesMax,
        onFailure: ({ message }) => logger.log("warn", "A departed worker cannot be fenced yet", { reason: message }),
      });
      await producer.close();
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
