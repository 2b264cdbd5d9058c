import { reason } from "../errors.ts";
import type { Timeout } from "../ports/clock.ts";
import type { Application } from "./application.ts";
import { callRecord } from "./control_topic.ts";

/** So long after it begins to rejoin a member calls the others; should that have been too early, or somebody not have heard it, it calls again after so many times as long, and so on. */
const callAfterMs = 50;
const callSlowerBy = 4;
const callAfterMsMax = 5_000;

/**
 * Tells the other members that the group rebalances, unless somebody is faster or it is over before: a rebalance lasts until the last member has heard of it, and until then the others cannot commit. Not at once: the group has to know first, or those who ask it hear nothing.
 */
export class Summons {
  readonly #application: Application;
  #call: Timeout | undefined;
  #nextMs = 0;

  constructor(application: Application) {
    this.#application = application;
  }

  begin(): void {
    this.#callAfter(callAfterMs);
  }

  /** Somebody else has called: no need to be loud for a while. */
  heard(): void {
    if (this.#call !== undefined) this.#callAfter(this.#nextMs);
  }

  end(): void {
    this.#call?.cancel();
    this.#call = undefined;
  }

  #callAfter(delayMs: number): void {
    const { log, clock, control, logger } = this.#application;
    this.end();
    if (delayMs > callAfterMsMax) return;
    this.#nextMs = delayMs * callSlowerBy;
    this.#call = clock.after(delayMs, () => {
      this.#callAfter(this.#nextMs);
      control.write(log, null, [callRecord()], clock).catch((error: unknown) => {
        logger.log("debug", "The other members could not be called: they hear of the rebalance with their heartbeats", {
          reason: reason(error),
        });
      });
    });
  }
}
