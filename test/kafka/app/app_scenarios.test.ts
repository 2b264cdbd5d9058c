import { inWorld } from "../../app_scenarios/app_world.ts";
import { deadLetters } from "../../app_scenarios/dead_letters.ts";
import { failingRecords } from "../../app_scenarios/failing_records.ts";
import { guarantees } from "../../app_scenarios/guarantees.ts";
import { idleness } from "../../app_scenarios/idleness.ts";
import { restart } from "../../app_scenarios/restart.ts";
import { scaling } from "../../app_scenarios/scaling.ts";
import { tableSources } from "../../app_scenarios/table_sources.ts";
import { sharing } from "../../app_scenarios/word_count.ts";
import { describeKafka } from "../support/describe_kafka.ts";
import { kafkaAppWorld } from "./kafka_app_world.ts";

// The same as on the log in memory: see test/topology/run.
const on = inWorld(kafkaAppWorld);

describeKafka("event time with partitions that say nothing, on a broker", () => idleness(on));
describeKafka("a restart from nothing local, on a broker", () => restart(on));
describeKafka("instances that share the work, on a broker", () => sharing(on));
describeKafka("standbys and names, on a broker", () => scaling(on));
describeKafka("dead letters, on a broker", () => deadLetters(on));
describeKafka("guarantees, on a broker", () => guarantees(on));
describeKafka("records that fail for a while, on a broker", () => failingRecords(on));
describeKafka("tables that stand in their topics, on a broker", () => tableSources(on));
