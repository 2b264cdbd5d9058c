import type { ConnectionOptions } from "node:tls";
import type { Clock } from "../../core/ports/clock.ts";
import { LogError } from "../../core/ports/log.ts";
import { connectError } from "./connect_error.ts";
import { asUser, brokerError } from "./error_codes.ts";
import { type KafkajsConnection, type KafkaSasl, kafkajsConnection } from "./kafkajs_connection.ts";
import { type Api, api, type WireRequest } from "./request.ts";
import { apiVersions, type BrokerAbilities } from "./requests/api_versions.ts";
import { WireReader } from "./wire_reader.ts";
import { within } from "./within.ts";

export interface ConnectionSettings {
  readonly clientId: string;
  readonly tls: ConnectionOptions | undefined;
  readonly sasl: KafkaSasl | undefined;
  readonly connectionTimeoutMs: number;
  readonly requestTimeoutMs: number;
  readonly clock: Clock;
}

/**
 * One connection to one broker. A broker handles the requests of a connection one after the other, so what may wait there (a long poll, joining a group) gets a
 * connection of its own. After any fault of the network the connection is done with: its object may hold half an answer, so a new one is opened, never this one again.
 */
export class BrokerConnection {
  readonly address: string;
  readonly #connection: KafkajsConnection;
  readonly #settings: ConnectionSettings;
  readonly #clientId: Buffer;
  #abilities: BrokerAbilities = { versions: new Map(), features: new Map() };
  #ended: LogError | undefined;
  #underWay = 0;
  #lastUsedAt: number;

  /** Connects, asks the broker for its versions and logs in. Throws LogError, see connectError. */
  static async open(host: string, port: number, settings: ConnectionSettings): Promise<BrokerConnection> {
    let firstBytes: Buffer | undefined;
    const raw = kafkajsConnection({
      host,
      port,
      ...settings,
      onFirstBytes: (bytes) => {
        firstBytes = bytes;
      },
    });
    const connection = new BrokerConnection(host, port, raw, settings);
    let step: "connect" | "hello" | "authenticate" = "connect";
    try {
      const opening = (async () => {
        await raw.connect();
        step = "hello";
        connection.#abilities = await connection.#handshake();
        step = "authenticate";
        if (settings.sasl !== undefined) await raw.authenticate();
      })();
      // Each step may hang without an error when the other side is no broker.
      await within(settings.clock, settings.connectionTimeoutMs * 2, opening);
      return connection;
    } catch (thrown) {
      const cause = thrown instanceof LogError && thrown.code === "CONNECTION_CLOSED" ? thrown.cause : thrown;
      const error = connectError(cause, { host, port, tls: settings.tls, sasl: settings.sasl, firstBytes, step });
      connection.destroy(error);
      throw error;
    }
  }

  private constructor(host: string, port: number, connection: KafkajsConnection, settings: ConnectionSettings) {
    this.address = `${host}:${port}`;
    this.#connection = connection;
    this.#settings = settings;
    this.#clientId = Buffer.from(settings.clientId);
    this.#lastUsedAt = settings.clock.monotonic();
  }

  get alive(): boolean {
    return this.#ended === undefined && this.#connection.isConnected();
  }

  /** How long nothing has gone over the connection; 0 while a request is under way. Brokers, and what stands between, close idle connections. */
  get idleMs(): number {
    return this.#underWay > 0 ? 0 : this.#settings.clock.monotonic() - this.#lastUsedAt;
  }

  /** What the broker has finalized for the cluster, "transaction.version" for instance; 0 when it does not know the feature. */
  feature(name: string): number {
    return this.#abilities.features.get(name) ?? 0;
  }

  speaks({ key }: Api, version: number): boolean {
    const range = this.#abilities.versions.get(key);
    return range !== undefined && range.min <= version && version <= range.max;
  }

