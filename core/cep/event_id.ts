import { putSortable, readSortable, type SubKey, writeSortable } from "../state/sub_key.ts";

/** One event of a key: its timestamp, and its place among the events of that timestamp. The order of ids is the order in which events are looked at. */
export type EventId = readonly [timestamp: number, place: number];

export const compareEventIds = (a: EventId, b: EventId): number => a[0] - b[0] || a[1] - b[1];

/** Most timestamps have one event: its place, zero, costs nothing in the store and its key in a Map is a number. */
export const eventIdSubKey: SubKey<EventId> = {
  encode: ([timestamp, place]) => {
    const bytes = new Uint8Array(place === 0 ? 8 : 16);
    writeSortable(bytes, 0, timestamp);
    if (place !== 0) writeSortable(bytes, 8, place);
    return bytes;
  },
  write: (to, [timestamp, place]) => {
    putSortable(to, timestamp);
    if (place !== 0) putSortable(to, place);
  },
  decode: (bytes) => [readSortable(bytes, 0), bytes.length > 8 ? readSortable(bytes, 8) : 0],
  mapKey: ([timestamp, place]) => (place === 0 ? timestamp : `${timestamp}:${place}`),
  compare: compareEventIds,
};
