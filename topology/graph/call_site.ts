/**
 * Where in the user's program the library was called, as `file:line:column`; empty where the runtime does not tell. Two steps of one name are far apart in a large program, so messages say where both were made.
 */
export const callSite = (): string => {
  const lines = new Error().stack?.split("\n") ?? [];
  for (const line of lines) {
    const place = /(?:file:\/\/)?(\/?[^\s()]+:\d+:\d+)\)?$/.exec(line)?.[1];
    if (place !== undefined && !place.includes(here)) return place.split("/").slice(-2).join("/");
  }
  return "";
};

/** The folder of this layer: frames in here are the library's own. */
const here = new URL("..", import.meta.url).pathname;
