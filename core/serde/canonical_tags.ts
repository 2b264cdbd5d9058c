/**
 * First byte of every value in a canonical key; their order is the order of the types. Changing one would cut every stored key off from its value.
 *
 * After it: numbers have the bytes of their whole part, as many as the tag says (big-endian; all inverted if negative, so that they sort), then 0, or 1 and the
 * fraction as a double. Text and bytes end with a 0, in front of which 0 and 1 are written 1 1 and 1 2. Arrays have their elements and a 0. Objects have for each
 * field, sorted by name, a 1, the name like a text, and the value; then a 0. The form is close to FoundationDB's tuple layer, which inspired it.
 */
export const tag = {
  undefined: 0x08,
  null: 0x09,
  false: 0x0a,
  true: 0x0b,
  /** A bigint that is told apart from a number; a number follows. */
  bigint: 0x0c,
  negativeInfinity: 0x10,
  /** More than 8 bytes of whole part; two bytes of length follow. */
  negativeLarge: 0x11,
  /** Minus the number of bytes of the whole part: 0x12 to 0x1a. */
  negative: 0x1a,
  /** Plus the number of bytes of the whole part: 0x1b to 0x23. */
  positive: 0x1b,
  positiveLarge: 0x24,
  positiveInfinity: 0x25,
  /** Milliseconds follow, as a number. */
  date: 0x30,
  text: 0x40,
  bytes: 0x48,
  array: 0x50,
  object: 0x58,
} as const;

/** Deeper keys are refused: nobody needs them, and a cycle would end in one. */
export const depthMax = 64;
