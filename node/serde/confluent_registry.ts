import type { Agent } from "node:http";
import { ConfigurationError, MillraceError, reason } from "../../core/errors.ts";
import type { RegisteredSchema, SchemaRegistry } from "./schema_registry.ts";

/** How to reach a schema registry. */
export interface ConfluentRegistryOptions {
  /** Address with scheme, for example "https://registry.example.com:8081"; a path may follow (Apicurio's is /apis/ccompat/v7). */
  readonly host: string;
  /** Credentials: a user, or a bearer token. They go out over https only, unless the host is this machine or `insecure` is set. */
  readonly auth?: { readonly username: string; readonly password: string } | { readonly token: string };
  /** Lets credentials go over plain http. @default false */
  readonly insecure?: boolean;
  /** Node's https.Agent with a certificate authority or a client certificate of one's own. */
  readonly agent?: Agent;
  /** How many schemas, and how many ids without schema, are remembered. @default 1000 */
  readonly cacheSize?: number;
  /** How long one answer may take. @default 5000 */
  readonly timeoutMs?: number;
  /** How long it is remembered that an id has no schema, so that records with such ids do not hammer the registry. @default 60000 */
  readonly unknownForMs?: number;
  /** Milliseconds that never fall, for `unknownForMs`. @default performance.now */
  readonly monotonic?: () => number;
}

/**
 * A schema registry that speaks Confluent's protocol, for `avro(schema, { registry })`: Confluent's own, Apicurio, Redpanda, AxonOps. Nothing is asked before the
 * first record or the first topic to be written; what it answered is remembered. While it cannot be reached the engine waits and tries again: no record is bad because of that.
 *
 * @example
 * ```ts
 * import { avro, confluentRegistry } from "millrace/avro";
 *
 * const registry = confluentRegistry({ host: "http://127.0.0.1:8081" });
 * const payment = avro({ type: "record", name: "Payment", fields: [{ name: "id", type: "string" }] }, { registry });
 * console.log(payment.name);
 * ```
 */
export const confluentRegistry = (options: ConfluentRegistryOptions): SchemaRegistry => new ConfluentRegistry(options);

class ConfluentRegistry implements SchemaRegistry {
  readonly name: string;
  readonly cacheSize: number;
  readonly #timeoutMs: number;
  readonly #unknownForMs: number;
  readonly #monotonic: () => number;
  readonly #connect: () => Promise<Api>;
  #api: Promise<Api> | undefined;
  readonly #schemas = new Map<number, RegisteredSchema>();
  /** Until when an id is taken to have no schema. */
  readonly #unknown = new Map<number, number>();
  readonly #asking = new Map<number, Promise<void>>();
  readonly #ids = new Map<string, Promise<number>>();

  constructor(options: ConfluentRegistryOptions) {
    const url = addressOf(options);
    this.name = url.origin + url.pathname.replace(/\/$/, "");
    this.cacheSize = positive("cacheSize", options.cacheSize ?? 1000);
    this.#timeoutMs = positive("timeoutMs", options.timeoutMs ?? 5000);
    this.#unknownForMs = positive("unknownForMs", options.unknownForMs ?? 60_000);
    this.#monotonic = options.monotonic ?? (() => performance.now());
    // Credentials stay in this closure: the object can be printed.
    this.#connect = () => connect(this.name, options);
  }

  known(id: number): RegisteredSchema | "unknown" | undefined {
    const schema = this.#schemas.get(id);
    if (schema !== undefined) return schema;
    const until = this.#unknown.get(id);
    return until !== undefined && this.#monotonic() < until ? "unknown" : undefined;
  }

  fetch(id: number): Promise<void> {
    let asking = this.#asking.get(id);
    if (asking === undefined) {
      asking = this.#fetch(id).finally(() => this.#asking.delete(id));
      this.#asking.set(id, asking);
    }
    return asking;
  }

