import { ConfigurationError } from "../../core/errors.ts";
import { errorOf, reasonOf } from "./search_error.ts";

/** How to prove who one is: by name and password, or by the key that the server gave out (in base64, as it gave it). */
export type SearchAuth = { readonly username: string; readonly password: string } | { readonly apiKey: string };

/**
 * What a request came to. "unavailable" is worth another try: the server is restarting or out of reach, or overloaded and may take a smaller request sooner. "too-large" is
 * above the server's limit.
 */
export type SearchAnswer =
  | { readonly kind: "answered"; readonly status: number; readonly body: unknown }
  | { readonly kind: "unavailable"; readonly why: string; readonly overloaded: boolean }
  | { readonly kind: "too-large"; readonly why: string };

export interface SearchClient {
  /** The address without credentials, as it may stand in messages. */
  readonly address: string;
  /**
   * One request, JSON in and out. Throws ConfigurationError when the server knows us not or forbids it, and the signal's reason when it is aborted; a request that
   * takes longer than the time-out is "unavailable".
   */
  request(method: "HEAD" | "PUT" | "POST", path: string, body: SearchBody | undefined, signal: AbortSignal): Promise<SearchAnswer>;
}

export interface SearchBody {
  readonly type: "application/json" | "application/x-ndjson";
  readonly text: string;
}

/** A server behind an address of http or https. User and password may stand in the address; `auth` comes before them. */
export const searchClient = (
  url: string,
  auth: SearchAuth | undefined,
  timeoutMs: number,
  fetch: typeof globalThis.fetch,
): SearchClient => {
  const parsed = URL.canParse(url) ? new URL(url) : undefined;
  if (parsed === undefined || !/^https?:$/.test(parsed.protocol)) {
    throw new ConfigurationError(
      "OPTION_INVALID",
      `Cannot write to a search server at '${withoutCredentials(url)}': give an address that begins with http:// or https://`,
    );
  }
  const authorization = authorizationOf(auth ?? authOf(parsed));
  const address = `${parsed.protocol}//${parsed.host}${parsed.pathname.replace(/\/+$/, "")}`;

  return {
    address,
    async request(method, path, body, signal) {
      signal.throwIfAborted();
      const timeout = AbortSignal.timeout(timeoutMs);
      try {
        const response = await fetch(`${address}${path}`, {
          method,
          headers: { accept: "application/json", ...authorization, ...(body === undefined ? {} : { "content-type": body.type }) },
          ...(body === undefined ? {} : { body: body.text }),
          // A redirect would be followed without the credentials, or turned into a GET: better to name it.
          redirect: "manual",
          signal: AbortSignal.any([signal, timeout]),
        });
        const text = await response.text();
        return judged(address, method, path, response, text);
      } catch (error) {
        if (error instanceof ConfigurationError) throw error;
        if (signal.aborted) throw signal.reason;
        if (timeout.aborted) return { kind: "unavailable", why: `no answer within ${timeoutMs} ms`, overloaded: false };
        const { code, why } = networkFault(error);
        if (!certificateFault.test(code)) return { kind: "unavailable", why, overloaded: false };
        throw new ConfigurationError(
          "OPTION_INVALID",
          `Search server at ${address} shows a certificate that is not trusted (${why}): name the file of its authority in NODE_EXTRA_CA_CERTS`,
        );
      }
    },
  };
};

/** User and password of an address; percent signs that encode nothing stand for themselves. */
const authOf = ({ username, password }: URL): SearchAuth | undefined => {
  const decoded = (text: string): string =>
    text.replaceAll(/(%[0-9a-f]{2})+/gi, (encoded) => Buffer.from(encoded.replaceAll("%", ""), "hex").toString("utf8"));
  return username === "" ? undefined : { username: decoded(username), password: decoded(password) };
};

const judged = (address: string, method: string, path: string, { status, headers }: Response, text: string): SearchAnswer => {
  if (status === 401)
    throw new ConfigurationError(
      "NOT_AUTHENTICATED",
      `Search server at ${address} does not accept the credentials: check auth (status 401)`,
    );
  if (status === 403)
    throw new ConfigurationError(
      "NOT_AUTHORIZED",
      `Search server at ${address} forbids ${method} ${path} (status 403, ${reasonOf(errorOf(parsedOrText(text)))}): give the user that right`,
    );
  if (status >= 300 && status < 400) {
    throw new ConfigurationError(
      "OPTION_INVALID",
      `Search server at ${address} has moved to '${withoutCredentials(headers.get("location") ?? "?")}': give that address (status ${status})`,
    );
  }
  const body = parsedOrText(text);
  if (status !== 408 && status !== 413 && status !== 429 && status < 500) return { kind: "answered", status, body };
  const said = reasonOf(errorOf(body));
  const why = `status ${status}, ${said.slice(0, 300)}`;
  return status === 413 ? { kind: "too-large", why } : { kind: "unavailable", why, overloaded: status === 429 };
};

const parsedOrText = (text: string): unknown => {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
};

const authorizationOf = (auth: SearchAuth | undefined): { authorization?: string } => {
  if (auth === undefined) return {};
  if ("apiKey" in auth) return { authorization: `ApiKey ${auth.apiKey}` };
  return { authorization: `Basic ${Buffer.from(`${auth.username}:${auth.password}`).toString("base64")}` };
};

const withoutCredentials = (url: string): string => url.replace(/\/\/.*@/, "//");

/**
 * fetch says only "fetch failed"; what happened stands in its cause, for several addresses in an AggregateError. Such errors may come from another realm, so their form
 * decides and not their class.
 */
const networkFault = (error: unknown): { readonly code: string; readonly why: string } => {
  const cause = (error as { readonly cause?: unknown }).cause ?? error;
  const first = (cause as { readonly errors?: readonly unknown[] }).errors?.[0] ?? cause;
  const { code, message } = first as { readonly code?: unknown; readonly message?: unknown };
  return { code: String(code), why: [code, message].filter((part) => typeof part === "string" && part !== "").join(": ") || String(error) };
};

/** What OpenSSL and Node call a certificate that will not do; waiting does not mend it. */
const certificateFault = /^(ERR_TLS_|CERT_|UNABLE_TO_(GET|VERIFY|DECRYPT)|DEPTH_ZERO_|SELF_SIGNED_)/;
