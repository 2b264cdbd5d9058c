import type { RecordMeta } from "../record.ts";
import { Change } from "./change.ts";
import type { OperatorContext } from "./operator.ts";

/** How a table tells of its changes. */
export interface ChangeOptions {
  /** Somebody behind asks what was there before. @default false */
  readonly before?: boolean | undefined;
  /** Of several changes of one row between two commits only the last is told, with what was there before the first. @default false: every change is told */
  readonly cached?: boolean | undefined;
}

/** Sends the changes of a table on. */
export interface ChangeForwarder {
  /**
   * @param value null: the row is gone
   * @param id what the row is known by, where its record's key does not do as the key of a Map
   */
  forward(value: unknown, record: RecordMeta, before: unknown, latest?: boolean, id?: unknown): void;
  /** Tells what was held back: before a commit, and before time goes on. */
  readonly flush: (() => void) | undefined;
}

/** What a table has to do with `before` and `cached` when it sends a change on (Kafka Streams: TimestampedTupleForwarder and the record cache). */
export const forwardChanges = (context: OperatorContext, { before = false, cached = false }: ChangeOptions): ChangeForwarder => {
  const { emit } = context;
  const send = (value: unknown, record: RecordMeta, was: unknown, latest: boolean): void =>
    emit(value, before || !latest ? new Change(record, record.timestamp, was, latest) : record);
  if (!cached) return { forward: (value, record, was, latest = true) => send(value, record, was, latest), flush: undefined };
  const { state } = context;
  // Nothing in here outlives a commit, so that it need not be stored; what is taken back goes with the journal.
  const held = new Map<unknown, Held>();
  return {
    forward: (value, record, was, latest = true, id = state.mapKey) => {
      const known = held.get(id);
      if (known !== undefined) held.delete(id);
      held.set(id, { value, record, was: known === undefined ? was : known.was, latest });
      state.journal?.push(() => {
        held.delete(id);
        if (known !== undefined) held.set(id, known);
      });
    },
    flush: () => {
      if (held.size === 0) return;
      const changes = [...held.values()];
      held.clear();
      for (const { value, record, was, latest } of changes) {
        // A row that came and went in between was never there for those behind.
        if ((value === null || value === undefined) && (was === null || was === undefined)) continue;
        send(value, record, was, latest);
      }
    },
  };
};

interface Held {
  readonly value: unknown;
  readonly record: RecordMeta;
  readonly was: unknown;
  readonly latest: boolean;
}
