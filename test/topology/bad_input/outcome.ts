import { type MillraceError, reason } from "../../../core/errors.ts";
import { noHeaders, partitionId } from "../../../core/ports/log.ts";
import type { App } from "../../../core/runtime/app.ts";
import type { RunOptions } from "../../../topology/run_options.ts";
import type { Topology } from "../../../topology/topology.ts";
import { Cluster } from "../../support/cluster.ts";

/** Bytes for a test, from text. */
export const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text);

/** A cluster whose topics take what is written without a look at the serdes: bad records come from somebody else's program. */
export class BadInput {
  readonly cluster: Cluster;

  private constructor(cluster: Cluster) {
    this.cluster = cluster;
  }

  static async open(topics: Readonly<Record<string, number>>, options: ConstructorParameters<typeof Cluster>[0] = {}): Promise<BadInput> {
    const cluster = new Cluster(options);
    for (const [topic, partitions] of Object.entries(topics)) await cluster.create(topic, partitions);
    return new BadInput(cluster);
  }

  async write(
    topic: string,
    ...records: readonly {
      readonly key?: Uint8Array | null;
      readonly value: Uint8Array | null;
      readonly timestamp?: number;
      readonly partition?: number;
    }[]
  ): Promise<void> {
    const { cluster } = this;
    const outbox = cluster.log.outbox();
    for (const { key = null, value, timestamp = cluster.clock.now(), partition = 0 } of records)
      outbox.append(topic, partition, key, value, timestamp, noHeaders);
    const producer = await cluster.drive(cluster.log.producer({ transactionalId: null, transactionTimeoutMs: 60_000 }));
    await cluster.drive(producer.send(outbox));
    await producer.close();
  }

  /** What a topic holds, read committed, values and headers as text. */
  async texts(
    topic: string,
  ): Promise<
    readonly { readonly key: string | null; readonly value: string | null; readonly headers: Readonly<Record<string, string>> }[]
  > {
    const { cluster } = this;
    const text = (bytes: Uint8Array | null): string | null => (bytes === null ? null : new TextDecoder().decode(bytes));
    const fetcher = cluster.log.fetcher({ isolation: "read-committed" });
    const found: { key: string | null; value: string | null; headers: Record<string, string> }[] = [];
    const { partitions } = (await cluster.drive(cluster.log.admin.describe([topic]))).get(topic)!;
    for (let partition = 0; partition < partitions; partition++)
      for (const { records } of await cluster.drive(fetcher.poll([{ topic, partition, offset: 0 }], 0)))
        while (records.next())
          found.push({
            key: text(records.key()),
            value: text(records.value()),
            headers: Object.fromEntries(records.headers().map(([name, value]) => [name, text(value) ?? ""])),
          });
    await fetcher.close();
    return found;
  }

  /** Where the application goes on in a partition; undefined when it has committed nothing there. */
  async position(applicationId: string, topic: string, partition = 0): Promise<number | undefined> {
    const at = { topic, partition };
    const committed = await this.cluster.drive(this.cluster.log.admin.committed(applicationId, [at], { requireStable: true }));
    return committed.get(partitionId(topic, partition))?.offset;
  }

  /** Runs until the app fails, and gives what it failed with. */
  async failure(topology: Topology, options: RunOptions = {}): Promise<MillraceError> {
    const app = await this.cluster.start(topology, options);
    return this.failureOf(app);
  }

  failureOf(app: App): Promise<MillraceError> {
    return this.cluster.drive(
      app.finished.then(
        () => Promise.reject(new Error("The app ended as if nothing had been wrong")),
        (error: MillraceError) => error,
      ),
    );
  }

  /** Starts, and gives the error with which that is refused. */
  async refusal(topology: Topology, options: RunOptions = {}): Promise<MillraceError> {
    let app: App;
    try {
      app = await this.cluster.start(topology, options);
    } catch (error) {
      return error as MillraceError;
    }
    await this.cluster.drive(app.close());
    throw new Error("The app was started although it should have been refused");
  }

  /** Lets the app work until all is done, and closes it. */
  async run(topology: Topology, options: RunOptions = {}): Promise<App> {
    const app = await this.cluster.start(topology, options);
    await this.cluster.clock.advance(3000);
    if (app.state === "error") throw new Error(`The app failed: ${reason(await app.finished.catch((error: unknown) => error))}`);
    return app;
  }

  close(): Promise<void> {
    return this.cluster.close();
  }
}

/** A counter of the app by name, over all steps. */
export const counted = (app: App, name: string): number => {
  let sum = 0;
  for (const metric of app.metrics()) if (metric.name === name) sum += metric.value;
  return sum;
};
