import type { Action, Automaton, Clauses, Edge, State } from "./automaton.ts";
import type { Between, Follow, GroupSpec, ItemSpec, LoopSpec, NotSpec, PatternSpec, TakeSpec } from "./pattern_spec.ts";

/**
 * The automaton of a pattern, put together from its end to its beginning: each item gets the state behind it and gives the state in front.
 *
 * It finds what Flink's automaton finds. Where Flink's depends on how a pattern is written rather than on what it says, this one goes by what it says: a group that repeats leaves once and not with every event that it
 * skips, and its head heeds its own loop; what must not come before an optional step may come when that step, or group, has been taken; steps that must not come all count, however many follow each other; a greedy loop
 * holds back all that waits behind it, and not only the next step; a loop that only time is wanting for need not wait for another event.
 */
export const compilePattern = (pattern: PatternSpec): Automaton => {
  const final = new Draft("final");
  return freeze(sequence(pattern.items, final, [], undefined), final);
};

interface DraftEdge {
  readonly action: Action;
  readonly target: Draft;
  readonly step: number;
  readonly when: Clauses;
  /** Of a stop: what must not come, whatever else has to hold for that. */
  readonly not: string | undefined;
}

/** A state that is still being put together. */
class Draft {
  kind: State["kind"];
  readonly neighboursMs: number | undefined;
  readonly edges: DraftEdge[] = [];

  constructor(kind: State["kind"], neighboursMs?: number) {
    this.kind = kind;
    this.neighboursMs = neighboursMs;
  }

  add(action: Action, target: Draft, when: Clauses, step = -1): void {
    this.edges.push({ action, target, step, when, not: action === "stop" ? JSON.stringify(when) : undefined });
  }
}

/** Where an item stands among others. */
interface Place {
  readonly items: readonly ItemSpec[];
  readonly index: number;
  /** What must not come right behind the item, also when that is said behind the group around it. */
  readonly notsBehind: readonly Clauses[];
  readonly group: GroupRound | undefined;
}

/** One round of a group. */
interface GroupRound {
  readonly group: GroupSpec;
  readonly place: Place;
  /** The first round begins as the group follows the step before, the others as its loop says. */
  readonly first: boolean;
  /** The state in front of the round can be left by a proceed as well. */
  readonly leaves: boolean;
}

/** One event for a step, or one round of a group. */
interface Round {
  readonly place: Place;
  readonly first: boolean;
  /** Where a run goes that leaves the item out, or leaves its loop; undefined: it must take. */
  readonly leavesTo: Draft | undefined;
  /** What must not come before. */
  readonly nots: readonly Clauses[];
  readonly until: number | undefined;
  readonly neighboursMs: number | undefined;
}

const always: Clauses = [];

const sequence = (items: readonly ItemSpec[], sink: Draft, notsBehind: readonly Clauses[], group: GroupRound | undefined): Draft => {
  let behind = notsBehind;
  for (let index = items.length - 1; index >= 0; index--) {
    const item = items[index]!;
    const place: Place = { items, index, notsBehind: behind, group };
    sink = item.kind === "not" ? absent(item, sink, place) : present(item, sink, place);
    if (item.kind !== "not" || item.follow === "notNext") behind = [];
    else behind = [takes(item, group), ...behind];
  }
  return sink;
};

// ---------------------------------------------------------------- what must not come

const absent = (item: NotSpec, sink: Draft, place: Place): Draft => {
  const fits = takes(item, place.group);
  if (item.follow === "notFollowedBy") {
    // Between two steps it is a stop on the states that wait for the second; at the end it needs a state that waits for the time.
    if (sink.kind !== "final") return sink;
    const pending = new Draft("pending", item.neighboursMs);
    pending.add("stop", pending, fits);
    pending.add("ignore", pending, negated(fits));
    addStops(pending, notsBefore(place));
    return pending;
  }
  const state = new Draft("normal", item.neighboursMs);
  state.add("look", sink, negated(fits));
  state.add("stop", state, fits);
  return state;
};

/** What must not come while the item is waited for: as the items in front say, as far back as they may be left out. */
const notsBefore = (place: Place): readonly Clauses[] => {
  const found: Clauses[] = [];
  for (let i = place.index - 1; i >= 0; i--) {
    const before = place.items[i]!;
    if (before.kind === "not") {
      if (before.follow === "notNext") return found;
      found.push(takes(before, place.group));
    } else if (!before.optional) return found;
  }
  // The head of a group is waited for as its group is.
  if (place.group?.first) found.push(...notsBefore(place.group.place));
  return found;
};

const addStops = (state: Draft, nots: readonly Clauses[]): void => {
  for (const not of nots) state.add("stop", state, not);
};

