import type { Chance } from "./chance.ts";
import type { Card } from "./world.ts";

/** A few payments by one account that belong together: a fraud, something that only looks like one, or a harmless purchase that is small or large. */
export interface Episode {
  /** In event-time order; of equal times the earlier step gets the smaller transactionId. */
  readonly steps: readonly Step[];
  /** The frauds in it; none in a near miss. */
  readonly frauds: readonly Fraud[];
}

export interface Step {
  readonly at: number;
  readonly card: Card;
  readonly cents: number;
}

export interface Fraud {
  readonly kind: "velocity" | "card-test";
  readonly steps: readonly Step[];
}

/** What episodes are made of: chance, a card that no other episode uses now, perhaps a second one, and the earliest time of the first step. */
export interface Scene {
  readonly chance: Chance;
  readonly card: Card;
  readonly other: Card | undefined;
  readonly from: number;
}

const second = 1000;
const minute = 60 * second;
/** A window of 30 minutes begins, and one of 5 ends, at every multiple of this. */
const border = 5 * minute;

/** An episode of random shape: a fraud with the given probability, else a near miss or something harmless. */
export const episode = (scene: Scene, fraudulent: boolean): Episode =>
  scene.chance.oneOf(fraudulent ? frauds : scene.other === undefined ? honest : [...honest, ...honestWithTwoCards])(scene);

type Shape = (scene: Scene) => Episode;

const small = (chance: Chance): number => chance.between(1, 999);
const medium = (chance: Chance): number => chance.between(1000, 100_000);
const large = (chance: Chance): number => chance.between(100_001, 500_000);

/** The first window border that is not before the given time. */
const nextBorder = (time: number): number => Math.ceil(time / border) * border;

const paid = (card: Card, at: number, cents: number): Step => ({ card, at, cents });
const velocity = (steps: readonly Step[]): Episode => ({ steps, frauds: [{ kind: "velocity", steps }] });
const cardTest = (steps: readonly Step[]): Episode => ({ steps, frauds: [{ kind: "card-test", steps }] });
const nothing = (...steps: Step[]): Episode => ({ steps, frauds: [] });

/** Steps of random large amounts at these times, on whichever card is at hand. */
const largeAt = ({ chance, card, other }: Scene, times: readonly number[]): Step[] =>
  times.map((at) => paid(other !== undefined && chance.happens(0.3) ? other : card, at, large(chance)));

const frauds: readonly Shape[] = [
  // Three to five within twenty minutes: at least one window has them all.
  (scene) => velocity(largeAt(scene, ascending(scene.chance, scene.from, 20 * minute, scene.chance.between(3, 5)))),
  // From the first millisecond of a window to its last: only that one has all three.
  (scene) => {
    const start = nextBorder(scene.from);
    return velocity(largeAt(scene, [start, start + scene.chance.between(1, 29) * minute, start + 30 * minute - 1]));
  },
  // All at once: the transactionId decides which comes last and whose account counts.
  (scene) => velocity(largeAt(scene, [scene.from, scene.from, scene.from])),
  ({ chance, card, from }) => cardTest([paid(card, from, small(chance)), paid(card, from + chance.between(1, 299_998), large(chance))]),
  // A millisecond less than five minutes.
  ({ card, from }) => cardTest([paid(card, from, 999), paid(card, from + 5 * minute - 1, 100_001)]),
  // At the same time, in the order of their ids.
  ({ chance, card, from }) => cardTest([paid(card, from, small(chance)), paid(card, from, large(chance))]),
  // Twice in the same five minutes: one alert with two occurrences.
  ({ chance, card, from }) => {
    const start = nextBorder(from) + chance.between(0, 2 * minute);
    return cardTest([
      paid(card, start, small(chance)),
      paid(card, start + chance.between(1, 30) * second, large(chance)),
      paid(card, start + minute, small(chance)),
      paid(card, start + minute + chance.between(1, 30) * second, large(chance)),
    ]);
  },
  // Twice at the same time: the ids alone say which was first.
  ({ chance, card, from }) =>
    cardTest([small(chance), large(chance), small(chance), large(chance)].map((cents) => paid(card, from, cents))),
  // Once on each side of a border: two alerts. The second one begins before the border and ends exactly on it.
  ({ chance, card, from }) => {
    const end = nextBorder(from + 2 * minute);
    return cardTest([
      paid(card, end - 90 * second, small(chance)),
      paid(card, end - minute, large(chance)),
      paid(card, end - 1, small(chance)),
      paid(card, end, large(chance)),
    ]);
  },
  // A card is tried and then emptied: both kinds at once.
  ({ chance, card, from }) => {
    const [first, ...rest] = ascending(chance, from + chance.between(1, 60) * second, 15 * minute, chance.between(3, 4)).map((at) =>
      paid(card, at, large(chance)),
    );
    const tried = paid(card, from, small(chance));
    return {
      steps: [tried, first!, ...rest],
      frauds: [
        { kind: "card-test", steps: [tried, first!] },
        { kind: "velocity", steps: [first!, ...rest] },
      ],
    };
  },
];

const honest: readonly Shape[] = [
  ({ chance, card, from }) => nothing(paid(card, from, small(chance))),
  ({ chance, card, from }) => nothing(paid(card, from, large(chance))),
  // Two large ones.
  (scene) => nothing(...largeAt(scene, ascending(scene.chance, scene.from, 20 * minute, 2))),
  // Small, then medium, then large.
  ({ chance, card, from }) => {
    const [first, then, last] = ascending(chance, from, 4 * minute, 3) as [number, number, number];
    return nothing(paid(card, first, small(chance)), paid(card, then, medium(chance)), paid(card, last, large(chance)));
  },
  // Exactly five minutes.
  ({ chance, card, from }) => nothing(paid(card, from, small(chance)), paid(card, from + 5 * minute, large(chance))),
  // A pair at a border, the third one 25 minutes later: a window that begins before the border ends before the third.
  (scene) => {
    const start = nextBorder(scene.from + 1);
    return nothing(...largeAt(scene, [start - 1, start, start + 25 * minute]));
  },
  // A pair over the border that ends the first one's windows: exactly half an hour from first to last.
  (scene) => {
    const start = nextBorder(scene.from);
    return nothing(...largeAt(scene, [start, start + 30 * minute - 1, start + 30 * minute]));
  },
  // At the same time, but the large one's id is smaller.
  ({ chance, card, from }) => nothing(paid(card, from, large(chance)), paid(card, from, small(chance))),
  ({ chance, card, from }) => nothing(paid(card, from, large(chance)), paid(card, from + chance.between(1, 120) * second, small(chance))),
  // The limits themselves are neither small nor large.
  ({ card, from }) => nothing(paid(card, from, 1000), paid(card, from + minute, 100_001)),
  ({ card, from }) => nothing(paid(card, from, 999), paid(card, from + minute, 100_000)),
  ({ card, from }) => nothing(paid(card, from, 100_000), paid(card, from + minute, 100_000), paid(card, from + 2 * minute, 100_000)),
];

const honestWithTwoCards: readonly Shape[] = [
  // Small on one card, large on another.
  ({ chance, card, other, from }) =>
    nothing(paid(card, from, small(chance)), paid(other!, from + chance.between(1, 120) * second, large(chance))),
];

/** So many random times, ascending, the first of them `from` and all within `span`. */
const ascending = (chance: Chance, from: number, span: number, count: number): number[] =>
  [from, ...Array.from({ length: count - 1 }, () => from + chance.between(1, span))].sort((a, b) => a - b);
