import type { App, RunOptions, Serde, Sink, Topology } from "../../mod.ts";
import type { Alert } from "./alert.ts";
import type { Account, Transaction } from "./model.ts";

/** Where the job runs: in this process alone, or on Kafka with a registry and a search server. The job itself does not know. */
export interface Surroundings {
  readonly transaction: Serde<Transaction>;
  readonly account: Serde<Account>;
  /** Where alerts go beside their topic. */
  readonly sinks: readonly Sink<Alert>[];
  /** Nobody has written the input yet, as far as can be seen. */
  inputIsEmpty(topics: readonly string[]): Promise<boolean>;
  run(topology: Topology, options: RunOptions): Promise<App>;
}
