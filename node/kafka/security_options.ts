import { X509Certificate } from "node:crypto";
import { type ConnectionOptions, createSecureContext } from "node:tls";
import { ConfigurationError, reason } from "../../core/errors.ts";
import type { Clock } from "../../core/ports/clock.ts";
import type { KafkaSasl } from "./kafkajs_connection.ts";
import { sharedTokens } from "./oauth_bearer.ts";
import { printable } from "./secrets.ts";

export interface SecurityOptions {
  readonly ssl?: boolean | ConnectionOptions;
  readonly sasl?: KafkaSasl;
  readonly insecure?: boolean;
}

/** How connections are secured; both can be printed, their secrets stay out. */
export interface Security {
  readonly tls: ConnectionOptions | undefined;
  readonly sasl: KafkaSasl | undefined;
}

/** What is said about TLS and logins, checked. Throws ConfigurationError OPTION_INVALID for what cannot be used, and for what would give passwords or data away without `insecure`. */
export const checkSecurity = (options: SecurityOptions, clock: Clock, tokenTimeoutMs: number): Security => {
  const { ssl = false, sasl, insecure = false } = options;
  if (typeof ssl !== "boolean" && (typeof ssl !== "object" || ssl === null))
    throw invalid(`'ssl' is ${String(ssl)}: give true, or the options of Node's tls.connect`);
  const tls = ssl === false ? undefined : checkTls(ssl === true ? {} : ssl, insecure);
  return {
    tls: tls && printable(tls),
    sasl: sasl && printable(checkSasl(sasl, tls !== undefined || insecure, (provider) => sharedTokens(provider, clock, tokenTimeoutMs))),
  };
};

const checkTls = (ssl: ConnectionOptions, insecure: boolean): ConnectionOptions => {
  if (ssl.rejectUnauthorized === false && !insecure)
    throw invalid(
      "'ssl.rejectUnauthorized' is false, so that anybody can pose as the broker: give the authority in 'ssl.ca', or set 'insecure' to allow it",
    );
  for (const name of ["minVersion", "maxVersion"] as const)
    if ((ssl[name] === "TLSv1" || ssl[name] === "TLSv1.1") && !insecure)
      throw invalid(`'ssl.${name}' is '${ssl[name]}', which is broken: use TLSv1.2 or TLSv1.3, or set 'insecure' to allow it`);
  for (const name of ["ca", "cert"] as const)
    for (const text of [ssl[name] ?? []].flat()) {
      if (holdsCertificate(text)) continue;
      const path =
        typeof text === "string" && text.length < 1_000 && !text.includes("\n")
          ? ` ('${text}' looks like the name of a file: read it)`
          : "";
      throw invalid(`'ssl.${name}' holds no certificate in PEM form${path}`);
    }
  try {
    createSecureContext(ssl);
  } catch (cause) {
    throw invalid(
      `'ssl' cannot be used (${reason(cause)}): check that 'cert' and 'key' belong together, are in PEM form, and that the 'passphrase' is theirs`,
      cause,
    );
  }
  // Said aloud, since the variable NODE_TLS_REJECT_UNAUTHORIZED would change the default.
  return { ...ssl, rejectUnauthorized: ssl.rejectUnauthorized ?? true };
};

const holdsCertificate = (text: string | Buffer): boolean => {
  try {
    new X509Certificate(text);
    return true;
  } catch {
    return false;
  }
};

const mechanisms: readonly string[] = ["plain", "scram-sha-256", "scram-sha-512", "oauthbearer"];

const checkSasl = (
  sasl: KafkaSasl,
  confidential: boolean,
  shared: (provider: Extract<KafkaSasl, { mechanism: "oauthbearer" }>["oauthBearerProvider"]) => typeof provider,
): KafkaSasl => {
  const mechanism = String(sasl.mechanism).toLowerCase();
  if (!mechanisms.includes(mechanism)) throw invalid(`'sasl.mechanism' is '${sasl.mechanism}': use one of ${mechanisms.join(", ")}`);
  const { username, password, oauthBearerProvider } = sasl as { readonly [name: string]: unknown };
  const byToken = mechanism === "oauthbearer";
  if (byToken && typeof oauthBearerProvider !== "function")
    throw invalid(`'sasl.oauthBearerProvider' is no function: give one that resolves to { value: "the token" }`);
  if (!byToken && (typeof username !== "string" || typeof password !== "string" || username === ""))
    throw invalid(`'sasl' lacks a user name or a password: ${mechanism} needs both`);
  if ((mechanism === "plain" || byToken) && !confidential) {
    const secret = mechanism === "plain" ? "password" : "token";
    throw invalid(
      `'sasl.mechanism' is '${mechanism}' without 'ssl', which sends the ${secret} readable: set 'ssl', use scram-sha-256, or set 'insecure' to allow it`,
    );
  }
  return byToken
    ? { mechanism: "oauthbearer", oauthBearerProvider: shared(oauthBearerProvider as () => Promise<{ readonly value: string }>) }
    : { mechanism: mechanism as "plain", username: username as string, password: password as string };
};

const invalid = (message: string, cause?: unknown): ConfigurationError =>
  new ConfigurationError("OPTION_INVALID", `Cannot use Kafka as ${message}`, { cause });
