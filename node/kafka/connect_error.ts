import type { ConnectionOptions } from "node:tls";
import { LogError, type LogErrorCode } from "../../core/ports/log.ts";
import type { KafkaSasl } from "./kafkajs_connection.ts";

export interface ConnectAttempt {
  readonly host: string;
  readonly port: number;
  readonly tls: ConnectionOptions | undefined;
  readonly sasl: KafkaSasl | undefined;
  /** What came from the other side first, if anything. */
  readonly firstBytes: Buffer | undefined;
  readonly step: "connect" | "hello" | "authenticate";
}

/**
 * Says in words why a connection could not be made: which address, what it looks like, and what to do. A mistake of configuration has that disposition; a broker that
 * may come back is "retriable".
 */
export const connectError = (thrown: unknown, attempt: ConnectAttempt): LogError => {
  if (thrown instanceof LogError) return thrown;
  const { host, port, tls, sasl, step, firstBytes } = attempt;
  const address = `${host}:${port}`;
  const cause = thrown;
  const { message: said, code } = thrown as { readonly message?: unknown; readonly code?: unknown };
  const message = oneLine(String(said ?? thrown));
  const errorCode = code === undefined ? "" : String(code);
  const mistake = (code: LogErrorCode, text: string): LogError => new LogError(code, "configuration", text, { cause });

  if (tls === undefined && firstBytes !== undefined && looksLikeTls(firstBytes))
    return mistake("TLS_FAILED", `Broker ${address} speaks TLS: set 'ssl', or use its plaintext port`);
  if (step === "authenticate" && isRefusal(thrown)) {
    if ((thrown as { readonly code?: unknown }).code === noLoginHere)
      return mistake(
        "SASL_AUTHENTICATION_FAILED",
        `Broker ${address} asks for no login on this port: leave 'sasl' out, or use the port that wants one (${message})`,
      );
    const who = sasl !== undefined && "username" in sasl ? ` as user '${sasl.username}'` : "";
    const toCheck =
      sasl?.mechanism === "oauthbearer" ? "that the token has not expired and is for this cluster" : "user, password and mechanism";
    return mistake(
      "SASL_AUTHENTICATION_FAILED",
      `Cannot log in at broker ${address}${who} with SASL ${sasl?.mechanism.toUpperCase() ?? ""}: check ${toCheck} (${message})`,
    );
  }
  if (tls !== undefined && clientCertificateAlert.test(errorCode)) {
    const given = tls.cert !== undefined || tls.pfx !== undefined;
    return mistake(
      "TLS_FAILED",
      given
        ? `Broker ${address} does not accept the client certificate (${message}): give one in 'ssl.cert' and 'ssl.key' that has not expired and that an authority of the broker's has signed`
        : `Broker ${address} asks for a client certificate (${message}): give one in 'ssl.cert' and 'ssl.key'`,
    );
  }
  if (tls !== undefined && step === "connect") {
    const why = certificateFaults.find(([codes]) => codes.test(errorCode));
    if (why !== undefined)
      return mistake("TLS_FAILED", `Cannot trust the certificate of broker ${address} (${errorCode}: ${message}): ${why[1]}`);
    if (errorCode.startsWith("ERR_SSL") || errorCode === "EPROTO" || errorCode.startsWith("ERR_TLS"))
      return mistake(
        "TLS_FAILED",
        `Cannot agree on TLS with broker ${address} (${errorCode}: ${message}): check that this is its TLS port, and the versions of TLS on both sides`,
      );
    // A port without TLS closes when it gets a TLS greeting. So does a broker that is stopping: it may pass.
    if (errorCode === "ECONNRESET" || errorCode === "EPIPE" || errorCode === "") {
      return new LogError(
        "TLS_FAILED",
        "retriable",
        `Broker ${address} ended the connection during the TLS handshake: check that this is its TLS port, or leave 'ssl' out for a plaintext port (${message})`,
        { cause },
      );
    }
  }
  if (step === "hello") {
    return new LogError(
      "BROKER_UNREACHABLE",
      "retriable",
      `Broker ${address} took the connection but did not answer the first request: check that this is a Kafka listener${tls === undefined ? ", and whether it wants TLS ('ssl')" : ""} (${message})`,
      { cause },
    );
  }
  return new LogError(
    "BROKER_UNREACHABLE",
    "retriable",
    `Cannot reach broker ${address} (${errorCode === "" || message.includes(errorCode) ? message : `${errorCode}: ${message}`}): check the address and that the broker runs`,
    { cause },
  );
};

/** Not a connection that broke in the middle, which may pass. kafkajs puts both into the same class. */
const isRefusal = (thrown: unknown): boolean => {
  const { name, message } = thrown as Partial<Error>;
  return (
    (name === "KafkaJSSASLAuthenticationError" || name === "KafkaJSProtocolError" || name === "TokenRefused") &&
    !/closed connection|connection error|not connected|timed out|timeout/i.test(message ?? "")
  );
};

/** A port without SASL answers an attempt to log in with ILLEGAL_SASL_STATE. */
const noLoginHere = 34;

const certificateFaults: readonly (readonly [codes: RegExp, whatToDo: string])[] = [
  [/CERT_HAS_EXPIRED|CERT_NOT_YET_VALID/, "have it renewed, and check the clock of this machine"],
  [
    /ERR_TLS_CERT_ALTNAME|HOSTNAME_MISMATCH/,
    "use a host name that stands in it in 'brokers' and in the brokers' 'advertised.listeners', or say in 'ssl.servername' which one does",
  ],
  [/CERT_REVOKED/, "it was revoked, so have the broker get another one"],
  [/CERT|SELF_SIGNED|UNABLE_TO|INVALID_CA|PATH_LENGTH|CRL/, "give the authority that signed it in 'ssl.ca'"],
];

/** With TLS 1.3 the client is through with the handshake before the broker has looked at its certificate, so the alert may come at any step. */
const clientCertificateAlert =
  /ALERT_(BAD_CERTIFICATE|CERTIFICATE_|UNKNOWN_CA|UNSUPPORTED_CERTIFICATE|ACCESS_DENIED)|TLSV13_ALERT_CERTIFICATE_REQUIRED/;

/** OpenSSL speaks in lines with names of its functions and files; what it means is the fifth part. */
const oneLine = (message: string): string =>
  message
    .replace(/^Connection error: /, "")
    .replace(/[0-9A-F]+:error:[0-9A-F]+:[^:]*:[^:]*:([^:]*):.*/s, "$1")
    .replace(/\s+/g, " ")
    .trim();

/** An alert or handshake record of TLS 1.x. */
const looksLikeTls = (bytes: Buffer): boolean => (bytes[0] === 0x15 || bytes[0] === 0x16) && bytes[1] === 0x03;
