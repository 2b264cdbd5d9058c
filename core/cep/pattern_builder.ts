import type { Duration } from "../duration.ts";
import { TopologyError } from "../errors.ts";
import type { LoopOptions, PatternStart, PatternTail } from "./pattern.ts";
import type { Condition, Follow, GroupSpec, ItemSpec, LoopSpec, NotSpec, PatternSpec, Predicate, Shape, TakeSpec } from "./pattern_spec.ts";
import { patternText } from "./pattern_text.ts";

/** Where a pattern begins that nothing has been said of yet. */
export const newPattern = <T>(): PatternStart<T> => new Builder(nothing) as unknown as PatternStart<T>;

/** What the user has written, checked as a whole. */
export const writtenPattern = (pattern: PatternTail<any, any>): PatternSpec => {
  if (!(pattern instanceof Builder))
    throw invalid('A pattern has to be made by begin() and what follows it: give a function such as ({ begin }) => begin("a").next("b")');
  return pattern.written();
};

const invalid = (message: string): TopologyError => new TopologyError("PATTERN_INVALID", message);

/** What has been said so far. */
interface Scope {
  readonly items: readonly ItemSpec[];
  readonly names: readonly string[];
  /** Of the steps that take no event. */
  readonly nots: readonly string[];
  readonly predicates: readonly Predicate[];
  /** The steps that a condition is shown, with the shapes they have here. */
  readonly shapes: readonly { readonly step: number; readonly shape: Shape }[];
  /** Of a group: the pattern around it. */
  readonly around: Builder | undefined;
}

const nothing: Scope = { items: [], names: [], nots: [], predicates: [], shapes: [], around: undefined };

/** A pattern so far. Every call gives a new one. At run time there is one class for what the types tell apart; what the types forbid is refused in words. */
class Builder {
  readonly #scope: Scope;

  constructor(scope: Scope) {
    this.#scope = scope;
  }

