import { describe, expect, it } from "@jest/globals";
import { ParkedKeys, type ParkedRecord } from "../../../core/runtime/parked_keys.ts";
import { keyCodec } from "../../../core/state/codecs.ts";
import { MemoryStore } from "../../../core/state/memory_store.ts";
import { StepState } from "../../../core/state/step_state.ts";

const parkedKeys = (): ParkedKeys => new ParkedKeys(new StepState(new MemoryStore(), keyCodec(undefined)));

const record = (offset: number, tries = 0): ParkedRecord => {
  const from = { topic: "orders", partition: 0, offset, timestamp: 5 };
  return {
    origin: `orders/0 ${offset}`,
    key: new Uint8Array([offset]),
    putOff: tries === 0 ? undefined : { ...from, tries, atMs: 0, delayMs: 0 },
    replay: undefined,
  };
};
const later = { kind: "put-off", turn: { level: 0, atMs: 10, delayMs: 10 }, topic: "dead" } as const;

describe("records that are put off", () => {
  it("wait until they are handled", () => {
    const parked = parkedKeys();
    parked.failed(record(1), later, false);
    parked.failed(record(2), later, false);
    expect(parked.waiting).toBe(2);
    parked.failed(record(1, 1), later, false);
    expect(parked.waiting).toBe(2);
    parked.done(record(1, 2));
    parked.failed(record(2, 1), { kind: "dead", topic: "dead" }, false);
    expect(parked.waiting).toBe(0);
  });

  // Each copy was once counted as one that had come back: a bounded run then ended while others were still waiting, and lost them.
  it("are not forgotten when one of them comes twice, as without transactions after a crash", () => {
    const parked = parkedKeys();
    parked.failed(record(1), later, false);
    parked.failed(record(2), later, false);
    parked.done(record(1, 1));
    parked.done(record(1, 1));
    expect(parked.waiting).toBe(1);
    parked.done(record(2, 1));
    expect(parked.waiting).toBe(0);
  });

  // The queue was once taken to begin with its first place, whose record was long gone: all behind it went round for ever.
  it("are the head of their queue when nothing is known of it any more, as without transactions or state", () => {
    const parked = parkedKeys();
    const third: ParkedRecord = { ...record(3, 1), putOff: { ...record(3, 1).putOff!, place: 2 } };
    expect(parked.standing(third).kind).toBe("free");
    expect(parked.failed(third, later, true)).toBe(2);
    const behind: ParkedRecord = { ...record(4), key: third.key };
    expect(parked.standing(behind)).toEqual({ kind: "behind", turn: later.turn, place: 3 });
    expect(parked.standing(third).kind).toBe("free");
    parked.done(third);
    const next: ParkedRecord = { ...behind, putOff: { ...record(4, 1).putOff!, place: 3 } };
    expect(parked.standing(next).kind).toBe("free");
    parked.done(next);
    expect([parked.waiting, parked.parked]).toEqual([0, 0]);
  });
});
