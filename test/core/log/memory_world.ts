import { directLink, type Link, type MemoryLogOptions, memoryLog } from "../../../core/log/mod.ts";
import type { Log } from "../../../core/ports/log.ts";
import { LogError } from "../../../core/ports/log.ts";
import { VirtualClock } from "../../../core/time_source/mod.ts";
import { brokerTiming, type ConformanceWorld, type LosableRequest } from "../../conformance_log/world.ts";

/** No case of the suite needs as much. */
const longestCaseMs = 3_600_000;

/** A link that can be told to lose the next message of a kind. */
class LossyLink implements Link {
  private readonly next = new Map<string, "request" | "response">();

  lose(request: LosableRequest, lost: "request" | "response"): void {
    this.next.set(request, lost);
  }

  async request<T>(
    kind: Parameters<Link["request"]>[0],
    detail: Readonly<Record<string, unknown>>,
    perform: () => T | Promise<T>,
  ): Promise<T> {
    const lost = this.next.get(kind);
    this.next.delete(kind);
    if (lost !== "request") {
      const answer = await directLink.request(kind, detail, perform);
      if (lost === undefined) return answer;
    }
    throw new LogError("CONNECTION_CLOSED", "indefinite", `The ${lost} of ${kind} was lost`);
  }
}

/** A log in memory on a virtual clock, as the conformance suite wants it. */
export const memoryWorld = (options: Omit<MemoryLogOptions, "clock"> = {}): ConformanceWorld => {
  const clock = new VirtualClock();
  const cluster = memoryLog({ ...options, clock });
  const links = new Map<Log, LossyLink>();
  let names = 0;
  return {
    connect: async () => {
      const link = new LossyLink();
      const log = cluster.connect(link);
      links.set(log, link);
      return log;
    },
    now: () => clock.now(),
    sleep: (ms) =>
      new Promise((resolve) => {
        clock.after(ms, resolve);
      }),
    unique: (name) => `${name}-${names++}`,
    run: (work) => clock.complete(work(), longestCaseMs),
    timing: brokerTiming,
    can: {
      lose: (log, request, lost) => links.get(log)?.lose(request, lost),
      compact: async (topic) => cluster.compact(topic),
    },
    close: async () => {},
  };
};
