import type { Serde } from "../../core/serde/serde.ts";

/** Bytes as a text that is equal for equal bytes. */
export const bytesText = (bytes: Uint8Array | null): string => {
  if (bytes === null) return "null";
  let text = "";
  for (let i = 0; i < bytes.length; i++) text += String.fromCharCode(bytes[i]!);
  return text;
};

/** Key and value as the log would hold them. */
export const recordText = (
  { key: keys, value: values }: { readonly key: Serde<any>; readonly value: Serde<any> },
  key: unknown,
  value: unknown,
): readonly [key: string, value: string] => [
  bytesText(key == null ? null : keys.serialize(key, "")),
  bytesText(value === null && values.takesNull !== true ? null : values.serialize(value, "")),
];
