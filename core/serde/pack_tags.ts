/** MessagePack's first bytes, and the extension types that stand for what MessagePack has no form for. */
export const format = {
  map: 0x80,
  array: 0x90,
  text: 0xa0,
  nil: 0xc0,
  false: 0xc2,
  true: 0xc3,
  bytes8: 0xc4,
  bytes16: 0xc5,
  bytes32: 0xc6,
  extension8: 0xc7,
  extension16: 0xc8,
  extension32: 0xc9,
  float32: 0xca,
  float64: 0xcb,
  uint8: 0xcc,
  uint16: 0xcd,
  uint32: 0xce,
  uint64: 0xcf,
  int8: 0xd0,
  int16: 0xd1,
  int32: 0xd2,
  int64: 0xd3,
  fixed1: 0xd4,
  fixed16: 0xd8,
  text8: 0xd9,
  text16: 0xda,
  text32: 0xdb,
  array16: 0xdc,
  array32: 0xdd,
  map16: 0xde,
  map32: 0xdf,
  negative: 0xe0,
} as const;

/**
 * Extension types. Numbers are never written as 64-bit integers, so those stand for bigints; what is larger has a type of its own. Changing one would make
 * stored state unreadable.
 */
export const extension = {
  undefined: 0,
  /** Milliseconds as a double; NaN for an invalid date. */
  date: 1,
  /** Two's complement, big-endian. */
  bigint: 2,
  /** An array: key, value, key, value. */
  map: 3,
  /** An array. */
  set: 4,
  arrayBuffer: 16,
} as const;

/** Typed arrays by extension type, little-endian whatever the machine. Uint8Array is missing: it is MessagePack's own bytes. */
export const typedArrays: ReadonlyMap<number, TypedArrayForm> = new Map([
  [17, { name: "Int8Array", width: 1, of: (buffer) => new Int8Array(buffer) }],
  [18, { name: "Uint8ClampedArray", width: 1, of: (buffer) => new Uint8ClampedArray(buffer) }],
  [19, { name: "Int16Array", width: 2, of: (buffer) => new Int16Array(buffer) }],
  [20, { name: "Uint16Array", width: 2, of: (buffer) => new Uint16Array(buffer) }],
  [21, { name: "Int32Array", width: 4, of: (buffer) => new Int32Array(buffer) }],
  [22, { name: "Uint32Array", width: 4, of: (buffer) => new Uint32Array(buffer) }],
  [23, { name: "Float32Array", width: 4, of: (buffer) => new Float32Array(buffer) }],
  [24, { name: "Float64Array", width: 8, of: (buffer) => new Float64Array(buffer) }],
  [25, { name: "BigInt64Array", width: 8, of: (buffer) => new BigInt64Array(buffer) }],
  [26, { name: "BigUint64Array", width: 8, of: (buffer) => new BigUint64Array(buffer) }],
]);

export interface TypedArrayForm {
  readonly name: string;
  /** Bytes per element. */
  readonly width: number;
  of(buffer: ArrayBuffer): ArrayBufferView;
}

/** Turns each element's bytes round, on the rare machine that keeps numbers big-endian. */
export const toLittleEndian = (bytes: Uint8Array, width: number, machineIsLittleEndian: boolean = littleEndian): void => {
  if (machineIsLittleEndian || width === 1) return;
  for (let at = 0; at + width <= bytes.length; at += width) bytes.subarray(at, at + width).reverse();
};

const littleEndian = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1;

/** Deeper values are refused: walking them would run out of stack, and a cycle would end in one. */
export const depthMax = 1000;
