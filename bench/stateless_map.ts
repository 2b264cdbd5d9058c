import { bytes } from "../core/serde/bytes.ts";
import { json } from "../core/serde/json.ts";
import { topic } from "../topology/topic.ts";
import { topology } from "../topology/topology.ts";
import type { BenchCase } from "./bench_case.ts";
import type { Payment } from "./input_topic.ts";
import { brokerLog, fresh, measureJob } from "./job.ts";

const records = 1_000_000;
const payments = json<Payment>();

/** A record in, a record out, and the position in the same commit: what the engine costs where there is nothing to keep. */
export const cases: readonly BenchCase[] = (["exactly-once", "at-least-once"] as const).map((guarantee) => ({
  name: `stateless map, Kafka, ${guarantee}`,
  needsKafka: true,
  run: async (setting) => {
    const [input, output] = [fresh("payments"), fresh("mapped")];
    return measureJob({
      input,
      output,
      topology: topology("stateless-map", ({ from }) => {
        from(topic(input, { value: bytes }))
          .map((value) => value.subarray(1))
          .to(topic(output, { value: bytes }));
      }),
      records: setting.share(records),
      guarantee,
      serialize: (payment) => payments.serialize(payment, ""),
      log: await brokerLog(setting),
    });
  },
}));
