import { TopologyError } from "../../core/errors.ts";

/** The broker's limit for the name of a topic. */
const topicNameLength = 249;

/**
 * Why this cannot be, or be part of, the name of a topic; undefined when it can.
 * @param around what else stands in the topic's name, as far as it is known
 */
export const nameFault = (name: unknown, around = ""): string | undefined => {
  if (typeof name !== "string") return `a name is a string, this is ${name === null ? "null" : `of type ${typeof name}`}`;
  if (name === "") return "it is empty: give it a name";
  if (name === "." || name === "..") return "the log keeps that name for itself: choose another";
  const wrong = /[^a-zA-Z0-9._-]/.exec(name);
  if (wrong !== null) return `it contains ${wrong[0] === " " ? "a space" : `'${wrong[0]}'`}: use letters, digits, '.', '_' and '-' only`;
  const length = name.length + around.length;
  if (length > topicNameLength)
    return `it makes a topic name of ${length} characters${around === "" ? "" : ` ('${around}' is added)`}, and ${topicNameLength} are allowed: shorten it`;
  return undefined;
};

/** The longest thing that is put behind a step's name. */
const longestSuffix = "-broadcast-repartition";

/** Refuses the name of a step when its store or topics could not be called after it. */
export const checkStepName = (topology: string, name: unknown, operation: string): void => {
  const fault = nameFault(name, `${topology}-${longestSuffix}`);
  if (fault !== undefined) throw new TopologyError("NAME_INVALID", `Cannot name ${operation} step '${String(name)}': ${fault}`);
};
