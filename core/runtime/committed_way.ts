import { partitionId, type TopicPartition } from "../ports/log.ts";
import type { Application } from "./application.ts";
import { inputsBefore } from "./inputs_before.ts";
import { insist } from "./insist.ts";
import { pause } from "./pause.ts";
import type { Edge, InputPlan, Plan, SubtopologyPlan } from "./plan.ts";
import { writersOf } from "./writers_of.ts";

const lookEveryMs = 100;

/**
 * Follows records from a topic of the user's to an internal one. The tasks on the way commit what they have read together with what they have written; so once the group's offsets have passed the end that a topic had, what stood in it then lies in the next.
 */
export class CommittedWay {
  readonly #application: Application;
  readonly #signal: AbortSignal;

  /** @param signal ends every wait, with an error */
  constructor(application: Application, signal: AbortSignal) {
    this.#application = application;
    this.#signal = signal;
  }

  /** Waits until all that stood in the sources of an internal topic has come into it. */
  async leadsTo(topic: string): Promise<void> {
    const { plan, names, partitions, control } = this.#application;
    for (const { topic: on, kind } of wayTo(plan, topic)) {
      const name = names.of(on);
      const all = Array.from({ length: partitions.get(name) ?? 0 }, (_, partition) => ({ topic: name, partition }));
      const ends = await this.ends(all);
      // A bounded source is not read any further than to its bound, whatever is written to it later.
      const bounds = kind === "source" || kind === "records" ? control.bounds : undefined;
      await this.committed(
        all,
        new Map([...ends].map(([id, end]) => [id, bounds === undefined ? end : Math.min(end, bounds.get(id) ?? 0)])),
      );
    }
  }

  /** Where these partitions end now, for who sees what is committed. */
  ends(partitions: readonly TopicPartition[]): Promise<ReadonlyMap<string, number>> {
    return this.#patiently(() => this.#application.log.admin.offsets(partitions, "latest", "read-committed"));
  }

  /** Waits until the group has committed these partitions so far. */
  async committed(partitions: readonly TopicPartition[], ends: ReadonlyMap<string, number>): Promise<void> {
    const { log, settings, clock } = this.#application;
    for (;;) {
      const committed = await this.#patiently(() => log.admin.committed(settings.applicationId, partitions, { requireStable: false }));
      if (partitions.every(({ topic, partition }) => isReached(partitionId(topic, partition), ends, committed))) return;
      await pause(clock, lookEveryMs, this.#signal);
    }
  }

  #patiently<T>(attempt: () => Promise<T>): Promise<T> {
    const { clock, logger } = this.#application;
    return insist(attempt, {
      clock,
      signal: this.#signal,
      onFailure: ({ message }) => logger.log("warn", "It cannot be found out yet how far a table has been read", { reason: message }),
    });
  }
}

const isReached = (id: string, ends: ReadonlyMap<string, number>, committed: ReadonlyMap<string, { readonly offset: number }>): boolean =>
  (committed.get(id)?.offset ?? 0) >= (ends.get(id) ?? 0);

/** The inputs through which records come to an internal topic, from their source on. */
const wayTo = (plan: Plan, topic: string): readonly InputPlan[] =>
  writersOf(plan, topic).flatMap((writer) =>
    inputsBefore(writer, edgesTo(writer, topic)).flatMap((input) =>
      input.topic.internal ? [...wayTo(plan, input.topic.name), input] : [input],
    ),
  );

/** What a sub-topology writes to an internal topic. */
const edgesTo = ({ nodes }: SubtopologyPlan, topic: string): readonly Edge[] =>
  nodes.flatMap(({ output, inputs }) => (output?.topic.internal === true && output.topic.name === topic ? inputs.flat() : []));
