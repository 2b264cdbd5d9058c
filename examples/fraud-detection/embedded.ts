import { run } from "../../mod.ts";
import { avro } from "../../node/serde/mod.ts";
import { accountSchema, transactionSchema } from "./model.ts";
import type { Surroundings } from "./surroundings.ts";

/** Everything in this process: no server, no permission, nothing left behind. */
export const embedded = (): Surroundings => ({
  transaction: avro(transactionSchema),
  account: avro(accountSchema),
  sinks: [],
  inputIsEmpty: async () => true,
  run,
});
