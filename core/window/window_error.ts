import { TopologyError } from "../errors.ts";

/** Windows that cannot work, told when the program describes them. */
export const windowError = (message: string): TopologyError => new TopologyError("WINDOW_INVALID", message);

/** A length of time that windows can be made of: whole milliseconds, more than none. */
export const requireLength = (what: string, ms: number, example: string): void => {
  if (!Number.isSafeInteger(ms) || ms <= 0)
    throw windowError(`${what} is ${ms} ms: give a whole number of milliseconds that is more than 0, such as ${example}`);
};

/** A number of records. */
export const requireCount = (what: string, n: number): void => {
  if (!Number.isSafeInteger(n) || n <= 0) throw windowError(`${what} is ${n}: give a whole number that is more than 0`);
};