  async #fetch(id: number): Promise<void> {
    const answer = await this.#ask((api, call) => api.Schema.find({ ...call, id }));
    if (answer.status === 404) {
      bounded(this.#unknown, this.cacheSize, id, this.#monotonic() + this.#unknownForMs);
      return;
    }
    const { schemaType = "AVRO", schema: text, references = [] } = this.#data(answer, `schema id ${id}`) as SchemaAnswer;
    if (typeof text !== "string") throw this.#refused(answer, `schema id ${id}`);
    const known: RegisteredSchema = { type: schemaType, text, references: schemaType === "AVRO" ? await this.#references(references) : [] };
    this.#unknown.delete(id);
    bounded(this.#schemas, this.cacheSize, id, known);
  }

  /** The texts behind references, deepest first, each once. */
  async #references(references: readonly Reference[], seen: Set<string> = new Set()): Promise<string[]> {
    const texts: string[] = [];
    for (const { subject, version } of references) {
      const key = `${subject}/${version}`;
      if (seen.has(key)) continue;
      seen.add(key);
      if (seen.size > referencesMax)
        throw new MillraceError("LIMIT_EXCEEDED", `Cannot follow more than ${referencesMax} references of a schema at ${this.name}`);
      const what = `version ${version} of subject '${subject}'`;
      const answer = await this.#ask((api, call) => api.Subject.version({ ...call, subject, version }));
      const found = this.#data(answer, what) as SchemaAnswer;
      if (typeof found.schema !== "string") throw this.#refused(answer, what);
      texts.push(...(await this.#references(found.references ?? [], seen)), found.schema);
    }
    return texts;
  }

  idOf(subject: string, schema: string, register: boolean): Promise<number> {
    const key = `${register} ${subject} ${schema}`;
    let id = this.#ids.get(key);
    if (id === undefined) {
      id = this.#idOf(subject, schema, register);
      // A failure is not remembered: the next try may find the registry back.
      id.catch(() => this.#ids.delete(key));
      bounded(this.#ids, this.cacheSize, key, id);
    }
    return id;
  }

  async #idOf(subject: string, schema: string, register: boolean): Promise<number> {
    const body = { schema };
    let answer = await this.#ask((api, call) => api.Subject.registered({ ...call, subject, body }));
    if (answer.status === 404) {
      if (!register)
        throw new ConfigurationError(
          "SCHEMA_UNKNOWN",
          `Subject '${subject}' at ${this.name} does not have this schema: register it there, or leave out { register: false }`,
        );
      answer = await this.#ask((api, call) => api.Subject.register({ ...call, subject, body }));
    }
    if (answer.status === 409) {
      throw new ConfigurationError(
        "SCHEMA_INCOMPATIBLE",
        `Cannot register this schema under subject '${subject}' at ${this.name}: it is incompatible with an earlier version (${answer.message})`,
      );
    }
    const { id } = this.#data(answer, `subject '${subject}'`) as { readonly id?: unknown };
    if (!Number.isSafeInteger(id)) throw this.#refused(answer, `subject '${subject}'`);
    return id as number;
  }

  /** Sends one request; rejects with REGISTRY_UNREACHABLE when there is no answer that says anything. */
  async #ask(request: (api: Api, call: Call) => Promise<Response>): Promise<Answer> {
    let timer: NodeJS.Timeout | undefined;
    const stop = new AbortController();
    const tooLate = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new Error(`there was no answer within ${this.#timeoutMs} ms`)), this.#timeoutMs);
    });
    try {
      this.#api ??= this.#connect();
      const api = await this.#api;
      const response = await Promise.race([request(api, { signal: stop.signal }), tooLate]);
      return { status: response.status(), data: response.data(), message: "" };
    } catch (thrown) {
      const status = (thrown as { readonly status?: unknown }).status;
      if (typeof status !== "number" || saysNothing(status)) {
        throw new MillraceError("REGISTRY_UNREACHABLE", `Cannot reach the schema registry ${this.name}: ${reason(thrown)}`, {
          cause: thrown,
        });
      }
      return { status, data: undefined, message: reason(thrown) };
    } finally {
      clearTimeout(timer);
      stop.abort();
    }
  }

  #data(answer: Answer, what: string): object {
    if (answer.status < 300 && typeof answer.data === "object" && answer.data !== null) return answer.data;
    throw this.#refused(answer, what);
  }

  #refused({ status, message }: Answer, what: string): MillraceError {
    if (status === 401)
      return new ConfigurationError(
        "NOT_AUTHENTICATED",
        `The schema registry ${this.name} does not accept these credentials, asked for ${what}`,
      );
    if (status === 403)
      return new ConfigurationError("NOT_AUTHORIZED", `The schema registry ${this.name} does not allow to read or write ${what}`);
    // Not the registry, but something in front of it: asking again may help, the record is not to blame.
    if (status < 300)
      return new MillraceError(
        "REGISTRY_UNREACHABLE",
        `The schema registry ${this.name} gave no sensible answer for ${what}: is this its address?`,
      );
    return new ConfigurationError("OPTION_INVALID", `The schema registry ${this.name} refused ${what} with status ${status}: ${message}`);
  }
}

