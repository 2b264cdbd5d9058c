/**
 * Whether two values are the same to the last bit and class, errors by their words: stricter than any matcher that would overlook a -0 or a prototype, and true of copies that a matcher tells apart, such as a Map with a
 * Date that is no date.
 */
export const identical = (a: unknown, b: unknown): boolean => {
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) return Object.is(a, b);
  if (Object.getPrototypeOf(a) !== Object.getPrototypeOf(b)) return false;
  if (a instanceof Date) return Object.is(a.getTime(), (b as Date).getTime());
  if (a instanceof ArrayBuffer) return identical(new Uint8Array(a), new Uint8Array(b as ArrayBuffer));
  if (ArrayBuffer.isView(a)) return bytesOf(a).join() === bytesOf(b as ArrayBufferView).join();
  if (a instanceof Map) return identical([...a], [...(b as Map<unknown, unknown>)]);
  if (a instanceof Set) return identical([...a], [...(b as Set<unknown>)]);
  if (a instanceof Error && (a.message !== (b as Error).message || !identical(a.cause, (b as Error).cause))) return false;
  const names = Object.keys(a);
  return sameNames(names, Object.keys(b)) && names.every((name) => identical((a as any)[name], (b as any)[name]));
};

const bytesOf = (view: ArrayBufferView): Uint8Array => new Uint8Array(view.buffer, view.byteOffset, view.byteLength);

const sameNames = (a: readonly string[], b: readonly string[]): boolean => a.length === b.length && a.every((name, at) => name === b[at]);
