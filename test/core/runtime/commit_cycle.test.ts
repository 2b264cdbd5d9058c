import { describe, expect, it } from "@jest/globals";
import { memoryLog } from "../../../core/log/mod.ts";
import { type BaseOffsets, LogError, noHeaders, type Outbox } from "../../../core/ports/log.ts";
import { silent } from "../../../core/ports/logger.ts";
import type { Application } from "../../../core/runtime/application.ts";
import { CommitCycle } from "../../../core/runtime/commit_cycle.ts";
import { CommitFailure } from "../../../core/runtime/commit_failure.ts";
import type { Committer } from "../../../core/runtime/committer.ts";
import { Counters } from "../../../core/runtime/counters.ts";
import type { SealedTask, Task } from "../../../core/runtime/sealed_task.ts";
import { VirtualClock } from "../../../core/time_source/virtual_clock.ts";

/** A task that only says what happens to it. Its changes are a number that goes up by `work`. */
class FakeTask {
  readonly id: string;
  readonly told: string[] = [];
  readonly inputs = [];
  readonly uncommittedBytes = 0;
  held = false;
  #changes = 0;
  #sealed = false;
  readonly #outbox: () => Outbox;

  constructor(id: string, outbox: () => Outbox) {
    this.id = id;
    this.#outbox = outbox;
  }

  work(): void {
    this.#changes++;
    if (!this.held) this.#outbox().append("out", 0, null, new TextEncoder().encode(this.id), 0, noHeaders);
  }

