import type { Serde } from "./serde.ts";

/** Which function that works in place was made for which one that does not. */
const partners = new WeakMap<object, object>();

/**
 * Says of a serde that its `read` and `write` do what its `deserialize` and `serialize` do. Who then copies it and changes one of the latter, as in `{ ...text, serialize }`, gets what is written there: the copy's `write` belongs to
 * another function and is left alone.
 */
export const inPlace = <S extends Serde<any>>(serde: S): S => {
  if (serde.read !== undefined) partners.set(serde.read, serde.deserialize);
  if (serde.write !== undefined) partners.set(serde.write, serde.serialize);
  return serde;
};

/** Whether to call `read` instead of `deserialize`. */
export const readsInPlace = ({ read, deserialize }: Serde<any>): boolean => read !== undefined && isPartner(read, deserialize);

/** Whether to call `write` instead of `serialize`. */
export const writesInPlace = ({ write, serialize }: Serde<any>): boolean => write !== undefined && isPartner(write, serialize);

/** What a program has written itself, both functions of it, is taken at its word. */
const isPartner = (inPlace: object, other: object): boolean => (partners.get(inPlace) ?? other) === other;
