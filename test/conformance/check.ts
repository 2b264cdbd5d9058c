import { engineOf } from "./engines.ts";

/** What became of one vector. */
export interface Verdict {
  readonly name: string;
  /** Undefined where nothing came of it. */
  readonly got: unknown;
  /** Why it failed, in words; undefined when it passed, or had nothing to be compared with. */
  readonly failure: string | undefined;
}

/** Runs a vector and compares what it gives. */
export const check = async (vector: { readonly name: string; readonly engine: string }): Promise<Verdict> => {
  const { name } = vector;
  try {
    const engine = engineOf(vector);
    const got = await engine.interpret(vector);
    const [first, ...more] = engine.differences(vector, got);
    const failure = first === undefined ? undefined : more.length === 0 ? first : `${first}\n  and ${more.length} more`;
    return { name, got, failure };
  } catch (thrown) {
    return { name, got: undefined, failure: thrown instanceof Error ? `${thrown.name}: ${thrown.message}` : String(thrown) };
  }
};