  seal(_tag: string): SealedTask | undefined {
    if (this.held) throw new Error(`${this.id} was sealed while it was held`);
    if (this.#sealed) throw new Error(`${this.id} was sealed twice`);
    if (this.#changes === 0) return undefined;
    this.told.push(`sealed ${this.#changes}`);
    this.#changes = 0;
    this.#sealed = true;
    return { offsets: [], changelog: new Map(), finished: false };
  }

  committed(): void {
    this.#sealed = false;
    this.told.push("committed");
  }

  afterCommit(): void {}

  rollback(): void {
    this.#changes = 0;
    this.#sealed = false;
    this.told.push("taken back");
  }
}

interface Attempt {
  readonly outbox: Outbox;
  succeed(): void;
  fail(outcome: "not-happened" | "unknown"): void;
}

/** Commits end when the test says so. */
class FakeCommitter implements Committer {
  readonly outputsFirst = false;
  readonly attempts: Attempt[] = [];
  epochs = 0;
  happens = false;
  opening: Promise<void> = Promise.resolve();
  async sendAhead(): Promise<void> {}
  async open(): Promise<void> {
    await this.opening;
    this.epochs++;
  }
  commit(outbox: Outbox): Promise<BaseOffsets> {
    return new Promise((resolve, reject) => {
      this.attempts.push({
        outbox,
        succeed: () => resolve(new Map()),
        fail: (outcome) => reject(new CommitFailure(outcome, new LogError("REQUEST_TIMED_OUT", "indefinite", "lost"))),
      });
    });
  }
  async happened(): Promise<boolean> {
    return this.happens;
  }
  async abandon(): Promise<void> {}
  async close(): Promise<void> {}
}

const world = () => {
  const clock = new VirtualClock();
  const committer = new FakeCommitter();
  const ended = new AbortController();
  const tasks: FakeTask[] = [];
  const application = {
    clock,
    log: memoryLog({ clock }).connect(),
    logger: silent,
    counters: new Counters(),
    settings: {
      commitIntervalMs: 100,
      commitMinPauseMs: 0,
      commitTimeoutMs: 60_000,
      tolerableFailures: Number.POSITIVE_INFINITY,
      overlayBytes: 1 << 20,
    },
  } as unknown as Application;
  const cycle = new CommitCycle({
    application,
    committer,
    tag: "t",
    tasks: () => tasks as unknown as Task[],
    group: () => ({ groupId: "app", generationId: 1, memberId: "m", groupInstanceId: null }),
    wake: () => {},
    onCommit: () => {},
    onLost: () => {},
    signal: ended.signal,
  });
  const task = (id: string): FakeTask => {
    const made = new FakeTask(id, () => cycle.outbox);
    tasks.push(made);
    return made;
  };
  const turns = (): Promise<void> => clock.advance(0);
  return { clock, committer, cycle, ended, tasks, task, turns };
};

describe("the commit cycle", () => {
  it("seals once when a commit before a rebalance and the worker's own are asked for in the same moment", async () => {
    const { committer, cycle, task, turns, clock } = world();
    const one = task("one");
    one.work();
    await clock.advance(200);
    await cycle.step();
    expect(committer.attempts).toHaveLength(1);
    one.work();
    // Both wait for the commit that is under way, and the worker goes on between them.
    const before = cycle.now();
    const last = cycle.finish();
    committer.attempts[0]!.succeed();
    await clock.advance(200);
    await cycle.step();
    for (let i = 0; i < 5; i++) {
      committer.attempts.at(-1)!.succeed();
      await turns();
    }
    await Promise.all([before, last]);
    expect(one.told).toEqual(["sealed 1", "committed", "sealed 1", "committed"]);
  });

  it("does not seal any more when it is asked to leave it and what was under way has taken too long", async () => {
    const { committer, cycle, task, turns } = world();
    const one = task("one");
    one.work();
    void cycle.now();
    let mayBegin = true;
    let sealed = false;
    one.work();
    const before = cycle.now({ mayBegin: () => mayBegin, afterSeal: () => (sealed = true) });
    await turns();
    // The rebalance goes on without it, and holds the task.
    mayBegin = false;
    one.held = true;
    committer.attempts[0]!.succeed();
    await before;
    expect(sealed).toBe(false);
    expect(one.told).toEqual(["sealed 1", "committed"]);
  });

  it("seals nothing while tasks are held, not even at the end", async () => {
    const { committer, cycle, task } = world();
    const one = task("one");
    one.held = true;
    cycle.paused = true;
    one.work();
    await cycle.finish();
    expect(committer.attempts).toHaveLength(0);
  });

  it("takes the open part back as a whole when tasks have gone that had written into it", async () => {
    const { committer, cycle, task, tasks, turns, clock } = world();
    const [stays, goes] = [task("stays"), task("goes")];
    stays.work();
    void cycle.now();
    stays.work();
    goes.work();
    tasks.splice(1, 1);
    cycle.taint();
    expect(cycle.isBlockedWith(0)).toBe(true);
    // Not before it is known what became of the sealed part.
    await cycle.step();
    expect(stays.told).toEqual(["sealed 1"]);
    committer.attempts[0]!.succeed();
    await turns();
    await cycle.step();
    await cycle.step();
    expect(stays.told).toEqual(["sealed 1", "committed", "taken back"]);
    expect(committer.epochs).toBe(1);
    stays.work();
    await clock.advance(200);
    await cycle.step();
    expect(committer.attempts[1]!.outbox.records).toBe(1);
  });

  it("does not take the end of a commit that was given up for the end of the next one", async () => {
    const { committer, cycle, task, turns, clock } = world();
    const one = task("one");
    one.work();
    void cycle.now().catch(() => {});
    await clock.advance(60_000);
    await cycle.step();
    await cycle.step();
    expect(one.told).toEqual(["sealed 1", "taken back"]);
    one.work();
    await clock.advance(200);
    await cycle.step();
    committer.attempts[0]!.succeed();
    await turns();
    await cycle.step();
    expect(one.told).toEqual(["sealed 1", "taken back", "sealed 1"]);
    committer.attempts[1]!.succeed();
    await turns();
    await cycle.step();
    expect(one.told.at(-1)).toBe("committed");
  });

  it("asks nothing of the tasks of a lost generation when the outcome of their commit becomes known", async () => {
    const { committer, cycle, task, tasks, turns, clock } = world();
    const one = task("one");
    one.work();
    void cycle.now();
    let openEpoch = (): void => {};
    committer.opening = new Promise((resolve) => (openEpoch = resolve));
    committer.happens = true;
    committer.attempts[0]!.fail("unknown");
    await turns();
    const recovering = cycle.step();
    await turns();
    // Meanwhile the member is expelled, comes back, and its new tasks commit.
    tasks.length = 0;
    cycle.drop();
    const two = task("two");
    openEpoch();
    await recovering;
    two.work();
    await clock.advance(200);
    await cycle.step();
    expect(one.told).toEqual(["sealed 1"]);
    expect(two.told).toEqual(["sealed 1"]);
    committer.attempts[1]!.succeed();
    await turns();
    await cycle.step();
    expect(two.told).toEqual(["sealed 1", "committed"]);
  });

  it("lets go of whoever waits when its worker is killed, however far the log is", async () => {
    const { committer, cycle, task, turns, ended, clock } = world();
    task("one").work();
    const finishing = cycle.finish();
    committer.opening = new Promise(() => {});
    await turns();
    ended.abort();
    await finishing;
    await turns();
    expect(clock.nextDueMs).toBeUndefined();
  });
});