  readonly begin = (step: string | ((start: any) => unknown), where?: Condition): Builder => {
    if (this.#scope.items.length > 0)
      throw invalid("Cannot call begin() in the middle of a pattern: go on with next(), followedBy() or followedByAny()");
    return this.#present("begin", step, where);
  };

  next(step: string | ((start: any) => unknown), where?: Condition): Builder {
    return this.#present("next", step, where);
  }

  followedBy(step: string | ((start: any) => unknown), where?: Condition): Builder {
    return this.#present("followedBy", step, where);
  }

  followedByAny(step: string | ((start: any) => unknown), where?: Condition): Builder {
    return this.#present("followedByAny", step, where);
  }

  notNext(name: string, where?: Condition): Builder {
    return this.#absent("notNext", name, where);
  }

  notFollowedBy(name: string, where?: Condition): Builder {
    return this.#absent("notFollowedBy", name, where);
  }

  within(time: Duration, between: "first-and-last" | "neighbours" = "first-and-last"): Builder {
    const last = this.#last();
    if (last === undefined) throw invalid("Cannot call within() before begin()");
    checkDuration(time, "within()");
    if (between === "first-and-last") return this.#replaceLast({ ...last, withinMs: time });
    if (between !== "neighbours")
      throw invalid(`Cannot measure a pattern between '${String(between)}': say "first-and-last" or "neighbours"`);
    return this.#replaceLast({ ...last, neighboursMs: time });
  }

  oneOrMore(options: LoopOptions<any, any> = {}): Builder {
    return this.#loop(1, Number.POSITIVE_INFINITY, options);
  }

  times(n: number | { readonly min: number; readonly max?: number }, options: LoopOptions<any, any> = {}): Builder {
    const { min, max = Number.POSITIVE_INFINITY } = typeof n === "number" ? { min: n, max: n } : n;
    if (!Number.isInteger(min) || min < (typeof n === "number" ? 1 : 0))
      throw invalid(`Cannot repeat ${this.#lastText()} ${min} times: give a whole number, at least ${typeof n === "number" ? 1 : 0}`);
    if (max !== Number.POSITIVE_INFINITY && (!Number.isInteger(max) || max < 1 || max < min))
      throw invalid(
        `Cannot repeat ${this.#lastText()} ${min} to ${max} times: give a whole number that is not below the first and at least 1`,
      );
    const repeated = this.#loop(Math.max(1, min), max, options);
    return min === 0 ? repeated.#optional() : repeated;
  }

  optional(): Builder {
    const last = this.#positive("optional()");
    const before = this.#scope.items.at(-2);
    if (before !== undefined && before.kind !== "not" && before.loop?.greedy)
      throw invalid(`Cannot make ${this.#lastText()} optional behind a greedy loop: make one of the two required, or the loop not greedy`);
    if (last.optional) throw invalid(`Cannot make ${this.#lastText()} optional twice`);
    return this.#optional();
  }

  written(): PatternSpec {
    const { items, names, predicates, shapes, around } = this.#scope;
    if (around !== undefined) throw invalid("A pattern cannot be a part of a group: give what the outer begin() began");
    if (items.length === 0) throw invalid("A pattern has to begin with begin()");
    return {
      items,
      steps: shapes.map(({ step, shape }) => ({ name: names[step]!, shape })),
      predicates,
      text: patternText(items, names),
    };
  }

  // ---------------------------------------------------------------- parts

  #present(follow: Follow, step: string | ((start: any) => unknown), where: Condition | undefined): Builder {
    if (follow !== "begin" && this.#scope.items.length === 0) throw invalid(`Cannot call ${follow}() before begin()`);
    if (typeof step === "function") return this.#group(follow, step);
    this.#claim(step);
    const { items, names, shapes } = this.#scope;
    const own = { step: names.length, shape: "loop" as const };
    const { index, predicates } = this.#predicate(where, [...shapes, own], `The condition of '${step}'`);
    const item: TakeSpec = {
      kind: "take",
      follow,
      step: own.step,
      where: index,
      loop: undefined,
      optional: false,
      withinMs: undefined,
      neighboursMs: undefined,
    };
    return this.#with({ items: [...items, item], names: [...names, step], predicates, shapes: [...shapes, { ...own, shape: "one" }] });
  }

  #group(follow: Follow, write: (start: any) => unknown): Builder {
    const { items, names, nots, predicates, shapes, around } = this.#scope;
    const group = write(new Builder({ ...nothing, names, nots, predicates, around: this }));
    if (!(group instanceof Builder) || group.#scope.around !== this || group.#scope.items.length === 0)
      throw invalid(
        'A group has to be made by the begin() that its function is given: give a function such as (g) => g.begin("x").next("y")',
      );
    const item: GroupSpec = {
      kind: "group",
      follow,
      items: group.#scope.items,
      loop: undefined,
      optional: false,
      withinMs: undefined,
      neighboursMs: undefined,
    };
    return this.#with({
      ...group.#scope,
      items: [...items, item],
      shapes: [...shapes, ...group.#scope.shapes],
      around,
    });
  }

