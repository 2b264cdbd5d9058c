import type { Scenario } from "./scenario.ts";
import { failing } from "./scenarios/failing.ts";
import { fraud } from "./scenarios/fraud.ts";
import { keyedCount } from "./scenarios/keyed_count.ts";
import { patterns } from "./scenarios/patterns.ts";
import { stateless } from "./scenarios/stateless.ts";
import { foreignKeys, stores, streamJoins, tables } from "./scenarios/tables.ts";
import { timers } from "./scenarios/timers.ts";
import { windows } from "./scenarios/windows.ts";

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
];
