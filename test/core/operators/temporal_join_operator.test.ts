import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import type { OperatorFactory } from "../../../core/operators/operator.ts";
import { type TemporalJoin, temporalJoinOperator } from "../../../core/operators/temporal_join_operator.ts";
import { RecordMeta } from "../../../core/record.ts";
import { OperatorHarness } from "../../support/operator_harness.ts";

const joining = (left: boolean, historyMs = Number.POSITIVE_INFINITY): OperatorFactory =>
  temporalJoinOperator({
    left,
    historyMs,
    joiner: (l: string, r: string | undefined, { timestamp }) => `${l}@${timestamp}=${r ?? "-"}`,
  } satisfies TemporalJoin<string, string | undefined, string>);
const shown = (harness: OperatorHarness) => harness.take().map(({ value }) => value);

interface Row {
  readonly key: string;
  readonly timestamp: number;
  readonly id: number;
  /** Of changes: null deletes. */
  readonly value: string | null;
}

const rows = (prefix: string, deletions: boolean): fc.Arbitrary<readonly Row[]> =>
  fc
    .array(fc.record({ key: fc.constantFrom("a", "b"), timestamp: fc.integer({ min: 0, max: 12 }), none: fc.boolean() }), { maxLength: 14 })
    .map((all) => all.map(({ key, timestamp, none }, id) => ({ key, timestamp, id, value: deletions && none ? null : `${prefix}${id}` })));

/** What the join means, without any thought of time passing. */
const naive = (records: readonly Row[], changes: readonly Row[], left: boolean): readonly string[] =>
  records.flatMap(({ key, timestamp, value }) => {
    let found: Row | undefined;
    for (const change of changes)
      if (change.key === key && change.timestamp <= timestamp && (found === undefined || change.timestamp >= found.timestamp))
        found = change;
    return found?.value == null && !left ? [] : [`${key} ${value}@${timestamp}=${found?.value ?? "-"}`];
  });

