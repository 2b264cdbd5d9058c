import { describe, expect, it } from "@jest/globals";
import { integer } from "../../../core/serde/numbers.ts";
import { text } from "../../../core/serde/text.ts";
import { seededRandom } from "../../../core/time_source/seeded_random.ts";
import { feed, shrink, simulate } from "../../../topology/testing/mod.ts";
import { topic } from "../../../topology/topic.ts";
import { topology } from "../../../topology/topology.ts";
import { scenarios } from "../../simulation/scenarios.ts";
import { simulateSeed } from "../../simulation/simulate_seed.ts";

const scenarioNamed = (name: string) => scenarios.find((scenario) => scenario.name === name)!;
/** A busy machine takes its time. */
const patienceMs = 60_000;

describe("a cluster in which everything goes wrong", () => {
  for (const [i, { name }] of scenarios.entries()) {
    // The scenario of a seed is its remainder.
    const seed = scenarios.length * 100 + i;
    it(
      `keeps every promise: ${name}, seed ${seed}`,
      async () => {
        const { violations, account, faults } = await simulateSeed(seed);
        expect(violations).toEqual([]);
        // Where an input was made anew, or has grown, the application may have to refuse it, and nothing is left to count.
        const mayBeRefused = faults.some((fault) => fault.includes("topic-made-anew") || fault.includes("partition-added"));
        expect(account.taken > 0 || mayBeRefused).toBe(true);
      },
      patienceMs,
    );
  }
});

describe("an input topic that is made anew", () => {
  // Tasks that were opened between the deletion and the next look at the topics once began it from its beginning, on top of the state that they had.
  for (const [name, seed] of [
    ["timers", 3],
    ["timers", 9],
    ["fraud", 23],
    ["fraud", 29],
  ] as const)
    it(
      `is refused and never replayed in silence: ${name}, seed ${seed}`,
      async () => {
        const { topology: program, input } = scenarioNamed(name);
        const faults = { topics: 1, crash: 1, rebalance: seed % 3 };
        const report = await simulate(program, { seed, input: input(seededRandom(seed)), faults });
        expect(report.violations).toEqual([]);
        expect(report.faults.some((fault) => fault.includes("topic-made-anew"))).toBe(true);
      },
      patienceMs,
    );
});

describe("a member that the next generation overtakes before it has done what it was told", () => {
  // Its task was run by another for one generation and came back; it once went on where it had been, and told the same windows again.
  it(
    "opens its tasks anew: windows, seed 3181",
    async () => {
      const { topology: program, input } = scenarioNamed("windows");
      const report = await simulate(program, { seed: 3181, input: input(seededRandom(3181)) });
      expect(report.violations).toEqual([]);
    },
    patienceMs,
  );
});

describe("a task that is being opened when the group gives it to somebody else", () => {
  // While other tasks were being closed it once became ready, at the positions that it had read before, and was handled by two members.
  it(
    "never becomes a task here: failing, seed 253",
    async () => {
      const { topology: program, input } = scenarioNamed("failing");
      const { violations } = await simulate(program, { seed: 253, input: input(seededRandom(253)) });
      expect(violations).toEqual([]);
    },
    patienceMs,
  );
});

describe("a task that a leader did not know of, since its partition came later", () => {
  it(
    "is given to somebody although every instance comes back under its name: enrichment, seed 17435",
    async () => {
      const { topology: program, input, run } = scenarioNamed("enrichment");
      const report = await simulate(program, { seed: 17435, input: input(seededRandom(17435)), ...(run && { run }) });
      expect(report.violations).toEqual([]);
      expect(report.faults.join()).toContain("partition-added");
    },
    patienceMs,
  );
});

describe("a task that is given to somebody else before its opening has begun", () => {
  // What was kept here of its state was neither closed nor kept on, as nobody felt responsible for it.
  it(
    "leaves nothing behind: histories, seed 40016",
    async () => {
      const { topology: program, input } = scenarioNamed("histories");
      const { violations } = await simulate(program, { seed: 40016, input: input(seededRandom(40016)) });
      expect(violations).toEqual([]);
    },
    patienceMs,
  );
});

