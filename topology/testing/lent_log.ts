import type { Fetcher, FetcherOptions, Log, Producer, ProducerOptions } from "../../core/ports/log.ts";

/** What was opened and has to be closed again, by its kind. */
export class Lent {
  readonly #counts = new Map<string, number>();

  open(kind: string): void {
    this.#counts.set(kind, (this.#counts.get(kind) ?? 0) + 1);
  }

  close(kind: string): void {
    this.#counts.set(kind, (this.#counts.get(kind) ?? 0) - 1);
  }

  /** What is still open: "2 producers". */
  get left(): readonly string[] {
    return [...this.#counts].flatMap(([kind, n]) => (n === 0 ? [] : [`${n} ${kind}`]));
  }
}

/** The same log, of which it is known whether everything that was opened was closed. */
export const lentLog = (log: Log, lent: Lent): Log => {
  lent.open("logs");
  const closing = <T extends { close(): Promise<void> }>(one: T, kind: string): T => {
    lent.open(kind);
    const close = one.close.bind(one);
    let closed = false;
    return Object.assign(one, {
      close: () => {
        if (!closed) lent.close(kind);
        closed = true;
        return close();
      },
    });
  };
  return {
    fetcher: (options: FetcherOptions): Fetcher => closing(log.fetcher(options), "fetchers"),
    producer: async (options: ProducerOptions): Promise<Producer> =>
      closing(await log.producer(options), options.transactionalId === null ? "producers" : `producers of '${options.transactionalId}'`),
    outbox: () => log.outbox(),
    join: (options) => log.join(options),
    admin: log.admin,
    close: () => {
      lent.close("logs");
      return log.close();
    },
  };
};
