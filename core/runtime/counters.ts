import type { Metric } from "../ports/metrics.ts";

/** Counts things that happened, by name and tags. A counter is looked up once and then only incremented. */
export class Counters {
  readonly #counters = new Map<string, Counter>();

  counter(name: string, tags: Readonly<Record<string, string>> = {}): Counter {
    const id = `${name} ${Object.keys(tags)
      .sort()
      .map((tag) => `${tag}=${tags[tag]}`)
      .join(",")}`;
    let counter = this.#counters.get(id);
    if (counter === undefined) this.#counters.set(id, (counter = new Counter(name, tags)));
    return counter;
  }

  /** Over all tags. */
  total(name: string): number {
    let total = 0;
    for (const counter of this.#counters.values()) if (counter.name === name) total += counter.value;
    return total;
  }

  *[Symbol.iterator](): Iterator<Metric> {
    yield* this.#counters.values();
  }
}

export class Counter implements Metric {
  readonly name: string;
  readonly tags: Readonly<Record<string, string>>;
  value = 0;

  constructor(name: string, tags: Readonly<Record<string, string>>) {
    this.name = name;
    this.tags = tags;
  }

  add(by = 1): void {
    this.value += by;
  }
}
