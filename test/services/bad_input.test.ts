import { connect, createServer, type Socket } from "node:net";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { memoryLog } from "../../core/log/mod.ts";
import { type Log, noHeaders } from "../../core/ports/log.ts";
import type { App } from "../../core/runtime/app.ts";
import type { Serde } from "../../core/serde/serde.ts";
import { text } from "../../core/serde/text.ts";
import { deadLetter, type ErrorPolicy, run, seconds, sink, skip, systemClock, topic, topology } from "../../mod.ts";
import { freePort } from "../../node/local/free_port.ts";
import { type LocalSchemaRegistry, schemaRegistryMissing, startSchemaRegistry } from "../../node/local/schema_registry.ts";
import { avro } from "../../node/serde/avro.ts";
import { confluentRegistry } from "../../node/serde/confluent_registry.ts";
import { total } from "../app_scenarios/app_world.ts";

const missing = schemaRegistryMissing();
const withServer = missing.length === 0 ? describe : describe.skip;

const schema = { type: "record", name: "Payment", fields: [{ name: "id", type: "string" }] } as const;
const grown = { ...schema, fields: [...schema.fields, { name: "note", type: "string", default: "" }] } as const;
const incompatible = { ...schema, fields: [{ name: "id", type: "long" }] } as const;
interface Payment {
  readonly id: string;
}

/** A program on the log in memory, with the registry at an address. */
const begin = async (host: string, onError: ErrorPolicy = skip()) => {
  const log: Log = memoryLog({ clock: systemClock }).connect();
  await log.admin.create(["payments", "parked"].map((name) => ({ topic: name, partitions: 1, replication: -1, config: {} })));
  const payment: Serde<Payment> = avro(schema, { registry: confluentRegistry({ host, timeoutMs: 2000, unknownForMs: 1000 }) });
  const seen: string[] = [];
  const program = topology("reading", ({ from }) => {
    from(topic("payments", { key: text, value: payment }), { onError }).to(
      sink<Payment>("seen", {
        async write(batch) {
          for (const { value } of batch) seen.push(value.id);
        },
      }),
    );
  });
  const app: App = await run(program, { log, taskTimeout: seconds(60) });
  return {
    app,
    seen,
    log,
    write: async (...values: readonly Uint8Array[]): Promise<void> => {
      const outbox = log.outbox();
      for (const value of values) outbox.append("payments", 0, null, value, Date.now(), noHeaders);
      const producer = await log.producer({ transactionalId: null, transactionTimeoutMs: 60_000 });
      await producer.send(outbox);
      await producer.close();
    },
  };
};

const until = async (what: string, holds: () => boolean): Promise<void> => {
  for (let tries = 0; !holds(); tries++) {
    if (tries > 600) throw new Error(`In 30 s it never came to this: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
};

withServer(`a program with a real schema registry${missing.length === 0 ? "" : ` (missing: ${missing.join(", ")})`}`, () => {
  let server: LocalSchemaRegistry;
  const writer = async <T>(made: Parameters<typeof avro>[0], subject: string): Promise<(value: T) => Uint8Array> => {
    const serde = avro(made, { registry: confluentRegistry({ host: server.url }), subject });
    await serde.open?.("payments", "value", "write");
    return (value) => serde.serialize(value as never, "payments");
  };

  beforeAll(async () => {
    server = await startSchemaRegistry();
  }, 600_000);
  afterAll(() => server?.stop());

  it("leaves out or parks records whose schema id the registry does not have, and goes on", async () => {
    for (const policy of [skip(), deadLetter("parked")]) {
      const write = await writer<Payment>(schema, "payments-value");
      const unknown = write({ id: "unknown" }).slice();
      unknown.set([0, 0, 0x1e, 0x24, 0x40]);
      const world = await begin(server.url, policy);
      await world.write(write({ id: "before" }), unknown, write({ id: "after" }));
      await until("the others are through", () => world.seen.length === 2);
      expect(world.seen).toEqual(["before", "after"]);
      expect([total(world.app, "skipped_records"), total(world.app, "dead_letter_records")]).toEqual(
        policy.kind === "skip" ? [1, 0] : [0, 1],
      );
      await world.app.close();
      await world.log.close();
    }
  });

  it("reads what a newer version of the schema has written, and refuses to start with one that the registry does not take", async () => {
    const [old, young] = [await writer<Payment>(schema, "grown"), await writer<Payment>(grown, "grown")];
    const world = await begin(server.url);
    await world.write(old({ id: "old" }), young({ id: "young", note: "hi" } as Payment));
    await until("both are read", () => world.seen.length === 2);
    expect(world.seen).toEqual(["old", "young"]);
    await world.app.close();
    const registry = confluentRegistry({ host: server.url });
    const writing = topology("writing", ({ from }) => {
      from(topic("payments", { value: text }))
        .map(() => ({ id: 1 }))
        .to(topic("parked", { value: avro(incompatible, { registry, subject: "grown" }) }));
    });
    await expect(run(writing, { log: world.log })).rejects.toMatchObject({
      name: "ConfigurationError",
      code: "SCHEMA_INCOMPATIBLE",
      message: expect.stringContaining("'grown'"),
    });
    await world.log.close();
  });

  it("waits while the registry is away, whatever the policy says of bad records, and goes on when it is back", async () => {
    const [first, second] = [await writer<Payment>(schema, "away"), await writer<Payment>(grown, "away")];
    const port = await freePort();
    let door = await openDoor(port, Number(new URL(server.url).port));
    const world = await begin(`http://127.0.0.1:${port}`);
    await world.write(first({ id: "a" }));
    await until("the first is through", () => world.seen.length === 1);
    await door.close();
    await world.write(first({ id: "b" }), second({ id: "c", note: "" } as Payment), first({ id: "d" }));
    await until("what needs no registry is through", () => world.seen.length === 2);
    // Long enough to be refused more than once.
    await new Promise((resolve) => setTimeout(resolve, 2000));
    expect([world.seen, world.app.state, total(world.app, "skipped_records")]).toEqual([["a", "b"], "running", 0]);
    door = await openDoor(port, Number(new URL(server.url).port));
    await until("all are through", () => world.seen.length === 4);
    expect(world.seen).toEqual(["a", "b", "c", "d"]);
    await world.app.close();
    await world.log.close();
    await door.close();
  });
});

/** Passes everything on to the registry, until it is closed: then nobody listens there. */
const openDoor = async (port: number, target: number): Promise<{ close(): Promise<void> }> => {
  const sockets = new Set<Socket>();
  const door = createServer((client) => {
    const registry = connect(target, "127.0.0.1");
    for (const [one, other] of [
      [client, registry],
      [registry, client],
    ] as const) {
      sockets.add(one);
      one.on("error", () => {});
      one.on("close", () => other.destroy());
      one.pipe(other);
    }
  });
  await new Promise<void>((resolve) => door.listen(port, "127.0.0.1", resolve));
  return {
    close: () =>
      new Promise((resolve) => {
        for (const socket of sockets) socket.destroy();
        door.close(() => resolve());
      }),
  };
};
