declare const inMs: unique symbol;

/**
 * A length of time in milliseconds, made by `seconds(10)`; a bare number is refused by the compiler. Timestamps are plain numbers
 * (milliseconds since 1970), so the two cannot be mistaken for each other.
 */
export type Duration = number & { readonly [inMs]: true };

const duration = (ms: number): Duration => ms as Duration;

/** So many milliseconds. */
export const millis = (n: number): Duration => duration(n);
/** So many seconds. */
export const seconds = (n: number): Duration => duration(n * 1000);
/** So many minutes. */
export const minutes = (n: number): Duration => duration(n * 60_000);
/** So many hours. */
export const hours = (n: number): Duration => duration(n * 3_600_000);
/** So many days of 24 hours. */
export const days = (n: number): Duration => duration(n * 86_400_000);
/** Longer than anything: what a versioned table keeps when it forgets nothing. */
export const forever: Duration = duration(Number.POSITIVE_INFINITY);
