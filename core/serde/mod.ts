/** How values and keys become bytes and come back. */
export { bytes } from "./bytes.ts";
export { canonicalKey, type PrimitiveKey, primitiveKey, typedKey } from "./canonical_key.ts";
export { hint } from "./hint.ts";
export { type JsonLimits, json } from "./json.ts";
export { nullable } from "./nullable.ts";
export { float64, int64, integer } from "./numbers.ts";
export { selfDescribing } from "./self_describing.ts";
export type { Decoded, Infer, Serde } from "./serde.ts";
export { text } from "./text.ts";
export { type WindowedKey, windowed } from "./windowed.ts";
