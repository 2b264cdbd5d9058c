import { badRequest } from "./refusal.ts";

/** What stands behind the question mark: every name at most once, and none that is not asked for. */
export class Parameters {
  readonly #values = new Map<string, string>();
  readonly #asked = new Set<string>();

  constructor(query: string) {
    for (const part of query.split("&")) {
      if (part === "") continue;
      const [name, value] = [part.replace(/=.*$/s, ""), part.includes("=") ? part.slice(part.indexOf("=") + 1) : ""].map(decoded) as [
        string,
        string,
      ];
      if (this.#values.has(name)) throw badRequest(`Parameter '${shortened(name)}' stands there twice: give it once`);
      this.#values.set(name, value);
    }
  }

  text(name: string): string | undefined {
    this.#asked.add(name);
    return this.#values.get(name);
  }

  choice<T extends string>(name: string, choices: readonly [T, ...T[]]): T {
    const value = this.text(name);
    if (value === undefined) return choices[0];
    if (!(choices as readonly string[]).includes(value))
      throw badRequest(`Parameter '${name}' is '${shortened(value)}': choose ${choices.join(" or ")}`);
    return value as T;
  }

  /** A whole number, negative or not: a time, a count, an offset. */
  number(name: string): number | undefined {
    const value = this.text(name);
    if (value === undefined) return undefined;
    const number = Number(value);
    if (!/^-?\d{1,16}$/.test(value) || !Number.isSafeInteger(number))
      throw badRequest(`Parameter '${name}' is '${shortened(value)}': give a whole number; times are in milliseconds since 1970`);
    return number;
  }

  count(name: string): number | undefined {
    const number = this.number(name);
    if (number !== undefined && number < 0) throw badRequest(`Parameter '${name}' is ${number}: give a number that is not negative`);
    return number;
  }

  needed<T>(name: string, value: T | undefined): T {
    if (value === undefined) throw badRequest(`Parameter '${name}' is missing`);
    return value;
  }

  /** Refuses what nobody has asked for: a misspelt bound would else be none. */
  end(): void {
    for (const name of this.#values.keys())
      if (!this.#asked.has(name))
        throw badRequest(
          `There is no parameter '${shortened(name)}' here: there are ${[...this.#asked].map((one) => `'${one}'`).join(", ")}`,
        );
  }
}

/** As forms write it, where a plus is a space. What is no UTF-8 is refused, or it would be looked for as another key. */
const decoded = (text: string): string => {
  try {
    return decodeURIComponent(text.replaceAll("+", " "));
  } catch {
    throw badRequest(`'${shortened(text)}' is no percent-encoded UTF-8`);
  }
};

/** A piece of a URL as a message quotes it. */
export const shortened = (text: string): string => (text.length > 60 ? `${text.slice(0, 57)}...` : text);
