import { describe, expect, it } from "@jest/globals";
import { brokenLogs, brokenWorld, catchers, failures, faithful } from "../../conformance_log/broken.ts";
import { conformanceCases } from "../../conformance_log/conformance.ts";
import { memoryWorld } from "./memory_world.ts";

describe("the conformance suite", () => {
  for (const broken of brokenLogs)
    it(`notices a log that ${broken.name}`, async () => {
      const failed = await failures(catchers(broken), async () => brokenWorld(memoryWorld(), broken.break));
      expect(failed).toEqual(catchers(broken).map((one) => one.name));
    });

  it("has nothing against a log that is only wrapped", async () => {
    expect(await failures(conformanceCases, async () => brokenWorld(memoryWorld(), faithful))).toEqual([]);
  });

  it("tells its cases apart by name", () => {
    expect(new Set(conformanceCases.map((one) => one.name)).size).toBe(conformanceCases.length);
  });
});
