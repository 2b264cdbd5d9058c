import { comparePlaces, type Place, placeSubKey } from "../state/sub_key.ts";

/** One event of a key: its timestamp, and its place among the events of that timestamp. The order of ids is the order in which events are looked at. */
export type EventId = Place;

export const compareEventIds: typeof comparePlaces = comparePlaces;

export const eventIdSubKey: typeof placeSubKey = placeSubKey;
