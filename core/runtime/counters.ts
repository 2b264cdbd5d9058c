import type { Logger } from "../ports/logger.ts";
import type { Metric } from "../ports/metrics.ts";

/** Counts things that happened, by name and tags. A counter is looked up once and then only incremented. */
export class Counters {
  readonly #counters = new Map<string, Counter>();
  readonly #onFirst: (counter: Counter) => void;

  /** @param onFirst told when something happens for the first time */
  constructor(onFirst: (counter: Metric) => void = () => {}) {
    this.#onFirst = onFirst;
  }

  counter(name: string, tags: Readonly<Record<string, string>> = {}): Counter {
    const id = `${name} ${Object.keys(tags)
      .sort()
      .map((tag) => `${tag}=${tags[tag]}`)
      .join(",")}`;
    let counter = this.#counters.get(id);
    if (counter === undefined) this.#counters.set(id, (counter = new Counter(name, tags, this.#onFirst)));
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
  readonly #onFirst: (counter: Counter) => void;

  constructor(name: string, tags: Readonly<Record<string, string>>, onFirst: (counter: Counter) => void) {
    this.name = name;
    this.tags = tags;
    this.#onFirst = onFirst;
  }

  add(by = 1): void {
    if (this.value === 0 && by > 0) this.#onFirst(this);
    this.value += by;
  }
}

/** Records that a step has no use for are dropped without an error; once per step that is worth a line in the log. */
export const warnOfDropped =
  (logger: Logger) =>
  ({ name, tags }: Metric): void => {
    const [, missing] = /^dropped_null_(key|value)$/.exec(name) ?? [];
    if (missing !== undefined)
      logger.log("warn", `Step '${tags["step"]}' drops records without a ${missing}: the counter ${name} says how many`, { ...tags });
  };
