import { MillraceError, reason } from "../errors.ts";
import type { Clock } from "../ports/clock.ts";
import type { Log } from "../ports/log.ts";
import type { Logger } from "../ports/logger.ts";
import type { TopicNames } from "./application.ts";
import type { ControlTopic } from "./control_topic.ts";
import { findTopics, isMatch, type PatternInput, type PatternTopics, patternInputs } from "./pattern_topics.ts";
import type { Plan } from "./plan.ts";
import type { TopologyRecord } from "./topology_record.ts";

/** How often it is asked which topics match. */
const lookEveryMs = 30_000;
/** Another instance knows more: its broker may hear of topics before ours does. After so many looks it is left to the next round. */
const lookAgainMs = 1000;
const looksAgainMax = 10;

/**
 * The topics that match the patterns of an application, which may come and go while it runs. An instance that finds another set lets the application take it in, and what it notes in the control topic tells the others to look as well.
 */
export class PatternWatch {
  readonly #log: Log;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #plan: Plan;
  readonly #patterns: readonly PatternInput[];
  readonly #names: TopicNames;
  readonly #control: ControlTopic;
  readonly #takeIn: (topics: PatternTopics) => Promise<void>;
  #topics: PatternTopics;
  #heard: TopologyRecord | undefined;
  #looksAgain = 0;
  #nextMs: number;
  #looking = false;

  constructor(options: {
    readonly log: Log;
    readonly clock: Clock;
    readonly logger: Logger;
    /** With the patterns as they are. */
    readonly plan: Plan;
    readonly names: TopicNames;
    readonly control: ControlTopic;
    readonly topics: PatternTopics;
    /** Makes the application one that reads these topics. */
    readonly takeIn: (topics: PatternTopics) => Promise<void>;
  }) {
    this.#log = options.log;
    this.#clock = options.clock;
    this.#logger = options.logger;
    this.#plan = options.plan;
    this.#patterns = patternInputs(options.plan);
    this.#names = options.names;
    this.#control = options.control;
    this.#topics = options.topics;
    this.#takeIn = options.takeIn;
    this.#heard = options.control.topology;
    this.#nextMs = this.#clock.monotonic() + lookEveryMs;
  }

  /** Something says that there are other topics now. */
  hint(): void {
    this.#looksAgain = looksAgainMax;
    this.#nextMs = Math.min(this.#nextMs, this.#clock.monotonic() + lookAgainMs);
  }

  /** Looks now and then. Called often; a MillraceError is told when the application cannot take in what was found. A log that cannot be asked is asked again another time. */
  watch(onFailure: (error: unknown) => void): void {
    if (this.#looking) return;
    const nowMs = this.#clock.monotonic();
    const { topology } = this.#control;
    if (topology !== this.#heard) {
      this.#heard = topology;
      if (this.#knowsMore(topology)) {
        this.hint();
        this.#nextMs = nowMs;
      }
    }
    if (nowMs < this.#nextMs) return;
    this.#nextMs = nowMs + (this.#looksAgain > 0 ? lookAgainMs : lookEveryMs);
    this.#looksAgain = Math.max(0, this.#looksAgain - 1);
    this.#looking = true;
    this.#look()
      .then(
        (changed) => {
          if (changed) this.#looksAgain = 0;
        },
        (error: unknown) => {
          if (error instanceof MillraceError) onFailure(error);
          else this.#logger.log("warn", "Which topics match cannot be found out now", { reason: reason(error) });
        },
      )
      .finally(() => {
        this.#looking = false;
      });
  }

  /** Another instance reads topics that this one does not know of. */
  #knowsMore(topology: TopologyRecord | undefined): boolean {
    return Object.keys(topology?.topics ?? {}).some((topic) =>
      this.#patterns.some(
        (input) => isMatch(this.#plan, this.#names, input, topic) && this.#topics.get(input.topic.name)?.includes(topic) === false,
      ),
    );
  }

  async #look(): Promise<boolean> {
    const found = await findTopics(this.#log, this.#plan, this.#names);
    // A stream of nothing at all cannot run: what is gone is found missing at the next start.
    const topics: PatternTopics = new Map(
      [...found].map(([pattern, now]) => [pattern, now.length === 0 ? this.#topics.get(pattern)! : now]),
    );
    const [were, are] = [[...this.#topics.values()].flat(), [...topics.values()].flat()];
    const [added, gone] = [are.filter((topic) => !were.includes(topic)), were.filter((topic) => !are.includes(topic))];
    if (added.length === 0 && gone.length === 0) return false;
    this.#logger.log("info", "Other topics match than before: the tasks are opened anew", { added: added.join(" "), gone: gone.join(" ") });
    await this.#takeIn(topics);
    this.#topics = topics;
    return true;
  }
}
