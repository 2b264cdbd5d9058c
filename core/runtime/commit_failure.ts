import { LogError } from "../ports/log.ts";

/** A commit that did not succeed. "unknown": it may have happened all the same, and only the log can tell. */
export class CommitFailure extends Error {
  override readonly name = "CommitFailure";
  readonly outcome: "not-happened" | "unknown";
  readonly error: unknown;

  constructor(outcome: "not-happened" | "unknown", error: unknown) {
    super(error instanceof Error ? error.message : String(error), { cause: error });
    this.outcome = outcome;
    this.error = error;
  }

  /** What trying again cannot mend. */
  get isFatal(): boolean {
    return !(this.error instanceof LogError) || this.error.disposition === "configuration" || this.error.disposition === "rejected";
  }
}
