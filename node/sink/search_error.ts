/** The server's own words: type, reason, and the innermost cause when it says something else. */
export const reasonOf = (error: unknown): string => {
  if (typeof error === "string" && error !== "") return error;
  if (!isObject(error)) return "no reason given";
  const said = [error["type"], error["reason"]].filter((part) => typeof part === "string").join(": ");
  let cause = error["caused_by"];
  while (isObject(cause) && isObject(cause["caused_by"])) cause = cause["caused_by"];
  const deepest =
    isObject(cause) && typeof cause["reason"] === "string" && cause["reason"] !== error["reason"] ? `, caused by ${cause["reason"]}` : "";
  return said === "" ? "no reason given" : said + deepest;
};

/** What the server says went wrong with a whole request: an object with type and reason, or a text. */
export const errorOf = (body: unknown): unknown => (isObject(body) && "error" in body ? body["error"] : body);

export const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);
