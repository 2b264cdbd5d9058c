/** The command line says something that cannot be. The message says what to do instead; the exit code is 2. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}
