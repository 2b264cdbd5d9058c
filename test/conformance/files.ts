import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import type { Vector } from "./vector.ts";

/** A vector as it stands in a file; what cannot be read is told when it is its turn. */
export interface VectorFile {
  readonly path: string;
  read(): Vector;
}

/** Every JSON file below the folder, or the one file. */
export const vectorFiles = (place: string): readonly VectorFile[] => {
  const paths = statSync(place).isDirectory()
    ? readdirSync(place, { recursive: true, withFileTypes: true })
        .filter((entry) => entry.isFile() && entry.name.endsWith(".json"))
        .map((entry) => join(entry.parentPath, entry.name))
        .sort()
    : [place];
  return paths.map((path) => ({ path, read: () => JSON.parse(readFileSync(path, "utf8")) as Vector }));
};
