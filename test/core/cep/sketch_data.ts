import type { PatternCondition, PatternData, PatternStep } from "../../../core/cep/pattern_data.ts";
import type { Sketch, SketchItem } from "./sketch.ts";

/** The pattern that a sketch stands for, as data. Its steps have the names that `builtSketch` gives them; conditions that count are not said. */
export const sketchData = ({ items, withinMs }: Sketch, version: number, onChange: "finish" | "drop"): PatternData => {
  let step = 0;
  const is = (letter: string): PatternCondition => ({ "==": [{ field: "letter" }, letter] });
  const write = (parts: readonly SketchItem[]): readonly PatternStep[] =>
    parts.map((item, i): PatternStep => {
      const name = `s${step++}`;
      if (item.kind === "not")
        return {
          name,
          follow: item.follow,
          where: is(item.letter),
          ...(item.neighboursMs === undefined ? {} : { within: item.neighboursMs }),
        };
      const { loop } = item;
      return {
        follow: i === 0 ? "begin" : item.follow,
        ...(item.kind === "group"
          ? { group: write(item.items) }
          : { name, ...(item.letter === undefined ? {} : { where: is(item.letter) }) }),
        optional: item.optional,
        ...(loop === undefined
          ? {}
          : {
              loop: {
                min: loop.min,
                ...(Number.isFinite(loop.max) ? { max: loop.max } : {}),
                greedy: loop.greedy,
                consecutive: loop.between === "nothing",
                combinations: loop.between === "anything",
                ...(loop.until === undefined ? {} : { until: is(loop.until) }),
              },
            }),
        ...(item.kind === "take" && item.neighboursMs !== undefined ? { within: item.neighboursMs } : {}),
      };
    });
  return { version, onChange, steps: write(items), ...(withinMs === undefined ? {} : { within: withinMs }) };
};

/** The sketch without conditions that count. */
export const uncounted = ({ items, withinMs }: Sketch): Sketch => {
  const without = (item: SketchItem): SketchItem =>
    item.kind === "take" ? { ...item, counts: false } : item.kind === "group" ? { ...item, items: item.items.map(without) } : item;
  return { items: items.map(without), withinMs };
};
