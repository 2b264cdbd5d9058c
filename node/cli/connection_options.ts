import { readFileSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { nearest } from "../../topology/nearest.ts";
import type { KafkaOptions, KafkaSasl } from "../kafka/mod.ts";
import type { Terminal } from "./command.ts";
import type { Given } from "./command_line.ts";
import { UsageError } from "./usage_error.ts";

/**
 * How a command reaches the brokers: every command that does has these options. A password is never one of them, since all users of a machine can read the command lines
 * of its processes.
 */
export const connectionOptionTable = {
  brokers: { value: "HOST:PORT", help: "some of the brokers, separated by commas" },
  config: {
    value: "FILE.json",
    help: "a JSON file with the options that 'run' takes: brokers, clientId, ssl (ca, cert and key may be names of files), sasl, insecure; options of the command line go before it",
  },
  ssl: { help: "use TLS" },
  "ssl-ca": { value: "FILE", help: "the authority that signed the brokers' certificates, PEM; implies --ssl" },
  "ssl-cert": { value: "FILE", help: "the client's certificate, PEM; implies --ssl" },
  "ssl-key": { value: "FILE", help: "its private key, PEM; MILLRACE_SSL_PASSPHRASE is its passphrase" },
  "sasl-mechanism": { value: "NAME", help: "plain, scram-sha-256, scram-sha-512 or oauthbearer" },
  "sasl-username": { value: "NAME", help: "the user; the password comes from MILLRACE_SASL_PASSWORD or --sasl-password-file" },
  "sasl-password-file": { value: "FILE", help: "a file with the password" },
  "sasl-token-file": { value: "FILE", help: "a file with the token of oauthbearer, read again at each login; or MILLRACE_SASL_TOKEN" },
  insecure: { help: "allow passwords without TLS, and certificates that are not checked" },
} as const;

/** The options of a log, from the command line, the file and the environment. Throws UsageError. */
export const connectionOptions = (given: Given<typeof connectionOptionTable>, env: Terminal["env"]): KafkaOptions => {
  const file = given.config === undefined ? {} : configFile(given.config);
  const brokers = given.brokers?.split(",") ?? file.brokers;
  if (brokers === undefined) throw new UsageError("No broker is given: add --brokers HOST:PORT, or --config FILE.json with 'brokers'");
  const ssl = tlsOptions(given, env) ?? file.ssl;
  const sasl = saslOptions(given, env) ?? file.sasl;
  const insecure = given.insecure ?? file.insecure;
  return {
    brokers,
    ...(file.clientId === undefined ? {} : { clientId: file.clientId }),
    ...(ssl === undefined ? {} : { ssl }),
    ...(sasl === undefined ? {} : { sasl }),
    ...(insecure === undefined ? {} : { insecure }),
  };
};

type FromFile = Pick<Partial<KafkaOptions>, "brokers" | "clientId" | "ssl" | "sasl" | "insecure">;

const configFile = (path: string): FromFile => {
  const text = contentOf(path, "--config");
  let content: unknown;
  try {
    content = JSON.parse(text);
  } catch {
    // The parser's own message shows the text, which may hold a password.
    throw new UsageError(`File '${path}' of --config is no JSON: write { "brokers": ["host:port"], ... }`);
  }
  if (typeof content !== "object" || content === null || Array.isArray(content))
    throw new UsageError(`File '${path}' of --config holds no object: write { "brokers": ["host:port"], ... }`);
  const known = ["brokers", "clientId", "ssl", "sasl", "insecure"];
  for (const name of Object.keys(content)) {
    if (known.includes(name)) continue;
    const guess = nearest(name, known);
    throw new UsageError(
      `File '${path}' of --config has '${name}', which is no option of a connection: ${guess === undefined ? `use ${known.join(", ")}` : `did you mean '${guess}'?`}`,
    );
  }
  const { brokers, ssl, ...rest } = content as Record<string, unknown> & { readonly brokers?: unknown; readonly ssl?: unknown };
  return {
    ...(rest as FromFile),
    ...(brokers === undefined ? {} : { brokers: typeof brokers === "string" ? brokers.split(",") : (brokers as string[]) }),
    ...(ssl === undefined ? {} : { ssl: typeof ssl === "object" && ssl !== null ? withFiles(ssl, dirname(path)) : (ssl as boolean) }),
  };
};

/** `ca`, `cert` and `key` hold a certificate or key itself, or name its file, seen from the folder of the configuration. */
const withFiles = (ssl: object, folder: string): NonNullable<Exclude<KafkaOptions["ssl"], boolean>> =>
  Object.fromEntries(
    Object.entries(ssl).map(([name, value]) => {
      if (!["ca", "cert", "key"].includes(name) || typeof value !== "string" || value.includes("-----BEGIN")) return [name, value];
      return [name, contentOf(resolve(folder, value), `'ssl.${name}' in --config`)];
    }),
  );

const tlsOptions = (given: Given<typeof connectionOptionTable>, env: Terminal["env"]): KafkaOptions["ssl"] | undefined => {
  const files = { ca: given["ssl-ca"], cert: given["ssl-cert"], key: given["ssl-key"] };
  const named = Object.entries(files).filter(([, path]) => path !== undefined);
  if (named.length === 0) return given.ssl;
  if ((files.cert === undefined) !== (files.key === undefined))
    throw new UsageError("A client certificate needs its private key: give --ssl-cert and --ssl-key together");
  const passphrase = env["MILLRACE_SSL_PASSPHRASE"];
  return {
    ...Object.fromEntries(named.map(([name, path]) => [name, contentOf(path!, `--ssl-${name}`)])),
    ...(passphrase === undefined ? {} : { passphrase }),
  };
};

const saslOptions = (given: Given<typeof connectionOptionTable>, env: Terminal["env"]): KafkaSasl | undefined => {
  const mechanism = given["sasl-mechanism"];
  if (mechanism === undefined) {
    const orphan = (["sasl-username", "sasl-password-file", "sasl-token-file"] as const).find((name) => given[name] !== undefined);
    if (orphan !== undefined)
      throw new UsageError(`Option --${orphan} needs --sasl-mechanism: add --sasl-mechanism scram-sha-256, or another one`);
    return undefined;
  }
  if (mechanism === "oauthbearer") {
    const path = given["sasl-token-file"];
    const token = env["MILLRACE_SASL_TOKEN"];
    if (path === undefined && token === undefined)
      throw new UsageError("Mechanism oauthbearer needs a token: add --sasl-token-file FILE, or set MILLRACE_SASL_TOKEN");
    return {
      mechanism,
      oauthBearerProvider: async () => ({ value: path === undefined ? token! : contentOf(path, "--sasl-token-file").trim() }),
    };
  }
  const file = given["sasl-password-file"];
  const password = file === undefined ? env["MILLRACE_SASL_PASSWORD"] : contentOf(file, "--sasl-password-file").replace(/\r?\n$/, "");
  const username = given["sasl-username"];
  if (username === undefined || password === undefined)
    throw new UsageError(
      `Mechanism ${mechanism} needs a user and a password: add --sasl-username NAME, and --sasl-password-file FILE or the variable MILLRACE_SASL_PASSWORD`,
    );
  // Whether there is such a mechanism is checked where the connection is made.
  return { mechanism: mechanism as "plain", username, password };
};

const contentOf = (path: string, option: string): string => {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    throw new UsageError(
      `File '${path}' of ${option} cannot be read (${(error as NodeJS.ErrnoException).code ?? "unknown"}): check the path and its rights`,
    );
  }
};
