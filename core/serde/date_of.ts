/** The Date of so many milliseconds since 1970: the one place of the neutral layers that makes one. It is data that was written before; no clock is read. */
// biome-ignore lint/style/noRestrictedGlobals: with an argument it reads no clock.
export const dateOf = (milliseconds: number): Date => new Date(milliseconds);
