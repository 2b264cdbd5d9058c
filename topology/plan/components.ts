import { FatalError } from "../../core/errors.ts";

/** The parts of a topology that are connected without a topic in between: what becomes sub-topologies. */
export class Components {
  readonly #parents: Component[] = [];
  readonly #writes: Set<Component>[] = [];
  readonly #oneTask: boolean[] = [];

  /** @param oneTask it is known to have one partition */
  fresh(oneTask = false): Component {
    const component = this.#parents.length;
    this.#parents.push(component);
    this.#writes.push(new Set());
    this.#oneTask.push(oneTask);
    return component;
  }

  /** The part that a component now belongs to. */
  root(component: Component): Component {
    const parent = this.#parents[component]!;
    return parent === component ? component : this.root(parent);
  }

  roots(components: Iterable<Component>): readonly Component[] {
    return [...new Set([...components].map((component) => this.root(component)))];
  }

  /** Records go from one to the other by a topic. */
  connect(from: Component, to: Component): void {
    this.#writes[this.root(from)]!.add(to);
  }

  merge(components: readonly Component[]): Component {
    const roots = this.roots(components);
    const first = Math.min(...roots);
    for (const other of roots) {
      if (other === first) continue;
      this.#parents[other] = first;
      for (const to of this.#writes[other]!) this.#writes[first]!.add(to);
      this.#oneTask[first] &&= this.#oneTask[other]!;
    }
    return first;
  }

  /** Whether records of one come to the other, by one topic or several. */
  reaches(from: Component, to: Component): boolean {
    const target = this.root(to);
    const seen = new Set<Component>();
    const goal = (component: Component): boolean =>
      this.written(component).some((next) => next === target || (!seen.has(next) && seen.add(next) !== undefined && goal(next)));
    return goal(from);
  }

  /** The parts that read what this one writes. */
  written(component: Component): readonly Component[] {
    return this.roots(this.#writes[this.root(component)]!);
  }

  hasOneTask(component: Component): boolean {
    return this.#oneTask[this.root(component)]!;
  }

  /** All of them, writers before readers; otherwise in the order in which they began. */
  inOrder(): readonly Component[] {
    const waiting = new Set(this.roots(this.#parents));
    const order: Component[] = [];
    while (waiting.size > 0) {
      const read = new Set([...waiting].flatMap((component) => this.written(component)));
      const next = Math.min(...[...waiting].filter((component) => !read.has(component)));
      if (next === Number.POSITIVE_INFINITY)
        throw new FatalError("INTERNAL", "The planner made sub-topologies that write to each other in a circle");
      order.push(next);
      waiting.delete(next);
    }
    return order;
  }
}

export type Component = number;
