import { connect, createServer, type Server, type Socket } from "node:net";

/**
 * What happens to the connections it concerns:
 * - "slow": everything takes so many milliseconds longer, each way.
 * - "mute": what the broker answers is held.
 * - "apart": nothing comes through either way.
 * - "closed": there is no connection.
 * What is held comes through when the trouble is over, whether somebody still waits for it or not.
 */
export interface Trouble {
  readonly kind: "slow" | "mute" | "apart" | "closed";
  readonly ms?: number;
  /** Only connections of this client. @default all */
  readonly clientId?: string;
}

/** Stands between clients and one broker. */
export class TcpProxy {
  readonly #server: Server;
  readonly #target: { readonly host: string; readonly port: number };
  readonly #pairs = new Set<Pair>();
  readonly #troubles = new Set<Trouble>();

  static async start(port: number, target: string): Promise<TcpProxy> {
    const proxy = new TcpProxy(target);
    await new Promise<void>((resolve, reject) => {
      proxy.#server.once("error", reject);
      proxy.#server.listen(port, "127.0.0.1", resolve);
    });
    return proxy;
  }

  private constructor(target: string) {
    const [host = "", port = ""] = target.split(":");
    this.#target = { host, port: Number(port) };
    this.#server = createServer((client) => this.#pass(client));
  }

  get connections(): number {
    return this.#pairs.size;
  }

  /** Begins a trouble; the answer ends it. */
  trouble(trouble: Trouble): () => void {
    this.#troubles.add(trouble);
    if (trouble.kind === "closed") this.cut(() => true);
    return () => {
      this.#troubles.delete(trouble);
      for (const pair of this.#pairs) pair.flow();
    };
  }

  /** Breaks connections, with all that is on its way. Gives how many. */
  cut(chosen: () => boolean): number {
    const broken = [...this.#pairs].filter(chosen);
    for (const pair of broken) pair.destroy();
    return broken.length;
  }

  async close(): Promise<void> {
    this.cut(() => true);
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #pass(client: Socket): void {
    if ([...this.#troubles].some(({ kind }) => kind === "closed")) {
      client.on("error", () => {});
      client.destroy();
      return;
    }
    const pair = new Pair(client, connect(this.#target), (clientId) =>
      [...this.#troubles].filter((one) => (one.clientId ?? clientId) === clientId),
    );
    this.#pairs.add(pair);
    pair.onEnd = () => this.#pairs.delete(pair);
  }
}

/** One connection: what comes from one side goes to the other, later or never. */
class Pair {
  onEnd: () => void = () => {};
  readonly #troublesOf: (clientId: string | undefined) => readonly Trouble[];
  readonly #toBroker: Way;
  readonly #toClient: Way;
  #clientId: string | undefined;

  constructor(client: Socket, broker: Socket, troublesOf: (clientId: string | undefined) => readonly Trouble[]) {
    this.#troublesOf = troublesOf;
    this.#toBroker = new Way(client, broker, () => this.#delayMs(["apart"]));
    this.#toClient = new Way(broker, client, () => this.#delayMs(["apart", "mute"]));
    client.once("data", (first: Buffer) => {
      // Size, what is asked, its version and number; then who asks.
      if (first.length >= 14) this.#clientId = first.toString("utf8", 14, 14 + first.readInt16BE(12));
    });
    for (const socket of [client, broker]) {
      socket.setNoDelay(true);
      socket.on("error", () => {});
      socket.on("close", () => {
        if (client.destroyed && broker.destroyed) this.onEnd();
      });
    }
  }

  /** Lets go what is no longer held. */
  flow(): void {
    this.#toBroker.flow();
    this.#toClient.flow();
  }

  destroy(): void {
    this.#toBroker.destroy();
    this.#toClient.destroy();
  }

  #delayMs(holding: readonly Trouble["kind"][]): number {
    const troubles = this.#troublesOf(this.#clientId);
    if (troubles.some(({ kind }) => holding.includes(kind))) return Number.POSITIVE_INFINITY;
    return troubles.reduce((most, { kind, ms = 0 }) => (kind === "slow" ? Math.max(most, ms) : most), 0);
  }
}

/** One direction of a connection. Chunks leave in the order in which they came; the end of the sender comes after all of them. */
class Way {
  readonly #from: Socket;
  readonly #to: Socket;
  readonly #delayMs: () => number;
  readonly #chunks: { readonly bytes: Buffer; readonly cameMs: number }[] = [];
  #timer: NodeJS.Timeout | undefined;
  #ended = false;

  constructor(from: Socket, to: Socket, delayMs: () => number) {
    this.#from = from;
    this.#to = to;
    this.#delayMs = delayMs;
    from.on("data", (bytes: Buffer) => {
      this.#chunks.push({ bytes, cameMs: performance.now() });
      this.flow();
    });
    from.once("close", () => {
      this.#ended = true;
      this.flow();
    });
  }

  flow(): void {
    clearTimeout(this.#timer);
    const delayMs = this.#delayMs();
    while (this.#chunks.length > 0) {
      const leftMs = this.#chunks[0]!.cameMs + delayMs - performance.now();
      if (leftMs === Number.POSITIVE_INFINITY) return;
      if (leftMs > 0) {
        this.#timer = setTimeout(() => this.flow(), leftMs);
        return;
      }
      const { bytes } = this.#chunks.shift()!;
      if (!this.#to.destroyed) this.#to.write(bytes);
    }
    // What was sent by somebody who has gone still arrives; its answers go nowhere.
    if (this.#ended && delayMs !== Number.POSITIVE_INFINITY) this.#to.destroySoon();
  }

  destroy(): void {
    clearTimeout(this.#timer);
    this.#chunks.length = 0;
    this.#from.destroy();
  }
}
