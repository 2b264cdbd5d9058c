import { partitionId, type TopicPartition } from "../ports/log.ts";
import type { Application } from "./application.ts";
import { CommittedWay } from "./committed_way.ts";
import type { InputPlan } from "./plan.ts";
import type { TaskInput } from "./task_input.ts";

/**
 * What a task reads before anything else: inputs that carry a table of which every task has a copy. What stood in the table's own topic when the task was opened has come through, by way of the tasks that hand it on, before the first record of another input is handled.
 */
export class Bootstrap {
  readonly #way: CommittedWay;
  readonly #wake: () => void;
  readonly #closed = new AbortController();
  /** By input: where it has caught up; infinite until that is known. */
  readonly #ends = new Map<string, number>();
  #failure: { readonly error: unknown } | undefined;

  constructor(application: Application, inputs: readonly BootstrapInput[], wake: () => void) {
    this.#way = new CommittedWay(application, this.#closed.signal);
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

  /** Whether that of these inputs which comes first has been read. @param offsetOf how far an input is, by its id */
  isOver(offsetOf: (id: string) => number): boolean {
    return [...this.#ends].every(([id, end]) => offsetOf(id) >= end);
  }

  close(): void {
    this.#closed.abort();
  }

  async #find(input: BootstrapInput): Promise<void> {
    await this.#way.leadsTo(input.plan.topic.name);
    for (const [id, end] of await this.#way.ends([input])) this.#ends.set(id, end);
    this.#wake();
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
