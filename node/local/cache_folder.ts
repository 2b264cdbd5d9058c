import { homedir } from "node:os";
import { join } from "node:path";

/** Where what is fetched or kept for local use lies, outside of the project: `MILLRACE_CACHE`, or `.cache/millrace` in the user's home. */
export const cacheFolder = (...parts: string[]): string => {
  const { MILLRACE_CACHE: chosen, XDG_CACHE_HOME: cacheHome } = process.env;
  return join(chosen || join(cacheHome || join(homedir(), ".cache"), "millrace"), ...parts);
};
