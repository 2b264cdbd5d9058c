import { matchOperator } from "../../core/cep/match_operator.ts";
import { type MatchOptions, matchParameters } from "../../core/cep/match_options.ts";
import { type MatchPatternsOptions, matchPatternsOperator } from "../../core/cep/match_patterns_operator.ts";
import type { BuiltPattern } from "../../core/cep/pattern.ts";
import type { NodeId } from "../graph/graph.ts";
import { type StepNode, stepNode } from "../graph/step_node.ts";

/** Looks for a pattern in the events of each key. Throws TopologyError PATTERN_INVALID when the options do not fit the pattern. */
export const matchStep = (name: string, stream: NodeId, pattern: BuiltPattern<any, any>, options: MatchOptions<any, any>): StepNode =>
  stepNode({
    operation: "match",
    name,
    ports: [{ stream, needs: "key" }],
    stateful: true,
    parameters: matchParameters(pattern, options),
    operator: ({ single }) => matchOperator(pattern, { ...options, nullKey: single }),
  });

/** Looks for the patterns that another stream tells of, of which every task hears. */
export const matchPatternsStep = (name: string, stream: NodeId, patterns: NodeId, options: MatchPatternsOptions<any>): StepNode =>
  stepNode({
    operation: "matchPatterns",
    name,
    ports: [
      { stream, needs: "key" },
      { stream: patterns, needs: "everywhere" },
    ],
    stateful: true,
    parameters: { ordered: options.order !== undefined, time: options.time ?? "event" },
    operator: ({ single }) => matchPatternsOperator({ ...options, nullKey: single }),
  });