/** The state as it is for a run that has taken the optional item: what must not come before that item may come now. */
const without = (state: Draft, nots: readonly Clauses[]): Draft => {
  if (nots.length === 0) return state;
  const gone = new Set(nots.map((not) => JSON.stringify(not)));
  const isGone = (edge: DraftEdge): boolean => edge.not !== undefined && gone.has(edge.not);
  const copies = new Map<Draft, Draft>();
  const copy = (from: Draft): Draft => {
    const known = copies.get(from);
    if (known !== undefined) return known;
    if (!reaches(from, isGone)) return from;
    const to = new Draft(from.kind, from.neighboursMs);
    copies.set(from, to);
    for (const edge of from.edges)
      if (!isGone(edge)) to.edges.push({ ...edge, target: edge.action === "take" ? edge.target : copy(edge.target) });
    return to;
  };
  return copy(state);
};

const reaches = (from: Draft, wanted: (edge: DraftEdge) => boolean): boolean => {
  const seen = new Set<Draft>([from]);
  for (const state of seen)
    for (const edge of state.edges) {
      if (wanted(edge)) return true;
      if (edge.action !== "take") seen.add(edge.target);
    }
  return false;
};

// ---------------------------------------------------------------- what is taken

const present = (item: TakeSpec | GroupSpec, sink: Draft, place: Place): Draft => {
  const { loop } = item;
  const nots = notsBefore(place);
  const round: Round = {
    place,
    first: true,
    leavesTo: item.optional ? sink : undefined,
    nots,
    until: loop?.until,
    neighboursMs: undefined,
  };
  const state = loop === undefined ? once(item, sink, round) : repeated(item, loop, sink, round);
  // The head of a group has got them already.
  if (item.kind === "take") addStops(state, nots);
  return state;
};

/** The rounds of a loop, from the last to the first. Between them the step behind may be waited for already, so what must not come before that step must not come there either. */
const repeated = (item: TakeSpec | GroupSpec, loop: LoopSpec, sink: Draft, round: Round): Draft => {
  const { place, nots } = round;
  const endless = loop.max === Number.POSITIVE_INFINITY;
  let behind = endless && item.optional ? without(sink, nots) : sink;
  if (loop.greedy && item.kind === "take" && loop.min !== loop.max) {
    const yielded = yielding(sink, item, place.group);
    behind = behind === sink ? yielded : yielding(behind, item, place.group);
    sink = yielded;
  }
  let state = endless ? forEver(item, loop, behind, place) : sink;
  const last = endless ? loop.min : loop.max;
  const again = (n: number, behindIt: Draft, leavesTo: Draft | undefined): Draft =>
    // Flink limits the time before every round but the last.
    once(item, behindIt, { ...round, first: n === 1, leavesTo, neighboursMs: n < last ? loop.withinMs : undefined });
  for (let n = last; n > 1; n--) {
    state = again(n, state, n > loop.min ? sink : undefined);
    addStops(state, place.notsBehind);
  }
  return again(1, state, item.optional ? sink : undefined);
};

const once = (item: TakeSpec | GroupSpec, sink: Draft, round: Round): Draft => {
  const { place, leavesTo, until } = round;
  const { group } = place;
  // Taking an optional item ends what was forbidden before it, also where that was inherited by the optional items behind.
  const behind = item.optional ? without(sink, round.nots) : sink;
  if (item.kind === "group") {
    const state = sequence(item.items, behind, place.notsBehind, {
      group: item,
      place,
      first: round.first,
      leaves: leavesTo !== undefined,
    });
    if (leavesTo !== undefined) state.add("proceed", leavesTo, always);
    return state;
  }
  const state = new Draft("normal", round.neighboursMs ?? (item.loop === undefined ? item.neighboursMs : undefined));
  const fits = takes(item, group, until);
  state.add("take", behind, fits, item.step);
  if (leavesTo !== undefined) state.add("proceed", leavesTo, always);
  const skips = skipped(item, round);
  if (skips === undefined) return state;
  if (leavesTo === undefined && !(round.first && isHead(place) && group!.leaves)) {
    state.add("ignore", state, skips);
    return state;
  }
  // Whether to leave is decided once: a run that skips an event here has decided to wait.
  const waiting = new Draft("normal");
  waiting.add("take", behind, fits, item.step);
  waiting.add("ignore", waiting, skips);
  if (!round.first) addStops(waiting, place.notsBehind);
  else if (isHead(place) && !group!.first) addStops(waiting, group!.place.notsBehind);
  else addStops(waiting, round.nots);
  state.add("ignore", waiting, skips);
  return state;
};

/** A state that takes again and again, and leaves. */
const forEver = (item: TakeSpec | GroupSpec, loop: LoopSpec, sink: Draft, place: Place): Draft => {
  const { group } = place;
  if (item.kind === "group") {
    const again = new Draft("normal");
    const state = sequence(item.items, again, place.notsBehind, { group: item, place, first: false, leaves: true });
    state.add("proceed", sink, always);
    addStops(state, place.notsBehind);
    again.add("proceed", state, always);
    return state;
  }
  const fits = takes(item, group, loop.until);
  const state = new Draft("normal");
  state.add("proceed", sink, always);
  state.add("take", state, fits, item.step);
  addStops(state, place.notsBehind);
  const skips = between(loop.between, item, notEnded(group, loop.until));
  if (skips === undefined) return state;
  const waiting = new Draft("normal");
  waiting.add("take", state, fits, item.step);
  waiting.add("ignore", waiting, skips);
  addStops(waiting, place.notsBehind);
  state.add("ignore", waiting, skips);
  return state;
};