describe("an instance that is closed while it restores, and waits for that longer than it may", () => {
  // What was being restored once became a task when nobody restored any more, and nobody closed that task.
  it(
    "leaves nothing behind: stream-joins, seed 10758",
    async () => {
      const { topology: program, input, run } = scenarioNamed("stream-joins");
      const only = new Set(["process 0 ListOffsets 5 response-lost", "process 0 Fetch 36 response-lost", "0 pause", "4 storm"]);
      const report = await simulate(program, { seed: 10758, input: input(seededRandom(10758)), only, ...(run && { run }) });
      expect(report.violations).toEqual([]);
      expect(report.faults.length).toBe(only.size);
    },
    patienceMs,
  );
});

const words = topic("words", { key: text, value: text });
const counts = topic("counts", { key: text, value: integer });
const said = Array.from({ length: 60 }, (_, i) => ({ key: `k${i % 5}`, value: ["be", "or", "not"][i % 3]! }));
const faults = { crash: 4, pause: 1, network: 30, rebalance: 3, broker: 3, clock: 1 };

describe("a simulation", () => {
  it(
    "is the same again with the same seed, and another with another",
    async () => {
      const [once, again, other] = [await simulateSeed(7), await simulateSeed(7), await simulateSeed(8)];
      expect(again.traceHash).toBe(once.traceHash);
      expect(again.trace).toEqual(once.trace);
      expect(other.traceHash).not.toBe(once.traceHash);
    },
    patienceMs,
  );

  it(
    "lets about as many faults happen as it is told, and gives what is in the topics",
    async () => {
      const counting = topology("counting", ({ from }) => {
        from(words)
          .keyBy((word) => word)
          .count("count")
          .to(counts);
      });
      const report = await simulate(counting, { seed: 3, input: [feed(words, said)], faults });
      expect(report.violations).toEqual([]);
      expect(report.faults.length).toBeGreaterThan(5);
      const revisions = report.read(counts).map(({ key, value }) => `${key} ${value}`);
      expect(revisions.sort()).toEqual(
        ["be", "not", "or"].flatMap((word) => Array.from({ length: 20 }, (_, i) => `${word} ${i + 1}`)).sort(),
      );
    },
    patienceMs,
  );

  it(
    "without faults has none",
    async () => {
      const copying = topology("copying", ({ from }) => from(words).to(topic("copies", { key: text, value: text })));
      const { faults: happened, violations } = await simulate(copying, { seed: 1, input: [feed(words, said)], faults: {} });
      expect([happened, violations]).toEqual([[], []]);
    },
    patienceMs,
  );

  it(
    "finds what a program keeps outside its state",
    async () => {
      let calls = 0;
      const leaky = topology("leaky", ({ from }) => {
        from(words)
          .map((word) => `${word} ${++calls}`)
          .to(topic("numbered", { key: text, value: text }));
      });
      const { violations } = await simulate(leaky, { seed: 5, input: [feed(words, said)], faults: { crash: 3 } });
      expect(violations.length).toBeGreaterThan(0);
    },
    patienceMs,
  );

  it(
    "refuses input for a topic that nobody reads",
    async () => {
      const copying = topology("copying", ({ from }) => from(words).to(topic("copies", { key: text, value: text })));
      await expect(simulate(copying, { seed: 1, input: [feed(counts, [])] })).rejects.toThrow(
        "The input of the simulation has topic 'counts', which the topology does not read",
      );
    },
    patienceMs,
  );
});

describe("what shrink leaves", () => {
  it("is only what is needed", async () => {
    const random = seededRandom(11);
    for (let round = 0; round < 30; round++) {
      const all = Array.from({ length: 1 + Math.floor(random.next() * 40) }, (_, i) => i);
      const needed = all.filter(() => random.next() < 0.1);
      const left = await shrink(all, async (selection) => needed.every((one) => selection.includes(one)));
      expect([...left].sort((a, b) => a - b)).toEqual(needed);
    }
  });
});
