import { type BaseOffsets, noHeaders, partitionId } from "../ports/log.ts";
import type { StepState } from "../state/step_state.ts";
import type { StorePlan, SubtopologyPlan } from "./plan.ts";
import type { SealedTask } from "./sealed_task.ts";
import type { TaskEnvironment } from "./task_environment.ts";
import { refuseTooLarge } from "./topic_limits.ts";
import { UnsureEntries } from "./unsure_entries.ts";

/** The stores of a task, by name. */
export type NamedStates = Iterable<readonly [store: string, state: StepState]>;

/** What the stores of one task write to their changelogs, commit by commit. */
export class Changelogs {
  readonly #environment: TaskEnvironment;
  readonly #partition: number;
  /** Of the steps' stores, by name. */
  readonly #plans: ReadonlyMap<string, StorePlan>;
  readonly #unsure = new UnsureEntries();

  constructor({ nodes }: SubtopologyPlan, partition: number, environment: TaskEnvironment) {
    this.#environment = environment;
    this.#partition = partition;
    this.#plans = new Map(nodes.flatMap(({ store }) => (store === undefined ? [] : [[store.name, store]])));
  }

  /** The next commit has something to mend, whatever else there is to say. */
  get isBehind(): boolean {
    return !this.#unsure.isEmpty;
  }

  /** Closes what the stores have changed, and writes it to the outbox. Gives the number of records of each changelog, by `partitionId`. */
  seal(states: NamedStates): ReadonlyMap<string, number> {
    const environment = this.#environment;
    const changelog = new Map<string, number>();
    const outbox = environment.outbox();
    const now = environment.clock.now();
    for (const [store, state] of states) {
      const logged = environment.guarantee !== "none" && this.#hasChangelog(store);
      const topic = environment.changelogTopic(store);
      const limits = environment.limitsOf(topic);
      let records = 0;
      const write = (key: Uint8Array, value: Uint8Array | null): void => {
        if (!logged) return;
        records++;
        refuseTooLarge(limits, store, key, value);
        outbox.append(topic, this.#partition, key, value, now, noHeaders);
      };
      state.seal(write);
      this.#unsure.say(store, state, write);
      if (records > 0) changelog.set(partitionId(topic, this.#partition), records);
    }
    return changelog;
  }

  /** What was sealed is in the log: the stores take it, each with its position there. */
  committed(states: NamedStates, { changelog }: Pick<SealedTask, "changelog">, bases: BaseOffsets, offsetOf: OffsetOf): void {
    for (const [store, state] of states) {
      const rowsOf = this.#plans.get(store)?.rowsOf;
      if (rowsOf !== undefined) {
        state.committed(offsetOf(rowsOf.input));
        continue;
      }
      const partition = partitionId(this.#environment.changelogTopic(store), this.#partition);
      const base = bases.get(partition);
      const records = changelog.get(partition);
      state.committed(base === undefined || records === undefined ? undefined : base + records);
    }
    this.#unsure.clear();
  }

  /** What is sealed is taken back. In a transaction it is gone from the log with that. */
  takenBack(states: NamedStates): void {
    if (this.#environment.guarantee !== "at-least-once") return;
    for (const [store, state] of states) this.#unsure.add(store, state);
  }

  #hasChangelog(store: string): boolean {
    const plan = this.#plans.get(store);
    return plan === undefined || (plan.changelog && plan.rowsOf === undefined);
  }
}

/** How far an input is read by the commit, by its place: so far go the rows of a table that comes back from there. */
type OffsetOf = (input: number) => number | undefined;
