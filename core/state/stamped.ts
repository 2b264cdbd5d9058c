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
export const stampedCodec = <T>(values: ValueCodec<T>): ValueCodec<Stamped<T>> => ({
  encode: ({ at, value }) => {
    const payload = values.encode(value);
    const bytes = new Uint8Array(8 + payload.length);
    view.setFloat64(0, at);
    for (let i = 0; i < 8; i++) bytes[i] = view.getUint8(i);
    bytes.set(payload, 8);
    return bytes;
  },
  decode: (bytes) => new Stamped(stampOf(bytes), values.decode(bytes.subarray(8))),
});

/** The time of an encoded value. */
export const stampOf = (bytes: Uint8Array): number => {
  for (let i = 0; i < 8; i++) view.setUint8(i, bytes[i]!);
  return view.getFloat64(0);
};
