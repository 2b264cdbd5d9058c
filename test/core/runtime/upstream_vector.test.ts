import { describe, expect, it } from "@jest/globals";
import { UpstreamVector } from "../../../core/runtime/upstream_vector.ts";
import type { UpstreamTime } from "../../../core/runtime/watermark_record.ts";
import { MemoryStore } from "../../../core/state/memory_store.ts";

const report = (partition: number, tasks: number, watermark: number): UpstreamTime => ({
  subtopology: 0,
  partition,
  tasks,
  incarnation: 1,
  watermark,
  status: "active",
});

const opened = (store: MemoryStore, tasks: number, committed?: number): UpstreamVector => {
  const vector = new UpstreamVector(store, [{ subtopology: 0, tasks }], committed);
  vector.load(false);
  return vector;
};

const keep = ({ state }: UpstreamVector, store: MemoryStore): void => {
  const entries: { key: Uint8Array; value: Uint8Array | null }[] = [];
  state.seal((key, value) => void entries.push({ key: key.slice(), value: value?.slice() ?? null }));
  store.write(entries, { changelogOffset: entries.length });
};

describe("event time behind a shuffle whose input has got another partition", () => {
  // The writer that was new once took time back to its beginning: windows that had been told were told again.
  it("does not fall while the new writer has said nothing, and waits for it", () => {
    const store = new MemoryStore();
    const before = opened(store, 2);
    before.update(report(0, 2, 500));
    before.update(report(1, 2, 700));
    keep(before, store);
    const after = opened(store, 3, before.watermark);
    expect(after.watermark).toBe(500);
    after.update(report(0, 3, 900));
    after.update(report(1, 3, 900));
    expect(after.watermark).toBe(500);
    after.update(report(2, 3, 800));
    expect(after.watermark).toBe(800);
  });
});

describe("event time behind a shuffle", () => {
  // What was told before a restart was once told again after it, as a writer that had been silent took time back to where it had fallen silent.
  it("does not fall at a restart when a writer has not caught up that had been idle", () => {
    const store = new MemoryStore();
    const before = opened(store, 2);
    before.update(report(0, 2, 500));
    before.update({ ...report(0, 2, 500), status: "idle" });
    before.update(report(1, 2, 700));
    before.update(report(0, 2, 500));
    expect(before.watermark).toBe(700);
    keep(before, store);
    const after = opened(store, 2, before.watermark);
    expect(after.watermark).toBe(700);
    after.update(report(0, 2, 600));
    expect(after.watermark).toBe(700);
    after.update(report(0, 2, 650));
    after.update(report(1, 2, 900));
    expect(after.watermark).toBe(700);
    after.update(report(0, 2, 800));
    expect(after.watermark).toBe(800);
  });
});
