import { writeWith, writing } from "../state/codecs.ts";
import type { ValueCodec } from "../state/step_state.ts";

const nothing: unique symbol = Symbol("undefined");

/** A value as a table holds it: a table takes `undefined` for no entry, so another mark stands for it. */
export type Held<T> = Exclude<T, undefined> | typeof nothing;

export const hold = <T>(value: T): Held<T> => (value === undefined ? nothing : value) as Held<T>;

export const heldValue = <T>(held: Held<T>): T => (held === nothing ? undefined : held) as T;

export const heldCodec = <T>(codec: ValueCodec<T>): ValueCodec<Held<T>> =>
  writing(
    (to, held) => writeWith(codec, to, heldValue(held)),
    (bytes) => hold(codec.decode(bytes)),
  );
