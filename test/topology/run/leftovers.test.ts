import { describe, expect, it } from "@jest/globals";
import { millis } from "../../../core/duration.ts";
import { committerFor } from "../../../core/runtime/committer.ts";
import { text } from "../../../core/serde/text.ts";
import { runOn } from "../../../topology/run.ts";
import { Lent, lentLog } from "../../../topology/testing/lent_log.ts";
import { ProcessLink } from "../../../topology/testing/process_link.ts";
import { topic } from "../../../topology/topic.ts";
import { topology } from "../../../topology/topology.ts";
import { Cluster } from "../../support/cluster.ts";

const words = topic("words", { key: text, value: text });
const copies = topic("copies", { key: text, value: text });
const copying = topology("copying", ({ from }) => from(words).to(copies));

/** A way to the log on which some epochs take two seconds to open. */
const slow = (cluster: Cluster, lent: Lent, isSlow: (transactionalId: string, number: number) => boolean) =>
  lentLog(
    cluster.memory.connect(
      new ProcessLink({
        clock: cluster.clock,
        fault: (kind, number, { transactionalId }) =>
          kind === "InitProducerId" && isSlow(String(transactionalId), number) ? "delayed" : undefined,
        faultMs: () => 2_000,
      }),
    ),
    lent,
  );

describe("an instance that is closed", () => {
  // Its producer was once opened behind the end of the run, and nobody was there to close it.
  it("leaves nothing of its feed behind, though the feed's epoch is still being opened", async () => {
    const cluster = new Cluster();
    await cluster.create("words", 1);
    await cluster.create("copies", 1);
    const lent = new Lent();
    const options = { clock: cluster.clock, feed: async function* () {} };
    const app = await cluster.drive(
      runOn(copying, options, { log: slow(cluster, lent, (id) => id.endsWith("-feeder")), ownsLog: true, createTopics: false }),
    );
    await cluster.clock.advance(500);
    expect(lent.left).not.toEqual([]);
    await cluster.drive(app.close());
    await cluster.clock.advance(5_000);
    expect(lent.left).toEqual([]);
  });

  // The same once held for the epoch of its own commits.
  it("leaves nothing behind of an epoch that it is still opening for its commits", async () => {
    const cluster = new Cluster();
    await cluster.create("words", 1);
    await cluster.create("copies", 1);
    const lent = new Lent();
    // The first one is only tried out at the start.
    const log = slow(cluster, lent, (id, number) => id.startsWith("copying-") && number > 0);
    const app = await cluster.drive(runOn(copying, { clock: cluster.clock }, { log, ownsLog: true, createTopics: false }));
    await cluster.clock.advance(500);
    await cluster.drive(app.close({ timeout: millis(1_000) }));
    await cluster.clock.advance(5_000);
    expect(lent.left).toEqual([]);
  });
});

describe("a committer that is asked twice at a time for a new epoch", () => {
  // The one that was there first was once forgotten.
  for (const guarantee of ["exactly-once", "at-least-once"] as const)
    it(`closes both: ${guarantee}`, async () => {
      const cluster = new Cluster();
      const lent = new Lent();
      const log = slow(cluster, lent, () => true);
      const committer = committerFor(guarantee, { log, transactionalId: "worker", transactionTimeoutMs: 10_000 });
      await cluster.drive(Promise.all([committer.open(), committer.open()]));
      await committer.close();
      await log.close();
      expect(lent.left).toEqual([]);
    });
});
