import { TopologyError } from "../errors.ts";
import type { Automaton, Clauses } from "./automaton.ts";
import { Draft, finished, proceedsInCircles } from "./draft.ts";
import type { Between, Follow, GroupSpec, ItemSpec, LoopSpec, NotSpec, PatternSpec, TakeSpec } from "./pattern_spec.ts";

/**
 * The automaton of a pattern, put together from its end to its beginning: each item gets the state behind it and gives the state in front. It finds what Flink's automaton finds, also where that goes by how a pattern is
 * written rather than by what it says (docs/patterns.md lists these cases).
 *
 * Throws TopologyError PATTERN_INVALID when the times of the pattern contradict each other, or a loop could go round without an event.
 */
export const compilePattern = ({ items }: PatternSpec): Automaton => new Compilation(items).finish();

/** Where an item stands among others. */
interface Place {
  readonly items: readonly ItemSpec[];
  readonly index: number;
  /** What stands right behind the item; at the end of a group what stands behind that. */
  readonly behind: ItemSpec | undefined;
  readonly group: GroupRound | undefined;
}

/** The group around an item. */
interface GroupRound {
  readonly spec: GroupSpec;
  /** The first round begins as the group follows the step before, the others as its loop says. */
  readonly first: boolean;
}

/** One event for a step, or one round of a group. */
interface Round {
  readonly takes: Clauses;
  /** Which events are skipped while it is waited for; undefined: none. */
  readonly skips: Clauses | undefined;
  /** Where a run goes that takes nothing; undefined: it has to take. */
  readonly leavesTo: Draft | undefined;
  readonly first: boolean;
}

const always: Clauses = [];
// Each round of a bounded loop has states of its own, and a pattern may come from outside.
const statesMax = 10_000;
const groupName = Symbol("group");

class Compilation {
  readonly #items: readonly ItemSpec[];
  #withinMs: number | undefined;
  /** The steps that have a state already. A time between neighbours that a loop gives counts for all its states but the first that is made, which is that of its last round. */
  readonly #known = new Set<number | symbol>();
  /** Where runs end, by the step that must not come. */
  readonly #stops = new Map<number, Draft>();
  /** How states behind greedy loops were before these held them back: a loop that its `until` has ended leads there. */
  readonly #free = new Map<Draft, Draft>();
  #longestMs = 0;
  #made = 0;

  constructor(items: readonly ItemSpec[]) {
    this.#items = items;
  }