  #absent(follow: NotSpec["follow"], name: string, where: Condition | undefined): Builder {
    const last = this.#last();
    if (last === undefined) throw invalid(`Cannot begin a pattern with ${follow}('${name}'): begin with a step that takes an event`);
    if (last.kind !== "not" && last.optional)
      throw invalid(
        `Cannot put ${follow}('${name}') behind ${this.#lastText()}, as that may be left out: write two patterns, one without what is optional`,
      );
    this.#claim(name);
    const { items, nots, shapes } = this.#scope;
    const { index, predicates } = this.#predicate(where, shapes, `The condition of '${name}'`);
    return this.#with({
      items: [...items, { kind: "not", follow, name, step: -2 - nots.length, where: index, withinMs: undefined, neighboursMs: undefined }],
      nots: [...nots, name],
      predicates,
    });
  }

  #loop(min: number, max: number, options: LoopOptions<any, any>): Builder {
    const last = this.#positive("a repetition");
    const text = this.#lastText();
    const { greedy = false, consecutive = false, combinations = false, within, until } = options;
    if (last.loop !== undefined) throw invalid(`Cannot repeat ${text} twice: say oneOrMore() or times() once`);
    if (consecutive && combinations) throw invalid(`Cannot repeat ${text} with "consecutive" and "combinations" at once: choose one`);
    if (greedy && last.kind === "group") throw invalid('Cannot repeat a group with "greedy": make the loops inside of it greedy');
    if (until !== undefined && max !== Number.POSITIVE_INFINITY)
      throw invalid(`Cannot end ${text} with "until", as it ends after ${max} times anyway: leave out the upper bound`);
    if (within !== undefined) checkDuration(within, 'the option "within"');
    const own = new Set(stepsOf(last));
    const shapes = this.#scope.shapes.map((known) => (own.has(known.step) ? { ...known, shape: "loop" as const } : known));
    const { index, predicates } = this.#predicate(until, shapes, 'The option "until"');
    const loop: LoopSpec = {
      min,
      max,
      between: consecutive ? "nothing" : combinations ? "anything" : "others",
      greedy,
      until: index,
      withinMs: within,
    };
    return this.#with({ predicates }).#replaceLast({ ...last, loop });
  }

  #optional(): Builder {
    return this.#replaceLast({ ...(this.#last() as TakeSpec | GroupSpec), optional: true });
  }

  #positive(what: string): TakeSpec | GroupSpec {
    const last = this.#last();
    if (last === undefined) throw invalid(`Cannot call ${what} before begin()`);
    if (last.kind === "not") throw invalid(`Cannot apply ${what} to '${last.name}', which takes no event`);
    return last;
  }

  #last(): ItemSpec | undefined {
    return this.#scope.items.at(-1);
  }

  #lastText(): string {
    const last = this.#last();
    return last === undefined
      ? "nothing"
      : last.kind === "group"
        ? "a group"
        : `'${last.kind === "not" ? last.name : this.#scope.names[last.step]}'`;
  }

  /** A name stands for one step of a pattern: it is the key in the match. */
  #claim(name: string): void {
    if (typeof name !== "string" || name === "")
      throw invalid("A step of a pattern has an empty name: give it one, it names the events in the match");
    if (name === "__proto__")
      throw invalid("A step of a pattern cannot be called '__proto__': give it a name that a field of an object can have");
    const { names, nots } = this.#scope;
    if (names.includes(name) || nots.includes(name))
      throw invalid(`The pattern has two steps called '${name}': give each a name of its own`);
  }

  #predicate(
    test: Condition | undefined,
    sees: Predicate["sees"],
    what: string,
  ): { readonly index: number | undefined; readonly predicates: readonly Predicate[] } {
    const { predicates } = this.#scope;
    if (test === undefined) return { index: undefined, predicates };
    if (typeof test !== "function") throw invalid(`${what} is no function: give one such as (event) => event.amount > 1000`);
    // A condition that declares the event alone gets the event alone, and nothing has to be looked up for it.
    return { index: predicates.length, predicates: [...predicates, { test, asks: test.length !== 1, sees }] };
  }

  #with(change: Partial<Scope>): Builder {
    return new Builder({ ...this.#scope, ...change });
  }

  #replaceLast(item: ItemSpec): Builder {
    const { items, shapes } = this.#scope;
    const steps = new Set(item.kind === "not" ? [] : stepsOf(item));
    const shape = (of: Shape): Shape =>
      item.kind === "not" ? of : item.loop !== undefined ? "loop" : item.optional && of === "one" ? "optional" : of;
    return this.#with({
      items: [...items.slice(0, -1), item],
      shapes: shapes.map((known) => (steps.has(known.step) ? { ...known, shape: shape(known.shape) } : known)),
    });
  }
}

const stepsOf = (item: ItemSpec): readonly number[] =>
  item.kind === "take" ? [item.step] : item.kind === "group" ? item.items.flatMap(stepsOf) : [];

const checkDuration = (time: number, where: string): void => {
  if (!Number.isFinite(time) || time <= 0)
    throw invalid(`Cannot use ${time} ms in ${where}: give a duration above zero, such as minutes(5)`);
};
