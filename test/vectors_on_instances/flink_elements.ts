import fc from "fast-check";
import { seededRandom } from "../../core/time_source/seeded_random.ts";
import type { Element } from "../conformance/flink_jobs/shapes.ts";

/** An element with a timestamp, and which of the job's inputs it is for, counted from 1. */
export interface Fed extends Element {
  readonly input: number;
  readonly timestamp: number;
}

const keys = ["a", "b", "c", "d", "e"];

/** The elements of a vector, each under three keys, so that several partitions have some. Their times begin at zero at the earliest. */
export const ownElements = (vector: any): readonly Fed[] => {
  const all = elementsOf(vector);
  const earliest = Math.min(0, ...all.map(({ timestamp }) => timestamp));
  return all.flatMap(({ key, timestamp, ...more }) =>
    ["", "'", "''"].map((copy) => ({ ...more, key: `${key}${copy}`, timestamp: timestamp - earliest })),
  );
};

/** Elements made by chance for the job of a vector: its values, under other keys and at other times, about as close to each other as in the vector and out of order by a few steps. */
export const randomElements = (vector: any): fc.Arbitrary<readonly Fed[]> => {
  const all = elementsOf(vector);
  const times = all.map(({ timestamp }) => timestamp);
  const apartMs = Math.ceil((Math.max(...times) - Math.min(...times)) / all.length) || 1;
  const drawn = fc.record({
    of: fc.constantFrom(...all),
    key: fc.constantFrom(...keys),
    apartMs: fc.nat(2 * apartMs),
    behindMs: fc.oneof(fc.constant(0), fc.nat(4 * apartMs)),
  });
  return fc.array(drawn, { minLength: 5, maxLength: 60 }).map((list) => {
    let now = 4 * apartMs;
    return list.map(({ of: { input, value }, key, apartMs, behindMs }, i) => {
      now += apartMs;
      // What tells events apart is theirs alone.
      const own = typeof value === "object" && value !== null && "id" in value ? { ...value, id: i + 1 } : value;
      return { input, key, value: own, timestamp: now - behindMs };
    });
  });
};

/** The same elements in another order, in which those of each key and input stand as before: as if their partitions had been read in other turns. */
export const interleaved = (elements: readonly Fed[], seed: number): readonly Fed[] => {
  const random = seededRandom(seed);
  let left = elements.length;
  const lists = new Map<string, Fed[]>();
  for (const element of elements) {
    const of = `${element.input} ${element.key}`;
    lists.set(of, [...(lists.get(of) ?? []), element]);
  }
  return elements.map(() => {
    // As likely as it has elements left, so that none is far ahead of the others.
    let pick = Math.floor(random.next() * left--);
    return [...lists.values()].find((list) => (pick -= list.length) < 0)!.shift()!;
  });
};

const elementsOf = ({ inputs }: any): readonly Fed[] =>
  inputs.filter(({ element }: any) => element !== undefined).map(({ element, input = 1 }: any) => ({ ...element, input }));
