import type { ItemSpec, LoopSpec } from "./pattern_spec.ts";

/** The pattern in words, without its conditions: `begin small, next large`. */
export const patternText = (items: readonly ItemSpec[], names: readonly string[]): string =>
  items
    .map((item) => {
      const neighbours = item.neighboursMs !== undefined ? ` after less than ${item.neighboursMs} ms` : "";
      if (item.kind === "not") return `${item.follow} ${item.name}${neighbours}`;
      const what = item.kind === "take" ? names[item.step]! : `(${patternText(item.items, names)})`;
      return `${item.follow} ${what}${item.loop === undefined ? "" : loopText(item.loop)}${item.optional ? " optional" : ""}${neighbours}`;
    })
    .join(", ");

const loopText = ({ min, max, between, greedy, until, withinMs }: LoopSpec): string => {
  const often = min === max ? `${min}` : max === Number.POSITIVE_INFINITY ? `${min} or more` : `${min} to ${max}`;
  const how = [
    greedy ? " greedy" : "",
    between === "nothing" ? " consecutive" : between === "anything" ? " combinations" : "",
    until === undefined ? "" : " until",
    withinMs === undefined ? "" : ` within ${withinMs} ms`,
  ];
  return ` ${often} times${how.join("")}`;
};
