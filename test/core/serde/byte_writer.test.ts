import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { ByteWriter, writeBytes } from "../../../core/serde/byte_writer.ts";

describe("byte writer", () => {
  it("gives arrays that later writing never changes, whatever their sizes", () => {
    fc.assert(
      fc.property(fc.array(fc.oneof(fc.nat(80), fc.nat(3000), fc.nat(40_000)), { maxLength: 30 }), (sizes) => {
        const writer = new ByteWriter();
        const taken = sizes.map((size, index) => {
          writer.begin();
          for (let written = 0; written < size; ) {
            const step = Math.min(size - written, 1 + (index % 700));
            writer.append(new Uint8Array(step).fill(index));
            written += step;
          }
          expect(writer.length).toBe(size);
          return writer.take();
        });
        taken.forEach((bytes, index) => {
          expect(bytes.length).toBe(sizes[index]);
          expect(bytes.every((byte) => byte === index)).toBe(true);
        });
      }),
      { numRuns: 50 },
    );
  });

  it("forgets what was begun and not taken", () => {
    const writer = new ByteWriter();
    writer.begin();
    writer.append(new Uint8Array(20_000));
    writer.begin();
    writer.byte(7);
    expect(Array.from(writer.take())).toEqual([7]);
  });

  it("can be asked for while it is in use", () => {
    const outer = writeBytes((to, inner: number) => {
      to.byte(1);
      to.append(writeBytes((again, value: number) => again.byte(value), inner));
      to.byte(3);
    }, 2);
    expect(Array.from(outer)).toEqual([1, 2, 3]);
  });

  it("is whole again after a write that failed", () => {
    const failing = () =>
      writeBytes((to) => {
        to.append(new Uint8Array(5000));
        throw new Error("halfway");
      }, undefined);
    expect(failing).toThrow("halfway");
    expect(Array.from(writeBytes((to, value: number) => to.byte(value), 9))).toEqual([9]);
  });
});
