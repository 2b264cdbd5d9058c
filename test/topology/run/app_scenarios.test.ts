import { describe } from "@jest/globals";
import { inWorld } from "../../app_scenarios/app_world.ts";
import { deadLetters } from "../../app_scenarios/dead_letters.ts";
import { failingRecords } from "../../app_scenarios/failing_records.ts";
import { guarantees } from "../../app_scenarios/guarantees.ts";
import { idleness } from "../../app_scenarios/idleness.ts";
import { memoryAppWorld } from "../../app_scenarios/memory_app_world.ts";
import { restart } from "../../app_scenarios/restart.ts";
import { scaling } from "../../app_scenarios/scaling.ts";
import { tableSources } from "../../app_scenarios/table_sources.ts";
import { sharing } from "../../app_scenarios/word_count.ts";

// The same as on a broker: see test/kafka/app.
const on = inWorld(memoryAppWorld);

describe("event time with partitions that say nothing", () => idleness(on));
describe("a restart from nothing local", () => restart(on));
describe("instances that share the work", () => sharing(on));
describe("standbys and names", () => scaling(on));
describe("dead letters", () => deadLetters(on));
describe("guarantees", () => guarantees(on));
describe("records that fail for a while", () => failingRecords(on));
describe("tables that stand in their topics", () => tableSources(on));
