import { deepFreeze } from "../serde/deep_freeze.ts";
import { MapTable } from "./map_table.ts";
import { OrderedTable } from "./ordered_table.ts";
import type { StepState, ValueCodec } from "./step_state.ts";
import type { SubKey } from "./sub_key.ts";
import { type Side, TimedRecords, type TimedRecordsOptions } from "./timed_records.ts";
import { ValueTable } from "./value_table.ts";

/** Like a ValueTable; what it takes and gives is frozen. */
export class FrozenValueTable<T> extends ValueTable<T> {
  override set(value: T | undefined): void {
    super.set(deepFreeze(value));
  }
}

/** Like a MapTable; what it takes and gives is frozen. */
export class FrozenMapTable<S, T> extends MapTable<S, T> {
  override set(sub: S, value: T): void {
    super.set(deepFreeze(sub), deepFreeze(value));
  }

  override insert(sub: S, value: T): void {
    super.insert(deepFreeze(sub), deepFreeze(value));
  }

  override append(this: MapTable<number, T>, value: T): number {
    return MapTable.prototype.append.call(this, deepFreeze(value));
  }
}

/** Like an OrderedTable; what it takes and gives is frozen. */
export class FrozenOrderedTable<A, T> extends OrderedTable<A, T> {
  override set(at: A, value: T): void {
    super.set(deepFreeze(at), deepFreeze(value));
  }
}

/** Like TimedRecords; what it takes and gives is frozen. */
export class FrozenTimedRecords<T> extends TimedRecords<T> {
  constructor(state: StepState, column: string, options: TimedRecordsOptions<T>) {
    super(state, column, { ...options, codecs: [frozenCodec(options.codecs[0]), frozenCodec(options.codecs[1])] });
  }

  override add(side: Side, timestamp: number, value: T): void {
    super.add(side, timestamp, deepFreeze(value));
  }
}

/** Reads what is frozen as soon as it is there. */
export const frozenCodec = <T>(codec: ValueCodec<T>): ValueCodec<T> => ({
  ...codec,
  decode: (bytes) => deepFreeze(codec.decode(bytes)),
});

/** The same for what the entries of a table are found by. */
export const frozenSubKey = <S>(sub: SubKey<S>): SubKey<S> => ({ ...sub, decode: (bytes) => deepFreeze(sub.decode(bytes)) });
