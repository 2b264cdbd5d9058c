import { type Parameters, shortened } from "./parameters.ts";
import { badRequest } from "./refusal.ts";

const forms = ["text", "json", "bigint", "base64"] as const;

/** Reads keys as `keyType` says that they are written. */
export const keyReader = (parameters: Parameters): ((name: string) => { readonly key: unknown } | undefined) => {
  const form = parameters.choice("keyType", forms);
  return (name) => {
    const text = parameters.text(name);
    return text === undefined ? undefined : { key: readers[form](text, name) };
  };
};

const readers: Readonly<Record<(typeof forms)[number], (text: string, name: string) => unknown>> = {
  text: (text) => text,
  json: (text, name) => {
    try {
      // Own fields only, whatever they are called: nothing is merged with the object.
      return JSON.parse(text);
    } catch {
      throw badRequest(`Parameter '${name}' is no JSON: ${shortened(text)}; a text stands in quotes there, or leave keyType=json out`);
    }
  },
  bigint: (text, name) => {
    if (!/^-?\d{1,1000}$/.test(text))
      throw badRequest(`Parameter '${name}' is '${shortened(text)}': give a whole number, as keyType=bigint says`);
    return BigInt(text);
  },
  base64: (text, name) => {
    // A plus that was not encoded has become a space.
    const plain = text.replaceAll(" ", "+").replaceAll("-", "+").replaceAll("_", "/").replace(/=+$/, "");
    if (!/^[A-Za-z0-9+/]*$/.test(plain))
      throw badRequest(`Parameter '${name}' is '${shortened(text)}': give base64, as keyType=base64 says`);
    return new Uint8Array(Buffer.from(plain, "base64"));
  },
};
