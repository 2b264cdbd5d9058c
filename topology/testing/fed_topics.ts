import { ConfigurationError } from "../../core/errors.ts";
import { patternInputs, withTopics } from "../../core/runtime/pattern_topics.ts";
import type { Topology } from "../topology.ts";
import type { Feed } from "./feed.ts";

/** The same topology, in which patterns of topics stand for those that are fed: no others are made in a simulation. */
export const withFedTopics = (topology: Topology, feeds: readonly Feed[]): Topology => {
  const fed = [...new Set(feeds.map(({ topic }) => topic.name))].sort();
  const topics = new Map(
    patternInputs(topology.plan()).map(({ topic, step }) => {
      const matching = fed.filter((name) => topic.pattern.expression.test(name));
      if (matching.length === 0)
        throw new ConfigurationError(
          "TOPIC_MISSING",
          `The input of the simulation has no topic that matches ${topic.name}, which step '${step}' reads: feed one`,
          { step },
        );
      return [topic.name, matching] as const;
    }),
  );
  if (topics.size === 0) return topology;
  const plan = withTopics(topology.plan(), topics);
  return Object.freeze({ ...topology, plan: () => plan });
};
