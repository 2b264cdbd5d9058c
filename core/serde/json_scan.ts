/**
 * An integer in a JSON text that a number cannot hold exactly, as a phrase that says where it stands; undefined when there is none. The text must be valid JSON.
 *
 * Such an integer has at least 16 digits in a row, so every 16th character is looked at, and only what stands around a digit there is looked at more closely. What is
 * written with a point or an exponent is a measured number and may be rounded; so may an integer that is printed again with the same digits.
 */
export const inexactInteger = (text: string): string | undefined => {
  const length = text.length;
  for (let at = 15; at < length; at += 16) {
    if (!isDigit(text.charCodeAt(at))) continue;
    let start = at;
    while (start > 0 && isDigit(text.charCodeAt(start - 1))) start--;
    let end = at + 1;
    while (end < length && isDigit(text.charCodeAt(end))) end++;
    if (end - start >= 16 && isWholeNumber(text, start, end) && changes(text.slice(start, end))) {
      return isInsideString(text, start) ? inexactAfter(text, end) : written(start, end);
    }
    // On behind these digits, or a text of nothing but digits would be walked again and again.
    at += Math.floor((end - at - 1) / 16) * 16;
  }
  return undefined;
};

/** A field that could change what other objects inherit, anywhere in a value that JSON.parse has made; undefined when there is none. */
export const findPollution = (value: unknown): string | undefined => {
  const open: unknown[] = [value];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    if (typeof next !== "object" || next === null) continue;
    if (Array.isArray(next)) {
      for (const element of next) if (typeof element === "object" && element !== null) open.push(element);
      continue;
    }
    const object = next as Readonly<Record<string, unknown>>;
    for (const name of Object.keys(object)) {
      if (name === "__proto__") return name;
      const inner = object[name];
      if (typeof inner !== "object" || inner === null) continue;
      if (name === "constructor" && Object.hasOwn(inner, "prototype")) return "constructor.prototype";
      open.push(inner);
    }
  }
  return undefined;
};

/** Whether arrays and objects in a value that JSON.parse has made are nested deeper than that. */
export const deeperThan = (value: unknown, depthMax: number): boolean =>
  typeof value === "object" && value !== null && deeper(value, depthMax);

const deeper = (value: object, left: number): boolean => {
  if (left === 0) return true;
  if (Array.isArray(value)) {
    for (let index = 0; index < value.length; index++) {
      const element: unknown = value[index];
      if (typeof element === "object" && element !== null && deeper(element, left - 1)) return true;
    }
    return false;
  }
  const object = value as Readonly<Record<string, unknown>>;
  for (const name in object) {
    const inner = object[name];
    if (typeof inner === "object" && inner !== null && deeper(inner, left - 1)) return true;
  }
  return false;
};

const quote = 0x22;
const backslash = 0x5c;

const isDigit = (unit: number): boolean => unit >= 0x30 && unit <= 0x39;

/** Where the string that begins at `start` has its closing quote; the end of the text when it has none. */
const endOfString = (text: string, start: number): number => {
  for (let end = text.indexOf('"', start + 1); end >= 0; end = text.indexOf('"', end + 1)) {
    let slashes = 0;
    while (text.charCodeAt(end - 1 - slashes) === backslash) slashes++;
    if (slashes % 2 === 0) return end;
  }
  return text.length;
};

// What stands before and behind the digits tells a whole number from a part of another number; strings are told apart later, when it matters.
const isWholeNumber = (text: string, start: number, end: number): boolean => {
  const before = start === 0 ? "" : text[start - 1]!;
  const behind = end === text.length ? "" : text[end]!;
  return (before === "" || " \t\r\n,:[-".includes(before)) && (behind === "" || " \t\r\n,]}".includes(behind));
};

const changes = (digits: string): boolean => String(Number(digits)) !== digits;

// Without the digits: errors are logged, and records are no matter for logs.
const written = (start: number, end: number): string => `the integer of ${end - start} digits at character ${start}`;

const isInsideString = (text: string, position: number): boolean => {
  for (let at = text.indexOf('"'); at >= 0 && at < position; at = text.indexOf('"', at + 1)) {
    at = endOfString(text, at);
    if (at > position) return true;
  }
  return false;
};

// Reached only past a string that holds something like a large number: walks the rest of the text string by string.
const inexactAfter = (text: string, from: number): string | undefined => {
  for (let at = nextOutside(text, 0); at < text.length; at = nextOutside(text, at)) {
    const start = at;
    while (at < text.length && isDigit(text.charCodeAt(at))) at++;
    if (start >= from && at - start >= 16 && isWholeNumber(text, start, at) && changes(text.slice(start, at))) return written(start, at);
    if (at === start) at++;
  }
  return undefined;
};

// Skips a string that begins here.
const nextOutside = (text: string, at: number): number => (text.charCodeAt(at) === quote ? endOfString(text, at) + 1 : at);
