import { LogError } from "../../core/ports/log.ts";
import type { BrokerConnection } from "./broker_connection.ts";

/** Opens a connection to a broker by its number. */
export type Dial = (nodeId: number) => Promise<BrokerConnection>;

/** The connections of one owner, by broker and by what they are for. One that has ended, or was idle so long that it may have, is replaced at the next use. */
export class ConnectionSet {
  readonly #dial: Dial;
  readonly #connections = new Map<string, Promise<BrokerConnection>>();
  #closed = false;

  constructor(dial: Dial) {
    this.#dial = dial;
  }

  async to(nodeId: number, purpose: string): Promise<BrokerConnection> {
    const key = `${nodeId}/${purpose}`;
    for (;;) {
      if (this.#closed) throw closed();
      let opening = this.#connections.get(key);
      if (opening === undefined) {
        opening = this.#dial(nodeId);
        this.#connections.set(key, opening);
      }
      try {
        const connection = await opening;
        if (this.#closed) throw closed();
        if (connection.alive && connection.idleMs < idleMsMax) return connection;
        connection.destroy(
          new LogError("CONNECTION_CLOSED", "retriable", `The connection to broker ${connection.address} was idle for long`),
        );
      } catch (thrown) {
        if (this.#connections.get(key) === opening) this.#connections.delete(key);
        throw thrown;
      }
      if (this.#connections.get(key) === opening) this.#connections.delete(key);
    }
  }

  /** Ends all of them; requests under way fail. */
  close(): void {
    this.#closed = true;
    for (const opening of this.#connections.values()) {
      opening.then(
        (connection) => connection.destroy(closed()),
        () => {},
      );
    }
    this.#connections.clear();
  }
}

/** Below the ten minutes after which brokers close by default, and below the four of common load balancers. */
const idleMsMax = 180_000;

const closed = (): LogError => new LogError("CLOSED", "rejected", "The connection to the log was closed by this program");
