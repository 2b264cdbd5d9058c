import type { StepDescription } from "./description.ts";

/** The parameters of a step for people: durations in the largest unit that fits, and nothing said that goes without saying. */
export const shownParameters = ({ parameters }: StepDescription): readonly string[] =>
  Object.entries(parameters).flatMap(([name, value]) => {
    if (
      defaults[name] === value ||
      (name === "every" && value === parameters["size"]) ||
      (name === "emit" && value === (parameters["windows"] === "global" ? "never" : "watermark"))
    )
      return [];
    if (typeof value === "number" && (durations.has(name) || ("time" in parameters && windowSizes.has(name))))
      return [`${name} ${shownDuration(value)}`];
    if (name === "windows") return [`${value} windows`];
    if (typeof value === "boolean") return value ? [name] : [];
    return [`${name} ${value}`];
  });

const durations: ReadonlySet<string> = new Set(["lateness", "history", "within", "gap"]);
/** Of windows that follow a clock; others are so many records wide. */
const windowSizes: ReadonlySet<string> = new Set(["size", "every", "offset"]);
const defaults: Readonly<Record<string, unknown>> = { time: "event", offset: 0, lateness: 0 };

const units: readonly (readonly [string, number])[] = [
  ["d", 86_400_000],
  ["h", 3_600_000],
  ["min", 60_000],
  ["s", 1000],
];

const shownDuration = (ms: number): string => {
  const unit = units.find(([, length]) => ms !== 0 && ms % length === 0);
  return unit === undefined ? `${ms} ms` : `${ms / unit[1]} ${unit[0]}`;
};
