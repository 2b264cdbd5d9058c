import { type LookupAddress, lookup } from "node:dns";
import { Agent, type IncomingMessage, request } from "node:http";
import { type BlockList, isIP, type LookupFunction } from "node:net";
import { reason } from "../../core/errors.ts";
import { endpointOf, hostAndPort, isPeerAddress } from "./addresses.ts";
import { Refusal, unavailable } from "./refusal.ts";

/** How other instances are asked. */
export interface PeersOptions {
  readonly token: string | undefined;
  readonly timeoutMs: number;
  /** Where they may be; undefined for anywhere but where nobody's instance can be. */
  readonly allowed: BlockList | undefined;
  /** They may be on this machine, at addresses that only it has. */
  readonly isOwnAllowed: boolean;
  /** Bytes of an answer that are read. */
  readonly bytesMax: number;
}

/** Says that another instance asks, which is answered with what is here and not passed on; its value is how many characters of entries the answer may have. */
export const hopHeader = "millrace-hop";

/** Asks other instances. Where they are, and what they answer, is data from outside. */
export class Peers {
  readonly #options: PeersOptions;
  readonly #agent = new Agent({ keepAlive: true });

  constructor(options: PeersOptions) {
    this.#options = options;
  }

  /** What an instance answers to a path; an object, of which nothing else is known. Rejects with a Refusal: 503 when another one, or this one later, may answer. */
  async ask(endpoint: string, path: string, charsLeft: number): Promise<Readonly<Record<string, unknown>>> {
    const { status, body } = await this.#get(this.target(endpoint), path, charsLeft);
    if (status === 200) return body;
    const { code, message } = problemOf(body);
    switch (status) {
      case 400:
      case 404:
      case 500:
        throw new Refusal(status, code, message);
      case 401:
      case 403:
        throw new Refusal(
          502,
          "PEER_REFUSES",
          `The instance at ${endpoint} does not answer this one: ${message}; do both have the same 'http.token'?`,
        );
      case 421:
      case 429:
      case 503:
        throw unavailable(code === "KEY_ELSEWHERE" ? "STORE_NOT_READY" : code, `The instance at ${endpoint} cannot answer now: ${message}`);
      default:
        throw garbled(endpoint, `status ${status}`);
    }
  }

  /** Host and port of an endpoint that may be asked, or that somebody may be sent to; throws when it is none. */
  target(endpoint: string): { readonly host: string; readonly port: number } {
    const target = hostAndPort(endpoint);
    if (target === undefined)
      throw forbidden(`An instance says that it is asked at '${endpoint.slice(0, 100)}', which is not host and port`);
    if (isIP(target.host) !== 0 && !this.#isAllowed(target.host)) throw forbidden(notAllowed(endpoint));
    return target;
  }

  close(): void {
    this.#agent.destroy();
  }

  #isAllowed(address: string): boolean {
    return isPeerAddress(address, this.#options.allowed, this.#options.isOwnAllowed);
  }

  /** A name is looked up once, and exactly those addresses are connected to that were looked at. */
  readonly #lookup: LookupFunction = (hostname, options, callback) => {
    lookup(hostname, { ...options, all: true }, (error, addresses: readonly LookupAddress[]) => {
      if (error !== null) return callback(error, []);
      const first = addresses[0];
      if (first === undefined || !addresses.every(({ address }) => this.#isAllowed(address)))
        return callback(forbidden(notAllowed(hostname)), []);
      if (options.all === true) callback(null, [...addresses]);
      else callback(null, first.address, first.family);
    });
  };

  async #get(
    { host, port }: { readonly host: string; readonly port: number },
    path: string,
    charsLeft: number,
  ): Promise<{ readonly status: number; readonly body: Readonly<Record<string, unknown>> }> {
    const { token, timeoutMs, bytesMax } = this.#options;
    const endpoint = endpointOf(host, port);
    const signal = AbortSignal.timeout(timeoutMs);
    let text: string | undefined;
    let response: IncomingMessage;
    try {
      response = await new Promise<IncomingMessage>((resolve, reject) => {
        request(
          {
            host,
            port,
            path,
            agent: this.#agent,
            lookup: this.#lookup,
            signal,
            headers: {
              [hopHeader]: String(charsLeft),
              accept: "application/json",
              ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
            },
          },
          resolve,
        )
          .on("error", reject)
          .end();
      });
      text = await textOf(response, bytesMax);
    } catch (error) {
      if (error instanceof Refusal) throw error;
      throw unavailable(
        "PEER_UNREACHABLE",
        signal.aborted
          ? `The instance at ${endpoint} has not answered within ${timeoutMs} ms`
          : `The instance at ${endpoint} cannot be asked: ${reason(error)}`,
      );
    }
    if (text === undefined) throw garbled(endpoint, `more than ${bytesMax} bytes`);
    const body = /^application\/json\b/.test(response.headers["content-type"] ?? "") ? objectOf(text) : undefined;
    if (body === undefined) throw garbled(endpoint, "something that is no JSON object");
    return { status: response.statusCode ?? 0, body };
  }
}

/** Undefined when it is longer than allowed; then nothing more is read. */
const textOf = async (response: IncomingMessage, bytesMax: number): Promise<string | undefined> => {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length > bytesMax) return undefined;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
};

const objectOf = (text: string): Readonly<Record<string, unknown>> | undefined => {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Readonly<Record<string, unknown>>) : undefined;
  } catch {
    return undefined;
  }
};

const problemOf = ({ error }: Readonly<Record<string, unknown>>): { readonly code: string; readonly message: string } => {
  const { code, message } = (typeof error === "object" && error !== null ? error : {}) as Readonly<Record<string, unknown>>;
  return {
    code: typeof code === "string" && /^[A-Z_]{1,40}$/.test(code) ? code : "PEER_GARBLED",
    message: typeof message === "string" ? message.slice(0, 500) : "it does not say why",
  };
};

const notAllowed = (where: string): string =>
  `An instance says that it is asked at '${where}', where this one asks nobody: see the option 'http.peers'`;

const forbidden = (message: string): Refusal => new Refusal(502, "PEER_FORBIDDEN", message);

const garbled = (endpoint: string, what: string): Refusal =>
  new Refusal(502, "PEER_GARBLED", `What listens at ${endpoint} has answered with ${what}: it is no instance of this application`);
