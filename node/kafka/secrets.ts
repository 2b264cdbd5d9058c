import { inspect } from "node:util";

/**
 * A copy of options that can be shown: passwords, tokens, private keys and their passphrases are replaced, at any depth. For programs that log how they were started.
 *
 * @example
 * ```ts
 * import { withoutSecrets } from "millrace/node";
 *
 * const options = { brokers: "localhost:9092", sasl: { mechanism: "scram-sha-256", username: "alice", password: "secret" } };
 * console.log(withoutSecrets(options)); // ... username: "alice", password: "[redacted]"
 * ```
 */
export const withoutSecrets = (options: unknown): unknown => shown(options, new Set());

const shown = (value: unknown, above: Set<object>): unknown => {
  if (typeof value !== "object" || value === null) return value;
  if (above.has(value)) return "[circular]";
  if (ArrayBuffer.isView(value)) return `[${value.byteLength} bytes]`;
  above.add(value);
  const copy = Array.isArray(value)
    ? value.map((element) => shown(element, above))
    : Object.fromEntries(
        Object.entries(value).map(([name, inner]) => [name, isSecret(name) && inner !== undefined ? "[redacted]" : shown(inner, above)]),
      );
  above.delete(value);
  return copy;
};

/** Whether a field of that name holds a secret: of the options of a connection, of TLS, of a registry and of a search server. */
const isSecret = (name: string): boolean => secrets.has(name.toLowerCase());

const secrets: ReadonlySet<string> = new Set([
  "password",
  "passphrase",
  "token",
  "apikey",
  "secret",
  "authorization",
  "key",
  "pfx",
  "pskcallback",
  "ticketkeys",
  "session",
  "securecontext",
]);

/** A copy of options that hides its secrets by itself when it is printed or made JSON, alone or inside of something else. Whoever reads a field gets it. */
export const printable = <Options extends object>(options: Options): Options =>
  Object.defineProperties(
    { ...options },
    {
      toJSON: { value: () => withoutSecrets(options) },
      [inspect.custom]: { value: () => withoutSecrets(options) },
    },
  );
