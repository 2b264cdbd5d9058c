import { StepError } from "../errors.ts";
import type { MapTable } from "../state/map_table.ts";
import type { StepState, ValueCodec } from "../state/step_state.ts";
import { type Edge, Edges } from "./edges.ts";
import { type EventId, eventIdSubKey } from "./event_id.ts";
import type { NodeId } from "./node_id.ts";
import { type Node, Nodes } from "./nodes.ts";
import { numberList } from "./number_list.ts";
import type { Version } from "./version.ts";

/** An event in a match, with the step that took it. */
export interface Taken<T> extends NodeId {
  readonly event: T;
}

/**
 * The events of all partial matches of a key, each once, however many of them it is in (the shared versioned match buffer of Agrawal et al., SIGMOD 2008). What a step has taken has an edge for each way in which that
 * happened, and stays as long as it is used. All methods act on the current key of the state.
 *
 * Many runs that look at one event change the same few nodes over and over: each is copied once for all the changes between one `begin` and the next.
 */
export class MatchBuffer<T> {
  readonly #events: MapTable<EventId, T>;
  readonly #nodes: MapTable<EventId, Nodes>;
  #call = 0;

  constructor(state: StepState, events: ValueCodec<T>) {
    this.#events = state.map("c:events", eventIdSubKey, events);
    this.#nodes = state.map("c:nodes", eventIdSubKey, nodesCodec);
  }

  /** What follows is one call, of which all changes are kept or taken back together. */
  begin(): void {
    this.#call++;
  }

  /** An id for an event of this timestamp, when `last` is the latest that was given. */
  nextId(timestamp: number, last: EventId | undefined): EventId {
    if (last === undefined || timestamp > last[0]) return [timestamp, 0];
    let place = timestamp === last[0] ? last[1] + 1 : 0;
    // Older than the latest: a restored task reads again what was late, and events of that time may be in here.
    while (this.#nodes.has([timestamp, place])) place++;
    return [timestamp, place];
  }

  /** Takes the event for a step, behind what this version has at `behind`. The new edge is not used by anyone yet. */
  take(at: NodeId, event: T, label: Version, behind: NodeId | undefined): void {
    if (behind !== undefined) this.use(behind, label);
    const nodes = this.#changeable(at.id) ?? this.#add(at.id, event);
    const node = nodes.of(at.step) ?? nodes.add(at.step);
    node.edges.add({ label, behind, uses: 0 });
  }

  /** Whoever has this version stands on what was taken once more. */
  use(at: NodeId, version: Version): void {
    const node = this.#changeable(at.id)?.of(at.step);
    if (node === undefined) return;
    node.uses++;
    const { edges } = node;
    for (let place = edges.upon(version, 0); place >= 0; place = edges.upon(version, place + 1)) {
      const { label, behind, uses } = edges.all[place]!;
      edges.replace(place, { label, behind, uses: uses + 1 });
    }
  }

  /** Whoever has this version stands there once less; what nobody uses any more is forgotten. */
  release(at: NodeId, version: Version): void {
    const toRelease = [{ at, version }];
    for (let next = toRelease.pop(); next !== undefined; next = toRelease.pop()) {
      const { at, version } = next;
      const nodes = this.#changeable(at.id);
      const node = nodes?.of(at.step);
      if (nodes === undefined || node === undefined) return;
      const { edges } = node;
      for (let place = edges.upon(version, 0); place >= 0; place = edges.upon(version, place)) {
        const { label, behind, uses } = edges.all[place]!;
        if (uses > 1) edges.replace(place++, { label, behind, uses: uses - 1 });
        else {
          edges.remove(place);
          if (behind !== undefined) toRelease.push({ at: behind, version: label });
        }
      }
      if (--node.uses > 0) continue;
      nodes.remove(node);
      if (nodes.all.length > 0) continue;
      this.#nodes.delete(at.id);
      this.#events.delete(at.id);
    }
  }

  /**
   * The ways to what this version has taken up to there, each with its events in their order. Mostly one; there are several where runs that differ have taken the same event for the same step, and then the first counts.
   */
  paths(at: NodeId, version: Version): readonly (readonly Taken<T>[])[] {
    const found: Taken<T>[][] = [];
    const toWalk: { from: NodeId | undefined; readonly version: Version; readonly path: Taken<T>[] }[] = [{ from: at, version, path: [] }];
    for (let walk = toWalk.pop(); walk !== undefined; walk = toWalk.pop()) {
      const { from, version, path } = walk;
      if (from === undefined) {
        found.push(path.reverse());
        continue;
      }
      const node = this.#nodes.get(from.id)?.of(from.step);
      if (node === undefined && path.length === 0) continue;
      if (node === undefined)
        throw new StepError("Cannot tell what a partial match has taken, as another one has given it up: make fewer steps optional");
      path.push({ ...from, event: this.#events.get(from.id)! });
      const { edges } = node;
      let isFirst = true;
      for (let place = edges.upon(version, 0); place >= 0; place = edges.upon(version, place + 1)) {
        const { behind, label } = edges.all[place]!;
        toWalk.push({ from: behind, version: label, path: isFirst ? path : path.slice() });
        isFirst = false;
      }
    }
    return found;
  }

  #add(id: EventId, event: T): Nodes {
    this.#events.set(id, event);
    return this.#put(id, new Nodes(this.#call));
  }

  /** What was taken of this event, to be changed; undefined when nothing was. */
  #changeable(id: EventId): Nodes | undefined {
    const nodes = this.#nodes.get(id);
    return nodes === undefined || nodes.madeBy === this.#call ? nodes : this.#put(id, nodes.copy(this.#call));
  }

  #put(id: EventId, nodes: Nodes): Nodes {
    this.#nodes.set(id, nodes);
    return nodes;
  }
}

// Calls are counted from 1 on.
const ofNoCall = 0;

const nodesCodec: ValueCodec<Nodes> = {
  encode: ({ all }) => {
    const numbers: number[] = [];
    for (const { step, uses, edges } of all) {
      numbers.push(step, uses, edges.all.length);
      for (const { label, behind, uses } of edges.all) {
        numbers.push(uses, label.length, ...label);
        if (behind === undefined) numbers.push(0);
        else numbers.push(1, behind.step, behind.id[0], behind.id[1]);
      }
    }
    return numberList.encode(numbers);
  },
  decode: (bytes) => {
    const numbers = numberList.decode(bytes);
    const all: Node[] = [];
    for (let i = 0; i < numbers.length; ) {
      const step = numbers[i++]!;
      const uses = numbers[i++]!;
      const edges: Edge[] = [];
      for (let left = numbers[i++]!; left > 0; left--) {
        const uses = numbers[i++]!;
        const levels = numbers[i++]!;
        const label = numbers.slice(i, (i += levels));
        const behind: NodeId | undefined = numbers[i++] === 0 ? undefined : { step: numbers[i++]!, id: [numbers[i++]!, numbers[i++]!] };
        edges.push({ label, behind, uses });
      }
      all.push({ step, uses, edges: new Edges(edges) });
    }
    return new Nodes(ofNoCall, all);
  },
};
