/** Time and chance that a test or a simulation holds in its hand. */
export { seededRandom } from "./seeded_random.ts";
export { VirtualClock, type VirtualClockOptions } from "./virtual_clock.ts";
