import { fits, type Seen, type Sketch, type SketchBetween, type SketchItem, type SketchNot, type SketchTake } from "./sketch.ts";

/** Which step took which event. */
type Taken = readonly { readonly step: number; readonly index: number }[];

/** Where a search stands: what has been taken, what must not come from there on, and the greedy loops just left, which the events behind must not suit. */
interface Stand {
  readonly taken: Taken;
  readonly last: number;
  readonly nots: readonly string[];
  readonly left: readonly SketchTake[];
}

/** What ends the loops around a step: it is not taken, and the step is not waited for any longer. What ends a loop may come before the loop has begun. */
interface Ends {
  readonly inside: readonly string[];
  readonly waiting: readonly string[];
}

/** What stands behind the group around a step: as far as the group may end with this round, and in any case. */
interface Following {
  readonly sooner: readonly SketchItem[];
  readonly later: readonly SketchItem[];
}

type Goal = (stand: Stand) => void;

/**
 * All matches of the pattern in the events, as text, by trying out everything that the words of the pattern allow; nothing is skipped after a match. It knows nothing of automata, nor of time but that of the events,
 * whose end is taken for the end of all time.
 */
export const naiveMatches = ({ items, withinMs = Number.POSITIVE_INFINITY }: Sketch, events: readonly Seen[]): readonly string[] => {
  const { places, shown } = numbered(items);
  const found: string[] = [];

  const inTime = ({ taken, last }: Stand, index: number, neighboursMs = Number.POSITIVE_INFINITY): boolean =>
    taken.length === 0 ||
    (events[index]!.time - events[taken[0]!.index]!.time < withinMs && events[index]!.time - events[last]!.time < neighboursMs);

  const suits = (item: SketchTake, index: number, { taken }: Stand): boolean => {
    let count = 0;
    for (const { step, many } of shown.get(item)!) {
      const ofStep = taken.filter((event) => event.step === step).length;
      count += many ? ofStep : Math.min(1, ofStep);
    }
    return fits(item, events[index]!, count);
  };

  /** A greedy loop just left would take this event, unless another has ended it before. */
  const wantedBack = (stand: Stand, index: number): boolean =>
    stand.left.some((item) => {
      const until = item.loop!.until;
      const ended = until !== undefined && events.slice(stand.last + 1, index + 1).some(({ letter }) => letter === until);
      return !ended && suits(item, index, stand);
    });

  /** The events that the item may take next. */
  const next = (item: SketchTake, between: SketchBetween, stand: Stand, ends: Ends): readonly number[] => {
    const result: number[] = [];
    for (let index = stand.last + 1; index < events.length; index++) {
      const { letter } = events[index]!;
      if (!inTime(stand, index, item.neighboursMs) || stand.nots.includes(letter) || wantedBack(stand, index)) break;
      const suited = suits(item, index, stand);
      if (suited && !ends.inside.includes(letter)) result.push(index);
      if (between === "nothing" || (between === "others" && suited) || ends.waiting.includes(letter)) break;
    }
    return result;
  };

  const sequence = (
    parts: readonly SketchItem[],
    i: number,
    head: SketchBetween | undefined,
    stand: Stand,
    ends: Ends,
    following: Following,
    goal: Goal,
  ): void => {
    const item = parts[i];
    if (item === undefined) {
      goal(stand);
      return;
    }
    const rest = parts.slice(i + 1);
    const after = { sooner: [...rest, ...following.sooner], later: [...rest, ...following.later] };
    const goOn: Goal = (from) => sequence(parts, i + 1, undefined, from, { ...ends, waiting: ends.inside }, following, goal);
    if (item.kind === "not") {
      const index = stand.last + 1;
      if (item.follow === "notFollowedBy") goOn({ ...stand, nots: [...stand.nots, item.letter] });
      else if (
        index < events.length &&
        events[index]!.letter !== item.letter &&
        inTime(stand, index, item.neighboursMs) &&
        !wantedBack(stand, index)
      )
        goOn(stand);
      return;
    }
    if (item.optional) goOn(item.kind === "take" && isGreedy(item) ? { ...stand, left: [...stand.left, item] } : stand);
    const { min, max, between } = item.loop ?? { min: 1, max: 1, between: "nothing" as const };
    const forbiddenInside = leading(after.later, "notFollowedBy");
    const round = (n: number, from: Stand): void => {
      // A loop that might be left ends with what must not come behind it.
      if (n >= Math.max(1, min) && leading(after.sooner).includes(events[from.last + 1]?.letter ?? "")) return;
      const kind =
        n > 0
          ? between
          : (head ?? { next: "nothing" as const, followedBy: "others" as const, followedByAny: "anything" as const }[item.follow]);
      const done: Goal = (stood) => {
        if (n + 1 >= min) goOn(stood);
        if (n + 1 < max) round(n + 1, { ...stood, nots: forbiddenInside, left: item.kind === "group" ? stood.left : [] });
      };
      const own = item.loop?.until === undefined ? [] : [item.loop.until];
      const around = { inside: [...ends.inside, ...own], waiting: n > 0 ? [...ends.inside, ...own] : ends.waiting };
      if (item.kind === "group") {
        sequence(item.items, 0, kind, from, around, n + 1 >= min ? after : { ...after, sooner: [] }, done);
        return;
      }
      const left = isGreedy(item) ? [item] : [];
      for (const index of next(item, kind, from, around))
        done({ taken: [...from.taken, { step: places.get(item)!, index }], last: index, nots: [], left });
    };
    round(0, stand);
  };

  for (let start = 0; start < events.length; start++)
    sequence(
      items,
      0,
      "nothing",
      { taken: [], last: start - 1, nots: [], left: [] },
      { inside: [], waiting: [] },
      { sooner: [], later: [] },
      (stand) => {
        if (stand.taken[0]?.index !== start) return;
        const last = items.at(-1)!;
        if (last.kind === "not" && last.follow === "notFollowedBy")
          for (let index = stand.last + 1; index < events.length && inTime(stand, index, last.neighboursMs); index++)
            if (stand.nots.includes(events[index]!.letter) || wantedBack(stand, index)) return;
        found.push(stand.taken.map(({ step, index }) => `s${step}:${index}`).join(" "));
      },
    );
  return found.sort();
};

