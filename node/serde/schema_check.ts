/** Bounds of a schema that comes from outside. */
export interface SchemaLimits {
  readonly charactersMax: number;
  readonly depthMax: number;
  readonly partsMax: number;
}

/** What no honest schema exceeds. */
export const schemaLimits: SchemaLimits = { charactersMax: 1_000_000, depthMax: 64, partsMax: 20_000 };

/**
 * The schema in a text that somebody else has registered, or a phrase that says why it is not let in. Code is generated from schemas, so names have to be names, and
 * nothing may be so large or deep that generating would not end.
 */
export const checkedSchema = (
  text: string,
  limits: SchemaLimits = schemaLimits,
): { readonly schema: unknown } | { readonly refused: string } => {
  if (text.length > limits.charactersMax)
    return { refused: `it has ${text.length} characters, at most ${limits.charactersMax} are allowed` };
  let schema: unknown;
  try {
    schema = JSON.parse(text);
  } catch {
    // A primitive type may be registered as its bare name.
    schema = text;
  }
  const open: { readonly part: unknown; readonly depth: number; readonly code: boolean }[] = [{ part: schema, depth: 1, code: true }];
  let parts = 0;
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    if (++parts > limits.partsMax) return { refused: `it has more than ${limits.partsMax} parts` };
    if (next.depth > limits.depthMax) return { refused: `it is nested deeper than ${limits.depthMax} levels` };
    const { part, depth, code } = next;
    if (typeof part === "string") {
      if (code && !isName(part)) return { refused: `'${part.slice(0, 40)}' is no name` };
    } else if (Array.isArray(part)) {
      for (const element of part) open.push({ part: element, depth: depth + 1, code });
    } else if (typeof part === "object" && part !== null) {
      for (const [key, value] of Object.entries(part)) {
        if (key === "__proto__") return { refused: "it has a field '__proto__'" };
        // Names become code; documentation and defaults may hold anything.
        open.push({ part: value, depth: depth + 1, code: code && becomesCode.has(key) });
      }
    }
  }
  return { schema };
};

const becomesCode: ReadonlySet<string> = new Set(["name", "namespace", "type", "items", "values", "symbols", "aliases", "fields"]);

const isName = (name: string): boolean =>
  name === "" || (/^\.?[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)*$/.test(name) && !name.split(".").includes("__proto__"));
