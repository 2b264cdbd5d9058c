import { sameValue } from "../serde/same_value.ts";
import { keyCodec, valueCodec } from "../state/codecs.ts";
import { Stamped } from "../state/stamped.ts";
import type { SubKey } from "../state/sub_key.ts";
import { compareBytes } from "../state/time_key.ts";
import { beforeOf, isLatest } from "./change.ts";
import { type ChangeOptions, forwardChanges } from "./forward_changes.ts";
import { keyed } from "./keyed.ts";
import type { OperatorFactory } from "./operator.ts";
import { tableRows } from "./table_rows.ts";
import type { JoinSide } from "./table_table_join_operator.ts";
import type { Lookup } from "./table_view.ts";

/**
 * What the left side of a foreign-key join tells the task that has the foreign key: its row follows that key from now on, or no longer does. Rows are numbered by the task that sends them; of two answers for one row the one with the lower
 * number is old.
 */
interface Subscription {
  readonly key: unknown;
  readonly number: number;
  /** The row; absent: it follows that key no longer. */
  readonly row?: unknown;
  /** What is answered when there is no row under the foreign key: a deletion, or nothing. A subscription that ends says so or keeps silent. */
  readonly tell: boolean;
}

interface Answer {
  readonly number: number;
  /** Null: there is no result. */
  readonly value: unknown;
}

/** A join by a key that stands in the rows of the left table. */
export interface ForeignKeyJoin {
  readonly left: boolean;
  readonly on: (value: any, key: any) => unknown;
  readonly joiner: (left: any, right: any) => unknown;
}

/**
 * The left side: follows the foreign keys of its rows. Main output: subscriptions under the foreign key; side output `alone`: answers for rows without one, under their own key (Kafka Streams: SubscriptionSendProcessor).
 * @param versioned changes of the past do not concern the result
 */
export const subscribeOperator =
  ({ left, on, joiner }: ForeignKeyJoin, versioned: boolean): OperatorFactory =>
  (context) => {
    const { emit, state } = context;
    const alone = context.side("alone");
    const last = state.number("fk:last", 0);
    return {
      inputs: [
        keyed(context, { stateless: true }, (value, record) => {
          if (versioned && !isLatest(record)) {
            context.count("late_records");
            return;
          }
          const { key } = record;
          const was = beforeOf(record);
          const now = value ?? undefined;
          const before = was === undefined ? undefined : (on(was, key) ?? undefined);
          const after = now === undefined ? undefined : (on(now, key) ?? undefined);
          const number = last.value + 1;
          last.set(number);
          const send = (foreign: unknown, subscription: Omit<Subscription, "key" | "number">): void =>
            emit({ key, number, ...subscription } satisfies Subscription, record.withKey(foreign));
          const leaves = before !== undefined && (after === undefined || !sameValue(before, after));
          if (left) {
            if (leaves) send(before, { tell: false });
            if (after !== undefined) send(after, { row: now, tell: true });
            else if (now !== undefined) alone({ number, value: joiner(now, undefined) ?? null } satisfies Answer, record);
            else if (was !== undefined) alone({ number, value: null } satisfies Answer, record);
            return;
          }
          if (after === undefined) {
            // Whether there was a result nobody knows here, so that a deletion may be one of what was not there.
            if (before !== undefined) send(before, { tell: true });
            else if (now !== undefined || was !== undefined) context.count("dropped_null_key");
            return;
          }
          if (leaves) send(before, { tell: false });
          send(after, { row: now, tell: leaves });
        }),
      ],
    };
  };

/** The side of the foreign key: keeps who follows which row, and answers when a row changes or somebody begins to follow it. Inputs: subscriptions, changes of the right table (Kafka Streams: ForeignTableJoinProcessor). */
export const answerOperator =
  ({ left, joiner }: ForeignKeyJoin, right: JoinSide): OperatorFactory =>
  (context) => {
    const { emit, state } = context;
    const followers = state.map("fk:followers", anyKey, valueCodec<Omit<Subscription, "tell">>());
    let rows: Lookup;
    const answer = (number: number, row: unknown, other: unknown): Answer => ({
      number,
      value: other === undefined ? (left ? (joiner(row, undefined) ?? null) : null) : (joiner(row, other) ?? null),
    });
    return {
      inputs: [
        keyed(context, {}, (subscription, record) => {
          const { key, number, row, tell } = subscription as Subscription;
          const found = rows.get(record.key);
          const at = found === undefined ? record.timestamp : Math.max(record.timestamp, found.at);
          const meta = record.withKey(key).withTimestamp(at);
          state.setKey(record.key);
          if (row === undefined) {
            followers.delete(key);
            if (tell) emit({ number, value: null } satisfies Answer, meta);
            return;
          }
          followers.set(key, { key, number, row });
          if (found !== undefined || tell || left) emit(answer(number, row, found?.value), meta);
        }),
        keyed(context, {}, (value, record) => {
          if (right.versioned && !isLatest(record)) {
            context.count("late_records");
            return;
          }
          for (const { key, number, row } of followers.values()) emit(answer(number, row, value ?? undefined), record.withKey(key));
        }),
      ],
      open: () => {
        rows = right.view(right.stores.map((store) => context.stateOf(store)));
      },
    };
  };

/** Brings the answers together under the keys of the left table, and leaves out those that newer ones have overtaken. Its rows are the result (Kafka Streams: ResponseJoinProcessor). */
export const resolveOperator =
  (options: ChangeOptions): OperatorFactory =>
  (context) => {
    const rows = tableRows<Answer>(context.state);
    const { forward, flush } = forwardChanges(context, options);
    const onAnswer = keyed(context, {}, (answer, record) => {
      const before = rows.get()?.value;
      const { number, value } = answer as Answer;
      if (before !== undefined && before.number > number) return;
      rows.set(new Stamped(record.timestamp, { number, value }));
      forward(value, record, before?.value ?? undefined);
    });
    return { inputs: [onAnswer], ...(flush === undefined ? {} : { onCommit: flush, onWatermark: flush }) };
  };

/** The row of what is stored. */
export const answeredRow = ({ value }: Answer): unknown => value;

const keys = keyCodec(undefined);

/** Keys of any kind, in the order of their canonical bytes. */
const anyKey: SubKey<unknown> = {
  encode: (key) => keys.encode(key).slice(),
  decode: (bytes) => keys.decode(bytes),
  mapKey: (key) => keys.mapKey(key) as string,
  compare: (a, b) => compareBytes(keys.encode(a).slice(), keys.encode(b)),
};
