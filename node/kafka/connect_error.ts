import { LogError } from "../../core/ports/log.ts";
import type { KafkaSasl } from "./kafkajs_connection.ts";

export interface ConnectAttempt {
  readonly host: string;
  readonly port: number;
  readonly tls: boolean;
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
  const message = String(said ?? thrown).replace(/^Connection error: /, "");
  const errorCode = code === undefined ? "" : String(code);

  if (!tls && firstBytes !== undefined && looksLikeTls(firstBytes)) {
    return new LogError("TLS_FAILED", "configuration", `Broker ${address} speaks TLS: set 'ssl', or use its plaintext port`, { cause });
  }
  if (step === "authenticate" && isRefusal(thrown)) {
    const who = sasl !== undefined && "username" in sasl ? ` as user '${sasl.username}'` : "";
    return new LogError(
      "SASL_AUTHENTICATION_FAILED",
      "configuration",
      `Cannot log in at broker ${address}${who} with SASL ${sasl?.mechanism.toUpperCase() ?? ""}: check user, password and mechanism (${message})`,
      { cause },
    );
  }
  if (tls && step === "connect") {
    if (certificateCodes.test(errorCode)) {
      return new LogError(
        "TLS_FAILED",
        "configuration",
        `Cannot trust the certificate of broker ${address} (${errorCode}: ${message}): give the authority that signed it in 'ssl.ca', and use a host name that stands in it`,
        { cause },
      );
    }
    if (errorCode.startsWith("ERR_SSL") || errorCode === "EPROTO" || errorCode.startsWith("ERR_TLS")) {
      return new LogError(
        "TLS_FAILED",
        "configuration",
        `Cannot agree on TLS with broker ${address} (${errorCode}: ${message}): check that this is its TLS port, and the client certificate when it asks for one`,
        { cause },
      );
    }
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
      `Broker ${address} took the connection but did not answer the first request: check that this is a Kafka listener${tls ? "" : ", and whether it wants TLS ('ssl')"} (${message})`,
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
    (name === "KafkaJSSASLAuthenticationError" || name === "KafkaJSProtocolError") &&
    !/closed connection|connection error|not connected|timed out|timeout/i.test(message ?? "")
  );
};

const certificateCodes = /CERT|SELF_SIGNED|UNABLE_TO|HOSTNAME_MISMATCH|INVALID_CA|PATH_LENGTH|CRL|ERR_TLS_CERT_ALTNAME/;

/** An alert or handshake record of TLS 1.x. */
const looksLikeTls = (bytes: Buffer): boolean => (bytes[0] === 0x15 || bytes[0] === 0x16) && bytes[1] === 0x03;