/** The state behind a greedy loop: as long as nothing has been taken there, and the loop has not been ended, nothing goes on with an event that the loop would take. */
const yielding = (state: Draft, item: TakeSpec, group: GroupRound | undefined): Draft => {
  const until = item.loop?.until;
  const held = [...notEnded(undefined, until), ...negated(takes(item, group))];
  const copies = new Map<Draft, Draft>();
  const copy = (from: Draft): Draft => {
    const known = copies.get(from);
    if (known !== undefined || from.kind === "final") return known ?? from;
    const to = new Draft(from.kind, from.neighboursMs);
    copies.set(from, to);
    for (const edge of from.edges)
      to.edges.push({ ...edge, target: edge.action === "take" ? edge.target : copy(edge.target), when: [...edge.when, ...held] });
    if (until !== undefined) for (const edge of from.edges) to.edges.push({ ...edge, when: [...edge.when, [until + 1]] });
    return to;
  };
  return copy(state);
};

// ---------------------------------------------------------------- conditions

/** Which events are let pass while the item is waited for; undefined: none. */
const skipped = (item: TakeSpec, { place, first, until }: Round): Clauses | undefined => {
  const { group } = place;
  if (!first) return between(item.loop!.between, item, notEnded(group, until));
  if (!isHead(place)) return between(betweenOf(item.follow), item, notEnded(group, undefined));
  // What would end a loop may come before it has begun.
  if (group!.first) return between(betweenOf(group!.group.follow), item, notEnded(group!.place.group, undefined));
  return between(group!.group.loop!.between, item, notEnded(group, undefined));
};

const between = (kind: Between, item: TakeSpec, unless: Clauses): Clauses | undefined => {
  if (kind === "nothing") return undefined;
  if (kind === "anything") return unless;
  return [...unless, item.where === undefined ? [] : [-(item.where + 1)]];
};

const betweenOf = (follow: Follow): Between => (follow === "followedBy" ? "others" : follow === "followedByAny" ? "anything" : "nothing");

const isHead = (place: Place): boolean => place.group !== undefined && place.index === 0;

/** The event ends no loop, neither one around nor the step's own. */
const notEnded = (group: GroupRound | undefined, until: number | undefined): Clauses => {
  const ends = until === undefined ? [] : [[-(until + 1)]];
  for (let round = group; round !== undefined; round = round.place.group) {
    const of = round.group.loop?.until;
    if (of !== undefined) ends.push([-(of + 1)]);
  }
  return ends;
};

const takes = (item: TakeSpec | NotSpec, group: GroupRound | undefined, until?: number): Clauses => [
  ...notEnded(group, until),
  ...(item.where === undefined ? [] : [[item.where + 1]]),
];

/** Of a conjunction of single literals. */
const negated = (clauses: Clauses): Clauses => [clauses.map(([literal]) => -literal!)];

// ---------------------------------------------------------------- the result

const proceedsTo = (kind: State["kind"], state: Draft): boolean =>
  state.kind === kind || state.edges.some(({ action, target }) => action === "proceed" && proceedsTo(kind, target));

/** Who may go on to where only time is waited for need not wait for an event to do so. */
const pendToo = (states: Iterable<Draft>): void => {
  for (const state of states) if (proceedsTo("pending", state)) state.kind = "pending";
};

/** An event that had to be looked at makes the match complete where nothing more has to come. */
const endLooks = (states: Iterable<Draft>, final: Draft): void => {
  for (const state of states)
    for (const look of state.edges.filter(({ action }) => action === "look"))
      if (proceedsTo("final", look.target)) state.add("ignore", final, look.when);
};

/** Keeps what can be reached from the start, numbered from there, without the edges that never open. */
const freeze = (start: Draft, final: Draft): Automaton => {
  const opens = (edge: DraftEdge): boolean => edge.when.every((clause) => clause.length > 0);
  const used = new Set<Draft>([start]);
  for (const state of used) for (const edge of state.edges) if (opens(edge)) used.add(edge.target);
  used.add(final);
  pendToo(used);
  endLooks(used, final);
  const order = [...used];
  const place = new Map(order.map((state, index) => [state, index]));
  const states = order.map(
    (state): State => ({
      kind: state.kind,
      neighboursMs: state.neighboursMs,
      ends: proceedsTo("final", state),
      edges: state.edges
        .filter(opens)
        .map((edge): Edge => ({ action: edge.action, target: place.get(edge.target)!, step: edge.step, when: edge.when })),
    }),
  );
  return {
    states,
    start: place.get(start)!,
    final: place.get(final)!,
    hasNeighbours: states.some((state) => state.neighboursMs !== undefined),
    hasPending: states.some((state) => state.kind === "pending"),
  };
};
