import { writeWith, writing } from "./codecs.ts";
import type { ValueCodec } from "./step_state.ts";

/** A value with a time: when state was written, or the timestamp of a table's row. Immutable. */
export class Stamped<out T> {
  readonly at: number;
  readonly value: T;
  constructor(at: number, value: T) {
    this.at = at;
    this.value = value;
  }
}

const view = new DataView(new ArrayBuffer(8));

/** The time in the first eight bytes, the value behind it, so that the time can be read alone. */
export const stampedCodec = <T>(values: ValueCodec<T>): ValueCodec<Stamped<T>> =>
  writing(
    (to, { at, value }) => {
      to.room(8);
      to.view.setFloat64(to.at, at);
      to.at += 8;
      writeWith(values, to, value);
    },
    (bytes) => new Stamped(stampOf(bytes), values.decode(bytes.subarray(8))),
  );

/** The time of an encoded value. */
export const stampOf = (bytes: Uint8Array): number => {
  for (let i = 0; i < 8; i++) view.setUint8(i, bytes[i]!);
  return view.getFloat64(0);
};