  finish(): Automaton {
    const last = this.#items.at(-1)!;
    this.#withinMs = last.withinMs;
    const start = this.#sequence(this.#items, new Draft("final", -1), undefined, undefined);
    if (this.#withinMs !== undefined && this.#longestMs > this.#withinMs)
      throw invalid(
        `Cannot give two neighbours ${this.#longestMs} ms in a pattern that has ${this.#withinMs} ms as a whole: give them less`,
      );
    if (isNotFollowedBy(last) && last.neighboursMs === undefined && this.#withinMs === undefined)
      throw invalid(`Cannot end a pattern with notFollowedBy('${last.name}') without a time: add within()`);
    // Where that happens only later in the pattern, it shows when a run gets there.
    if (proceedsInCircles([start], (when) => when.length === 0)) throw goesInCircles();
    return finished(start, this.#withinMs);
  }

  #sequence(items: readonly ItemSpec[], sink: Draft, behind: ItemSpec | undefined, group: GroupRound | undefined): Draft {
    for (let index = items.length - 1; index > 0; index--) {
      const item = items[index]!;
      const place: Place = { items, index, behind: items[index + 1] ?? behind, group };
      sink = item.kind === "not" ? this.#absent(item, sink, place) : this.#present(item, sink, place);
      this.#withinMs = least(this.#withinMs, items[index - 1]!.withinMs);
    }
    // The builder lets no pattern and no group begin with what must not come.
    return this.#present(items[0] as TakeSpec | GroupSpec, sink, { items, index: 0, behind: items[1] ?? behind, group });
  }

  // -------------------------------------------------------------- what must not come

  #absent(item: NotSpec, sink: Draft, { group }: Place): Draft {
    const fits = takes(item, group);
    if (item.follow === "notFollowedBy") {
      // Between two steps it is a stop on the states that wait for the second; at the end it needs a state that waits for the time.
      if (sink.kind !== "final" || (this.#withinMs === undefined && item.neighboursMs === undefined)) return sink;
      const pending = this.#state(item.step, item, "pending");
      pending.add("proceed", this.#stop(item, fits), fits);
      pending.add("ignore", pending, negated(fits));
      return pending;
    }
    const state = this.#state(item.step, item);
    // Only an event that was looked at makes the match complete where nothing more has to come.
    state.add(sink.kind === "final" ? "ignore" : "proceed", sink, negated(fits));
    state.add("proceed", this.#stop(item, fits), fits);
    return state;
  }

  #stop(item: NotSpec, fits: Clauses): Draft {
    const known = this.#stops.get(item.step);
    if (known !== undefined) return known;
    const stop = new Draft("stop", item.step);
    stop.add("take", stop, fits);
    this.#stops.set(item.step, stop);
    return stop;
  }

  #addStops(state: Draft, place: Place): void {
    for (const item of notsBefore(place)) {
      const fits = takes(item, place.group);
      state.add("proceed", this.#stop(item, fits), fits);
    }
  }

  /** Between the rounds of a loop the step behind may be waited for already. */
  #addStopBehind(state: Draft, { behind, group }: Place): void {
    if (!isNotFollowedBy(behind)) return;
    const fits = takes(behind, group);
    state.add("proceed", this.#stop(behind, fits), fits);
  }

  /** The state as it is for a run that has taken the optional item: what must not come before that item may come now. */
  #withoutStops(state: Draft, place: Place): Draft {
    const nots = notsBefore(place);
    const item = place.items[place.index]!;
    if (nots.length === 0 || item.kind === "not" || !item.optional || state.kind === "final") return state;
    if (state.kind === "nowhere") throw endsNowhere();
    const gone = new Set(nots.map(({ step }) => this.#stops.get(step)));
    const copies = new Map<Draft, Draft | "open">();
    const copy = (from: Draft): Draft => {
      if (from.kind === "final") return from;
      const known = copies.get(from);
      if (known === "open") throw goesInCircles();
      if (known !== undefined) return known;
      if (from.kind === "nowhere") throw endsNowhere();
      const to = new Draft(from.kind, from.step);
      copies.set(from, "open");
      for (const { action, target, when } of from.edges)
        if (action !== "proceed") to.add(action, target === from ? to : target, when);
        else if (target.kind !== "stop") to.add("proceed", copy(target), when);
        else if (!gone.has(target)) to.add("proceed", target, when);
      copies.set(from, to);
      return to;
    };
    return copy(state);
  }

  // -------------------------------------------------------------- what is taken

  #present(item: TakeSpec | GroupSpec, sink: Draft, place: Place): Draft {
    const { loop } = item;
    const leavesTo = item.optional ? sink : undefined;
    let state: Draft;
    if (loop === undefined) {
      const { group } = place;
      state = this.#once(item, sink, { takes: takes(item, group), skips: skipsBefore(item, place), leavesTo, first: true }, place);
    } else if (loop.max === Number.POSITIVE_INFINITY)
      state = this.#rounds(
        item,
        { ...loop, max: loop.min },
        this.#forEver(item, loop, this.#withoutStops(sink, place), place),
        sink,
        place,
      );
    else state = this.#rounds(item, loop, sink, sink, place);
    this.#addStops(state, place);
    return state;
  }

  /** The rounds of a loop, from the last to the first; behind them stands `sink`, and who leaves sooner goes to `leavesTo`. */
  #rounds(item: TakeSpec | GroupSpec, loop: LoopSpec, sink: Draft, leavesTo: Draft, place: Place): Draft {
    const { group } = place;
    const own = [...notUntil(loop), ...takes(item, group)];
    if (loop.greedy && loop.min !== loop.max) leavesTo.restrict(negated(own));
    const later = { takes: own, skips: skipsInside(item, loop, place), first: false };
    let state = sink;
    for (let n = loop.max; n > 1; n--) {
      state = this.#once(item, state, { ...later, leavesTo: n > loop.min ? leavesTo : undefined }, place);
      this.#addStopBehind(state, place);
    }
    const first = { takes: own, skips: skipsBefore(item, place), leavesTo: item.optional ? leavesTo : undefined, first: true };
    return this.#once(item, state, first, place);
  }

  #once(item: TakeSpec | GroupSpec, sink: Draft, round: Round, place: Place): Draft {
    const { leavesTo } = round;
    if (item.kind === "group") {
      const inside = this.#sequence(item.items, sink, place.behind, { spec: item, first: round.first });
      if (leavesTo !== undefined) inside.add("proceed", leavesTo, goesOn(place.group));
      return inside;
    }
    const state = this.#state(item.step, item);
    const behind = this.#withoutStops(sink, place);
    state.add("take", behind, round.takes);
    if (leavesTo !== undefined) {
      const ends = item.loop?.greedy ? item.loop.until : undefined;
      if (ends !== undefined) {
        state.add("proceed", this.#free.get(leavesTo) ?? new Draft("nowhere", -1), [...goesOn(place.group), [ends + 1]]);
        state.add("proceed", leavesTo, [...goesOn(place.group), [-(ends + 1)]]);
      } else state.add("proceed", leavesTo, goesOn(place.group));
    }
    const { skips } = round;
    if (skips === undefined) return state;
    if (leavesTo === undefined && !isHeadOfOptional(place)) {
      state.add("ignore", state, skips);
      return state;
    }
    // Whether to leave is decided once: a run that skips an event here has decided to wait.
    const waiting = new Draft("normal", item.step);
    waiting.add("take", behind, round.takes);
    waiting.add("ignore", waiting, skips);
    this.#addStops(waiting, place);
    state.add("ignore", waiting, skips);
    return state;
  }

  /** A state that takes again and again, and leaves. */
  #forEver(item: TakeSpec | GroupSpec, loop: LoopSpec, sink: Draft, place: Place): Draft {
    const { group } = place;
    if (item.kind === "group") {
      const again = this.#state(groupName, item);
      const state = this.#sequence(item.items, again, place.behind, { spec: item, first: false });
      state.add("proceed", sink, goesOn(group));
      again.add("proceed", state, goesOn(group));
      return state;
    }
    const state = this.#state(item.step, item);
    const own = [...notUntil(loop), ...takes(item, group)];
    const { until } = loop;
    if (loop.greedy) {
      if (until !== undefined) {
        if (sink.edges.some(({ target }) => target.kind === "nowhere")) throw endsNowhere();
        const free = sink.copy();
        this.#free.set(sink, free);
        state.add("proceed", free, [...goesOn(group), [until + 1]]);
      }
      state.add("proceed", sink, [...goesOn(group), ...notUntil(loop)]);
      sink.restrict(negated(takes(item, group)));
    } else state.add("proceed", sink, goesOn(group));
    state.add("take", state, own);
    this.#addStopBehind(state, place);
    const skips = skipsInside(item, loop, place);
    if (skips === undefined) return state;
    const waiting = new Draft("normal", item.step);
    waiting.add("take", state, own);
    waiting.add("ignore", waiting, skips);
    state.add("ignore", waiting, skips);
    this.#addStopBehind(waiting, place);
    return state;
  }

  /** A state that waits for an event, with the time that it may wait. */
  #state(name: number | symbol, item: ItemSpec, kind: "normal" | "pending" = "normal"): Draft {
    if (++this.#made > statesMax) throw invalid(`The pattern has more than ${statesMax} rounds to go: repeat its steps less often`);
    const isFirst = !this.#known.has(name);
    this.#known.add(name);
    const loop = item.kind === "not" ? undefined : item.loop;
    const neighboursMs = loop === undefined ? item.neighboursMs : isFirst ? undefined : loop.withinMs;
    this.#longestMs = Math.max(this.#longestMs, neighboursMs ?? 0);
    return new Draft(kind, item.kind === "group" ? -1 : item.step, neighboursMs);
  }
}

const invalid = (message: string): TopologyError => new TopologyError("PATTERN_INVALID", message);

const goesInCircles = (): TopologyError =>
  invalid("Cannot repeat a group of which everything may be left out without an upper bound: let one of its steps take an event");

const endsNowhere = (): TopologyError =>
  invalid('Cannot tell where a greedy loop with "until" ends that may be left out, behind what must not come: leave out one of them');

const least = (a: number | undefined, b: number | undefined): number | undefined =>
  a === undefined ? b : b === undefined ? a : Math.min(a, b);

const isNotFollowedBy = (item: ItemSpec | undefined): item is NotSpec => item?.kind === "not" && item.follow === "notFollowedBy";

/** What must not come while the item is waited for: as the items in front say, as far back as they may be left out. */
const notsBefore = ({ items, index }: Place): readonly NotSpec[] => {
  const found: NotSpec[] = [];
  for (let i = index - 1; i >= 0; i--) {
    const before = items[i]!;
    if (before.kind === "not" ? before.follow === "notNext" : !before.optional) break;
    if (before.kind === "not") found.push(before);
  }
  return found;
};

const isHead = ({ group, index }: Place): boolean => group !== undefined && index === 0;

const isHeadOfOptional = (place: Place): boolean => isHead(place) && place.group!.first && place.group!.spec.optional;

// ---------------------------------------------------------------- conditions

/** The event does not end the loop of the group around. */
const goesOn = (group: GroupRound | undefined): Clauses => notUntil(group?.spec.loop);

const notUntil = (loop: LoopSpec | undefined): Clauses => (loop?.until === undefined ? always : [[-(loop.until + 1)]]);

const takes = (item: ItemSpec, group: GroupRound | undefined): Clauses => [
  ...goesOn(group),
  ...(item.kind === "group" || item.where === undefined ? [] : [[item.where + 1]]),
];

/** Which events are let pass before the item's first one. */
const skipsBefore = (item: TakeSpec | GroupSpec, place: Place): Clauses | undefined => {
  const { group } = place;
  const around = isHead(place) ? group! : undefined;
  const between = around === undefined ? betweenOf(item.follow) : around.first ? betweenOf(around.spec.follow) : around.spec.loop!.between;
  return skips(between, item, goesOn(group));
};

/** Which events are let pass between the rounds of the item's loop. In front of a group it is the group's loop that says so, if it has one. */
const skipsInside = (item: TakeSpec | GroupSpec, loop: LoopSpec, place: Place): Clauses | undefined => {
  const between = isHead(place) ? (place.group!.spec.loop?.between ?? "others") : loop.between;
  return skips(between, item, [...notUntil(loop), ...goesOn(place.group)]);
};

const skips = (between: Between, item: TakeSpec | GroupSpec, unless: Clauses): Clauses | undefined => {
  if (between === "nothing") return undefined;
  if (between === "anything") return unless;
  return [...unless, item.kind === "group" || item.where === undefined ? [] : [-(item.where + 1)]];
};

const betweenOf = (follow: Follow): Between => (follow === "followedBy" ? "others" : follow === "followedByAny" ? "anything" : "nothing");

/** Of a conjunction of single literals. */
const negated = (clauses: Clauses): Clauses => [clauses.map(([literal]) => -literal!)];
