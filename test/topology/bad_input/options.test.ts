import { describe, expect, it } from "@jest/globals";
import { hours, millis, minutes, seconds } from "../../../core/duration.ts";
import { text } from "../../../core/serde/text.ts";
import { session } from "../../../core/window/session.ts";
import { sliding } from "../../../core/window/sliding.ts";
import { tumbling } from "../../../core/window/tumbling.ts";
import type { RunOptions } from "../../../topology/run_options.ts";
import { topic } from "../../../topology/topic.ts";
import { topology } from "../../../topology/topology.ts";
import { BadInput } from "./outcome.ts";

const words = topic("words", { key: text, value: text });
const copying = topology("copying", ({ from }) => {
  from(words).to(topic("out", { key: text, value: text }));
});

/** What somebody writes without the compiler's help. */
const wrong = (options: unknown): RunOptions => options as RunOptions;

describe("options of a run that cannot be", () => {
  const cases: readonly (readonly [what: string, options: RunOptions, code: string, message: string | RegExp])[] = [
    [
      "a name that does not exist",
      wrong({ guarante: "none" }),
      "OPTION_INVALID",
      "There is no option 'guarante': did you mean 'guarantee'?",
    ],
    [
      "a name that does not exist, one level down",
      wrong({ commit: { intervall: millis(5) } }),
      "OPTION_INVALID",
      "There is no option 'commit.intervall': did you mean 'commit.interval'?",
    ],
    ["a name like no other", wrong({ zzz: 1 }), "OPTION_INVALID", "There is no option 'zzz'"],
    [
      "a commit interval that is a text",
      wrong({ commit: { interval: "100" } }),
      "OPTION_INVALID",
      `Option 'commit.interval' is the text "100": give a duration such as millis(100)`,
    ],
    [
      "a commit interval that is no number",
      wrong({ commit: { interval: Number.NaN } }),
      "OPTION_INVALID",
      "Option 'commit.interval' is NaN: give a duration such as millis(100)",
    ],
    [
      "a negative commit interval",
      { commit: { interval: millis(-5) } },
      "OPTION_INVALID",
      "Option 'commit.interval' is -5: give a duration such as millis(100)",
    ],
    [
      "a commit interval of nothing",
      { commit: { interval: millis(0) } },
      "OPTION_INVALID",
      "Option 'commit.interval' is 0: give at least millis(1)",
    ],
    [
      "options of a commit that are no object",
      wrong({ commit: 100 }),
      "OPTION_INVALID",
      "Option 'commit' is 100: give an object, such as { interval: ... }",
    ],
    [
      "a guarantee that does not exist",
      wrong({ guarantee: "exactly_once" }),
      "OPTION_INVALID",
      `guarantee is 'exactly_once': choose "exactly-once", "at-least-once" or "none"`,
    ],
    ["a mode that does not exist", wrong({ mode: "bacth" }), "OPTION_INVALID", `mode is 'bacth': choose "streaming" or "batch"`],
    [
      "what follows an error, misspelt",
      wrong({ onUncaught: "restart" }),
      "OPTION_INVALID",
      `onUncaught is 'restart': choose "replace-worker", "stop-instance", "stop-application" or a function`,
    ],
    [
      "a transaction that cannot last three commits",
      { commit: { interval: seconds(10) }, transactionTimeout: seconds(20) },
      "OPTION_INVALID",
      /^transactionTimeout is 20000 ms and commit\.interval 10000 ms: .*raise the one or lower the other$/,
    ],
    [
      "a transaction that lasts longer than brokers allow",
      { transactionTimeout: hours(1) },
      "TRANSACTION_TIMEOUT_TOO_LARGE",
      /^Option 'transactionTimeout' cannot be 3600000 ms\. .*3600000 ms .*transaction\.max\.timeout\.ms = 900000$/,
    ],
    [
      "a session that is over before a heartbeat can be missed",
      { group: { sessionTimeout: seconds(6), heartbeat: seconds(5) } },
      "OPTION_INVALID",
      "group.heartbeat is 5000 ms and group.sessionTimeout 6000 ms: a session has to last at least two heartbeats",
    ],
    [
      "no room for what is fetched",
      { memory: { fetchBytes: 0 } },
      "OPTION_INVALID",
      "Option 'memory.fetchBytes' is 0: give a whole number above 0",
    ],
    [
      "half a byte",
      { memory: { overlayBytes: 0.5 } },
      "OPTION_INVALID",
      "Option 'memory.overlayBytes' is 0.5: give a whole number above 0",
    ],
    [
      "a replication of nothing",
      { replication: 0 },
      "OPTION_INVALID",
      "Option 'replication' is 0: give a whole number above 0, or -1 for the brokers' default",
    ],
    [
      "a tolerance that is no number",
      wrong({ commit: { tolerableFailures: "3" } }),
      "OPTION_INVALID",
      `Option 'commit.tolerableFailures' is the text "3": give a whole number`,
    ],
    ["an application id that is empty", { applicationId: "" }, "NAME_INVALID", /^applicationId is '': /],
    [
      "an application id with a slash",
      { applicationId: "a/b" },
      "NAME_INVALID",
      /^applicationId is 'a\/b': it becomes part of topic names, so use/,
    ],
    ["an application id with a space", { applicationId: "my app" }, "NAME_INVALID", /^applicationId is 'my app': /],
    ["an application id that is too long", { applicationId: "a".repeat(151) }, "NAME_INVALID", /use 1 to 150 letters/],
    ["an application id that means a folder", { applicationId: ".." }, "NAME_INVALID", /^applicationId is '\.\.': /],
    ["an application id that is no text", wrong({ applicationId: 7 }), "NAME_INVALID", /^applicationId is '7': /],
    ["an instance id that is empty", { instanceId: "" }, "NAME_INVALID", /^instanceId is '': /],
  ];
  for (const [what, options, code, message] of cases)
    it(`(${what}) are refused at the start, with what to do`, async () => {
      const world = await BadInput.open({ words: 1, out: 1 });
      const error = await world.refusal(copying, options);
      expect(error).toMatchObject({ name: "ConfigurationError", code });
      if (typeof message === "string") expect(error.message).toBe(message);
      else expect(error.message).toMatch(message);
    });

  it("(a session that brokers do not allow) stop the instance with what the broker says", async () => {
    const world = await BadInput.open({ words: 1, out: 1 });
    const error = await world.failure(copying, { group: { sessionTimeout: seconds(1) } });
    expect(error).toMatchObject({ name: "ConfigurationError", code: "OPTION_INVALID" });
    expect(error.message).toMatch(/session timeout.* 1000/i);
  });
});

