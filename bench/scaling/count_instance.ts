// One instance of the job that is measured, as a process of its own: node count_instance.ts '{ "brokers": ..., ... }'. It says on its standard output how it is, and ends on SIGTERM.
import { millis } from "../../core/duration.ts";
import { integer } from "../../core/serde/numbers.ts";
import { text } from "../../core/serde/text.ts";
import { run } from "../../node/mod.ts";
import { topic } from "../../topology/topic.ts";
import { topology } from "../../topology/topology.ts";
import type { InstanceSetting } from "./instances.ts";

const { brokers, applicationId, input, output, standbys, sessionMs, heartbeatMs, commitMs } = JSON.parse(
  process.argv[2]!,
) as InstanceSetting;

const program = topology("scaling", ({ from }) => {
  from(topic(input, { key: text, value: text }))
    .keyBy()
    .count("count")
    .to(topic(output, { key: text, value: integer }));
});

const app = await run(program, {
  brokers,
  applicationId,
  standbys,
  commit: { interval: millis(commitMs) },
  group: { sessionTimeout: millis(sessionMs), heartbeat: millis(heartbeatMs) },
  on: { assigned: ({ tasks, standbys: followed, warmups }) => console.log(`assigned ${tasks.length} ${followed.length + warmups.length}`) },
});
app.on("state", ({ to }) => console.log(`state ${to}`));
console.log(`state ${app.state}`);
await app.finished;
