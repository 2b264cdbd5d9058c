import { columnPrefix, prefixEnd } from "./address.ts";
import type { StepState } from "./step_state.ts";

/** A piece has so many entries at least. */
const pieceMin = 100;

/**
 * Walks the committed entries of a column in a circle, a piece at a time, for clean-up at commits. A piece has two entries for every write since the piece before: so a round over n entries is over before n / 2 writes have come in, and
 * what waits to be cleaned away can never be more than a part of what is there.
 */
export class Round {
  readonly prefix: Uint8Array;
  readonly #state: StepState;
  #from: Uint8Array;

  constructor(state: StepState, column: string) {
    this.#state = state;
    this.prefix = columnPrefix(column);
    this.#from = this.prefix;
  }

  /** The piece that was given last was the last of a round. */
  get isOver(): boolean {
    return this.#from === this.prefix;
  }

  next(writes: number): readonly (readonly [key: Uint8Array, value: Uint8Array])[] {
    const size = Math.max(pieceMin, 2 * writes);
    const piece: (readonly [Uint8Array, Uint8Array])[] = [];
    for (const entry of this.#state.base.range(this.#from, prefixEnd(this.prefix))) {
      if (piece.length === size) {
        this.#from = entry[0];
        return piece;
      }
      piece.push(entry);
    }
    this.#from = this.prefix;
    return piece;
  }
}
