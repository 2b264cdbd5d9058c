import { Edges } from "./edges.ts";

/** An event that a step has taken, in as many ways as it has edges. */
export interface Node {
  readonly step: number;
  /** How many runs stand on it, and how many edges lead to it. */
  uses: number;
  readonly edges: Edges;
}

/**
 * All that was taken of one event. What stands in the state must not change, as a record may be taken back: so whoever wants to change it makes a copy, and may go on changing that one until others see it.
 */
export class Nodes {
  /** Who may change it. */
  readonly madeBy: number;
  readonly #all: Node[];

  constructor(madeBy: number, all: Node[] = []) {
    this.madeBy = madeBy;
    this.#all = all;
  }

  get all(): readonly Node[] {
    return this.#all;
  }

  of(step: number): Node | undefined {
    return this.#all.find((node) => node.step === step);
  }

  copy(madeBy: number): Nodes {
    return new Nodes(
      madeBy,
      this.#all.map(({ step, uses, edges }) => ({ step, uses, edges: edges.copy() })),
    );
  }

  add(step: number): Node {
    const node = { step, uses: 0, edges: new Edges() };
    this.#all.push(node);
    return node;
  }

  remove(node: Node): void {
    this.#all.splice(this.#all.indexOf(node), 1);
  }
}
