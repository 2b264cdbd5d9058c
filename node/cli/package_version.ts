import { readFileSync } from "node:fs";

/** The version in our own package.json, which stands above this file: two folders above the source, three above what is built of it. */
export const packageVersion = (): string => {
  for (const path of ["../../package.json", "../../../package.json"]) {
    try {
      const { name, version } = JSON.parse(readFileSync(new URL(path, import.meta.url), "utf8")) as Record<string, unknown>;
      if (name === "millrace" && typeof version === "string") return version;
    } catch {
      // Not there: the next place is.
    }
  }
  return "unknown";
};
