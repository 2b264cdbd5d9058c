import type { OperatorFactory } from "../operators/operator.ts";
import { type Aggregator, resultOf } from "../state/aggregator.ts";
import { valueCodec } from "../state/codecs.ts";
import { type Held, heldCodec, heldValue, hold } from "./held.ts";

/**
 * The step behind `scan`: for each record the aggregate of its key so far, this record included, with the record's own timestamp and headers. Records
 * without a key are dropped and counted.
 * @param options `single`: all records are of one key, null.
 */
export const scanOperator =
  <V, A, R>(aggregator: Aggregator<V, A, R, any>, options: { readonly single?: boolean | undefined } = {}): OperatorFactory =>
  (context) => {
    const { state, emit } = context;
    const accumulators = state.value<Held<A>>("s:accumulator", heldCodec(valueCodec(aggregator.serde)));
    return {
      inputs: [
        (value, record) => {
          const key = options.single === true ? null : record.key;
          if ((key === null || key === undefined) && options.single !== true) {
            context.count("dropped_null_key");
            return;
          }
          state.setKey(key);
          const before = accumulators.get();
          const accumulator = aggregator.add(before === undefined ? aggregator.init() : heldValue<A>(before), value as V, key);
          accumulators.set(hold(accumulator));
          emit(resultOf(aggregator, accumulator), record);
        },
      ],
    };
  };
