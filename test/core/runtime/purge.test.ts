import { describe, expect, it } from "@jest/globals";
import type { FetchPosition } from "../../../core/ports/log.ts";
import { silent } from "../../../core/ports/logger.ts";
import type { Application } from "../../../core/runtime/application.ts";
import { Purge } from "../../../core/runtime/purge.ts";
import type { Task } from "../../../core/runtime/sealed_task.ts";
import { VirtualClock } from "../../../core/time_source/virtual_clock.ts";

const purgedIn = (logIsPrivate: boolean, restores = false): readonly string[] => {
  const deleted: string[] = [];
  const deleteRecords = async (offsets: readonly FetchPosition[]): Promise<void> => {
    for (const { topic, partition, offset } of offsets) deleted.push(`${topic}/${partition} up to ${offset}`);
  };
  const application = { clock: new VirtualClock(), logger: silent, log: { admin: { deleteRecords } }, logIsPrivate };
  const input = (kind: string) => ({ plan: { kind, restores: restores && kind === "source" }, id: `${kind}/2`, topic: kind, partition: 2 });
  const task = { inputs: ["source", "records", "repartition", "sink"].map(input), committedOffset: () => 7 };
  new Purge(application as unknown as Application).step([task as unknown as Task]);
  return deleted;
};

describe("purge", () => {
  it("leaves the topics of the user alone", () => {
    expect(purgedIn(false)).toEqual(["repartition/2 up to 7", "sink/2 up to 7"]);
  });

  it("deletes everything that was read from a log that nobody else sees", () => {
    expect(purgedIn(true)).toEqual(["source/2 up to 7", "records/2 up to 7", "repartition/2 up to 7", "sink/2 up to 7"]);
  });

  it("leaves what a table comes back from", () => {
    expect(purgedIn(true, true)).toEqual(["records/2 up to 7", "repartition/2 up to 7", "sink/2 up to 7"]);
  });
});
