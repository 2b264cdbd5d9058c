import type { Stamped } from "../state/stamped.ts";
import { beforeOf, Change, isLatest } from "./change.ts";
import { keyed } from "./keyed.ts";
import type { OperatorFactory, Push } from "./operator.ts";
import type { Lookup, TableView } from "./table_view.ts";

/** Which rows have a partner: both have to, the left one may be alone, either may. */
export type JoinKind = "inner" | "left" | "outer";

/** How two tables become one. */
export interface TableTableJoin {
  readonly kind: JoinKind;
  readonly joiner: (left: any, right: any, key: any) => unknown;
  readonly left: JoinSide;
  readonly right: JoinSide;
  /** Somebody behind asks what was there before. */
  readonly before: boolean;
}

/** One of the tables. */
export interface JoinSide {
  readonly view: TableView;
  /** The stores that it stands on, by name. */
  readonly stores: readonly string[];
  /** Changes of the past do not concern the result. */
  readonly versioned: boolean;
}

/**
 * The rows of two tables under one key, joined anew whenever one of them changes. The timestamp of a result is the larger of the two. A change whose partner is missing sends nothing where a partner is needed, and a deletion where the row
 * goes that the result needs (Kafka Streams: KTableKTableJoin). Inputs: changes of the left, changes of the right.
 */
export const tableTableJoinOperator =
  ({ kind, joiner, left, right, before }: TableTableJoin): OperatorFactory =>
  (context) => {
    let lookups: { readonly left: Lookup; readonly right: Lookup };
    const leftNeeded = kind !== "outer";
    const rightNeeded = kind === "inner";
    const joined = (leftValue: unknown, rightValue: unknown, key: unknown): unknown => {
      if (leftNeeded && absent(leftValue)) return null;
      if (rightNeeded && absent(rightValue)) return null;
      if (absent(leftValue) && absent(rightValue)) return null;
      return joiner(leftValue ?? undefined, rightValue ?? undefined, key) ?? null;
    };
    const side = (own: "left" | "right"): Push => {
      const { versioned } = own === "left" ? left : right;
      const otherNeeded = own === "left" ? rightNeeded : leftNeeded;
      return keyed(context, { stateless: true }, (value, record) => {
        if (versioned && !isLatest(record)) {
          context.count("late_records");
          return;
        }
        const { key } = record;
        const other: Stamped<unknown> | undefined = lookups[own === "left" ? "right" : "left"].get(key);
        const was = beforeOf(record);
        if (other === undefined && (otherNeeded || (absent(value) && was === undefined))) return;
        const timestamp = other === undefined ? record.timestamp : Math.max(record.timestamp, other.at);
        const of = (mine: unknown): unknown => (own === "left" ? joined(mine, other?.value, key) : joined(other?.value, mine, key));
        context.emit(of(value), new Change(record, timestamp, before ? (of(was) ?? undefined) : undefined));
      });
    };
    return {
      inputs: [side("left"), side("right")],
      open: () => {
        const open = ({ view, stores }: JoinSide): Lookup => view(stores.map((store) => context.stateOf(store)));
        lookups = { left: open(left), right: open(right) };
      },
    };
  };

/** The same join, looked up: what the result is for one key at this moment. */
export const joinedView =
  (
    { kind, joiner }: Pick<TableTableJoin, "kind" | "joiner">,
    left: { readonly view: TableView; readonly stores: number },
    right: TableView,
  ): TableView =>
  (states) => {
    const [ours, theirs] = [left.view(states.slice(0, left.stores)), right(states.slice(left.stores))];
    return {
      get: (key) => {
        const [a, b] = [ours.get(key), theirs.get(key)];
        if ((kind !== "outer" && a === undefined) || (kind === "inner" && b === undefined) || (a ?? b) === undefined) return undefined;
        const value = joiner(a?.value, b?.value, key);
        if (absent(value)) return undefined;
        return { at: Math.max(a?.at ?? Number.NEGATIVE_INFINITY, b?.at ?? Number.NEGATIVE_INFINITY), value };
      },
      asOf: undefined,
    };
  };

const absent = (value: unknown): boolean => value === null || value === undefined;
