/** How much a message matters. */
export type LogLevel = "debug" | "info" | "warn" | "error";

/** Structured logging. Fields never hold record values, headers or credentials. */
export interface Logger {
  log(level: LogLevel, message: string, fields?: Readonly<Record<string, unknown>>): void;
}

/** Says nothing. */
export const silent: Logger = { log: () => {} };
