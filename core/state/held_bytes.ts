/**
 * What an entry takes in memory beside the bytes of its key and its value, as measured in V8: the objects, their place in a Map, the key as the program sees it. An estimate for bounds, not an account.
 */
export const heldBytes = {
  /** One value of a key. */
  value: 352,
  /** A map or list of a key, without its entries. */
  bucket: 560,
  /** One entry of a map or list, or of what is found by order. */
  entry: 104,
  /** The two lists in which a join has the records of a key, without these. */
  records: 300,
  timer: 160,
} as const;
