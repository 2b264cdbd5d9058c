import { StoreError } from "../errors.ts";
import type { ByteWriter } from "../serde/byte_writer.ts";
import { writing } from "../state/codecs.ts";
import type { ValueCodec } from "../state/step_state.ts";

/** Numbers one after the other. Whole numbers from zero take as few bytes as they need, all others nine. */
export const numberList: ValueCodec<readonly number[]> = writing(
  (to, numbers) => write(to, numbers),
  (bytes) => {
    const numbers: number[] = [];
    for (let at = 0; at < bytes.length; ) {
      let value = 0;
      let scale = 1;
      let byte: number | undefined;
      do {
        byte = bytes[at++];
        if (byte === undefined) throw truncated(bytes);
        value += (byte & 127) * scale;
        scale *= 128;
      } while (byte > 127);
      if (value % 2 === 0) numbers.push(value / 2);
      else {
        if (at + 8 > bytes.length) throw truncated(bytes);
        numbers.push(new DataView(bytes.buffer, bytes.byteOffset + at, 8).getFloat64(0));
        at += 8;
      }
    }
    return numbers;
  },
);

// Twice such a number is exact, and the bit that this leaves free says which of the two forms it has.
const wholeMax = 2 ** 52;

const write = (to: ByteWriter, numbers: readonly number[]): void => {
  for (const value of numbers) {
    to.room(9);
    if (Number.isInteger(value) && value >= 0 && value < wholeMax) {
      let rest = value * 2;
      for (; rest > 127; rest = Math.floor(rest / 128)) to.bytes[to.at++] = (rest % 128) | 128;
      to.bytes[to.at++] = rest;
    } else {
      to.bytes[to.at++] = 1;
      to.view.setFloat64(to.at, value);
      to.at += 8;
    }
  }
};

const truncated = (bytes: Uint8Array): StoreError =>
  new StoreError("STORE_FAILED", `Cannot read stored partial matches: their ${bytes.length} bytes end too early`);
