import { StoreError } from "../errors.ts";
import type { ValueCodec } from "../state/step_state.ts";
import type { EventId } from "./event_id.ts";
import type { NodeId } from "./node_id.ts";
import { numberList } from "./number_list.ts";
import type { Version } from "./version.ts";

/** A partial match: the state of the automaton that it waits in, and the way to its events in the match buffer. */
export interface Run {
  readonly state: number;
  readonly version: Version;
  /** The event taken last, and the step that took it; undefined for the run that every event may begin. */
  readonly at: NodeId | undefined;
  /** The event taken first; undefined for the run that every event may begin. */
  readonly start: EventId | undefined;
}

/** A run that has taken something. */
export type BegunRun = Run & { readonly at: NodeId; readonly start: EventId };

export const hasBegun = (run: Run): run is BegunRun => run.at !== undefined;

/** What is under way for one key. Immutable, so that a record that is taken back brings the one before back. Both lists are heaps with the run whose first event is the earliest on top. */
export interface Runs {
  /** One of them has not begun yet. */
  readonly open: readonly Run[];
  /** Matches that wait until no earlier run is open. */
  readonly complete: readonly BegunRun[];
  /** The latest event that any of them has taken; undefined before the first. */
  readonly last: EventId | undefined;
}

/** Of a key that nothing is stored for. */
export const nothingBegun = (startState: number, version: Version = [0]): Runs => ({
  open: [{ state: startState, version, at: undefined, start: undefined }],
  complete: [],
  last: undefined,
});

const format = 2;

export const runsCodec: ValueCodec<Runs> = {
  encode: ({ open, complete, last }) => {
    const numbers = [format, open.length, ...optional(last)];
    for (const runs of [open, complete])
      for (const { state, version, at, start } of runs)
        numbers.push(
          state,
          version.length,
          ...version,
          ...(at === undefined || start === undefined ? [0] : [1, at.step, at.id[0], at.id[1], start[0], start[1]]),
        );
    return numberList.encode(numbers);
  },
  decode: (bytes) => {
    const numbers = numberList.decode(bytes);
    if (numbers[0] !== format)
      throw new StoreError(
        "STORE_FAILED",
        `Cannot read stored partial matches of format ${numbers[0]}: this release writes format ${format}`,
      );
    let i = 2;
    const id = (): EventId => [numbers[i++]!, numbers[i++]!];
    const last = numbers[i++] === 0 ? undefined : id();
    const runs: Run[] = [];
    while (i < numbers.length) {
      const state = numbers[i++]!;
      const levels = numbers[i++]!;
      const version = numbers.slice(i, i + levels);
      i += levels;
      if (numbers[i++] === 0) runs.push({ state, version, at: undefined, start: undefined });
      else runs.push({ state, version, at: { step: numbers[i++]!, id: id() }, start: id() });
    }
    return { open: runs.slice(0, numbers[1]), complete: runs.slice(numbers[1]).filter(hasBegun), last };
  },
};

const optional = (id: EventId | undefined): readonly number[] => (id === undefined ? [0] : [1, id[0], id[1]]);
