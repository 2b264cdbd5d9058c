import type { MapTable } from "../state/map_table.ts";
import type { StepState, ValueCodec } from "../state/step_state.ts";
import { type EventId, eventIdSubKey } from "./event_id.ts";
import { numberList } from "./number_list.ts";
import { buildsUpon, type Version } from "./version.ts";

/** That an event was taken for a step, behind another event. */
interface Edge {
  readonly step: number;
  readonly label: Version;
  /** The event taken before; undefined where a match begins. */
  readonly behind: EventId | undefined;
  /** How many runs stand on it, and how many edges lead to it. */
  readonly uses: number;
}

/** An event in a match, with the step that took it. */
export interface Taken<T> {
  readonly step: number;
  readonly id: EventId;
  readonly event: T;
}

/**
 * The events of all partial matches of a key, each once, however many of them it is in (the shared versioned match buffer of Agrawal et al., SIGMOD 2008). An event has an edge for each way in which it was taken, and stays as long as one of
 * these is used. All methods act on the current key of the state; nothing is held in here.
 */
export class MatchBuffer<T> {
  readonly #events: MapTable<EventId, T>;
  readonly #edges: MapTable<EventId, readonly Edge[]>;

  constructor(state: StepState, events: ValueCodec<T>) {
    this.#events = state.map("c:events", eventIdSubKey, events);
    this.#edges = state.map("c:edges", eventIdSubKey, edgesCodec);
  }

  /** An id for an event of this timestamp, when `last` is the latest that was given. */
  nextId(timestamp: number, last: EventId | undefined): EventId {
    if (last === undefined || timestamp > last[0]) return [timestamp, 0];
    let place = timestamp === last[0] ? last[1] + 1 : 0;
    // Older than the latest: a restored task reads again what was late, and events of that time may be in here.
    while (this.#edges.has([timestamp, place])) place++;
    return [timestamp, place];
  }

  /** Takes the event for a step, behind what this version has at `behind`. The new edge is not used by anyone yet. */
  take(id: EventId, event: T, step: number, label: Version, behind: EventId | undefined): void {
    const edges = this.#edges.get(id);
    if (edges === undefined) this.#events.set(id, event);
    this.#edges.set(id, [...(edges ?? []), { step, label, behind, uses: 0 }]);
    if (behind !== undefined) this.use(behind, label, 1);
  }

  /** Whoever has this version stands on the event so many times more. */
  use(id: EventId, version: Version, times: number): void {
    const edges = this.#edgesOf(id);
    const found = find(edges, version, id);
    this.#edges.set(
      id,
      edges.map((edge) => (edge === found ? { ...edge, uses: edge.uses + times } : edge)),
    );
  }

  /** Whoever has this version stands on the event once less; what nobody uses any more is forgotten. */
  release(id: EventId, version: Version): void {
    let at: EventId | undefined = id;
    while (at !== undefined) {
      const edges = this.#edgesOf(at);
      const found = find(edges, version, at);
      if (found.uses > 1) {
        this.#edges.set(
          at,
          edges.map((edge) => (edge === found ? { ...edge, uses: edge.uses - 1 } : edge)),
        );
        return;
      }
      if (edges.length > 1)
        this.#edges.set(
          at,
          edges.filter((edge) => edge !== found),
        );
      else {
        this.#edges.delete(at);
        this.#events.delete(at);
      }
      at = found.behind;
      version = found.label;
    }
  }

  /** The events that this version has taken up to this one, in their order. */
  path(id: EventId, version: Version): readonly Taken<T>[] {
    const taken: Taken<T>[] = [];
    let at: EventId | undefined = id;
    while (at !== undefined) {
      const edge: Edge = find(this.#edgesOf(at), version, at);
      taken.push({ step: edge.step, id: at, event: this.#events.get(at)! });
      at = edge.behind;
      version = edge.label;
    }
    return taken.reverse();
  }

  #edgesOf(id: EventId): readonly Edge[] {
    return this.#edges.get(id) ?? [];
  }
}

const find = (edges: readonly Edge[], version: Version, id: EventId): Edge => {
  for (const edge of edges) if (buildsUpon(version, edge.label)) return edge;
  throw new Error(`The match buffer has no edge for version ${version.join(".")} at ${id.join(":")}`);
};

const edgesCodec: ValueCodec<readonly Edge[]> = {
  encode: (edges) => {
    const numbers: number[] = [];
    for (const { step, label, behind, uses } of edges) {
      numbers.push(step, uses, label.length, ...label);
      if (behind === undefined) numbers.push(0);
      else numbers.push(1, behind[0], behind[1]);
    }
    return numberList.encode(numbers);
  },
  decode: (bytes) => {
    const numbers = numberList.decode(bytes);
    const edges: Edge[] = [];
    for (let i = 0; i < numbers.length; ) {
      const step = numbers[i++]!;
      const uses = numbers[i++]!;
      const levels = numbers[i++]!;
      const label = numbers.slice(i, (i += levels));
      edges.push({ step, uses, label, behind: numbers[i++] === 0 ? undefined : [numbers[i++]!, numbers[i++]!] });
    }
    return edges;
  },
};