/** The letters of the negative steps at the beginning. */
const leading = (items: readonly SketchItem[], follow?: SketchNot["follow"]): readonly string[] => {
  const letters: string[] = [];
  for (const item of items) {
    if (item.kind !== "not" || (follow !== undefined && item.follow !== follow)) break;
    letters.push(item.letter);
  }
  return letters;
};

/** Where the number of rounds is fixed there is nothing to be greedy for. */
const isGreedy = ({ loop }: SketchTake): boolean => loop?.greedy === true && loop.min !== loop.max;

/** The steps' numbers, and what each condition is shown: the steps in front of it and its own; in a group those of the group. A single step of a group that repeats is shown as one event. */
const numbered = (items: readonly SketchItem[]) => {
  const places = new Map<SketchItem, number>();
  const shown = new Map<SketchItem, readonly { readonly step: number; readonly many: boolean }[]>();
  const number = (parts: readonly SketchItem[]): readonly { readonly step: number; readonly many: boolean }[] => {
    let scope: readonly { readonly step: number; readonly many: boolean }[] = [];
    for (const item of parts) {
      const step = places.size;
      places.set(item, step);
      if (item.kind === "take") {
        shown.set(item, [...scope, { step, many: true }]);
        scope = [...scope, { step, many: item.loop !== undefined }];
      } else if (item.kind === "group")
        scope = [...scope, ...number(item.items).map((inner) => ({ ...inner, many: inner.many || item.loop !== undefined }))];
    }
    return scope;
  };
  number(items);
  return { places, shown };
};
