import { describe, expect, it } from "@jest/globals";
import { minutes, seconds } from "../../../core/duration.ts";
import type { App, AppState, UncaughtPolicy } from "../../../core/runtime/app.ts";
import { integer } from "../../../core/serde/numbers.ts";
import { text } from "../../../core/serde/text.ts";
import type { RunOptions } from "../../../topology/run_options.ts";
import { sink } from "../../../topology/sink.ts";
import { topic } from "../../../topology/topic.ts";
import { topology } from "../../../topology/topology.ts";
import { Cluster } from "../../support/cluster.ts";
import { FaultyLink } from "../../support/faulty_link.ts";

const words = topic("words", { key: text, value: text });
const counts = topic("counts", { key: text, value: integer });

/** Counts words behind a shuffle; "bad" makes the step throw as long as `failures` says so. */
const counting = (failing: { left: number } = { left: 0 }) =>
  topology("counting", ({ from }) => {
    from(words)
      .map((word) => {
        if (word === "bad" && failing.left > 0) {
          failing.left--;
          throw new Error("bad word");
        }
        return word;
      })
      .keyBy((word) => word)
      .count("count")
      .to(counts);
  });

const world = async (options: { readonly partitions?: number } = {}) => {
  const cluster = new Cluster();
  await cluster.create("words", options.partitions ?? 2);
  await cluster.create("counts", 1);
  const say = (...list: readonly string[]) =>
    cluster.produce(
      words,
      list.map((value) => ({ key: value, value })),
    );
  const latest = async () => Object.fromEntries((await cluster.read(counts)).map(({ key, value }) => [key, value]));
  const states: AppState[] = [];
  const watched = (more: RunOptions = {}): RunOptions => ({
    ...more,
    on: { state: ({ from, to }) => void states.push(...(states.length === 0 ? [from, to] : [to])), ...more.on },
  });
  const link = () => new FaultyLink({ clock: cluster.clock });
  return { cluster, say, latest, states, watched, link };
};

const end = async (cluster: Cluster, app: App): Promise<unknown> =>
  cluster.drive(
    app.finished.then(
      () => "stopped",
      (error: unknown) => error,
    ),
  );

