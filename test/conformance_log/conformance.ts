import { afterAll, beforeAll, describe, it } from "@jest/globals";
import type { LogCase } from "./conformance_case.ts";
import { fetchChapter } from "./fetch_cases.ts";
import { groupChapter } from "./group_cases.ts";
import { isolationChapter } from "./isolation_cases.ts";
import { membershipChapter } from "./membership_cases.ts";
import { offsetChapter } from "./offset_cases.ts";
import { recordChapter } from "./record_cases.ts";
import { sequenceChapter } from "./sequence_cases.ts";
import { Stage } from "./stage.ts";
import { topicChapter } from "./topic_cases.ts";
import { transactionChapter } from "./transaction_cases.ts";
import type { ConformanceAbilities, ConformanceWorld } from "./world.ts";

export type { ConformanceAbilities, ConformanceTiming, ConformanceWorld, LosableRequest } from "./world.ts";
export { brokerTiming } from "./world.ts";

const chapters = [
  recordChapter,
  fetchChapter,
  transactionChapter,
  isolationChapter,
  sequenceChapter,
  offsetChapter,
  groupChapter,
  membershipChapter,
  topicChapter,
];

/** A case that can be run by itself, outside a test runner too. */
export interface ConformanceCase {
  readonly name: string;
  readonly needs: keyof ConformanceAbilities | undefined;
  /** Resolves when the driver keeps this promise, rejects when it does not. */
  run(world: ConformanceWorld): Promise<void>;
}

const runnable = (title: string, { name, needs, play }: LogCase): ConformanceCase => ({
  name: `${title}: ${name}`,
  needs,
  run: async (world) => {
    if (needs !== undefined && world.can[needs] === undefined)
      throw new Error(`The case "${name}" needs a world that can ${needs}: teach it, or name "${needs}" in the option without`);
    const staged = async (): Promise<void> => {
      const stage = new Stage(world);
      try {
        await play(stage);
      } finally {
        await stage.close();
      }
    };
    await (world.run === undefined ? staged() : world.run(staged));
  },
});

/** Every promise of the Log port, in the order of the suite. */
export const conformanceCases: readonly ConformanceCase[] = chapters.flatMap(({ title, cases }) =>
  cases.map((one) => runnable(title, one)),
);

export interface ConformanceOptions {
  /** What this driver's world cannot do: the cases that need it are skipped, visibly. */
  readonly without?: readonly (keyof ConformanceAbilities)[];
  /** For the runner, per case. @default 180_000 */
  readonly caseTimeoutMs?: number;
}

/** Registers the whole suite for one driver. */
export const logConformance = (name: string, open: () => Promise<ConformanceWorld>, options: ConformanceOptions = {}): void => {
  describe(`log conformance of ${name}`, () => {
    let world: ConformanceWorld | undefined;
    beforeAll(async () => {
      world = await open();
    });
    afterAll(async () => {
      await world?.close();
    });
    for (const one of conformanceCases) {
      const register = one.needs !== undefined && options.without?.includes(one.needs) ? it.skip : it;
      register(
        one.name,
        async () => {
          if (world === undefined) throw new Error("The world of the suite did not open");
          await one.run(world);
        },
        options.caseTimeoutMs ?? 180_000,
      );
    }
  });
};
