import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { ConfigurationError, reason } from "../../core/errors.ts";
import type { Logger } from "../../core/ports/logger.ts";
import type { Queries } from "../../core/runtime/queries.ts";
import { endpointOf, hostAndPort, isLoopback, isUnspecified } from "./addresses.ts";
import { Answers } from "./answers.ts";
import { guard } from "./guard.ts";
import type { HttpSettings } from "./http_options.ts";
import { jsonOf } from "./json_of.ts";
import { hopHeader, Peers } from "./peers.ts";
import { Refusal, refusalOf, unavailable } from "./refusal.ts";
import { answer, type RoutesOptions } from "./routes.ts";

/** Headers and their ends, beside the URL. */
const headerBytesMax = 16 << 10;
/** Of an answer of another instance: entries, and what stands around them. */
const aroundEntriesBytes = 64 << 10;
/** Whoever takes longer to ask, or to take the answer, is let go of. */
const patienceMs = 10_000;

/** No browser is to make anything of what is in a store, or to keep it. */
const headersOfAll = {
  "content-type": "application/json; charset=utf-8",
  "x-content-type-options": "nosniff",
  "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
  "cross-origin-resource-policy": "same-origin",
  "referrer-policy": "no-referrer",
  "cache-control": "no-store",
};

/** Answers questions to the stores of an app over HTTP. It listens before there is an app, since the app has to know where. */
export class QueryServer {
  /** "host:port" at which other instances can ask; empty when that cannot be known. */
  readonly endpoint: string;
  readonly #server: Server;
  readonly #settings: HttpSettings;
  readonly #logger: Logger;
  readonly #peers: Peers;
  readonly #check: (request: IncomingMessage) => void;
  #routes: RoutesOptions | undefined;
  #open = 0;

  /**
   * Listens. Rejects with a ConfigurationError when it cannot.
   * @param endpoint what others are told, where that is not what is listened on
   */
  static async listen(settings: HttpSettings, endpoint: string | undefined, logger: Logger): Promise<QueryServer> {
    const server = createServer({
      maxHeaderSize: headerBytesMax + settings.urlCharsMax,
      headersTimeout: patienceMs,
      requestTimeout: patienceMs,
    });
    await new Promise<void>((resolve, reject) => {
      server.once("error", (error: NodeJS.ErrnoException) => reject(cannotListen(settings, error)));
      server.listen(settings.port, settings.host, resolve);
    });
    const { address, port } = server.address() as AddressInfo;
    if (settings.token === undefined && !isLoopback(address)) {
      server.close();
      throw new ConfigurationError(
        "OPTION_INVALID",
        `Option 'http.host' is "${settings.host}", which is ${address} here, where others can ask: give an 'http.token'`,
      );
    }
    if (endpoint === undefined && isUnspecified(address))
      logger.log(
        "warn",
        `Other instances are not told where this one can be asked, as ${address} stands for all its addresses: give it the option 'endpoint'`,
      );
    return new QueryServer(server, settings, endpoint ?? (isUnspecified(address) ? "" : endpointOf(settings.host, port)), logger);
  }

  private constructor(server: Server, settings: HttpSettings, endpoint: string, logger: Logger) {
    this.endpoint = endpoint;
    this.#server = server;
    this.#settings = settings;
    this.#logger = logger;
    const name = hostAndPort(endpoint)?.host.toLowerCase();
    this.#check = guard({ ...settings, hosts: [...settings.hosts, ...(name === undefined ? [] : [name])] });
    this.#peers = new Peers({
      token: settings.token,
      timeoutMs: settings.peerTimeoutMs,
      allowed: settings.peers,
      isOwnAllowed: isLoopback(settings.host),
      bytesMax: settings.answerCharsMax * 3 + aroundEntriesBytes,
    });
    server.timeout = patienceMs * 2 + settings.peerTimeoutMs;
    server.maxConnections = settings.openMax * 8;
    server.on("request", (request, response) => void this.#handle(request, response));
  }

  /** Where it listens. */
  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** From now on questions are answered. */
  serve(queries: Queries): void {
    const { entriesMax, answerCharsMax, walkMax } = this.#settings;
    const answers = new Answers({ queries, peers: this.#peers, endpoint: this.endpoint, walkMax });
    this.#routes = { queries, answers, entriesMax, answerCharsMax };
  }

  /** Ends at once what is still being answered. */
  async close(): Promise<void> {
    this.#peers.close();
    await new Promise<void>((resolve) => {
      this.#server.close(() => resolve());
      this.#server.closeAllConnections();
    });
  }

  async #handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    // Nobody is left to tell, and a socket that breaks must not end the process.
    response.on("error", () => {});
    this.#open++;
    response.on("close", () => this.#open--);
    try {
      this.#check(request);
      if (this.#open > this.#settings.openMax)
        throw new Refusal(429, "TOO_MANY_QUERIES", `${this.#settings.openMax} questions are being answered: ask again in a moment`, {
          "retry-after": "1",
        });
      if (this.#routes === undefined) throw unavailable("STORE_NOT_READY", "The application is starting: ask again in a moment");
      send(response, 200, await answer(request.url!, hopOf(request), this.#routes), {});
    } catch (error) {
      const refusal = refusalOf(error) ?? this.#fault(error);
      send(response, refusal.status, jsonOf({ error: { code: refusal.code, message: refusal.message } }), refusal.headers);
    }
  }

  /** What is wrong here is for the log; the asker only learns that something is. */
  #fault(error: unknown): Refusal {
    this.#logger.log("error", `A question could not be answered: ${reason(error)}`);
    return new Refusal(500, "INTERNAL", "The question could not be answered: the log of the instance says why");
  }
}

const send = (response: ServerResponse, status: number, body: string, headers: Readonly<Record<string, string>>): void => {
  if (response.destroyed) return;
  response.writeHead(status, { ...headersOfAll, ...headers, "content-length": Buffer.byteLength(body) });
  response.end(body);
};

const hopOf = ({ headers }: IncomingMessage): number | undefined => {
  const value = headers[hopHeader];
  return value === undefined ? undefined : /^\d{1,12}$/.test(String(value)) ? Number(value) : 0;
};

const cannotListen = ({ host, port }: HttpSettings, error: NodeJS.ErrnoException): ConfigurationError => {
  const why =
    error.code === "EADDRINUSE"
      ? "another program listens there: choose another port, or 0 for any that is free"
      : error.code === "EACCES"
        ? "this user may not: choose a port above 1023"
        : error.code === "EADDRNOTAVAIL" || error.code === "ENOTFOUND"
          ? "this machine has no such address: give one that it has as 'http.host'"
          : reason(error);
  return new ConfigurationError("OPTION_INVALID", `Cannot answer questions at ${endpointOf(host, port)}: ${why}`, { cause: error });
};