describe("the life of an application", () => {
  it("goes from state to state in order, tells who listens, and leaves nothing behind", async () => {
    const { cluster, say, states, watched, latest } = await world();
    const told: string[] = [];
    const app = await cluster.start(
      counting(),
      watched({
        on: {
          assigned: ({ tasks }) => void told.push(`assigned ${tasks.join(" ")} while ${states.at(-1)}`),
          commit: ({ records }) => void (records > 0 && told.push("commit")),
        },
      }),
    );
    const stopListening = app.on("commit", () => {
      throw new Error("a listener's own fault");
    });
    app.on("state", ({ to }) => void told.push(to));
    await say("a", "b");
    await cluster.clock.advance(2000);
    expect(app.state).toBe("running");
    stopListening();
    const closed = app.close();
    expect(app.state).toBe("stopping");
    expect(app.close()).toBe(closed);
    await cluster.drive(closed);
    await cluster.drive(app.finished);
    await app.close();
    expect(states).toEqual(["created", "rebalancing", "running", "stopping", "stopped"]);
    expect(told[0]).toBe("assigned 0_0 0_1 1_0 1_1 while rebalancing");
    expect(told).toContain("commit");
    expect(told.slice(-2)).toEqual(["stopping", "stopped"]);
    expect(cluster.warnings.filter((warning) => !warning.startsWith("A listener of 'commit' threw: a listener's own fault"))).toEqual([]);
    expect(cluster.warnings.length).toBeGreaterThan(0);
    expect(await latest()).toEqual({ a: 1, b: 1 });
    expect(cluster.clock.nextDueMs).toBeUndefined();
    // Whoever says something to an app that is no more says it in vain.
    app.pause();
    app.resume();
    expect(app.state).toBe("stopped");
  });

  it("ends a kill at once, and leaves nothing behind but its place in the group", async () => {
    const { cluster, say, link } = await world();
    const way = link();
    const app = await cluster.start(counting(), { log: cluster.memory.connect(way) });
    await say("a");
    await cluster.clock.advance(130);
    way.cut();
    app.kill();
    await expect(end(cluster, app)).resolves.toMatchObject({ code: "APP_CLOSED" });
    expect(app.state).toBe("error");
    // The session ends, and the broker aborts the transaction that was open.
    await cluster.clock.advance(120_000);
    expect(cluster.clock.nextDueMs).toBeUndefined();
  });

  it("is closed by the signal that was given to run, as by close", async () => {
    const { cluster, say, latest } = await world();
    const ended = new AbortController();
    await say("one", "two", "one");
    const app = await cluster.start(counting(), { signal: ended.signal });
    await cluster.clock.advance(2000);
    ended.abort();
    expect([await end(cluster, app), app.state]).toEqual(["stopped", "stopped"]);
    expect(await latest()).toEqual({ one: 2, two: 1 });
    expect(cluster.warnings).toEqual([]);
    expect(cluster.clock.nextDueMs).toBeUndefined();
  });

  it("ends a start that hangs on a log which does not answer, by its signal", async () => {
    const { cluster, link } = await world();
    const ended = new AbortController();
    const silent = link();
    silent.cut();
    const starting = cluster.start(counting(), { signal: ended.signal, log: cluster.memory.connect(silent) });
    const outcome = starting.catch(({ code }: { readonly code: string }) => code);
    await cluster.clock.advance(1000);
    ended.abort();
    expect(await cluster.drive(outcome)).toBe("APP_CLOSED");
  });

  it("closes within its timeout when the log does not answer any more, and repeats nothing afterwards", async () => {
    const { cluster, say, link, latest, states, watched } = await world();
    const way = link();
    const app = await cluster.start(counting(), watched({ log: cluster.memory.connect(way) }));
    await say("a");
    await cluster.clock.advance(2000);
    await say("b");
    await cluster.clock.advance(20);
    way.freeze();
    const from = cluster.clock.monotonic();
    await cluster.drive(app.close({ timeout: 5000 }));
    expect(cluster.clock.monotonic() - from).toBeLessThan(5100);
    expect(states.at(-1)).toBe("stopped");
    await cluster.drive(app.finished);
    expect(cluster.warnings.join()).toContain("Closing took longer than 5000 ms");
    await cluster.start(counting());
    await cluster.clock.advance(120_000);
    way.thaw();
    await cluster.clock.advance(5000);
    expect(await latest()).toEqual({ a: 1, b: 1 });
    expect((await cluster.read(counts)).length).toBe(2);
    await cluster.close();
    expect(cluster.clock.nextDueMs).toBeUndefined();
  });

  it("closes within its timeout while a commit of unknown outcome is being asked for", async () => {
    const { cluster, say, link } = await world();
    const way = link();
    const app = await cluster.start(counting(), { log: cluster.memory.connect(way) });
    await cluster.clock.advance(1000);
    let dead = false;
    way.fault = (kind) => {
      dead ||= kind === "EndTxn";
      return dead ? "request-lost" : undefined;
    };
    await say("a");
    await cluster.clock.advance(3000);
    expect(dead).toBe(true);
    way.freeze();
    const from = cluster.clock.monotonic();
    await cluster.drive(app.close({ timeout: 4000 }));
    expect(cluster.clock.monotonic() - from).toBeLessThan(4100);
  });

  it("closes promptly while it restores", async () => {
    const { cluster, say, link, states, watched } = await world();
    const first = await cluster.start(counting());
    await say(...Array.from({ length: 50 }, (_, i) => `w${i}`));
    await cluster.clock.advance(2000);
    await cluster.drive(first.close());
    const way = link();
    let restoring = 0;
    way.fault = (kind, detail) =>
      kind === "Fetch" && JSON.stringify(detail["positions"]).includes("-changelog") && ++restoring > 0 ? "request-lost" : undefined;
    const second = await cluster.start(counting(), watched({ log: cluster.memory.connect(way) }));
    await cluster.clock.advance(3000);
    expect([second.state, restoring > 0]).toEqual(["rebalancing", true]);
    const from = cluster.clock.monotonic();
    await cluster.drive(second.close());
    expect(cluster.clock.monotonic() - from).toBeLessThan(1500);
    expect(states.slice(-2)).toEqual(["stopping", "stopped"]);
    expect(cluster.clock.nextDueMs).toBeUndefined();
  });

  it("takes nothing in while it is paused, over a rebalance too, and goes on where it was", async () => {
    const { cluster, say, latest, states, watched } = await world();
    const app = await cluster.start(counting(), watched());
    await cluster.clock.advance(1000);
    app.pause();
    await say("a", "b");
    await cluster.clock.advance(10_000);
    expect(await latest()).toEqual({});
    expect(app.state).toBe("paused");
    const second = await cluster.start(counting());
    second.pause();
    await cluster.clock.advance(20_000);
    expect([app.state, second.state]).toEqual(["paused", "paused"]);
    expect(await latest()).toEqual({});
    app.resume();
    second.resume();
    await cluster.clock.advance(2000);
    expect([app.state, second.state]).toEqual(["running", "running"]);
    expect(await latest()).toEqual({ a: 1, b: 1 });
    expect(states).toEqual(["created", "rebalancing", "running", "paused", "rebalancing", "paused", "running"]);
    await cluster.close();
  });

  it("lets a timer of the clock that comes due in a pause wait for its end", async () => {
    const { cluster } = await world();
    const out = topic("counts", { key: text, value: integer });
    const app = await cluster.start(
      topology("alarm", ({ from }) => {
        from(words)
          .keyBy()
          .process("alarm", {
            onRecord(_word, { timers, processingTime }) {
              timers.processing.set(processingTime + 1000);
            },
            onTimer: () => [1],
          })
          .to(out);
      }),
    );
    await cluster.produce(words, [{ key: "a", value: "a" }]);
    await cluster.clock.advance(500);
    app.pause();
    await cluster.clock.advance(10_000);
    expect(await cluster.read(out)).toEqual([]);
    app.resume();
    await cluster.clock.advance(500);
    expect(await cluster.read(out)).toHaveLength(1);
    await cluster.close();
  });

  it("closes the sinks that were opened when another one cannot be, and refuses to start", async () => {
    const { cluster } = await world();
    const closed: string[] = [];
    const target = (name: string, open: () => Promise<void>) =>
      sink<string>(name, { open, async write() {}, close: async () => void closed.push(name) });
    const app = topology("sinks", ({ from }) => {
      from(words).to(target("good", async () => {}));
      from(words).to(target("bad", () => Promise.reject(new Error("no such index"))));
    });
    await expect(cluster.start(app)).rejects.toThrow("no such index");
    expect(closed).toEqual(["good"]);
  });
});

