import { TopologyError } from "../core/errors.ts";
import { type StatefulPart, type TopologyChange, topologyChanges } from "../core/runtime/fingerprint.ts";
import type { Topology } from "./topology.ts";

/** What has to be done before the new version can run: nothing; something once, at its start; or to begin anew what cannot be read any more. */
export type DiffVerdict = "safe" | "needs migration" | "needs reset";

/** One thing that is not as it was. */
export interface TopologyDifference {
  readonly kind: "store" | "topic";
  readonly name: string;
  readonly verdict: DiffVerdict;
  /** What has changed, and what to do, as sentences. */
  readonly why: string;
}

/** What two versions of a program do to each other, as far as it concerns what they keep. */
export interface TopologyDiff {
  /** The worst of all. */
  readonly verdict: DiffVerdict;
  readonly changes: readonly TopologyDifference[];
}

/**
 * Compares two versions of a topology before anything is deployed: stores and internal topics that are new are safe; one that is gone, or an internal topic of another width, needs a migration; what is kept in another way than before cannot be read and needs a
 * reset. Steps without state may come, go and change their order. A start is refused for the same reasons.
 *
 * @param before the version that runs, or what its `describe("json")` gave. Throws TopologyError when that text is none
 *
 * @example
 * ```ts
 * import { text, topic, topology, topologyDiff } from "millrace";
 *
 * const words = topic("words", { key: text, value: text });
 * const before = topology("words", ({ from }) => from(words).keyBy().count("count").toStream().print());
 * const after = topology("words", ({ from }) => from(words).keyBy().count("how-many").toStream().print());
 * console.log(topologyDiff(before, after).verdict); // "needs migration"
 * ```
 */
export const topologyDiff = (before: Topology | string, after: Topology | string): TopologyDiff => {
  const changes = topologyChanges(partsOf(before), partsOf(after)).map(judged);
  const worst = Math.max(0, ...changes.map(({ verdict }) => verdicts.indexOf(verdict)));
  return { verdict: verdicts[worst]!, changes };
};

const verdicts: readonly DiffVerdict[] = ["safe", "needs migration", "needs reset"];

const judged = ({ kind, name, change, words }: TopologyChange): TopologyDifference => {
  switch (change) {
    case "added":
      return { kind, name, verdict: "safe", why: `${words}, and begins empty` };
    case "removed":
      return {
        kind,
        name,
        verdict: "needs migration",
        why: `${words}. Put it back, or start once with allowNonRestoredState: true to give up what it holds`,
      };
    case "table":
      return {
        kind,
        name,
        verdict: "safe",
        why: `${words}, as far as it was read. Its changelog is not used any more, and can be deleted`,
      };
    case "changelog":
      return {
        kind,
        name,
        verdict: "needs reset",
        why: `${words}. That begins empty, without the rows that were read before: leave it as it was, or run the new version under another applicationId`,
      };
    case "changed":
      // What is on its way through a topic of another width would be looked for in other tasks; everything else of a topic is how its bytes are read.
      return kind === "topic" && words.includes("'partitions'") && !words.includes("'keys'")
        ? {
            kind,
            name,
            verdict: "needs migration",
            why: `${words}. Let the old version finish what is in the topic, and run the new one under another applicationId`,
          }
        : {
            kind,
            name,
            verdict: "needs reset",
            why: `${words}. What was kept for the one cannot be read by the other: give the step another name, so that it begins anew`,
          };
  }
};

const partsOf = (topology: Topology | string): readonly StatefulPart[] => {
  if (typeof topology !== "string") return (JSON.parse(topology.describe("json")) as { readonly keeps: readonly StatefulPart[] }).keeps;
  let description: { readonly keeps?: unknown } | null;
  try {
    description = JSON.parse(topology);
  } catch (thrown) {
    throw unreadable("it is no JSON", thrown);
  }
  const keeps = description?.keeps;
  if (!Array.isArray(keeps) || !keeps.every(isPart)) throw unreadable("it does not say what the topology keeps", undefined);
  return keeps;
};

const isPart = (part: unknown): part is StatefulPart => {
  const { kind, name, parameters } = (part ?? {}) as Partial<StatefulPart>;
  return (kind === "store" || kind === "topic") && typeof name === "string" && typeof parameters === "object" && parameters !== null;
};

const unreadable = (why: string, cause: unknown): TopologyError =>
  new TopologyError(
    "OPTION_INVALID",
    `Cannot compare with that description of a topology, as ${why}: give what describe("json") of this library wrote`,
    {
      cause,
    },
  );
