/**
 * Turns of the event loop: when a turn comes, all microtasks have run, however long their chains were. They come by `setImmediate` where the runtime has it, else
 * by a message channel, which is open only while somebody takes turns, for an open one keeps a process alive.
 */
export class Macrotasks {
  private channel: MessageChannel | null = null;
  private readonly waiting: (() => void)[] = [];
  private users = 0;

  /** Runs work that takes turns. */
  async during<T>(work: () => Promise<T>): Promise<T> {
    this.users++;
    try {
      return await work();
    } finally {
      if (--this.users === 0) {
        this.channel?.port1.close();
        this.channel = null;
      }
    }
  }

  /** Resolves in the next macrotask. */
  turn(): Promise<void> {
    const { setImmediate } = globalThis as { setImmediate?: (callback: () => void) => unknown };
    return new Promise((resolve) => {
      if (setImmediate !== undefined) setImmediate(resolve);
      else {
        this.waiting.push(resolve);
        (this.channel ?? this.open()).port2.postMessage(null);
      }
    });
  }

  private open(): MessageChannel {
    const channel = new MessageChannel();
    channel.port1.onmessage = () => this.waiting.shift()?.();
    this.channel = channel;
    return channel;
  }
}
