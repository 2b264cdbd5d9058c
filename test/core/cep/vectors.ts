import allowCombinationsV1 from "./vectors/cep-allowCombinations-v1.json" with { type: "json" };
import branchyV1 from "./vectors/cep-branchy-v1.json" with { type: "json" };
import comparatorV1 from "./vectors/cep-comparator-v1.json" with { type: "json" };
import comparatorV2 from "./vectors/cep-comparator-v2.json" with { type: "json" };
import consecutiveV1 from "./vectors/cep-consecutive-v1.json" with { type: "json" };
import followedByV1 from "./vectors/cep-followedBy-v1.json" with { type: "json" };
import followedByAnyV1 from "./vectors/cep-followedByAny-v1.json" with { type: "json" };
import fraudV1 from "./vectors/cep-fraud-v1.json" with { type: "json" };
import greedyMiddleV1 from "./vectors/cep-greedy-middle-v1.json" with { type: "json" };
import greedyV1 from "./vectors/cep-greedy-v1.json" with { type: "json" };
import groupOptionalV1 from "./vectors/cep-group-optional-v1.json" with { type: "json" };
import groupV1 from "./vectors/cep-group-v1.json" with { type: "json" };
import iterativeSelfV1 from "./vectors/cep-iterative-self-v1.json" with { type: "json" };
import iterativeV1 from "./vectors/cep-iterative-v1.json" with { type: "json" };
import malformedErrorDupV1 from "./vectors/cep-malformed-error-dup-v1.json" with { type: "json" };
import malformedErrorGroupGreedyV1 from "./vectors/cep-malformed-error-group-greedy-v1.json" with { type: "json" };
import malformedErrorNotV1 from "./vectors/cep-malformed-error-not-v1.json" with { type: "json" };
import malformedErrorNotoptionalV1 from "./vectors/cep-malformed-error-notoptional-v1.json" with { type: "json" };
import malformedErrorSkipnameV1 from "./vectors/cep-malformed-error-skipname-v1.json" with { type: "json" };
import nextV1 from "./vectors/cep-next-v1.json" with { type: "json" };
import noConditionV1 from "./vectors/cep-no-condition-v1.json" with { type: "json" };
import nonkeyedV1 from "./vectors/cep-nonkeyed-v1.json" with { type: "json" };
import notFollowedByLastV1 from "./vectors/cep-notFollowedBy-last-v1.json" with { type: "json" };
import notFollowedByV1 from "./vectors/cep-notFollowedBy-v1.json" with { type: "json" };
import notNextV1 from "./vectors/cep-notNext-v1.json" with { type: "json" };
import oneOrMoreFirstV1 from "./vectors/cep-oneOrMore-first-v1.json" with { type: "json" };
import oneOrMoreFollowedbyV1 from "./vectors/cep-oneOrMore-followedBy-v1.json" with { type: "json" };
import oneOrMoreFollowedbyanyV1 from "./vectors/cep-oneOrMore-followedByAny-v1.json" with { type: "json" };
import oneOrMoreLastV1 from "./vectors/cep-oneOrMore-last-v1.json" with { type: "json" };
import oneOrMoreNextV1 from "./vectors/cep-oneOrMore-next-v1.json" with { type: "json" };
import oneOrMoreOptionalV1 from "./vectors/cep-oneOrMore-optional-v1.json" with { type: "json" };
import optionalFirstV1 from "./vectors/cep-optional-first-v1.json" with { type: "json" };
import optionalLastV1 from "./vectors/cep-optional-last-v1.json" with { type: "json" };
import optionalV1 from "./vectors/cep-optional-v1.json" with { type: "json" };
import orWhereV1 from "./vectors/cep-or-where-v1.json" with { type: "json" };
import outOfOrderV1 from "./vectors/cep-out-of-order-v1.json" with { type: "json" };
import processingTimeV1 from "./vectors/cep-processing-time-v1.json" with { type: "json" };
import singleV1 from "./vectors/cep-single-v1.json" with { type: "json" };
import skipEarlierPartialNoskipV1 from "./vectors/cep-skip-earlier-partial-noSkip-v1.json" with { type: "json" };
import skipEarlierPartialSkippastlasteventV1 from "./vectors/cep-skip-earlier-partial-skipPastLastEvent-v1.json" with { type: "json" };
import skipEarlierPartialSkiptonextV1 from "./vectors/cep-skip-earlier-partial-skipToNext-v1.json" with { type: "json" };
import skipErrorV1 from "./vectors/cep-skip-error-v1.json" with { type: "json" };
import skipMissingV1 from "./vectors/cep-skip-missing-v1.json" with { type: "json" };
import skipNoskipV1 from "./vectors/cep-skip-noSkip-v1.json" with { type: "json" };
import skipSkippastlasteventV1 from "./vectors/cep-skip-skipPastLastEvent-v1.json" with { type: "json" };
import skipSkiptofirstV1 from "./vectors/cep-skip-skipToFirst-v1.json" with { type: "json" };
import skipSkiptolastV1 from "./vectors/cep-skip-skipToLast-v1.json" with { type: "json" };
import skipSkiptonextV1 from "./vectors/cep-skip-skipToNext-v1.json" with { type: "json" };
import snapshotV1 from "./vectors/cep-snapshot-v1.json" with { type: "json" };
import timesRangeV1 from "./vectors/cep-times-range-v1.json" with { type: "json" };
import timesV1 from "./vectors/cep-times-v1.json" with { type: "json" };
import timesWithinV1 from "./vectors/cep-times-within-v1.json" with { type: "json" };
import timesOrMoreV1 from "./vectors/cep-timesOrMore-v1.json" with { type: "json" };
import untilV1 from "./vectors/cep-until-v1.json" with { type: "json" };
import withinBoundaryV1 from "./vectors/cep-within-boundary-v1.json" with { type: "json" };
import withinPrevCurrAllV1 from "./vectors/cep-within-prev-curr-all-v1.json" with { type: "json" };
import withinPrevCurrV1 from "./vectors/cep-within-prev-curr-v1.json" with { type: "json" };
import withinV1 from "./vectors/cep-within-v1.json" with { type: "json" };