describe("temporal join operator", () => {
  it("joins each record with the newest version that began no later, once the watermark has come to its timestamp", () => {
    const harness = new OperatorHarness(joining(true));
    harness.record("a", "early", 5);
    harness.record("a", "exact", 10);
    harness.record("a", "after", 15);
    harness.record("a", "v10", 10, 1);
    harness.watermark(9);
    expect(shown(harness)).toEqual(["early@5=-"]);
    harness.record("a", "v12", 12, 1);
    harness.record("a", "v10 again", 10, 1);
    harness.watermark(15);
    expect(shown(harness)).toEqual(["exact@10=v10 again", "after@15=v12"]);
  });

  it("leaves out what has no version when it is an inner join, and treats a deletion as none", () => {
    const harness = new OperatorHarness(joining(false));
    harness.record("a", "v1", 1, 1);
    harness.record("a", null, 4, 1);
    harness.record("a", "v6", 6, 1);
    for (const timestamp of [0, 1, 3, 4, 5, 6]) harness.record("a", "r", timestamp);
    harness.watermark(100);
    expect(shown(harness)).toEqual(["r@1=v1", "r@3=v1", "r@6=v6"]);
  });

  it("joins a late record at once, and takes late versions in", () => {
    const harness = new OperatorHarness(joining(true));
    harness.watermark(10);
    harness.record("a", "late", 10);
    harness.record("a", "v5", 5, 1);
    harness.record("a", "later", 7);
    harness.record("a", "in time", 11);
    expect(shown(harness)).toEqual(["late@10=-", "later@7=v5"]);
    harness.watermark(11);
    expect(shown(harness)).toEqual(["in time@11=v5"]);
  });

  it("lets records without key through a left join at once, and drops them at an inner one", () => {
    const left = new OperatorHarness(joining(true));
    const inner = new OperatorHarness(joining(false));
    for (const harness of [left, inner]) {
      harness.record(null, "r", 5);
      harness.record(null, "v", 5, 1);
    }
    expect([shown(left), left.counters.get("dropped_null_key")]).toEqual([["r@5=-"], 1]);
    expect([shown(inner), inner.counters.get("dropped_null_key")]).toEqual([[], 2]);
  });

  it("gives a waiting record back with its key, timestamp, headers and place, even after a restart", () => {
    const seen: RecordMeta[] = [];
    let push!: ReturnType<OperatorFactory>["inputs"][0];
    const watched: OperatorFactory = (context) => {
      const join = joining(true)({ ...context, state: context.state, emit: (_, record) => seen.push(record) });
      push = join.inputs[0]!;
      return join;
    };
    const harness = new OperatorHarness(watched);
    const record = new RecordMeta(
      "a",
      5,
      [
        ["trace", Uint8Array.of(1, 2)],
        ["none", null],
      ],
      "in",
      3,
      77,
    );
    push("r", record);
    harness.restart();
    harness.watermark(5);
    expect(seen).toEqual([record]);
  });

  it("forgets what its history does not reach, whether a commit has carried that out or not", () => {
    const at = (commits: number) => {
      const harness = new OperatorHarness(joining(true, 10));
      for (const timestamp of [1, 5, 8, 20]) harness.record("a", `v${timestamp}`, timestamp, 1);
      harness.record("gone", "v", 1, 1);
      harness.record("gone", null, 2, 1);
      harness.commit();
      harness.watermark(19);
      for (let i = 0; i < commits; i++) harness.commit();
      for (const timestamp of [4, 6, 8, 19]) harness.record("a", "r", timestamp);
      harness.record("gone", "r", 1);
      return { joined: shown(harness), entries: harness.store.approximateEntries };
    };
    expect(at(0)).toEqual({ joined: ["r@4=-", "r@6=-", "r@8=v8", "r@19=v8", "r@1=-"], entries: 6 });
    expect(at(2)).toEqual({ joined: ["r@4=-", "r@6=-", "r@8=v8", "r@19=v8", "r@1=-"], entries: 2 });
  });

  it("keeps old versions for records that wait while an advance of time is under way", () => {
    let told: number | undefined;
    const harness = new OperatorHarness((context) =>
      joining(true, 1)({ ...context, state: context.state, watermark: () => told ?? context.watermark() }),
    );
    harness.record("a", "v1", 1, 1);
    harness.record("a", "v50", 50, 1);
    harness.record("a", "r", 10);
    harness.record("b", "r", 10);
    harness.commit();
    told = 1000;
    harness.commit();
    harness.watermark(1000);
    expect(shown(harness)).toEqual(["r@10=v1", "r@10=-"]);
    harness.commit();
    expect(harness.store.approximateEntries).toBe(1);
  });

  it("forgets a waiting record whose timer failed and was skipped", () => {
    const failing = temporalJoinOperator({
      left: true,
      historyMs: Number.POSITIVE_INFINITY,
      joiner: (l: string) => {
        if (l === "bad") throw new Error("No");
        return l;
      },
    });
    const harness = new OperatorHarness(failing);
    harness.record("a", "bad", 10);
    harness.record("a", "good", 11);
    harness.commit();
    harness.skipFailing();
    harness.watermark(20);
    expect(shown(harness)).toEqual(["good"]);
    harness.commit();
    expect(harness.store.approximateEntries).toBe(0);
  });

  it("keeps no more versions than its history holds, however long it runs", () => {
    const harness = new OperatorHarness(joining(true, 100));
    let most = 0;
    for (let t = 0; t < 20_000; t++) {
      harness.record(`k${t % 50}`, `v${t}`, t, 1);
      if (t % 100 === 99) {
        harness.watermark(t);
        harness.commit();
        most = Math.max(most, harness.store.approximateEntries);
      }
    }
    expect(most).toBeLessThan(600);
  });

  it("gives the same whatever the order in which both inputs arrive, as long as nothing is late, and wherever it starts anew; in the end it holds versions only", () => {
    const choice = fc.record({
      input: fc.constantFrom(0 as const, 1 as const),
      row: fc.nat(),
      then: fc.constantFrom("nothing", "watermark", "watermark", "commit", "restart", "evict"),
    });
    fc.assert(
      fc.property(
        rows("r", false),
        rows("v", true),
        fc.boolean(),
        fc.array(choice, { minLength: 28, maxLength: 28 }),
        (records, changes, left, choices) => {
          const harness = new OperatorHarness(
            temporalJoinOperator({
              left,
              historyMs: Number.POSITIVE_INFINITY,
              joiner: (l: string, r: string | undefined, { key, timestamp }) => `${key} ${l}@${timestamp}=${r ?? "-"}`,
            }),
          );
          const coming: readonly [Row[], Row[]] = [[...records], [...changes]];
          for (const { input, row, then } of choices) {
            const rest = coming[input].length > 0 ? coming[input] : coming[1 - input]!;
            if (rest.length === 0) break;
            // Anything may come before anything, but rows of one key and time keep their order: the outcome depends on that.
            const chosen = rest[row % rest.length]!;
            const first = rest.findIndex(({ key, timestamp }) => key === chosen.key && timestamp === chosen.timestamp);
            const [{ key, value, timestamp }] = rest.splice(first, 1) as [Row];
            harness.record(key, value, timestamp, rest === coming[0] ? 0 : 1);
            // The watermark goes as far as nothing is late that is still to come.
            if (then === "watermark") harness.watermark(Math.min(13, ...coming.flat().map((later) => later.timestamp)) - 1);
            else if (then !== "nothing") harness.commit();
            if (then === "restart") harness.abort();
            if (then === "evict") harness.state.evict(800);
          }
          expect(coming).toEqual([[], []]);
          harness.watermark(Number.POSITIVE_INFINITY);
          const out = harness.take().map(({ value }) => value as string);
          const inOrder = naive(
            [...records].sort((a, b) => a.timestamp - b.timestamp),
            changes,
            left,
          );
          for (const key of ["a", "b"])
            expect(out.filter((line) => line.startsWith(key))).toEqual(inOrder.filter((line) => line.startsWith(key)));
          harness.commit();
          expect(harness.store.approximateEntries).toBe(new Set(changes.map(({ key, timestamp }) => `${key}${timestamp}`)).size);
        },
      ),
      { numRuns: 500 },
    );
  });
});
