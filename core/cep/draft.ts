import type { Action, Automaton, Clauses, Edge, State, StateKind } from "./automaton.ts";

interface DraftEdge {
  readonly action: Action;
  readonly target: Draft;
  when: Clauses;
}

/** A state of an automaton that is still being put together. */
export class Draft {
  kind: StateKind;
  /** What is taken here is taken for this step. */
  readonly step: number;
  readonly neighboursMs: number | undefined;
  readonly edges: DraftEdge[] = [];

  constructor(kind: StateKind, step: number, neighboursMs?: number) {
    this.kind = kind;
    this.step = step;
    this.neighboursMs = neighboursMs;
  }

  add(action: Action, target: Draft, when: Clauses): void {
    this.edges.push({ action, target, when });
  }

  /** The edges get one more condition. */
  restrict(when: Clauses): void {
    for (const edge of this.edges) edge.when = [...edge.when, ...when];
  }

  /** The same state once more. What led back to it leads back to the copy. */
  copy(): Draft {
    const copied = new Draft(this.kind, this.step);
    for (const { action, target, when } of this.edges) copied.add(action, target === this ? copied : target, when);
    return copied;
  }
}

/** Whether a run that stands on one of these states could proceed in a circle, without an event, over edges for which this holds. */
export const proceedsInCircles = (from: Iterable<Draft>, counts: (when: Clauses) => boolean): boolean => {
  const done = new Set<Draft>();
  const open = new Set<Draft>();
  const visit = (state: Draft): boolean => {
    if (open.has(state)) return true;
    if (done.has(state)) return false;
    open.add(state);
    const found = state.edges.some(({ action, target, when }) => action === "proceed" && counts(when) && visit(target));
    open.delete(state);
    done.add(state);
    return found;
  };
  return [...from].some(visit);
};

/** The automaton of what can be reached from the start, numbered from there, without the edges that never open. */
export const finished = (start: Draft, withinMs: number | undefined): Automaton => {
  const order = [...reachable(start)];
  const place = new Map(order.map((state, index) => [state, index]));
  const states = order.map(
    (state): State => ({
      kind: state.kind,
      neighboursMs: state.neighboursMs,
      mayEnd: state.kind === "nowhere" || mayEnd(state),
      edges: state.edges
        .filter(opens)
        .map(({ action, target, when }): Edge => ({ action, target: place.get(target)!, step: action === "take" ? state.step : -1, when })),
    }),
  );
  return {
    states,
    start: 0,
    withinMs: withinMs ?? Number.POSITIVE_INFINITY,
    hasNeighbours: states.some((state) => state.neighboursMs !== undefined),
    hasCircles: proceedsInCircles(order, () => true),
  };
};

const opens = ({ when }: DraftEdge): boolean => when.every((clause) => clause.length > 0);

const reachable = (start: Draft): Set<Draft> => {
  const found = new Set([start]);
  for (const state of found) for (const edge of state.edges) if (opens(edge)) found.add(edge.target);
  return found;
};

const mayEnd = (state: Draft): boolean => {
  const found = new Set([state]);
  for (const from of found)
    for (const { action, target } of from.edges)
      if (action === "proceed") {
        if (target.kind === "final" || target.kind === "nowhere") return true;
        found.add(target);
      }
  return false;
};
