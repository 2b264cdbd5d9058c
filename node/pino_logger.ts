import { destination, pino } from "pino";
import type { Logger, LogLevel } from "../core/ports/logger.ts";

/** The library's own messages have no such fields; a program's may. */
const secretFields = ["password", "passphrase", "token", "apiKey", "authorization", "pfx"].flatMap((name) => [
  name,
  `*.${name}`,
  `*.*.${name}`,
]);

/**
 * Structured logging by pino: one JSON object per line. Fields called `password`, `passphrase`, `token`, `apiKey`, `authorization` or `pfx` are not shown.
 * @param options `level` defaults to "info", `fd` to 2, the error output, so that what a program prints stays its own
 */
export const pinoLogger = (options: { readonly level?: LogLevel; readonly fd?: number; readonly name?: string } = {}): Logger => {
  const logger = pino(
    { level: options.level ?? "info", name: options.name ?? "millrace", redact: secretFields },
    destination({ dest: options.fd ?? 2, sync: true }),
  );
  return { log: (level, message, fields = {}) => logger[level](fields, message) };
};
