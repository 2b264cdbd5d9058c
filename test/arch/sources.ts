import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, normalize, relative } from "node:path";
import { fileURLToPath } from "node:url";

export const root: string = fileURLToPath(new URL("../..", import.meta.url));

/** A source file, by its path from the project's folder. */
export interface Source {
  readonly path: string;
  /** Without comments, and without what stands in strings. */
  readonly code: string;
  readonly imports: readonly Import[];
}

export interface Import {
  /** A file of the project, or a module by its name. */
  readonly target: string;
  readonly local: boolean;
  /** Nothing is left of it when the types are taken away. */
  readonly typeOnly: boolean;
}

/** Every TypeScript file in these folders and files. */
export const sourcesIn = (...places: readonly string[]): readonly Source[] => places.flatMap((place) => filesIn(place)).map(readSource);

/** The package that a module's name belongs to: `fp-ts` of `fp-ts/lib/Either.js`. */
export const packageOf = (module: string): string => {
  const parts = module.split("/");
  return module.startsWith("@") ? parts.slice(0, 2).join("/") : parts[0]!;
};

export const readJson = (path: string): any => JSON.parse(readFileSync(join(root, path), "utf8"));

const filesIn = (place: string): readonly string[] => {
  if (place.endsWith(".ts")) return [place];
  return readdirSync(join(root, place), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && /\.ts$/.test(entry.name) && !entry.name.endsWith(".d.ts"))
    .map((entry) => relative(root, join(entry.parentPath, entry.name)).replaceAll("\\", "/"))
    .sort();
};

const readSource = (path: string): Source => {
  const text = readFileSync(join(root, path), "utf8");
  const commentless = withoutComments(text);
  return { path, code: commentless.replace(/"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'/g, '""'), imports: importsOf(path, commentless) };
};

/** Comments go; strings stay, and what looks like a comment in them. */
const withoutComments = (text: string): string =>
  text.replace(/"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'|`(?:[^`\\]|\\.)*`|\/\*[\s\S]*?\*\/|\/\/[^\n]*/g, (found) =>
    found.startsWith("/") ? " " : found,
  );

const importsOf = (path: string, text: string): readonly Import[] => {
  const found: Import[] = [];
  const add = (module: string, typeOnly: boolean): void => {
    const local = module.startsWith(".");
    found.push({ target: local ? normalize(join(dirname(path), module)).replaceAll("\\", "/") : module, local, typeOnly });
  };
  for (const [, keyword, what, module] of text.matchAll(
    /\b(import|export)\s+((?:type\s+)?(?:[\w$]+\s*,?\s*)?(?:\{[^}]*\}|\*(?:\s+as\s+[\w$]+)?)?)\s*from\s*"([^"]+)"/g,
  )) {
    const names =
      /\{([^}]*)\}/
        .exec(what!)?.[1]
        ?.split(",")
        .filter((name) => name.trim() !== "") ?? [];
    const typed =
      what!.startsWith("type ") ||
      (keyword !== undefined && /^\s*\{/.test(what!) && names.length > 0 && names.every((name) => name.trim().startsWith("type ")));
    add(module!, typed);
  }
  for (const [, module] of text.matchAll(/\bimport\s*"([^"]+)"/g)) add(module!, false);
  for (const [, module] of text.matchAll(/\b(?:import|require)\s*\(\s*"([^"]+)"\s*\)/g)) add(module!, false);
  // CommonJS packages come in by a require of one's own.
  const requires = [...text.matchAll(/\bconst\s+(\w+)\s*=\s*createRequire\([^)]*\)\s*;/g)].map(([, name]) => name!);
  for (const call of ["createRequire\\([^)]*\\)", ...requires])
    for (const [, module] of text.matchAll(new RegExp(`\\b${call}\\("([^"]+)"\\)`, "g"))) add(module!, false);
  return found;
};
