import { createHash, timingSafeEqual } from "node:crypto";
import type { IncomingMessage } from "node:http";
import { isIP } from "node:net";
import { isLoopback } from "./addresses.ts";
import { Refusal } from "./refusal.ts";

/** Whom the server answers. */
export interface GuardOptions {
  readonly host: string;
  readonly token: string | undefined;
  /** Further names, in lower case. */
  readonly hosts: readonly string[];
  readonly urlCharsMax: number;
}

/** Refuses requests that are none of our business, before anything of them is looked at more closely. */
export const guard = ({ host, token, hosts, urlCharsMax }: GuardOptions): ((request: IncomingMessage) => void) => {
  const isLocal = isLoopback(host);
  const known = new Set([host.toLowerCase(), ...hosts, ...(isLocal ? ["localhost"] : [])]);
  // Equal only when the texts are, of one length whatever they are, and compared in a time that tells nothing.
  const wanted = token === undefined ? undefined : digest(token);
  return ({ method, headers, url = "" }) => {
    // A name that somebody else owns may be made to lead here (DNS rebinding), and a browser then lets his page read our answers; an address cannot.
    const asked = /^(?:\[([^\]]*)\]|([^:]*))(?::\d*)?$/.exec((headers.host ?? "").toLowerCase());
    const name = asked?.[1] ?? asked?.[2] ?? "";
    if (!known.has(name) && !(isLocal ? isLoopback(name) : isIP(name) !== 0))
      throw new Refusal(
        403,
        "HOST_REFUSED",
        "This server is not asked under that name: use its address, or give the name to it with the option 'http.hosts'",
      );
    // A page of somebody else's need not be able to read an answer to do harm by asking.
    const site = headers["sec-fetch-site"];
    if (headers.origin !== undefined || (site !== undefined && site !== "none" && site !== "same-origin"))
      throw new Refusal(403, "ORIGIN_REFUSED", "Pages of other sites are not answered: ask from a program");
    if (method !== "GET")
      throw new Refusal(405, "METHOD_NOT_ALLOWED", `${method} is not understood: there is nothing but GET`, {
        allow: "GET",
        connection: "close",
      });
    if (url.length > urlCharsMax)
      throw new Refusal(414, "URL_TOO_LONG", `The URL has ${url.length} characters: at most ${urlCharsMax} are read`, {
        connection: "close",
      });
    if (wanted === undefined) return;
    const given = /^Bearer +(\S+) *$/i.exec(headers.authorization ?? "")?.[1];
    const challenge = { "www-authenticate": 'Bearer realm="millrace"' };
    if (given === undefined)
      throw new Refusal(401, "TOKEN_MISSING", "Show the token: send the header 'Authorization: Bearer ...'", challenge);
    if (!timingSafeEqual(digest(given), wanted)) throw new Refusal(401, "TOKEN_WRONG", "That is not the token of this server", challenge);
  };
};

const digest = (text: string): Buffer => createHash("sha256").update(text).digest();