  /**
   * Sends a request and reads its answer. Fails with "retriable" when nothing was sent, with "indefinite" when the connection ended, or the time ran out, before
   * the answer came; the connection is then of no use any more.
   */
  async send<Answer>(request: WireRequest<Answer>): Promise<Answer> {
    const connection = this.#connection;
    // Asking for the versions comes before the login, which needs to know them.
    if (connection.sasl !== null && request.api.key !== api.apiVersions.key && this.alive && !connection.isAuthenticated()) {
      try {
        await within(this.#settings.clock, this.#settings.connectionTimeoutMs * 2, connection.authenticate());
      } catch (thrown) {
        const [host = "", port = ""] = this.address.split(/:(?=\d+$)/);
        const { tls, sasl } = this.#settings;
        const error = connectError(thrown, {
          host,
          port: Number(port),
          tls,
          sasl,
          firstBytes: undefined,
          step: "authenticate",
        });
        this.destroy(error);
        throw error;
      }
    }
    this.#underWay++;
    let payload: Buffer;
    try {
      payload = await this.#exchange(request);
    } finally {
      this.#underWay--;
      this.#lastUsedAt = this.#settings.clock.monotonic();
    }
    try {
      const reader = new WireReader(payload, request.flexible);
      // The header of a flexible response ends with tagged fields, except that of ApiVersions, which has to be readable for everyone.
      if (request.api.key !== api.apiVersions.key) reader.end();
      return request.read(reader, this.#throttle);
    } catch (thrown) {
      if (thrown instanceof LogError) throw asUser(thrown, userOf(this.#settings));
      if (!(thrown instanceof RangeError)) throw thrown;
      const error = this.#failure("indefinite", request.api, "an answer that cannot be read", thrown);
      this.destroy(error);
      throw error;
    }
  }

  /** Ends the connection now; requests under way fail with `reason`. */
  destroy(reason: LogError): void {
    if (this.#ended !== undefined) return;
    this.#ended = reason;
    // Not now: it may be kafkajs that tells us, in the middle of rejecting its requests one after the other.
    queueMicrotask(() => {
      const { requestQueue, socket } = this.#connection;
      this.#connection.rejectRequests(reason);
      requestQueue.destroy();
      socket?.destroy();
      // It only waits for requests, of which there are none left, and tidies up.
      this.#connection.disconnect().catch(() => {});
    });
  }

  readonly #throttle = (ms: number): void => this.#connection.requestQueue.maybeThrottle(ms);

  #exchange(request: WireRequest<unknown>): Promise<Buffer> {
    const { api, body, flexible } = request;
    const version = request.version ?? api.version;
    const connection = this.#connection;
    return new Promise((resolve, reject) => {
      let sent = false;
      const fail = (thrown: unknown): void => {
        const error = this.#ended ?? thrown;
        const disposition = sent ? "indefinite" : "retriable";
        const wrapped =
          error instanceof LogError && error.disposition === "configuration"
            ? error
            : this.#failure(disposition, api, sent ? "no answer" : "no connection", error);
        this.destroy(wrapped);
        reject(wrapped);
      };
      if (!this.alive) {
        fail(new Error("The connection has ended"));
        return;
      }
      try {
        const correlationId = connection.nextCorrelationId();
        const header = this.#header(api, version, correlationId, flexible, body);
        connection.requestQueue.push({
          entry: {
            apiKey: api.key,
            apiName: api.name,
            apiVersion: version,
            correlationId,
            resolve: ({ payload }) => resolve(payload),
            reject: fail,
          },
          expectResponse: true,
          requestTimeout: this.#settings.requestTimeoutMs + (request.extraTimeoutMs ?? 0),
          sendRequest: () => {
            sent = true;
            const socket = connection.socket!;
            socket.cork();
            socket.write(header);
            for (const piece of body) socket.write(piece);
            socket.uncork();
          },
        });
      } catch (thrown) {
        fail(thrown);
      }
    });
  }

  #header(api: Api, version: number, correlationId: number, flexible: boolean, body: readonly Uint8Array[]): Buffer {
    const clientId = this.#clientId;
    const header = Buffer.allocUnsafe(14 + clientId.length + (flexible ? 1 : 0));
    let length = header.length - 4;
    for (const piece of body) length += piece.length;
    header.writeInt32BE(length, 0);
    header.writeInt16BE(api.key, 4);
    header.writeInt16BE(version, 6);
    header.writeInt32BE(correlationId, 8);
    header.writeInt16BE(clientId.length, 12);
    header.set(clientId, 14);
    if (flexible) header[header.length - 1] = 0;
    return header;
  }

  async #handshake(): Promise<BrokerAbilities> {
    const abilities = await this.send(apiVersions());
    for (const needed of Object.values<Api>(api)) {
      const range = abilities.versions.get(needed.key);
      if (range === undefined || needed.version < range.min || needed.version > range.max) {
        const offered = range === undefined ? "does not offer it" : `offers ${range.min} to ${range.max}`;
        throw brokerError(35, `Cannot use broker ${this.address}`, `${needed.name} ${needed.version} is needed, the broker ${offered}`);
      }
    }
    const versions = Object.fromEntries([...abilities.versions].map(([key, { min, max }]) => [key, { minVersion: min, maxVersion: max }]));
    this.#connection.setVersions(versions);
    this.#connection.setSupportAuthenticationProtocol(abilities.versions.has(36));
    return abilities;
  }

  #failure(disposition: "retriable" | "indefinite", { name }: Api, what: string, cause: unknown): LogError {
    const timedOut = cause instanceof Error && cause.name === "KafkaJSRequestTimeoutError";
    const detail = cause instanceof Error ? `: ${cause.message}` : "";
    return new LogError(
      timedOut ? "REQUEST_TIMED_OUT" : "CONNECTION_CLOSED",
      disposition,
      `Got ${what} to ${name} from broker ${this.address}${detail}`,
      { cause },
    );
  }
}

/** The name that the broker knows this program by, as far as it was given here. */
export const userOf = ({ sasl }: ConnectionSettings): string | undefined =>
  sasl !== undefined && "username" in sasl ? sasl.username : undefined;
