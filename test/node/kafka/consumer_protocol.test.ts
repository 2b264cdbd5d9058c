import { describe, expect, it } from "@jest/globals";
import * as fc from "fast-check";
import { decodeAssignment, encodeAssignment, encodeSubscription, subscribedUserData } from "../../../node/kafka/consumer_protocol.ts";
import { WireWriter } from "../../../node/kafka/wire_writer.ts";

describe("what group members tell each other", () => {
  it("arrives as it was sent", () => {
    fc.assert(
      fc.property(fc.array(fc.string()), fc.uint8Array({ maxLength: 1_000 }), fc.nat(), (topics, userData, joins) => {
        expect(subscribedUserData(Buffer.from(encodeSubscription(topics, userData, joins)))).toEqual(userData);
      }),
    );
    const partition = fc.record({ topic: fc.constantFrom("a", "b", "__proto__"), partition: fc.nat(100) });
    fc.assert(
      fc.property(fc.array(partition), fc.uint8Array({ maxLength: 1_000 }), (partitions, userData) => {
        const { partitions: decoded, userData: told } = decodeAssignment(Buffer.from(encodeAssignment({ partitions, userData })));
        const order = (one: { topic: string; partition: number }[]) => one.map(({ topic, partition }) => `${topic}/${partition}`).sort();
        expect(order([...decoded])).toEqual(order(partitions));
        expect(told).toEqual(userData);
      }),
    );
  });

  it("counts as nothing when it is garbage, and harms nobody", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 100 }), (garbage) => {
        expect(subscribedUserData(Buffer.from(garbage))).toBeInstanceOf(Uint8Array);
      }),
    );
    expect(subscribedUserData(Buffer.from([0, 1, 255]))).toEqual(new Uint8Array(0));
  });

  it("counts as nothing when another member says more than is allowed", () => {
    const long = new WireWriter().int16(2).arrayLength(0).byteArray(new Uint8Array(65_537)).arrayLength(0).int32(0).bytes;
    expect(subscribedUserData(Buffer.from(long))).toEqual(new Uint8Array(0));
    const allowed = new WireWriter().int16(2).arrayLength(0).byteArray(new Uint8Array(65_536)).arrayLength(0).int32(0).bytes;
    expect(subscribedUserData(Buffer.from(allowed))).toHaveLength(65_536);
  });

  it("is refused by its size before it is sent", () => {
    expect(() => encodeSubscription(["t"], new Uint8Array(65_537), 0)).toThrow(
      "Cannot tell the group 65537 bytes of user data: at most 65536 are allowed",
    );
  });

  it("from a leader that speaks another language is an error that says so", () => {
    expect(() => decodeAssignment(Buffer.from([0, 1, 0, 0, 0, 9]))).toThrow(
      expect.objectContaining({ code: "INCONSISTENT_GROUP_PROTOCOL" }),
    );
    expect(decodeAssignment(Buffer.alloc(0))).toEqual({ partitions: [], userData: new Uint8Array(0) });
  });
});
