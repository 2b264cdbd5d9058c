import { createRequire } from "node:module";
import { isIP, connect as netConnect, type Socket } from "node:net";
import { type ConnectionOptions, connect as tlsConnect } from "node:tls";
import { ConfigurationError } from "../../core/errors.ts";
import { type Exchange, logInWithToken, type OAuthProvider } from "./oauth_bearer.ts";

/**
 * The only file that knows kafkajs. Of kafkajs we use the connection: the socket with TLS, SASL with re-authentication, the framing of responses, timeouts of
 * requests and the broker's throttling. These are internals of one exact release, so the release is checked.
 */
export const kafkajsVersion = "2.2.4";

/** What a user gives for SASL, in kafkajs' own form. */
export type KafkaSasl =
  | { readonly mechanism: "plain" | "scram-sha-256" | "scram-sha-512"; readonly username: string; readonly password: string }
  | { readonly mechanism: "oauthbearer"; readonly oauthBearerProvider: OAuthProvider };

export interface KafkajsConnectionOptions {
  readonly host: string;
  readonly port: number;
  readonly clientId: string;
  readonly tls: ConnectionOptions | undefined;
  readonly sasl: KafkaSasl | undefined;
  readonly connectionTimeoutMs: number;
  readonly requestTimeoutMs: number;
  /** The first bytes that come from the broker's side. */
  readonly onFirstBytes: (bytes: Buffer) => void;
}

/** The part of kafkajs' Connection that we use. */
export interface KafkajsConnection {
  readonly sasl: object | null;
  readonly socket: Socket | undefined;
  readonly requestQueue: {
    pending: readonly unknown[];
    push(request: {
      readonly entry: {
        readonly apiKey: number;
        readonly apiName: string;
        readonly apiVersion: number;
        readonly correlationId: number;
        resolve(response: { readonly payload: Buffer }): void;
        reject(error: Error): void;
      };
      readonly expectResponse: true;
      readonly requestTimeout: number;
      sendRequest(): void;
    }): void;
    maybeThrottle(ms: number): void;
    scheduleCheckPendingRequests(): void;
    destroy(): void;
  };
  connect(): Promise<unknown>;
  disconnect(): Promise<unknown>;
  isConnected(): boolean;
  isAuthenticated(): boolean;
  authenticate(): Promise<void>;
  setVersions(versions: Readonly<Record<number, { readonly minVersion: number; readonly maxVersion: number }>>): void;
  setSupportAuthenticationProtocol(supported: boolean): void;
  nextCorrelationId(): number;
  rejectRequests(error: Error): void;
}

/** A connection that is not connected yet. Throws ConfigurationError when kafkajs is missing or another release, or is told to print what goes over the network. */
export const kafkajsConnection = (options: KafkajsConnectionOptions): KafkajsConnection => {
  refuseDebugging();
  const Connection = loadConnection();
  const connection = new Connection({
    host: options.host,
    port: options.port,
    clientId: options.clientId,
    ssl: options.tls ?? null,
    sasl: options.sasl === undefined ? null : saslOf(options.sasl),
    connectionTimeout: options.connectionTimeoutMs,
    requestTimeout: options.requestTimeoutMs,
    reauthenticationThreshold: 10_000,
    enforceRequestTimeout: true,
    maxInFlightRequests: null,
    logger: quiet,
    socketFactory: socketFactory(options.onFirstBytes),
  });
  // kafkajs arms a timer with a negative delay after every response, of which newer Nodes warn; it is needed only while something waits.
  const { requestQueue } = connection;
  const schedule = requestQueue.scheduleCheckPendingRequests.bind(requestQueue);
  requestQueue.scheduleCheckPendingRequests = () => {
    if (requestQueue.pending.length > 0) schedule();
  };
  return connection;
};

/** A copy: kafkajs writes its authenticator into the object. For tokens it gets one of ours. */
const saslOf = (sasl: KafkaSasl): object =>
  sasl.mechanism === "oauthbearer"
    ? {
        mechanism: sasl.mechanism,
        authenticationProvider: ({ saslAuthenticate }: { readonly saslAuthenticate: Exchange }) => ({
          authenticate: () => logInWithToken(sasl.oauthBearerProvider, saslAuthenticate),
        }),
      }
    : { ...sasl };

/** Like kafkajs' own, but without Nagle's algorithm: a small request must not wait for the acknowledgement of the one before. */
const socketFactory =
  (onFirstBytes: (bytes: Buffer) => void) =>
  ({ host, port, ssl, onConnect }: SocketRequest): Socket => {
    const socket =
      ssl === null
        ? netConnect({ host, port }, onConnect)
        : tlsConnect({ host, port, ...(isIP(host) === 0 ? { servername: host } : {}), ...ssl }, onConnect);
    socket.setKeepAlive(true, 60_000);
    socket.setNoDelay(true);
    socket.once("data", onFirstBytes);
    return socket;
  };

interface SocketRequest {
  readonly host: string;
  readonly port: number;
  readonly ssl: ConnectionOptions | null;
  onConnect(): void;
}

const refuseDebugging = (): void => {
  const { NODE_ENV, KAFKAJS_DEBUG_PROTOCOL_BUFFERS } = process.env;
  if (NODE_ENV === "production" && KAFKAJS_DEBUG_PROTOCOL_BUFFERS !== undefined)
    throw new ConfigurationError(
      "OPTION_INVALID",
      "Cannot run in production with the variable KAFKAJS_DEBUG_PROTOCOL_BUFFERS, which is for showing what goes over the network, passwords and records included: unset it",
    );
};

/** What went wrong reaches us as an error; kafkajs' own log would say it a second time. */
const quiet: object = { debug() {}, info() {}, warn() {}, error() {}, namespace: () => quiet };

type ConnectionClass = new (options: object) => KafkajsConnection;
let loaded: ConnectionClass | undefined;

const loadConnection = (): ConnectionClass => {
  if (loaded !== undefined) return loaded;
  const packages = createRequire(import.meta.url);
  let found: string;
  try {
    found = (packages("kafkajs/package.json") as { version: string }).version;
  } catch (cause) {
    throw new ConfigurationError("PACKAGE_MISSING", `Cannot load kafkajs: run 'npm install kafkajs@${kafkajsVersion}'`, { cause });
  }
  if (found !== kafkajsVersion) {
    throw new ConfigurationError(
      "PACKAGE_MISSING",
      `Found kafkajs ${found} but Millrace relies on internals of ${kafkajsVersion} exactly: run 'npm install kafkajs@${kafkajsVersion}'`,
    );
  }
  loaded = packages("kafkajs/src/network/connection") as ConnectionClass;
  return loaded;
};
