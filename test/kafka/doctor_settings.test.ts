import { afterAll, beforeAll, expect, it } from "@jest/globals";
import type { Finding } from "../../node/cli/doctor/finding.ts";
import { millrace } from "../../node/cli/millrace.ts";
import { type LocalKafka, startKafka } from "../../node/local/kafka_broker.ts";
import { describeKafka } from "./support/describe_kafka.ts";

describeKafka("the doctor at a broker without an authorizer, whose settings do not do", () => {
  let kafka: LocalKafka;
  beforeAll(async () => {
    kafka = await startKafka({
      properties: {
        "transaction.max.timeout.ms": "30000",
        "offset.metadata.max.bytes": "100",
        "default.replication.factor": "2",
        "offsets.topic.replication.factor": "3",
        "transaction.state.log.replication.factor": "3",
        "transaction.state.log.min.isr": "2",
      },
    });
  }, 120_000);
  afterAll(() => kafka?.stop());

  it("says of each which it is, and how to mend it", async () => {
    let out = "";
    const terminal = { out: (text: string) => void (out += text), err: () => {}, env: {} };
    expect(await millrace(["doctor", "--brokers", kafka.brokers[0]!, "--json"], terminal)).toBe(1);
    const { findings } = JSON.parse(out) as { readonly findings: readonly Finding[] };
    expect(findings.filter(({ level }) => level === "problem").map(({ about, message }) => `${about}: ${message}`)).toEqual([
      "broker 1: transaction.max.timeout.ms is 30000, and the application asks for 60000: raise it, or lower 'transactionTimeout'",
      "broker 1: offset.metadata.max.bytes is 100: raise it to 1024, as event time is committed beside offsets",
      "broker 1: internal topics are to have 2 copies (default.replication.factor), and the cluster has 1 broker: ask for fewer with 'replication', or start more",
      "broker 1: __consumer_offsets cannot be made, since offsets.topic.replication.factor is 3 and the cluster has 1 broker: lower it, or start more",
      "broker 1: __transaction_state cannot be made, since transaction.state.log.replication.factor is 3 and the cluster has 1 broker: lower it, or start more",
      "broker 1: transaction.state.log.min.isr is 2 and the cluster has 1 broker: no transaction can begin",
    ]);
    expect(findings.filter(({ level }) => level === "warning")).toEqual([]);
  });
});
