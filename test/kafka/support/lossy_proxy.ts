import { connect, createServer, type Server, type Socket } from "node:net";

/** What is to happen to the next request of one kind from one client. */
export interface Mishap {
  readonly clientId: string;
  readonly apiKey: number;
  /**
   * "request": the connection breaks before the broker has seen it. "response": the connection breaks after the broker has answered. "hold": the connection
   * breaks, and the broker gets the request when `release` is called.
   */
  readonly kind: "request" | "response" | "hold";
}

/** Stands between clients and a broker, passes everything on, and loses just the message that a test wants to be lost. */
export class LossyProxy {
  readonly #server: Server;
  readonly #target: { readonly host: string; readonly port: number };
  readonly #sockets = new Set<Socket>();
  #mishaps: Mishap[] = [];
  #held: (() => void)[] = [];
  /** How many mishaps have happened. */
  happened = 0;

  static async start(port: number, target: string): Promise<LossyProxy> {
    const proxy = new LossyProxy(target);
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

  get address(): string {
    return `127.0.0.1:${(this.#server.address() as { port: number }).port}`;
  }

  next(mishap: Mishap): void {
    this.#mishaps.push(mishap);
  }

  /** Hands the requests that were held to the broker, and waits for its answers, which go nowhere. */
  async release(): Promise<void> {
    const held = this.#held;
    this.#held = [];
    for (const send of held) send();
    await new Promise((resolve) => setTimeout(resolve, 300));
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #pass(client: Socket): void {
    const broker = connect(this.#target);
    for (const socket of [client, broker]) {
      socket.setNoDelay(true);
      this.#sockets.add(socket);
      socket.on("error", () => {});
      socket.on("close", () => this.#sockets.delete(socket));
    }
    let lostAnswer: number | undefined;
    let detached = false;
    inFrames(client, (frame) => {
      const mishap = this.#take(frame);
      switch (mishap?.kind) {
        case undefined:
          broker.write(frame);
          return;
        case "request":
          client.destroy();
          return;
        case "response":
          lostAnswer = frame.readInt32BE(8);
          broker.write(frame);
          return;
        case "hold":
          detached = true;
          this.#held.push(() => broker.write(frame));
          client.destroy();
          return;
      }
    });
    inFrames(broker, (frame) => {
      if (lostAnswer !== undefined && frame.readInt32BE(4) === lostAnswer) client.destroy();
      else if (!client.destroyed) client.write(frame);
    });
    client.on("close", () => {
      if (!detached) broker.destroy();
    });
    broker.on("close", () => client.destroy());
  }

  #take(frame: Buffer): Mishap | undefined {
    const apiKey = frame.readInt16BE(4);
    const clientId = frame.toString("utf8", 14, 14 + frame.readInt16BE(12));
    const index = this.#mishaps.findIndex((mishap) => mishap.apiKey === apiKey && mishap.clientId === clientId);
    if (index < 0) return undefined;
    this.happened++;
    return this.#mishaps.splice(index, 1)[0];
  }
}

/** Hands on whole messages, each with the four bytes of its length. */
const inFrames = (socket: Socket, take: (frame: Buffer) => void): void => {
  let kept: Buffer = Buffer.alloc(0);
  socket.on("data", (chunk: Buffer) => {
    kept = kept.length === 0 ? chunk : Buffer.concat([kept, chunk]);
    while (kept.length >= 4 && kept.length >= 4 + kept.readInt32BE(0)) {
      const end = 4 + kept.readInt32BE(0);
      take(kept.subarray(0, end));
      kept = kept.subarray(end);
    }
  });
};
