import { compareBytes } from "../../core/state/time_key.ts";
import type { Place } from "./cursor.ts";
import { jsonOf } from "./json_of.ts";
import type { Entry, Span } from "./questions.ts";
import { Refusal } from "./refusal.ts";

/** How much may go into an answer yet. */
export interface Room {
  readonly entries: number;
  readonly chars: number;
  /** There is nothing in it yet: an entry that does not fit will not fit in the next answer either. */
  readonly isWhole: boolean;
}

/** A piece of a list. */
export interface Page {
  /** Each as JSON. */
  readonly entries: readonly string[];
  /** Where the last one stood; the place before when there is none. */
  readonly after: Place | undefined;
  /** More follows behind it. */
  readonly isCut: boolean;
}

/** The entries behind a place, as many as there is room for. They have to be in their order. */
export const pageOf = (list: Iterable<Entry>, after: Place | undefined, room: Room, bytesOf: (key: unknown) => Uint8Array): Page => {
  const all = [...list];
  const placeOf = ({ key, first, second }: Entry): Omit<Place, "same"> => ({ key: bytesOf(key), first, second });
  const from = after === undefined ? 0 : firstBehind(all, after, placeOf);
  const taken = new Taken(room);
  let at = from;
  while (at < all.length && taken.take(all[at]!.fields)) at++;
  return { entries: taken.entries, after: at === from ? after : lastPlace(all, at - 1, placeOf), isCut: at < all.length };
};

/**
 * The same of entries that come one by one, from the place on: no more of them are read than there is room for.
 * @param walkMax so many are read at most, whether they are shown or not
 */
export const pageOfWalk = (
  walk: Iterable<readonly [bytes: Uint8Array, key: unknown, value: unknown]>,
  goesOn: Span["goesOn"],
  after: Place | undefined,
  room: Room,
  walkMax: number,
): Page => {
  const taken = new Taken(room);
  const page = (place: Place | undefined, isCut: boolean): Page => ({ entries: taken.entries, after: place, isCut });
  let last = after;
  let walked = 0;
  for (const [bytes, key, value] of walk) {
    if (!goesOn(bytes)) break;
    if (after !== undefined && compareBytes(bytes, after.key) <= 0) continue;
    if (walked++ === walkMax) {
      if (taken.entries.length > 0) return page(last, true);
      throw new Refusal(
        500,
        "LIMIT_EXCEEDED",
        `${walkMax} entries in a row hold nothing that can be shown: raise the option 'http.walkMax'`,
      );
    }
    if (value !== undefined && !taken.take({ key, value })) return page(last, true);
    last = { key: bytes.slice(), first: 0, second: 0, same: 1 };
  }
  return page(last, false);
};

/** What goes into an answer, as JSON. */
class Taken {
  readonly entries: string[] = [];
  readonly #room: Room;
  #chars = 0;

  constructor(room: Room) {
    this.#room = room;
  }

  /** False when there is no room for it. */
  take(fields: object): boolean {
    const { entries, chars, isWhole } = this.#room;
    if (this.entries.length >= entries) return false;
    const text = jsonOf(fields);
    if (this.#chars + text.length > chars) {
      if (this.entries.length > 0 || !isWhole) return false;
      throw new Refusal(
        500,
        "LIMIT_EXCEEDED",
        `An entry has ${text.length} characters as JSON: an answer has at most ${chars} (http.answerCharsMax)`,
      );
    }
    this.#chars += text.length;
    this.entries.push(text);
    return true;
  }
}

type PlaceOf = (entry: Entry) => Omit<Place, "same">;

const compare = (a: Omit<Place, "same">, b: Omit<Place, "same">): number =>
  compareBytes(a.key, b.key) || order(a.first, b.first) || order(a.second, b.second);

// A difference would be NaN where both are infinite.
const order = (a: number, b: number): number => (a < b ? -1 : a > b ? 1 : 0);

/** By halving, since places cost something to make. */
const firstBehind = (all: readonly Entry[], after: Place, placeOf: PlaceOf): number => {
  let [low, high] = [0, all.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (compare(placeOf(all[middle]!), after) < 0) low = middle + 1;
    else high = middle;
  }
  let same = after.same;
  while (low < all.length && same > 0 && compare(placeOf(all[low]!), after) === 0) {
    low++;
    same--;
  }
  return low;
};

const lastPlace = (all: readonly Entry[], last: number, placeOf: PlaceOf): Place => {
  const place = placeOf(all[last]!);
  let first = last;
  while (first > 0 && compare(placeOf(all[first - 1]!), place) === 0) first--;
  return { ...place, same: last - first + 1 };
};
