import type { NodeId } from "./node_id.ts";
import { buildsUpon, type Version } from "./version.ts";

/** That an event was taken behind another one. */
export interface Edge {
  readonly label: Version;
  /** What was taken before; undefined where a match begins. */
  readonly behind: NodeId | undefined;
  readonly uses: number;
}

/**
 * The edges of a node in the order in which they came, and beside them a number for how the label of each begins. As many partial matches as are open may have an edge here, each with a beginning of its own, and nearly
 * every question is about one of them: it finds its edge in a row of numbers, without a look at all the labels.
 */
export class Edges {
  readonly #all: Edge[];
  readonly #beginnings: number[];

  constructor(all: Edge[] = [], beginnings: number[] = all.map(({ label }) => beginningOf(label))) {
    this.#all = all;
    this.#beginnings = beginnings;
  }

  get all(): readonly Edge[] {
    return this.#all;
  }

  copy(): Edges {
    return new Edges(this.#all.slice(), this.#beginnings.slice());
  }

  add(edge: Edge): void {
    this.#all.push(edge);
    this.#beginnings.push(beginningOf(edge.label));
  }

  /** Puts another one with the same label there. */
  replace(place: number, edge: Edge): void {
    this.#all[place] = edge;
  }

  remove(place: number): void {
    this.#all.splice(place, 1);
    this.#beginnings.splice(place, 1);
  }

  /** The next place, from this one on, of an edge that the version builds upon; -1 when there is none. */
  upon(version: Version, from: number): number {
    const beginnings = this.#beginnings;
    const ofTwo = beginningOfTwo(version);
    const ofMore = beginningOfMore(version);
    for (let place = from; place < beginnings.length; place++) {
      const beginning = beginnings[place]!;
      if (beginning !== ofMore && beginning !== ofTwo && beginning !== ofOne) continue;
      if (buildsUpon(version, this.#all[place]!.label)) return place;
    }
    return -1;
  }
}

// All but the last place of a label must be those of the version: of a label of two places that is the first, of a longer one the first two at least. Beginnings that are equal by chance cost a look at the label.
const ofOne = -1;
const beginningOf = (label: Version): number =>
  label.length === 1 ? ofOne : label.length === 2 ? beginningOfTwo(label) : beginningOfMore(label);
const beginningOfTwo = (version: Version): number => version[0]! * 2;
const beginningOfMore = (version: Version): number => (version.length > 1 ? (version[0]! * 65_537 + version[1]!) * 2 + 1 : ofOne);
