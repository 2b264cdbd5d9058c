import { ConfigurationError } from "../errors.ts";
import type { Clock } from "../ports/clock.ts";
import type { Log } from "../ports/log.ts";
import type { Logger } from "../ports/logger.ts";
import type { TopicNames } from "./application.ts";
import { checkGoesOn } from "./goes_on.ts";
import { findTopics, type PatternInput, type PatternTopics, patternInputs } from "./pattern_topics.ts";
import { pause } from "./pause.ts";
import type { Plan } from "./plan.ts";

/** A topic that was made a moment ago may not be known to every broker yet: who is not to wait is given so long. */
const patienceMs = 5000;
const lookEveryMs = 1000;
const tellEveryMs = 30_000;

/**
 * Which topics match the patterns of a plan, as soon as there is one for each of them: a stream of nothing at all cannot run, as it is not known how wide it will be. Says so while it waits.
 *
 * Rejects with a ConfigurationError TOPIC_MISSING where a pattern is not to be waited for, and where nobody could make a topic meanwhile.
 */
export const awaitTopics = async (options: {
  readonly log: Log;
  /** With the patterns as they are. */
  readonly plan: Plan;
  readonly names: TopicNames;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly isClosed: boolean;
  /** Ends the wait, with an error. */
  readonly signal: AbortSignal;
}): Promise<PatternTopics> => {
  const { log, plan, names, clock, logger, isClosed, signal } = options;
  const sinceMs = clock.monotonic();
  let toldMs = Number.NEGATIVE_INFINITY;
  for (;;) {
    const topics = await findTopics(log, plan, names);
    const missing = patternInputs(plan).filter(({ topic }) => topics.get(topic.name)!.length === 0);
    if (missing.length === 0) {
      for (const [pattern, matching] of topics) logger.log("info", `Pattern ${pattern} matches topics`, { topics: matching.join(" ") });
      return topics;
    }
    const nowMs = clock.monotonic();
    const refusing = missing.find(({ topic }) => isClosed || (topic.pattern.whenMissing === "refuse" && nowMs - sinceMs >= patienceMs));
    if (refusing !== undefined) throw nothingMatches(refusing, isClosed);
    if (nowMs - toldMs >= tellEveryMs && nowMs - sinceMs >= patienceMs) {
      toldMs = nowMs;
      for (const { topic, step } of missing)
        logger.log("warn", `No topic matches ${topic.name}, which step '${step}' reads: the application begins when there is one`, {
          step,
        });
    }
    await pause(clock, lookEveryMs, signal);
    checkGoesOn(signal);
  }
};

const nothingMatches = ({ topic, step }: PatternInput, isClosed: boolean): ConfigurationError =>
  new ConfigurationError(
    "TOPIC_MISSING",
    isClosed
      ? `No topic matches ${topic.name}, which step '${step}' reads, and none can appear: a bounded run reads what is there when it starts, and a log of its own has no topics but those that the program names`
      : `No topic matches ${topic.name}, which step '${step}' reads: create one, correct the pattern, or let the start wait with whenMissing: "wait"`,
    { step },
  );