describe("an error that nobody forgives", () => {
  it("stops the instance: finished rejects with it, and the listener hears of it first", async () => {
    const { cluster, say, states, watched, latest } = await world();
    const heard: string[] = [];
    const app = await cluster.start(
      counting({ left: 99 }),
      watched({ on: { error: ({ message }) => void heard.push(`${message} while ${app.state}`) } }),
    );
    await say("a");
    await cluster.clock.advance(1000);
    await say("bad");
    await expect(end(cluster, app)).resolves.toMatchObject({ name: "StepError" });
    expect(heard).toEqual(["Step 'map-1' threw: bad word while running"]);
    expect(states.slice(-2)).toEqual(["running", "error"]);
    expect(await latest()).toEqual({ a: 1 });
    await app.close();
    expect(app.state).toBe("error");
    expect(cluster.clock.nextDueMs).toBeUndefined();
  });

  it("ends the transaction that was open, so that readers need not wait for its timeout", async () => {
    const { cluster, say } = await world({ partitions: 1 });
    const app = await cluster.start(counting({ left: 99 }), { commit: { interval: seconds(10) } });
    await cluster.clock.advance(1000);
    await say("a", "b", "c");
    await cluster.clock.advance(5000);
    await say("bad");
    await end(cluster, app);
    const at = [{ topic: "counting-count-repartition", partition: 0 }];
    const ends = async (isolation: "read-committed" | "read-uncommitted") =>
      (await cluster.drive(cluster.log.admin.offsets(at, "latest", isolation))).get("counting-count-repartition/0");
    expect(await ends("read-committed")).toBe(await ends("read-uncommitted"));
  });

  it("lets another worker take over where it was, with replace-worker", async () => {
    const { cluster, say, latest } = await world();
    const app = await cluster.start(counting({ left: 2 }), { onUncaught: "replace-worker" });
    await say("a", "bad", "b");
    await cluster.clock.advance(10_000);
    expect(app.state).toBe("running");
    expect(await latest()).toEqual({ a: 1, bad: 1, b: 1 });
    expect((await cluster.read(counts)).length).toBe(3);
    expect(cluster.warnings.filter((warning) => warning.startsWith("The worker failed and is replaced"))).toHaveLength(2);
    await cluster.close();
    expect(cluster.clock.nextDueMs).toBeUndefined();
  });

  it("stops the instance after all when five workers were replaced within ten minutes", async () => {
    const { cluster, say } = await world();
    const app = await cluster.start(counting({ left: 6 }), { onUncaught: "replace-worker" });
    await say("bad");
    await expect(end(cluster, app)).resolves.toMatchObject({ name: "StepError" });
    expect(cluster.warnings.filter((warning) => warning.startsWith("The worker failed and is replaced"))).toHaveLength(5);
  });

  it("may replace as many workers as it likes when there is time between them", async () => {
    const { cluster, say, latest } = await world();
    const failing = { left: 0 };
    const app = await cluster.start(counting(failing), { onUncaught: "replace-worker" });
    for (let round = 1; round <= 2; round++) {
      failing.left = 4;
      await say("bad");
      await cluster.clock.advance(minutes(10));
      expect([round, app.state, await latest()]).toEqual([round, "running", { bad: round }]);
    }
    await cluster.close();
  });

  it("leaves the worker that takes over paused, if the app is", async () => {
    const { cluster, say, latest } = await world();
    const app = await cluster.start(counting(), { onUncaught: "replace-worker" });
    await cluster.clock.advance(1000);
    app.pause();
    (app as unknown as { fail(error: unknown): void }).fail(new Error("something beside it"));
    await say("a");
    await cluster.clock.advance(10_000);
    expect([app.state, await latest()]).toEqual(["paused", {}]);
    app.resume();
    await cluster.clock.advance(2000);
    expect([app.state, await latest()]).toEqual(["running", { a: 1 }]);
    await cluster.close();
  });

  it("stops every instance of the application, if that is asked for", async () => {
    const { cluster, say } = await world();
    const failing = { left: 1 };
    const apps = [];
    for (let i = 0; i < 3; i++) apps.push(await cluster.start(counting(failing), { onUncaught: "stop-application" }));
    await cluster.clock.advance(10_000);
    await say("bad");
    const ends = await cluster.drive(
      Promise.all(
        apps.map((app) =>
          app.finished.then(
            () => "stopped",
            (error: Error) => error.name,
          ),
        ),
      ),
    );
    expect(ends.sort()).toEqual(["StepError", "stopped", "stopped"]);
    expect(cluster.warnings.join("\n")).toContain("Another instance has asked the whole application to stop");
    expect(cluster.clock.nextDueMs).toBeUndefined();
  });

  it("is shown to a function that decides; one that throws itself stops the instance with the error that it was shown", async () => {
    for (const [onUncaught, expected] of [
      [(error: unknown): UncaughtPolicy => ((error as Error).name === "StepError" ? "replace-worker" : "stop-instance"), "running"],
      [
        (): UncaughtPolicy => {
          throw new Error("undecided");
        },
        "error",
      ],
    ] as const) {
      const { cluster, say } = await world();
      const app = await cluster.start(counting({ left: 1 }), { onUncaught });
      await say("bad");
      await cluster.clock.advance(5000);
      expect(app.state).toBe(expected);
      if (expected === "error") await expect(app.finished).rejects.toMatchObject({ name: "StepError" });
      await cluster.close();
    }
  });
});
