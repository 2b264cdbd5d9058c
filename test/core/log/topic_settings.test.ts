import { describe, expect, it } from "@jest/globals";
import { topicSettings } from "../../../core/log/topic_settings.ts";

describe("topic settings", () => {
  it("are Kafka's defaults where nothing is said, except that records are kept", () => {
    const { values, ...read } = topicSettings("t", {});
    expect(read).toEqual({
      compacts: false,
      deletes: true,
      maxMessageBytes: 1_048_588,
      timestampAfterMaxMs: 3_600_000,
      timestampBeforeMaxMs: Number.POSITIVE_INFINITY,
      logAppendTime: false,
      retentionMs: Number.POSITIVE_INFINITY,
      retentionBytes: Number.POSITIVE_INFINITY,
      deleteRetentionMs: 86_400_000,
    });
    expect([values.get("retention.ms"), values.get("cleanup.policy")]).toEqual(["-1", "delete"]);
  });

  it("take what is said", () => {
    const config = {
      "cleanup.policy": "compact,delete",
      "retention.ms": "1000",
      "retention.bytes": "5",
      "message.timestamp.type": "LogAppendTime",
    };
    expect(topicSettings("t", config)).toMatchObject({
      compacts: true,
      deletes: true,
      retentionMs: 1_000,
      retentionBytes: 5,
      logAppendTime: true,
    });
    expect(topicSettings("t", { "cleanup.policy": "compact", "retention.ms": "1000" })).toMatchObject({
      deletes: false,
      retentionMs: Number.POSITIVE_INFINITY,
    });
  });

  it("refuse names and values that Kafka refuses, and say which", () => {
    for (const [name, value] of [
      ["cleanup.policy", "compact;delete"],
      ["cleanup.policy", ""],
      ["retention.ms", "-2"],
      ["retention.ms", "1e3"],
      ["retention.ms", "9223372036854775808"],
      ["max.message.bytes", "-1"],
      ["max.message.bytes", "2147483648"],
      ["min.insync.replicas", "0"],
      ["min.cleanable.dirty.ratio", "1.5"],
      ["message.timestamp.type", "createtime"],
      ["preallocate", "yes"],
      ["retention", "1"],
    ] as const)
      expect(() => topicSettings("orders", { [name]: value })).toThrow(
        expect.objectContaining({
          code: "INVALID_CONFIG",
          disposition: "configuration",
          topic: "orders",
          message: expect.stringContaining(name),
        }),
      );
  });
});
