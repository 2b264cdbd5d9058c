/** Complex event processing: finds the events of a key that follow each other as a pattern says. */

export { matchOperator } from "./match_operator.ts";
export { type MatchOptions, type MatchSettings, matchParameters } from "./match_options.ts";
export { type MatchPatternsOptions, matchPatternsOperator } from "./match_patterns_operator.ts";
export {
  type BuiltPattern,
  buildPattern,
  type Loop,
  type Looped,
  type LoopOptions,
  type Opt,
  type Optioned,
  type Pattern,
  type PatternStart,
  type PatternTail,
  type TakenSoFar,
} from "./pattern.ts";
export type { PatternCondition, PatternData, PatternLoop, PatternMatch, PatternStep, PatternValue } from "./pattern_data.ts";
export { checkPattern } from "./read_pattern.ts";
