import { describe, expect, it } from "@jest/globals";
import { recordBytes } from "../../../core/record_bytes.ts";
import { noLimits, refusal, topicLimits } from "../../../core/runtime/topic_limits.ts";

const limitsOf = (config: Readonly<Record<string, string>>) => topicLimits(new Map(Object.entries(config)));
const record = { key: Uint8Array.of(1), value: Uint8Array.of(2), timestamp: 1000, headers: [] } as const;

describe("the limits of a topic", () => {
  it("are none where its configuration says nothing", () => {
    expect(limitsOf({})).toEqual(noLimits);
    expect(refusal(noLimits, "t", { ...record, key: null, value: new Uint8Array(1 << 24) }, 0)).toBeUndefined();
  });

  it("are those of its configuration, where Kafka's largest number means none", () => {
    expect(
      limitsOf({
        "max.message.bytes": "1048588",
        "message.timestamp.after.max.ms": "3600000",
        "message.timestamp.before.max.ms": "9223372036854775807",
        "cleanup.policy": "delete, compact",
      }),
    ).toEqual({
      recordBytesMax: 1_048_588,
      sentBytes: recordBytes,
      aheadMaxMs: 3_600_000,
      behindMaxMs: Number.POSITIVE_INFINITY,
      needsKey: true,
    });
  });

  it("of an older broker hold in both directions of time", () => {
    expect(limitsOf({ "message.timestamp.difference.max.ms": "5000" })).toMatchObject({ aheadMaxMs: 5000, behindMaxMs: 5000 });
  });

  it("say nothing of timestamps where the broker writes its own", () => {
    expect(
      limitsOf({
        "message.timestamp.type": "LogAppendTime",
        "message.timestamp.after.max.ms": "5",
        "message.timestamp.before.max.ms": "5",
      }),
    ).toMatchObject({ aheadMaxMs: Number.POSITIVE_INFINITY, behindMaxMs: Number.POSITIVE_INFINITY });
  });

  it("are compared with what is sent, where the log compresses", () => {
    const limits = topicLimits(new Map([["max.message.bytes", "1000"]]), () => 999);
    expect(refusal(limits, "t", { ...record, value: new Uint8Array(5000) }, 1000)).toBeUndefined();
    const worse = topicLimits(new Map([["max.message.bytes", "1000"]]), (key, value, headers) => recordBytes(key, value, headers) + 20);
    // What does not compress gets a little larger by it.
    expect(refusal(worse, "t", { ...record, value: new Uint8Array(920) }, 1000)).toMatch(/^A record of 1011 bytes/);
  });
});
