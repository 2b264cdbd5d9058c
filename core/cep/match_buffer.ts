import { StepError } from "../errors.ts";
import type { MapTable } from "../state/map_table.ts";
import type { StepState, ValueCodec } from "../state/step_state.ts";
import { type EventId, eventIdSubKey } from "./event_id.ts";
import { numberList } from "./number_list.ts";
import { buildsUpon, type Version } from "./version.ts";

/** An event as a step has taken it. */
export interface NodeId {
  readonly step: number;
  readonly id: EventId;
}

/** That an event was taken behind another one. */
interface Edge {
  readonly label: Version;
  /** What was taken before; undefined where a match begins. */
  readonly behind: NodeId | undefined;
  readonly uses: number;
}

/** An event that a step has taken, in as many ways as it has edges. */
interface Node {
  readonly step: number;
  /** How many runs stand on it, and how many edges lead to it. */
  readonly uses: number;
  readonly edges: readonly Edge[];
}

/** An event in a match, with the step that took it. */
export interface Taken<T> extends NodeId {
  readonly event: T;
}

/**
 * The events of all partial matches of a key, each once, however many of them it is in (the shared versioned match buffer of Agrawal et al., SIGMOD 2008). What a step has taken has an edge for each way in which that
 * happened, and stays as long as it is used. All methods act on the current key of the state; nothing is held in here.
 */
export class MatchBuffer<T> {
  readonly #events: MapTable<EventId, T>;
  readonly #nodes: MapTable<EventId, readonly Node[]>;

  constructor(state: StepState, events: ValueCodec<T>) {
    this.#events = state.map("c:events", eventIdSubKey, events);
    this.#nodes = state.map("c:nodes", eventIdSubKey, nodesCodec);
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
    const nodes = this.#nodes.get(at.id);
    if (nodes === undefined) this.#events.set(at.id, event);
    const node = nodes?.find(({ step }) => step === at.step) ?? { step: at.step, uses: 0, edges: [] };
    this.#put(at, nodes ?? [], { ...node, edges: [...node.edges, { label, behind, uses: 0 }] });
  }

  /** Whoever has this version stands on what was taken once more. */
  use(at: NodeId, version: Version): void {
    const nodes = this.#nodes.get(at.id) ?? [];
    const node = nodes.find(({ step }) => step === at.step);
    if (node === undefined) return;
    const edges = node.edges.map((edge) => (buildsUpon(version, edge.label) ? { ...edge, uses: edge.uses + 1 } : edge));
    this.#put(at, nodes, { ...node, uses: node.uses + 1, edges });
  }

  /** Whoever has this version stands there once less; what nobody uses any more is forgotten. */
  release(at: NodeId, version: Version): void {
    const toRelease = [{ at, version }];
    for (let next = toRelease.pop(); next !== undefined; next = toRelease.pop()) {
      const { at, version } = next;
      const nodes = this.#nodes.get(at.id) ?? [];
      const node = nodes.find(({ step }) => step === at.step);
      if (node === undefined) return;
      const edges: Edge[] = [];
      for (const edge of node.edges)
        if (!buildsUpon(version, edge.label)) edges.push(edge);
        else if (edge.uses > 1) edges.push({ ...edge, uses: edge.uses - 1 });
        else if (edge.behind !== undefined) toRelease.push({ at: edge.behind, version: edge.label });
      if (node.uses > 1) this.#put(at, nodes, { ...node, uses: node.uses - 1, edges });
      else if (nodes.length > 1)
        this.#nodes.set(
          at.id,
          nodes.filter((other) => other !== node),
        );
      else {
        this.#nodes.delete(at.id);
        this.#events.delete(at.id);
      }
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
      const node = this.#nodes.get(from.id)?.find(({ step }) => step === from.step);
      if (node === undefined && path.length === 0) continue;
      if (node === undefined)
        throw new StepError("Cannot tell what a partial match has taken, as another one has given it up: make fewer steps optional");
      path.push({ ...from, event: this.#events.get(from.id)! });
      const ways = node.edges.filter((edge) => buildsUpon(version, edge.label));
      ways.forEach(({ behind, label }, n) => {
        toWalk.push({ from: behind, version: label, path: n === 0 ? path : path.slice() });
      });
    }
    return found;
  }

  #put(at: NodeId, nodes: readonly Node[], node: Node): void {
    const kept = nodes.map((other) => (other.step === node.step ? node : other));
    this.#nodes.set(at.id, kept.includes(node) ? kept : [...kept, node]);
  }
}

const nodesCodec: ValueCodec<readonly Node[]> = {
  encode: (nodes) => {
    const numbers: number[] = [];
    for (const { step, uses, edges } of nodes) {
      numbers.push(step, uses, edges.length);
      for (const { label, behind, uses } of edges) {
        numbers.push(uses, label.length, ...label);
        if (behind === undefined) numbers.push(0);
        else numbers.push(1, behind.step, behind.id[0], behind.id[1]);
      }
    }
    return numberList.encode(numbers);
  },
  decode: (bytes) => {
    const numbers = numberList.decode(bytes);
    const nodes: Node[] = [];
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
      nodes.push({ step, uses, edges });
    }
    return nodes;
  },
};
