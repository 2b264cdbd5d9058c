import { afterAll, beforeAll, expect, it } from "@jest/globals";
import type { LocalKafka } from "../../node/local/kafka_broker.ts";
import { compare, shownDifference } from "./fuzz/compare.ts";
import { fuzzMemory, fuzzWorld, startFuzzBroker } from "./fuzz/fuzz_broker.ts";
import { generate } from "./fuzz/generate.ts";
import { describeKafka } from "./support/describe_kafka.ts";

const seeds = 12;
const calls = 30;

describeKafka("the log in memory and a broker", () => {
  let kafka: LocalKafka;
  beforeAll(async () => {
    kafka = await startFuzzBroker();
  });
  afterAll(() => kafka?.stop());

  it("say the same to the same random calls", async () => {
    const world = fuzzWorld(kafka, 2);
    for (let seed = 1; seed <= seeds; seed++) {
      const sequence = generate(seed, { calls, slow: seed % 4 === 0 });
      let difference = await compare(sequence, () => fuzzMemory(2), world);
      // A broker does some things at once, so that one time it may be otherwise.
      if (difference !== undefined) difference = await compare(sequence, () => fuzzMemory(2), world);
      const told = difference && shownDifference(difference);
      expect({ told, again: `npm run fuzz -- --from ${seed} --seeds 1 --calls ${calls}${seed % 4 === 0 ? "" : " --quick"}` }).toMatchObject(
        {
          told: undefined,
        },
      );
    }
  }, 120_000);
});
