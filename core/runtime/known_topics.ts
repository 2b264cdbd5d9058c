import { ConfigurationError } from "../errors.ts";
import type { Clock } from "../ports/clock.ts";
import type { Log } from "../ports/log.ts";
import type { Logger } from "../ports/logger.ts";
import { readLimits, type TopicLimits } from "./topic_limits.ts";
import { isAnother } from "./topology_record.ts";

/** A topic as an instance has found it at its start, and what stands or falls with it. */
export interface KnownTopic {
  readonly id: string;
  readonly partitions: number;
  /** "keyed": read, and steps rely on its own partitions. "kept": offsets or state stand for it. "written": nothing of ours does. */
  readonly use: "keyed" | "kept" | "written";
  /** Why no instance can start any more when it has got more partitions, and what to do; undefined when it can. */
  readonly bound: string | undefined;
}

/** How often it is asked whether the topics are still those. */
const lookEveryMs = 30_000;

/**
 * The topics of an application, which are looked at again while it runs: one that is deleted and made anew, or that gets more partitions, would change results without a word. Topics that only a policy names, in the moment in which it is
 * asked, are looked up then.
 */
export class KnownTopics {
  readonly #log: Log;
  readonly #clock: Clock;
  readonly #logger: Logger;
  #topics: ReadonlyMap<string, KnownTopic>;
  readonly #partitions: Map<string, number>;
  readonly #limits: Map<string, TopicLimits>;
  readonly #createsTopics: boolean;
  readonly #told = new Set<string>();
  #nextMs: number;
  #looking = false;

  constructor(options: {
    readonly log: Log;
    readonly clock: Clock;
    readonly logger: Logger;
    readonly topics: ReadonlyMap<string, KnownTopic>;
    /** Of every topic, by name; and what those take that are written. What is looked up is added. */
    readonly partitions: Map<string, number>;
    readonly limits: Map<string, TopicLimits>;
    /** Topics of the user's that are missing are made. */
    readonly createsTopics: boolean;
  }) {
    this.#log = options.log;
    this.#clock = options.clock;
    this.#logger = options.logger;
    this.#topics = options.topics;
    this.#partitions = options.partitions;
    this.#limits = options.limits;
    this.#createsTopics = options.createsTopics;
    this.#nextMs = this.#clock.monotonic() + lookEveryMs;
  }

  /** Whether the partitions and limits of a topic that is written are known. */
  canWrite(topic: string): boolean {
    return this.#limits.has(topic);
  }

  /** Gets to know a topic that is to be written. Rejects with a ConfigurationError TOPIC_MISSING when it does not exist. */
  async lookUp(topic: string, step: string | undefined): Promise<void> {
    const { admin } = this.#log;
    let partitions = (await admin.describe([topic])).get(topic)?.partitions;
    if (partitions === undefined && this.#createsTopics) {
      await admin.create([{ topic, partitions: 1, replication: -1, config: {} }]);
      partitions = 1;
    }
    if (partitions === undefined)
      throw new ConfigurationError(
        "TOPIC_MISSING",
        `Topic '${topic}', to which the error policy of step '${step}' sends a record, does not exist: create it first`,
        { topic, step },
      );
    const limits = await readLimits(this.#log, topic, this.#logger);
    this.#partitions.set(topic, partitions);
    this.#limits.set(topic, limits);
  }

  /** Other topics match the program's patterns than before. */
  replace(now: {
    readonly known: ReadonlyMap<string, KnownTopic>;
    readonly partitions: ReadonlyMap<string, number>;
    readonly limits: ReadonlyMap<string, TopicLimits>;
  }): void {
    for (const topic of this.#topics.keys()) if (!now.known.has(topic)) this.#partitions.delete(topic);
    this.#topics = now.known;
    for (const [topic, partitions] of now.partitions) this.#partitions.set(topic, partitions);
    for (const [topic, limits] of now.limits) this.#limits.set(topic, limits);
  }

  /** Looks at the topics now and then. Called often; what is found is told later. A log that cannot be asked is asked again another time. */
  watch(onChange: (error: unknown) => void): void {
    const nowMs = this.#clock.monotonic();
    if (this.#looking || nowMs < this.#nextMs) return;
    this.#nextMs = nowMs + lookEveryMs;
    this.#looking = true;
    this.check([...this.#topics.keys()])
      .catch((error: unknown) => {
        if (error instanceof ConfigurationError) onChange(error);
      })
      .finally(() => {
        this.#looking = false;
      });
  }

  /** Rejects with a ConfigurationError when one of these topics is not what it was: TOPIC_CHANGED, PARTITIONS_DIFFER. */
  async check(topics: readonly string[]): Promise<void> {
    const known = topics.filter((topic) => this.#topics.has(topic));
    const described = await this.#log.admin.describe(known);
    for (const topic of known) {
      const { id, partitions, use, bound } = this.#topics.get(topic)!;
      const is = described.get(topic);
      // One that has gone is found by whoever reads or writes it.
      if (is === undefined) continue;
      if (use !== "written" && isAnother({ id }, { id: is.topicId }))
        throw new ConfigurationError(
          "TOPIC_CHANGED",
          `Topic '${topic}' was deleted and made anew while it was used (its id is ${is.topicId}, and was ${id}): offsets and state stand for records that are not there any more. Start once with allowNonRestoredState: true to go on with it, or give the program another applicationId`,
          { topic },
        );
      if (is.partitions > partitions) this.#hasGrown(topic, partitions, is.partitions, { use, bound });
    }
  }

  #hasGrown(topic: string, was: number, is: number, { use, bound }: Pick<KnownTopic, "use" | "bound">): void {
    if (use === "keyed")
      throw new ConfigurationError(
        "PARTITIONS_DIFFER",
        `Topic '${topic}' has got ${is} partitions while it was read, and had ${was}: keys lie in other partitions from now on than the state that was kept for them. Send its records through a topic in between, with .repartition(name).keyBy() before the steps that need a key, and give the program another applicationId`,
        { topic },
      );
    if (this.#told.has(topic)) return;
    this.#told.add(topic);
    this.#logger.log(
      "warn",
      `Topic '${topic}' has got ${is} partitions, and had ${was}: ${bound === undefined ? `the new ones are ${use === "written" ? "written" : "read"} after a restart of all instances` : `instances that run go on without the new ones, but none can start any more, as ${bound}`}`,
      { topic },
    );
  }
}
