import type { Scenario } from "./scenario.ts";
import { attribution } from "./scenarios/attribution.ts";
import { billing, metering } from "./scenarios/billing.ts";
import { enrichment, scoring } from "./scenarios/enrichment.ts";
import { failing } from "./scenarios/failing.ts";
import { fraud } from "./scenarios/fraud.ts";
import { histories, inventory, ownStores } from "./scenarios/inventory.ts";
import { keyedCount } from "./scenarios/keyed_count.ts";
import { patterns } from "./scenarios/patterns.ts";
import { ledger, rules, sweeps } from "./scenarios/rules.ts";
import { stateless } from "./scenarios/stateless.ts";
import { stragglers } from "./scenarios/stragglers.ts";
import { foreignKeys, sourced, stores, streamJoins, tables } from "./scenarios/tables.ts";
import { timers } from "./scenarios/timers.ts";
import { silences, windows } from "./scenarios/windows.ts";

/** Everything that is simulated; seeds take turns. A step that is new joins by a line here. */
export const scenarios: readonly Scenario[] = [
  stateless,
  keyedCount,
  windows,
  timers,
  patterns,
  fraud,
  tables,
  foreignKeys,
  streamJoins,
  stores,
  failing,
  enrichment,
  scoring,
  billing,
  metering,
  rules,
  sweeps,
  ledger,
  inventory,
  histories,
  ownStores,
  attribution,
  stragglers,
  silences,
  sourced,
];
