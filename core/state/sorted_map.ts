import sortedBtree from "sorted-btree";

// The package is CommonJS: its class is the default of the default.
const BTree = sortedBtree.default;

/** A map whose entries stand in the order of a comparison. Setting, deleting and finding take logarithmic time. */
export type SortedMap<K, V> = InstanceType<typeof sortedBtree.default<K, V>>;

/** An empty one. */
export const sortedMap = <K, V>(compare: (a: K, b: K) => number): SortedMap<K, V> => new BTree<K, V>(undefined, compare);