describe("windows that cannot be", () => {
  const cases: readonly (readonly [what: string, make: () => unknown, message: RegExp])[] = [
    ["a size below nothing", () => tumbling({ size: millis(-5) }), /-5/],
    ["a size of nothing", () => tumbling({ size: millis(0) }), /\b0\b/],
    ["a size that is no number", () => tumbling({ size: millis(Number.NaN) }), /NaN/],
    ["half a millisecond", () => tumbling({ size: millis(0.5) }), /0\.5/],
    ["sliding by nothing", () => sliding({ size: minutes(1), every: millis(0) }), /\b0\b/],
    ["sliding backwards", () => sliding({ size: minutes(1), every: millis(-1) }), /-1/],
    ["a session without a gap", () => session({ gap: millis(0) }), /\b0\b/],
    ["a negative gap", () => session({ gap: millis(-1) }), /-1/],
  ];
  for (const [what, make, message] of cases)
    it(`(${what}) are refused where the program makes them, with the value`, () => {
      let error: unknown;
      try {
        make();
      } catch (thrown) {
        error = thrown;
      }
      expect(error).toMatchObject({ name: "TopologyError", code: "WINDOW_INVALID" });
      expect((error as Error).message).toMatch(message);
    });

  it("(a negative lateness) are refused when the topology is made, with the value", () => {
    expect(() =>
      topology("late", ({ from }) => {
        from(words)
          .keyBy()
          .window(tumbling({ size: minutes(1) }), { lateness: millis(-1) })
          .count("n");
      }),
    ).toThrow(
      expect.objectContaining({
        name: "TopologyError",
        code: "WINDOW_INVALID",
        message: expect.stringMatching(/^The allowed lateness of a window is -1 ms: give a whole number/),
      }),
    );
  });
});

describe("joins of two streams over a time that cannot be", () => {
  const others = topic("others", { key: text, value: text });
  const cases = [
    [
      "an interval that ends before it begins",
      "join",
      { before: seconds(5), after: millis(-5001) },
      "from 5000 ms before to -5001 ms after",
    ],
    ["a bound that is no number", "join", { before: millis(Number.NaN), after: seconds(1) }, "NaN"],
    ["a negative bound of an outer join", "leftJoin", { before: millis(-1), after: seconds(1) }, "before is -1"],
    ["a negative lateness", "join", { before: seconds(1), after: seconds(1), lateness: millis(-7) }, "lateness is -7"],
  ] as const;
  for (const [what, kind, within, message] of cases)
    it(`(${what}) are refused when the topology is made, with the step and the value`, () => {
      expect(() =>
        topology("joining", ({ from }) => {
          const [left, right] = [from(words).keyBy(), from(others).keyBy()];
          if (kind === "join") left.join("pair", right, within, (one, other) => `${one} ${other}`);
          else left.leftJoin("pair", right, within, (one, other) => `${one} ${other}`);
        }),
      ).toThrow(
        expect.objectContaining({ name: "TopologyError", code: "OPTION_INVALID", step: "pair", message: expect.stringContaining(message) }),
      );
    });
});
