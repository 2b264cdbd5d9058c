import { describe, expect, it } from "@jest/globals";
import * as fc from "fast-check";
import { WireReader } from "../../../node/kafka/wire_reader.ts";
import { WireWriter } from "../../../node/kafka/wire_writer.ts";

const int64 = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n });

describe("the wire encodings", () => {
  for (const flexible of [false, true]) {
    const kind = flexible ? "flexible" : "older";

    it(`read what the ${kind} one wrote`, () => {
      fc.assert(
        fc.property(
          fc.record({
            int8: fc.integer({ min: -128, max: 127 }),
            int16: fc.integer({ min: -32768, max: 32767 }),
            int32: fc.integer(),
            offset: fc.maxSafeInteger(),
            producerId: int64,
            boolean: fc.boolean(),
            varint: fc.nat(0xffffffff),
            text: fc.option(fc.string({ unit: "grapheme", maxLength: 300 })),
            bytes: fc.option(fc.uint8Array({ maxLength: 300 })),
            list: fc.array(fc.integer(), { maxLength: 200 }),
          }),
          (value) => {
            const writer = new WireWriter(flexible, 1);
            writer
              .int8(value.int8)
              .int16(value.int16)
              .int32(value.int32)
              .int64(value.offset)
              .int64(value.producerId)
              .boolean(value.boolean);
            writer.unsignedVarint(value.varint).string(value.text).byteArray(value.bytes).end();
            writer
              .array(value.list, (item) => writer.int32(item))
              .nullArray()
              .end();
            const reader = new WireReader(Buffer.from(writer.bytes), flexible);
            expect([reader.int8(), reader.int16(), reader.int32(), reader.int64()]).toEqual([
              value.int8,
              value.int16,
              value.int32,
              value.offset,
            ]);
            expect([reader.bigInt64(), reader.boolean(), reader.unsignedVarint()]).toEqual([value.producerId, value.boolean, value.varint]);
            expect(reader.nullableString()).toBe(value.text);
            const bytes = reader.byteArray();
            expect(bytes === null ? null : Uint8Array.from(bytes)).toEqual(value.bytes);
            reader.end();
            expect(reader.array(() => reader.int32())).toEqual(value.list);
            expect(reader.array(() => reader.int32())).toEqual([]);
            reader.end();
            expect(reader.left).toBe(0);
          },
        ),
      );
    });

    it(`of an answer in the ${kind} one that ends too early is refused, wherever it ends`, () => {
      const writer = new WireWriter(flexible).int32(5).string("some text").byteArray(new Uint8Array(9)).int64(1).end();
      const whole = Buffer.from(writer.bytes);
      for (let length = 0; length < whole.length; length++) {
        const reader = new WireReader(whole.subarray(0, length), flexible);
        expect(() => {
          reader.int32();
          reader.string();
          reader.byteArray();
          reader.int64();
          reader.end();
        }).toThrow(RangeError);
      }
    });
  }

  it("hands tagged fields on and passes over those that nobody reads", () => {
    const field = new WireWriter(true).string("kept").bytes;
    const writer = new WireWriter(true).unsignedVarint(2).unsignedVarint(0).unsignedVarint(3);
    writer.int8(1).int8(2).int8(3).unsignedVarint(7).unsignedVarint(field.length);
    const bytes = Buffer.concat([writer.bytes, field, Buffer.from([9])]);
    const reader = new WireReader(bytes, true);
    const seen: string[] = [];
    reader.tagged((tag, own) => {
      if (tag === 7) seen.push(own.string());
    });
    expect(seen).toEqual(["kept"]);
    expect(reader.int8()).toBe(9);
  });
});
