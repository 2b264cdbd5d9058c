import type { CommittedOffset } from "../ports/log.ts";
import type { InputPosition } from "./task_input.ts";

/** A record that has stopped instances, and how often in a row. */
export interface Stops {
  readonly offset: number;
  readonly times: number;
}

/**
 * What is committed beside an offset: format version, watermark, stream time, a tag that is different for each commit, so that one whose outcome is not known can be recognized, a record ahead that has stopped instances, and, beside the first input of a task, the watermarks of
 * its steps that join several.
 */
export const encodeOffsetMetadata = (
  watermark: number,
  streamTime: number,
  tag: string,
  stops?: Stops,
  joined: readonly number[] = [],
): string => {
  const parts = [
    "1",
    moment(watermark),
    moment(streamTime),
    tag,
    stops === undefined ? "" : stopsText(stops),
    joined.map(moment).join(":"),
  ];
  return (joined.length > 0 ? parts : stops === undefined ? parts.slice(0, 4) : parts.slice(0, 5)).join();
};

/** Where an input goes on. What others have committed there has no times in it; infinity is never restored. */
export const decodeOffsetMetadata = (committed: CommittedOffset): InputPosition => {
  const [version, watermark, streamTime, , stops = "", joined = ""] = committed.metadata.split(",");
  const read = (text: string | undefined): number => (version === "1" && text ? Number(text) : Number.NEGATIVE_INFINITY);
  const position = { offset: committed.offset, watermark: read(watermark), streamTime: read(streamTime) };
  if (version !== "1") return position;
  const [offset, times] = stops.split(":").map(Number);
  return {
    ...position,
    ...(stops === "" ? {} : { stops: { offset: offset!, times: times! } }),
    ...(joined === "" ? {} : { joined: joined.split(":").map(read) }),
  };
};

/** The same commit, with a record noted that has stopped an instance. */
export const withStops = (committed: CommittedOffset, stops: Stops): CommittedOffset => {
  const parts = committed.metadata.split(",");
  const [version, watermark = "", streamTime = "", tag = "", , ...joined] = parts[0] === "1" ? parts : ["1"];
  return { ...committed, metadata: [version, watermark, streamTime, tag, stopsText(stops), ...joined].join() };
};

const stopsText = ({ offset, times }: Stops): string => `${offset}:${times}`;

const moment = (time: number): string => (Number.isFinite(time) ? String(time) : "");
