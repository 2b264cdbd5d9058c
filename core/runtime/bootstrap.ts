import { partitionId, type TopicPartition } from "../ports/log.ts";
import type { Application } from "./application.ts";
import { inputsBefore } from "./inputs_before.ts";
import { insist } from "./insist.ts";
import { pause } from "./pause.ts";
import type { Edge, InputPlan, Plan, SubtopologyPlan } from "./plan.ts";
import type { TaskInput } from "./task_input.ts";
import { writersOf } from "./writers_of.ts";

const lookEveryMs = 100;

/**
 * What a task reads before anything else: inputs that carry a table of which every task has a copy. What stood in the table's own topic when the task was opened has come through, by way of the tasks that hand it on, before the first record of another input is handled.
 *
 * Those tasks commit what they have read together with what they have written; so once the group's offsets have passed the end that the topic had, the end of the topic that they write is what has to be read here.
 */
export class Bootstrap {
  readonly #application: Application;
  readonly #wake: () => void;
  readonly #closed = new AbortController();
  /** By input: where it has caught up; infinite until that is known. */
  readonly #ends = new Map<string, number>();
  #failure: { readonly error: unknown } | undefined;

  constructor(application: Application, inputs: readonly BootstrapInput[], wake: () => void) {
    this.#application = application;
    this.#wake = wake;
    for (const input of inputs) {
      this.#ends.set(partitionId(input.topic, input.partition), Number.POSITIVE_INFINITY);
      this.#find(input).catch((error: unknown) => {
        if (this.#closed.signal.aborted) return;
        this.#failure = { error };
        wake();
      });
    }
  }

  /** Those inputs that are to be read now. Throws when it cannot be found out where one of them has caught up. */
  first(inputs: readonly TaskInput[]): readonly TaskInput[] {
    if (this.#failure !== undefined) throw this.#failure.error;
    const ahead = inputs.filter((input) => !input.finished && input.position < (this.#ends.get(input.id) ?? Number.NEGATIVE_INFINITY));
    return ahead.length === 0 ? inputs : ahead;
  }

  close(): void {
    this.#closed.abort();
  }

  async #find(input: BootstrapInput): Promise<void> {
    const { clock, plan, names, partitions, control } = this.#application;
    for (const { topic, kind } of wayTo(plan, input.plan.topic.name)) {
      const name = names.of(topic);
      const all = Array.from({ length: partitions.get(name) ?? 0 }, (_, partition) => ({ topic: name, partition }));
      const ends = await this.#end(all);
      // A bounded source is not read any further than to its bound, whatever is written to it later.
      const bounds = kind === "source" || kind === "records" ? control.bounds : undefined;
      const upTo = new Map([...ends].map(([id, end]) => [id, bounds === undefined ? end : Math.min(end, bounds.get(id) ?? 0)]));
      while (!(await this.#isCommitted(all, upTo))) await pause(clock, lookEveryMs, this.#closed.signal);
    }
    for (const [id, end] of await this.#end([input])) this.#ends.set(id, end);
    this.#wake();
  }

  #end(partitions: readonly TopicPartition[]): Promise<ReadonlyMap<string, number>> {
    return this.#patiently(() => this.#application.log.admin.offsets(partitions, "latest", "read-committed"));
  }

  async #isCommitted(partitions: readonly TopicPartition[], ends: ReadonlyMap<string, number>): Promise<boolean> {
    const { log, settings } = this.#application;
    const committed = await this.#patiently(() => log.admin.committed(settings.applicationId, partitions, { requireStable: false }));
    return [...ends].every(([id, end]) => (committed.get(id)?.offset ?? 0) >= end);
  }

  #patiently<T>(attempt: () => Promise<T>): Promise<T> {
    const { clock, logger } = this.#application;
    return insist(attempt, {
      clock,
      signal: this.#closed.signal,
      onFailure: ({ message }) => logger.log("warn", "It cannot be found out yet how far a table has been read", { reason: message }),
    });
  }
}

/** A partition that is read before others. */
interface BootstrapInput extends TopicPartition {
  readonly plan: InputPlan;
}

/** Undefined where no input goes before the others, and where nobody commits how far it has come. */
export const bootstrapOf = (application: Application, inputs: readonly BootstrapInput[], wake: () => void): Bootstrap | undefined => {
  const first = inputs.filter(({ plan }) => plan.bootstrap === true);
  if (first.length === 0 || application.settings.guarantee === "none") return undefined;
  return new Bootstrap(application, first, wake);
};

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