const referencesMax = 100;
/**
 * What says nothing about the question: the registry is failing, busy, or was not reached, for which the client gives 400. (A registry gives 422 for what it cannot
 * take, so nothing else is lost in it.)
 */
const saysNothing = (status: number): boolean => status >= 500 || status === 400 || status === 408 || status === 429;

/** Confluent's resources as the client package knows them. */
interface Api {
  readonly Schema: { find(call: Call & { readonly id: number }): Promise<Response> };
  readonly Subject: {
    version(call: Call & { readonly subject: string; readonly version: number | string }): Promise<Response>;
    registered(call: Call & { readonly subject: string; readonly body: object }): Promise<Response>;
    register(call: Call & { readonly subject: string; readonly body: object }): Promise<Response>;
  };
}

interface Call {
  readonly signal: AbortSignal;
}

interface Response {
  status(): number;
  data(): unknown;
}

interface Answer {
  readonly status: number;
  readonly data: unknown;
  readonly message: string;
}

interface SchemaAnswer {
  readonly schema?: unknown;
  readonly schemaType?: string;
  readonly references?: readonly Reference[];
}

interface Reference {
  readonly subject: string;
  readonly version: number;
}

/**
 * The package's REST client. Its own encoding and decoding are not used: they are asynchronous, remember every schema for ever, and compile what the registry sends
 * before anybody has looked at it. Loaded when it is first needed, as it brings an HTTP client along.
 */
const connect = async (host: string, { auth, agent }: ConfluentRegistryOptions): Promise<Api> => {
  const { default: client } = (await import("@kafkajs/confluent-schema-registry/dist/api/index.js")) as unknown as {
    default: { default(options: object): Api };
  };
  const headers = auth !== undefined && "token" in auth ? { Authorization: `Bearer ${auth.token}` } : {};
  return client.default({
    host,
    clientId: "millrace",
    // Trying again is the engine's business: it knows for how long.
    retry: { retries: 0 },
    ...(agent === undefined ? {} : { agent }),
    ...(auth !== undefined && "username" in auth ? { auth } : {}),
    middlewares: [() => ({ prepareRequest: (next: () => Promise<Enhanceable>) => next().then((request) => request.enhance({ headers })) })],
  });
};

interface Enhanceable {
  enhance(extras: object): Enhanceable;
}

const addressOf = ({ host, auth, insecure = false }: ConfluentRegistryOptions): URL => {
  let url: URL;
  try {
    url = new URL(host);
  } catch {
    throw new ConfigurationError(
      "OPTION_INVALID",
      `Cannot use '${withoutCredentials(host)}' as a schema registry: an address such as http://127.0.0.1:8081 is wanted`,
    );
  }
  if (url.protocol !== "http:" && url.protocol !== "https:")
    throw new ConfigurationError("OPTION_INVALID", `Cannot use '${url.protocol}' for a schema registry: http: or https: is wanted`);
  if (url.username !== "" || url.password !== "") {
    throw new ConfigurationError(
      "OPTION_INVALID",
      `Cannot use credentials in the address of the schema registry ${url.host}: addresses are logged; pass them as { auth }`,
    );
  }
  if (auth !== undefined && url.protocol === "http:" && !insecure && !loopback.has(url.hostname)) {
    throw new ConfigurationError(
      "OPTION_INVALID",
      `Cannot send credentials to ${url.origin} over plain http: use https, or set { insecure: true }`,
    );
  }
  return url;
};

const loopback: ReadonlySet<string> = new Set(["localhost", "127.0.0.1", "[::1]"]);

const withoutCredentials = (address: string): string => address.replace(/\/\/[^/@]*@/, "//");

const positive = (option: string, value: number): number => {
  if (!(Number.isFinite(value) && value > 0))
    throw new ConfigurationError("OPTION_INVALID", `Cannot use ${value} as ${option} of a schema registry: a number above zero is wanted`);
  return value;
};

/** Adds to a map that forgets what has been in it longest. */
const bounded = <K, V>(map: Map<K, V>, max: number, key: K, value: V): void => {
  map.delete(key);
  if (map.size >= max) map.delete(map.keys().next().value!);
  map.set(key, value);
};