/** What Flink 2.3.0 computed; the expected values were not written by hand. */
export const vectors: readonly unknown[] = [
  allowCombinationsV1,
  branchyV1,
  comparatorV1,
  comparatorV2,
  consecutiveV1,
  followedByV1,
  followedByAnyV1,
  fraudV1,
  greedyMiddleV1,
  greedyV1,
  groupOptionalV1,
  groupV1,
  iterativeSelfV1,
  iterativeV1,
  malformedErrorDupV1,
  malformedErrorGroupGreedyV1,
  malformedErrorNotV1,
  malformedErrorNotoptionalV1,
  malformedErrorSkipnameV1,
  nextV1,
  noConditionV1,
  nonkeyedV1,
  notFollowedByLastV1,
  notFollowedByV1,
  notNextV1,
  oneOrMoreFirstV1,
  oneOrMoreFollowedbyV1,
  oneOrMoreFollowedbyanyV1,
  oneOrMoreLastV1,
  oneOrMoreNextV1,
  oneOrMoreOptionalV1,
  optionalFirstV1,
  optionalLastV1,
  optionalV1,
  orWhereV1,
  outOfOrderV1,
  processingTimeV1,
  singleV1,
  skipEarlierPartialNoskipV1,
  skipEarlierPartialSkippastlasteventV1,
  skipEarlierPartialSkiptonextV1,
  skipErrorV1,
  skipMissingV1,
  skipNoskipV1,
  skipSkippastlasteventV1,
  skipSkiptofirstV1,
  skipSkiptolastV1,
  skipSkiptonextV1,
  snapshotV1,
  timesRangeV1,
  timesV1,
  timesWithinV1,
  timesOrMoreV1,
  untilV1,
  withinBoundaryV1,
  withinPrevCurrAllV1,
  withinPrevCurrV1,
  withinV1,
];
