import { expect, it } from "@jest/globals";
import { killRun } from "../../support/fraud_kills.ts";
import { describeKafka } from "../support/describe_kafka.ts";
import { suite } from "../support/kafka_suite.ts";

// The short form of `npm run test:kills`, which kills more often and over more data.
describeKafka("two instances of the fraud example, of which one is killed twice", () => {
  it("leave every alert in the topic exactly once", async () => {
    const said: string[] = [];
    const report = await killRun({
      brokers: suite.brokers[0]!,
      kills: 2,
      transactions: 30_000,
      seed: 1,
      rate: 1500,
      say: (line) => said.push(line),
    });
    const { kills, expected, found, missing, unexpected, doubled } = report;
    expect({ missing, unexpected, doubled, said }).toEqual({ missing: [], unexpected: [], doubled: [], said });
    expect({ kills, found, said }).toEqual({ kills: 2, found: expected, said });
    expect(expected).toBeGreaterThan(100);
  });
});
