import { describe, expect, it } from "@jest/globals";
import { skip } from "../../../core/error_policy.ts";
import { type Fetched, type Fetcher, type Log, LogError, type RecordCursor } from "../../../core/ports/log.ts";
import { text } from "../../../core/serde/text.ts";
import { topic } from "../../../topology/topic.ts";
import { topology } from "../../../topology/topology.ts";
import { BadInput, utf8 } from "./outcome.ts";

const words = topic("words", { key: text, value: text });
const copying = topology("copying", ({ from }) => {
  from(words, { onError: skip() }).to(topic("out", { key: text, value: text }));
});

/** Reads as the other one does, up to an offset at which it throws. */
const brokenAt = (records: RecordCursor, offset: number, error: LogError): RecordCursor => ({
  next: () => {
    if (!records.next()) return false;
    if (records.offset === offset) throw error;
    return true;
  },
  get offset() {
    return records.offset;
  },
  get timestamp() {
    return records.timestamp;
  },
  key: () => records.key(),
  value: () => records.value(),
  headers: () => records.headers(),
  get bytes() {
    return records.bytes;
  },
  get keyStart() {
    return records.keyStart;
  },
  get keyEnd() {
    return records.keyEnd;
  },
  get valueStart() {
    return records.valueStart;
  },
  get valueEnd() {
    return records.valueEnd;
  },
});

/** A log of which one record cannot be had from what was fetched, as a driver finds out when it comes to it. */
const withBroken = (log: Log, offset: number, error: LogError): Log => ({
  ...log,
  fetcher: (options): Fetcher => {
    const fetcher = log.fetcher(options);
    const broken = (fetched: Fetched): Fetched =>
      fetched.topic === "words" ? { ...fetched, records: brokenAt(fetched.records, offset, error) } : fetched;
    return {
      poll: async (positions, maxWaitMs) => (await fetcher.poll(positions, maxWaitMs)).map(broken),
      wake: () => fetcher.wake(),
      close: () => fetcher.close(),
    };
  },
  outbox: () => log.outbox(),
  producer: (options) => log.producer(options),
  join: (options) => log.join(options),
  admin: log.admin,
  close: () => log.close(),
});

const at = { topic: "words", partition: 0, offset: 1 };
const cases = [
  [
    "whose bytes are not what they claim",
    new LogError("CORRUPT_MESSAGE", "rejected", "Batch at offset 1 is broken", at),
    "DecodeError",
    "DECODE_FAILED",
  ],
  [
    "that unpacks without end",
    new LogError("RECORD_LIST_TOO_LARGE", "rejected", "Batch unpacks to more than 9 bytes", at),
    "DecodeError",
    "LIMIT_EXCEEDED",
  ],
  [
    "of a codec whose package is not installed",
    new LogError("UNSUPPORTED_COMPRESSION_TYPE", "configuration", "Cannot use snappy compression", at),
    "ConfigurationError",
    "PACKAGE_MISSING",
  ],
] as const;

describe("a batch on the log", () => {
  for (const [what, fault, name, code] of cases)
    it(`${what} stops the instance with the place, whatever the policy of records, and is read when it can be`, async () => {
      const world = await BadInput.open({ words: 1, out: 1 });
      await world.write("words", ...["before", "broken", "after"].map((value) => ({ value: utf8(value) })));
      const log = withBroken(world.cluster.memory.connect(), 1, fault);
      const error = await world.failure(copying, { log });
      expect(error).toMatchObject({ name, code, topic: "words", partition: 0, offset: 1, cause: fault });
      expect(error.message).toContain(fault.message);
      expect((await world.position("copying", "words")) ?? 0).toBeLessThanOrEqual(1);
      expect((await world.texts("out")).map(({ value }) => value)).not.toContain("after");
      await world.run(copying);
      expect((await world.texts("out")).map(({ value }) => value)).toEqual(["before", "broken", "after"]);
      await world.close();
    });
});
