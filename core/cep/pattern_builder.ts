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

/** The options of both forms of a loop. */
type TimesOptions = LoopOptions<any, any> & { readonly within?: Duration };

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
  readonly withinMs: number | undefined;
  /** Of a group: the pattern around it. */
  readonly around: Builder | undefined;
}

const nothing: Scope = { items: [], names: [], nots: [], predicates: [], shapes: [], withinMs: undefined, around: undefined };

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
    if (this.#last()?.kind === "not")
      throw invalid(`Cannot put notNext('${name}') behind '${(this.#last() as NotSpec).name}': put it in front of that step`);
    return this.#absent("notNext", name, where);
  }

  notFollowedBy(name: string, where?: Condition): Builder {
    return this.#absent("notFollowedBy", name, where);
  }

  within(time: Duration, between: "first-and-last" | "neighbours" = "first-and-last"): Builder {
    const last = this.#last();
    if (last === undefined) throw invalid("Cannot call within() before begin()");
    checkDuration(time, "within()");
    if (this.#scope.around !== undefined) throw invalid("Cannot call within() inside of a group: give the whole pattern its time");
    if (between === "first-and-last") return this.#with({ withinMs: Math.min(time, this.#scope.withinMs ?? time) });
    if (between !== "neighbours")
      throw invalid(`Cannot measure a pattern between '${String(between)}': say "first-and-last" or "neighbours"`);
    const before = this.#scope.items.at(-2);
    if (before === undefined || last.kind === "group" || (last.kind === "take" && (last.loop !== undefined || last.optional)))
      throw invalid("Cannot measure between neighbours on the first step, a loop, an optional step or a group: use within(time)");
    const taken = this.#scope.items.findLast((item) => item.kind !== "not");
    if (last.kind === "not" && (taken?.kind === "group" || taken?.loop !== undefined))
      throw invalid(`Cannot measure '${last.name}' between neighbours behind a loop or a group: use within(time)`);
    return this.#replaceLast({ ...last, neighboursMs: Math.min(time, last.neighboursMs ?? time) });
  }

  oneOrMore(options: LoopOptions<any, any> = {}): Builder {
    return this.#loop(1, Number.POSITIVE_INFINITY, options);
  }

  times(n: number | { readonly min: number; readonly max?: number }, options: TimesOptions = {}): Builder {
    const { min, max = Number.POSITIVE_INFINITY } = typeof n === "number" ? { min: n, max: n } : n;
    if (!Number.isInteger(min) || min < (typeof n === "number" ? 1 : 0))
      throw invalid(`Cannot repeat ${this.#lastText()} ${min} times: give a whole number, at least ${typeof n === "number" ? 1 : 0}`);
    if (max !== Number.POSITIVE_INFINITY && (!Number.isInteger(max) || max < 1 || max < min))
      throw invalid(
        `Cannot repeat ${this.#lastText()} ${min} to ${max} times: give a whole number that is not below the first and at least 1`,
      );
    const repeated = this.#loop(Math.max(1, min), max, options);
    return min === 0 ? repeated.optional() : repeated;
  }

  optional(): Builder {
    const last = this.#positive("optional()");
    if (last.optional) throw invalid(`Cannot make ${this.#lastText()} optional twice`);
    if (this.#scope.around !== undefined && this.#scope.items.length === 1)
      throw invalid(`Cannot make ${this.#lastText()} optional, as a group begins with it: make the group optional`);
    if (last.kind === "take" && last.neighboursMs !== undefined)
      throw invalid(`Cannot make ${this.#lastText()} optional and measure it between neighbours: use within(time)`);
    return this.#replaceLast({ ...last, optional: true });
  }

  written(): PatternSpec {
    const { items, names, predicates, shapes, withinMs, around } = this.#scope;
    if (around !== undefined) throw invalid("A pattern cannot be a part of a group: give what the outer begin() began");
    const last = items.at(-1);
    if (last === undefined) throw invalid("A pattern has to begin with begin()");
    if (last.kind === "not" && last.follow === "notFollowedBy" && withinMs === undefined && last.neighboursMs === undefined)
      throw invalid(`Cannot end a pattern with notFollowedBy('${last.name}') without a time: add within()`);
    for (const [i, item] of items.entries())
      if (item.kind === "not" && item.follow === "notFollowedBy" && item.neighboursMs !== undefined && i < items.length - 1)
        throw invalid(
          `Cannot measure notFollowedBy('${item.name}') between neighbours in the middle of a pattern: measure the step behind it`,
        );
    for (const item of items)
      if (item.kind !== "group") {
        const stepMs = item.kind === "take" ? Math.max(item.neighboursMs ?? 0, item.loop?.withinMs ?? 0) : (item.neighboursMs ?? 0);
        if (withinMs !== undefined && stepMs > withinMs)
          throw invalid(`Cannot give two neighbours ${stepMs} ms in a pattern that has ${withinMs} ms as a whole: give them less`);
      }
    return {
      items,
      steps: shapes.map(({ step, shape }) => ({ name: names[step]!, shape })),
      predicates,
      withinMs,
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
      neighboursMs: undefined,
    };
    return this.#with({ items: [...items, item], names: [...names, step], predicates, shapes: [...shapes, { ...own, shape: "one" }] });
  }

  #group(follow: Follow, write: (start: any) => unknown): Builder {
    const { items, names, nots, predicates, shapes, around } = this.#scope;
    if (around !== undefined && follow === "begin") throw invalid("Cannot begin a group with a group: begin with its first step");
    const group = write(new Builder({ ...nothing, names, nots, predicates, around: this }));
    if (!(group instanceof Builder) || group.#scope.around !== this || group.#scope.items.length === 0)
      throw invalid(
        'A group has to be made by the begin() that its function is given: give a function such as (g) => g.begin("x").next("y")',
      );
    const last = group.#last()!;
    if (last.kind === "not") throw invalid(`Cannot end a group with '${last.name}', which takes no event: end it with a step that does`);
    const certain = group.#scope.items.findLast((inner) => inner.kind === "not" || !inner.optional);
    if (certain?.kind === "not" && certain.follow === "notFollowedBy")
      throw invalid(
        `Cannot end a group with optional steps behind notFollowedBy('${certain.name}'): end it with a step that always takes an event`,
      );
    const item: GroupSpec = { kind: "group", follow, items: group.#scope.items, loop: undefined, optional: false };
    return this.#with({
      ...group.#scope,
      items: [...items, item],
      shapes: [...shapes, ...group.#scope.shapes],
      withinMs: this.#scope.withinMs,
      around,
    });
  }

  #absent(follow: NotSpec["follow"], name: string, where: Condition | undefined): Builder {
    const last = this.#last();
    if (last === undefined) throw invalid(`Cannot begin a pattern with ${follow}('${name}'): begin with a step that takes an event`);
    if (endsOptional(last))
      throw invalid(
        `Cannot put ${follow}('${name}') behind ${this.#lastText()}, as that or its end may be left out: write two patterns, one without what is optional`,
      );
    this.#claim(name);
    const { items, nots, shapes } = this.#scope;
    const { index, predicates } = this.#predicate(where, shapes, `The condition of '${name}'`);
    return this.#with({
      items: [...items, { kind: "not", follow, name, where: index, neighboursMs: undefined }],
      nots: [...nots, name],
      predicates,
    });
  }

  #loop(min: number, max: number, options: TimesOptions): Builder {
    const last = this.#positive("a repetition");
    const text = this.#lastText();
    const { greedy = false, consecutive = false, combinations = false, within, until } = options;
    if (last.loop !== undefined) throw invalid(`Cannot repeat ${text} twice: say oneOrMore() or times() once`);
    if (last.kind === "take" && last.neighboursMs !== undefined)
      throw invalid(`Cannot repeat ${text} and measure it between neighbours: use within(time)`);
    if (consecutive && combinations) throw invalid(`Cannot repeat ${text} with "consecutive" and "combinations" at once: choose one`);
    if (greedy && last.kind === "group") throw invalid('Cannot repeat a group with "greedy": make the loops inside of it greedy');
    if (until !== undefined && max !== Number.POSITIVE_INFINITY)
      throw invalid(`Cannot end ${text} with "until", as it ends after ${max} times anyway: leave out the upper bound`);
    if (within !== undefined) {
      checkDuration(within, 'the option "within"');
      if (min !== max)
        throw invalid(
          `Cannot use the option "within" for ${text}, whose number is not fixed: use it with times(n), or within(time) for the whole pattern`,
        );
      if (last.kind === "group" || this.#scope.around !== undefined)
        throw invalid('Cannot use the option "within" in a group: use within(time) for the whole pattern');
    }
    if (last.kind === "group" && max === Number.POSITIVE_INFINITY && endsGreedy(last.items))
      throw invalid(
        "Cannot repeat a group that ends with a greedy loop without an upper bound: let another step end it, or give an upper bound",
      );
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
    return { index: predicates.length, predicates: [...predicates, { test, sees: test.length === 1 ? [] : sees }] };
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

/** The run may be behind the item without having taken anything of it, or of its last step. */
const endsOptional = (item: ItemSpec): boolean =>
  item.kind !== "not" && (item.optional || (item.kind === "group" && endsOptional(item.items.at(-1)!)));

/** A greedy loop may be the last of the items that takes something. */
const endsGreedy = (items: readonly ItemSpec[]): boolean => {
  for (const item of items.toReversed()) {
    if (item.kind === "not") continue;
    if (item.kind === "group" ? endsGreedy(item.items) : item.loop?.greedy) return true;
    if (!item.optional) return false;
  }
  return false;
};

const checkDuration = (time: number, where: string): void => {
  if (!Number.isFinite(time) || time <= 0)
    throw invalid(`Cannot use ${time} ms in ${where}: give a duration above zero, such as minutes(5)`);
};
