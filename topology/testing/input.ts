import { TopologyError } from "../../core/errors.ts";

declare const carries: unique symbol;

/** A stream that a test feeds, by what it carries. */
export interface Input<out V> {
  readonly [carries]?: V;
  readonly channels: number | undefined;
}

/** What an input carries. */
export type InputValue<I> = I extends Input<infer V> ? V : never;

/**
 * Declares an input of a harness.
 * @param options `channels`: so many writers stand behind the input, each with a watermark and idleness of its own, joined as in front of any task: time never falls. Without it the first steps hear watermarks just as the test says them.
 *
 * @example
 * ```ts
 * import { harness, input } from "millrace/testing";
 *
 * const test = harness({ n: input<number>({ channels: 2 }) }, ({ n }) => ({ out: n }));
 * test.watermark(5, "n", 0);
 * test.watermark(3, "n", 1);
 * console.log(test.events("out")); // [{ kind: "watermark", watermark: 3 }]
 * ```
 */
export const input = <V>(options: { readonly channels?: number } = {}): Input<V> => {
  const { channels } = options;
  if (channels !== undefined && !(Number.isInteger(channels) && channels > 0))
    throw new TopologyError("OPTION_INVALID", `An input cannot have ${channels} channels: give a whole number above zero`);
  return { channels };
};
