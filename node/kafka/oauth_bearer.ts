import { reason } from "../../core/errors.ts";
import type { Clock } from "../../core/ports/clock.ts";
import { LogError } from "../../core/ports/log.ts";
import { within } from "./within.ts";

/** A token for a login with OAUTHBEARER. */
export interface OAuthToken {
  readonly value: string;
  /** When it ends, milliseconds since 1970. With it the token is used for all connections until shortly before; without it every login asks for one. */
  readonly expiresAt?: number;
  /** What the broker is told beside the token (KIP-342), such as `logicalCluster`. */
  readonly extensions?: Readonly<Record<string, string>>;
}

/** Gives the token for a login; asked again when the last one ends, or at each login where nobody knows when that is. */
export type OAuthProvider = () => Promise<OAuthToken>;

/**
 * A provider that asks the user's only when it has to: a token whose end is known serves every connection until shortly before it. One that cannot give a token in time, or gives
 * something else, fails with a LogError; the message never has the token in it.
 */
export const sharedTokens = (provider: OAuthProvider, clock: Clock, timeoutMs: number): OAuthProvider => {
  let current: Promise<OAuthToken> | undefined;
  let until = Number.NEGATIVE_INFINITY;
  const ask = async (): Promise<OAuthToken> => {
    const token = await inTime(provider, clock, timeoutMs);
    until = token.expiresAt === undefined ? Number.NEGATIVE_INFINITY : token.expiresAt - renewBeforeMs;
    return token;
  };
  return () => {
    if (current !== undefined && clock.now() < until) return current;
    // Those who ask while a token is on its way take that one.
    until = Number.POSITIVE_INFINITY;
    const asked = ask();
    current = asked;
    asked.catch(() => {
      if (current === asked) current = undefined;
    });
    return asked;
  };
};

/** A connection logs in again ten seconds before its login ends, and the new token should have more than that. */
const renewBeforeMs = 30_000;

const inTime = async (provider: OAuthProvider, clock: Clock, timeoutMs: number): Promise<OAuthToken> => {
  let token: OAuthToken;
  try {
    token = await within(clock, timeoutMs, provider());
  } catch (cause) {
    throw new LogError(
      "SASL_AUTHENTICATION_FAILED",
      "retriable",
      `Cannot get a token to log in with, as 'sasl.oauthBearerProvider' failed: ${reason(cause)}`,
      { cause },
    );
  }
  const wrong = whatIsWrong(token);
  if (wrong !== undefined)
    throw new LogError(
      "SASL_AUTHENTICATION_FAILED",
      "configuration",
      `Cannot log in with what 'sasl.oauthBearerProvider' gave, as ${wrong}: it has to resolve to { value: "the token" }`,
    );
  return token;
};

/** What could end the token's place in the message is refused, too. */
const whatIsWrong = (token: unknown): string | undefined => {
  if (typeof token !== "object" || token === null) return `it is ${token === null || token === undefined ? token : `a ${typeof token}`}`;
  const { value, expiresAt, extensions = {} } = token as { readonly [Name in keyof OAuthToken]?: unknown };
  if (typeof value !== "string" || !/^[\x21-\x7e]+$/.test(value)) return "its 'value' is no text of visible ASCII characters";
  if (expiresAt !== undefined && !(typeof expiresAt === "number" && Number.isFinite(expiresAt)))
    return "its 'expiresAt' is no number of milliseconds since 1970";
  if (typeof extensions !== "object" || extensions === null) return "its 'extensions' are no object";
  const bad = Object.entries(extensions).find(
    ([name, text]) => !/^[A-Za-z]+$/.test(name) || name === "auth" || !/^[\x20-\x7e]*$/.test(String(text)),
  );
  return bad === undefined ? undefined : `its extension '${bad[0]}' has a name that is not made of letters, or a value that is not ASCII`;
};

/** How kafkajs lets a mechanism exchange messages with the broker: bytes with their length in front, in both directions. */
export type Exchange = (messages: {
  readonly request: { encode(): Promise<Buffer> };
  readonly response: { decode(bytes: Buffer): Promise<Buffer>; parse(bytes: Buffer): Promise<string> };
}) => Promise<string>;

/**
 * Logs in with a token, after RFC 7628. An empty answer lets in; any other one says why not, and the broker fails the exchange once it is acknowledged. (kafkajs' own
 * takes every answer for a yes: who came with an expired token would seem to be logged in, on a connection that gives empty answers and then closes.)
 */
export const logInWithToken = async (provider: OAuthProvider, exchange: Exchange): Promise<void> => {
  const { value, extensions = {} } = await provider();
  const more = Object.entries(extensions).map(([name, text]) => `${separator}${name}=${text}`);
  const answer = await exchange({
    request: message(`n,,${separator}auth=Bearer ${value}${more.join("")}${separator}${separator}`),
    response,
  });
  if (answer === "") return;
  // What it says now is the failure itself, which a connection would otherwise learn of with its next request.
  await exchange({ request: message(separator), response }).catch(() => {});
  throw new TokenRefused(answer.replaceAll(value, "the token"));
};

/** The broker did not take the token. */
export class TokenRefused extends Error {
  override readonly name = "TokenRefused";
}

const separator = "\u0001";

const message = (text: string): { encode(): Promise<Buffer> } => ({
  encode: async () => {
    const bytes = Buffer.alloc(4 + Buffer.byteLength(text));
    bytes.writeInt32BE(bytes.length - 4);
    bytes.write(text, 4);
    return bytes;
  },
});

const response = {
  decode: async (bytes: Buffer): Promise<Buffer> => bytes,
  parse: async (bytes: Buffer): Promise<string> => bytes.toString("utf8", 4),
};
