import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { type Assignment, decodeAssignment, encodeAssignment } from "../../../core/runtime/assignment.ts";
import { decodeSubscription, encodeSubscription, isComplete, type Subscription } from "../../../core/runtime/subscription.ts";
import { newestVersion, readUserData, versionToSpeak, writeUserData } from "../../../core/runtime/user_data.ts";

const taskIds = fc
  .uniqueArray(fc.tuple(fc.nat(20), fc.nat(300)), { selector: ([subtopology, partition]) => `${subtopology}_${partition}`, maxLength: 30 })
  .map((tasks) => tasks.sort(([a, b], [c, d]) => a - c || b - d).map(([subtopology, partition]) => `${subtopology}_${partition}`));
const subscriptions: fc.Arbitrary<Subscription> = fc.record({
  processId: fc.string(),
  fingerprint: fc.string(),
  rack: fc.string(),
  transactionalIds: fc.array(fc.string(), { maxLength: 4 }),
  tasks: taskIds,
  stored: taskIds.chain((ids) =>
    fc
      .array(fc.integer({ min: isComplete, max: 2 ** 52 }), { minLength: ids.length, maxLength: ids.length })
      .map((sums) => new Map(ids.map((id, i) => [id, sums[i]!]))),
  ),
  stop: fc.boolean(),
  endpoint: fc.string(),
});
const assignments: fc.Arbitrary<Assignment> = fc.record({
  tasks: taskIds,
  standbys: taskIds,
  warmups: taskIds,
  departed: fc.array(fc.string(), { maxLength: 4 }),
  probeInMs: fc.nat(),
  commonVersion: fc.integer({ min: 1, max: 9 }),
  error: fc.constantFrom("none", "topology-differs", "stop", "version"),
  detail: fc.string(),
  owners: fc.array(fc.record({ instance: fc.string(), endpoint: fc.string(), tasks: taskIds, standbys: taskIds }), { maxLength: 4 }),
});

const value = <T>(read: { readonly kind: string; readonly value?: T }): T | undefined => read.value;

describe("what members tell each other", () => {
  it("comes back as it was", () => {
    fc.assert(
      fc.property(subscriptions, (said) => expect(value(decodeSubscription(encodeSubscription(said, newestVersion)))).toEqual(said)),
    );
    fc.assert(fc.property(assignments, (told) => expect(value(decodeAssignment(encodeAssignment(told, newestVersion)))).toEqual(told)));
  });

  it("is recognized as garbage when a byte has changed, or some are missing, or too many", () => {
    fc.assert(
      fc.property(subscriptions, fc.nat(), fc.integer({ min: 1, max: 255 }), (said, where, by) => {
        const bytes = encodeSubscription(said, newestVersion);
        const changed = bytes.slice();
        changed[where % bytes.length]! ^= by;
        expect(decodeSubscription(changed).kind).toBe("garbage");
        expect(decodeSubscription(bytes.subarray(0, where % bytes.length)).kind).toBe("garbage");
        expect(decodeSubscription(new Uint8Array([...bytes, by])).kind).toBe("garbage");
      }),
    );
  });

  it("is read without a fault whatever the bytes are, also behind a checksum that is right", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        expect(decodeSubscription(bytes).kind).toBe("garbage");
        const framed = writeUserData(newestVersion, (to) => {
          for (const byte of bytes) to.byte(byte);
        });
        expect(["read", "garbage"]).toContain(decodeSubscription(framed).kind);
        expect(["read", "garbage"]).toContain(decodeAssignment(framed).kind);
      }),
    );
  });

  it("fits into 64 KiB: a member with very many tasks leaves out what it has stored first, and then which ones it ran", () => {
    const of = (count: number): Subscription => {
      const tasks = Array.from({ length: count }, (_, partition) => `0_${partition * 200}`);
      const stored = new Map(tasks.map((id, i) => [id, 1e12 + i]));
      return { processId: "p", fingerprint: "f", rack: "", transactionalIds: ["t"], tasks, stored, stop: false, endpoint: "" };
    };
    const sizes = [1000, 9000, 40_000].map((count) => {
      const bytes = encodeSubscription(of(count), newestVersion);
      expect(bytes.length).toBeLessThanOrEqual(65_536);
      const { tasks, stored } = value(decodeSubscription(bytes))!;
      return [tasks.length, stored.size];
    });
    expect(sizes).toEqual([
      [1000, 1000],
      [9000, 0],
      [0, 0],
    ]);
    expect(decodeSubscription(new Uint8Array(65_537)).kind).toBe("garbage");
  });

  it("of ten thousand tasks needs little more than a byte for each", () => {
    const tasks = Array.from({ length: 10_000 }, (_, partition) => `0_${partition}`);
    const said = {
      processId: "p",
      fingerprint: "f",
      rack: "",
      transactionalIds: [],
      tasks,
      stored: new Map<string, number>(),
      stop: false,
      endpoint: "",
    };
    expect(encodeSubscription(said, newestVersion).length).toBeLessThan(10_100);
  });
});

describe("versions of the user data", () => {
  it("of a member that is ahead are recognized by the header alone, with what it knows", () => {
    const bytes = writeUserData(newestVersion + 1, (to) => to.text("who knows"), newestVersion + 3);
    expect(readUserData(bytes, () => "")).toEqual({ kind: "newer", newest: newestVersion + 3 });
  });

  it("with fields behind those that are known are read as if these were not there", () => {
    const bytes = writeUserData(newestVersion, (to) => {
      for (const text of ["p", "f", "r"]) to.text(text);
      to.byte(0);
      for (let empty = 0; empty < 3; empty++) to.number(0);
      to.text("of a later version");
    });
    expect(value(decodeSubscription(bytes))).toMatchObject({ processId: "p", fingerprint: "f", rack: "r", tasks: [] });
  });

  it("go down to what the leader reads, and up again when all read it", () => {
    const knows = { oldest: 2, newest: 5 };
    expect(versionToSpeak(5, { commonVersion: 3, refused: true }, knows)).toBe(3);
    expect(versionToSpeak(3, { commonVersion: 3, refused: false }, knows)).toBe(3);
    expect(versionToSpeak(3, { commonVersion: 5, refused: false }, knows)).toBe(5);
    expect(versionToSpeak(3, { commonVersion: 9, refused: false }, knows)).toBe(5);
  });

  it("may have none in common, and then nothing is tried again", () => {
    const knows = { oldest: 2, newest: 5 };
    expect(versionToSpeak(5, { commonVersion: 1, refused: true }, knows)).toBeUndefined();
    expect(versionToSpeak(3, { commonVersion: 3, refused: true }, knows)).toBeUndefined();
  });
});
