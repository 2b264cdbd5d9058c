import { BlockList, isIP } from "node:net";
import { type Duration, seconds } from "../../core/duration.ts";
import { ConfigurationError } from "../../core/errors.ts";
import { duration } from "../../core/runtime/application.ts";
import { nearest } from "../../topology/nearest.ts";
import { isLoopback } from "./addresses.ts";

/** The server that answers questions about what an app keeps. */
export interface HttpOptions {
  /** 0 takes one that is free. */
  readonly port: number;
  /** The address or name that is listened on. Any other than this machine's own needs a `token`. @default "127.0.0.1" */
  readonly host?: string;
  /** Whoever asks has to show it: at least 32 visible characters, the same for all instances, since they ask each other with it. @default none */
  readonly token?: string;
  /** Further names under which the server may be asked, such as that of a proxy before it. @default the names it listens on, the endpoint's, and addresses */
  readonly hosts?: readonly string[];
  /** Addresses and networks ("10.0.0.0/8") in which other instances are asked; where they are comes from the other instances themselves. @default all but link-local ones, and this machine's own unless `host` is one of them */
  readonly peers?: readonly string[];
  /** How long another instance may take to answer. @default 5 s */
  readonly peerTimeout?: Duration;
  /** Entries in one answer. @default 10,000 */
  readonly entriesMax?: number;
  /** Characters of JSON in one answer, about. @default 8,388,608 */
  readonly answerCharsMax?: number;
  /** Entries that a question about many keys may walk through in a partition before it is answered or refused: the tasks of the instance stand still meanwhile. @default 100,000 */
  readonly walkMax?: number;
  /** Questions that are being answered at once; more are refused. @default 64 */
  readonly openMax?: number;
  /** Characters of a URL. @default 4096 */
  readonly urlCharsMax?: number;
}

/** The options with all defaults, checked. */
export interface HttpSettings {
  readonly port: number;
  readonly host: string;
  readonly token: string | undefined;
  readonly hosts: readonly string[];
  readonly peers: BlockList | undefined;
  readonly peerTimeoutMs: number;
  readonly entriesMax: number;
  readonly answerCharsMax: number;
  readonly walkMax: number;
  readonly openMax: number;
  readonly urlCharsMax: number;
}

export const httpSettings = (options: HttpOptions): HttpSettings => {
  if (typeof options !== "object" || options === null)
    throw invalid(`Option 'http' is ${String(options)}: give an object, such as { port: 8080 }`);
  for (const name of Object.keys(options)) {
    if (names.includes(name)) continue;
    const guess = nearest(name, names);
    throw invalid(`There is no option 'http.${name}'${guess === undefined ? "" : `: did you mean 'http.${guess}'?`}`);
  }
  const { port, host = "127.0.0.1", token, hosts = [], peers } = options;
  if (!Number.isInteger(port) || port < 0 || port > 65_535)
    throw invalid(`Option 'http.port' is ${shown(port)}: give a whole number up to 65535, or 0 for any port that is free`);
  if (typeof host !== "string" || !isName(host))
    throw invalid(`Option 'http.host' is ${shown(host)}: give an address or a name, such as "0.0.0.0"`);
  // What it is must not stand in a message, since messages are logged.
  if (token !== undefined && (typeof token !== "string" || !/^[\x21-\x7e]{32,512}$/.test(token)))
    throw invalid("Option 'http.token' is no such token: give 32 to 512 visible ASCII characters without spaces, made by chance");
  if (token === undefined && !isLoopback(host))
    throw invalid(
      `Option 'http.host' is "${host}", where others can ask, and there is no 'http.token': give one of at least 32 characters, or listen on 127.0.0.1`,
    );
  if (!isTexts(hosts) || !hosts.every(isName))
    throw invalid(`Option 'http.hosts' is ${shown(hosts)}: give names without port, such as ["state.example.org"]`);
  return {
    port,
    host,
    token,
    hosts: hosts.map((name) => name.toLowerCase()),
    peers: peers === undefined ? undefined : networks(peers),
    peerTimeoutMs: duration(options.peerTimeout ?? seconds(5), "http.peerTimeout"),
    entriesMax: count(options.entriesMax ?? 10_000, "entriesMax"),
    answerCharsMax: count(options.answerCharsMax ?? 8 << 20, "answerCharsMax"),
    walkMax: count(options.walkMax ?? 100_000, "walkMax"),
    openMax: count(options.openMax ?? 64, "openMax"),
    urlCharsMax: count(options.urlCharsMax ?? 4096, "urlCharsMax"),
  };
};

const names: readonly string[] = [
  "port",
  "host",
  "token",
  "hosts",
  "peers",
  "peerTimeout",
  "entriesMax",
  "answerCharsMax",
  "walkMax",
  "openMax",
  "urlCharsMax",
];

const networks = (peers: unknown): BlockList => {
  const list = new BlockList();
  if (!isTexts(peers)) throw invalid(`Option 'http.peers' is ${shown(peers)}: ${networksWanted}`);
  for (const peer of peers) {
    const [address = "", bits] = peer.split("/");
    const version = isIP(address);
    const longest = version === 6 ? 128 : 32;
    if (version === 0 || (bits !== undefined && !(/^\d{1,3}$/.test(bits) && Number(bits) <= longest)))
      throw invalid(`Option 'http.peers' has ${shown(peer)}: ${networksWanted}`);
    list.addSubnet(address, bits === undefined ? longest : Number(bits), version === 6 ? "ipv6" : "ipv4");
  }
  return list;
};

const networksWanted = 'give addresses and networks, such as ["10.0.0.0/8", "192.168.1.4"]';

const isTexts = (value: unknown): value is readonly string[] => Array.isArray(value) && value.every((one) => typeof one === "string");

const isName = (host: string): boolean => isIP(host) !== 0 || /^[A-Za-z0-9.-]{1,253}$/.test(host);

const count = (value: unknown, name: string): number => {
  if (typeof value !== "number" || !Number.isInteger(value) || value < 1)
    throw invalid(`Option 'http.${name}' is ${shown(value)}: give a whole number above 0`);
  return value;
};

const shown = (value: unknown): string => (typeof value === "string" ? `the text "${value}"` : String(value));

const invalid = (message: string): ConfigurationError => new ConfigurationError("OPTION_INVALID", message);
