import type { CommittedOffset } from "../ports/log.ts";
import type { InputPosition } from "./task_input.ts";

/** A record that has stopped instances, and how often in a row. */
export interface Stops {
  readonly offset: number;
  readonly times: number;
}

/**
 * What is committed beside an offset: format version, watermark, stream time, a tag that is different for each commit, so that one whose outcome is not known can be recognized, and a record ahead that has stopped instances.
 */
export const encodeOffsetMetadata = (watermark: number, streamTime: number, tag: string, stops?: Stops): string =>
  `1,${moment(watermark)},${moment(streamTime)},${tag}${stops === undefined ? "" : `,${stops.offset}:${stops.times}`}`;

/** Where an input goes on. What others have committed there has no times in it; infinity is never restored. */
export const decodeOffsetMetadata = (committed: CommittedOffset): InputPosition => {
  const [version, watermark, streamTime, , stops] = committed.metadata.split(",");
  const read = (text: string | undefined): number => (version === "1" && text ? Number(text) : Number.NEGATIVE_INFINITY);
  const position = { offset: committed.offset, watermark: read(watermark), streamTime: read(streamTime) };
  if (version !== "1" || stops === undefined) return position;
  const [offset, times] = stops.split(":").map(Number);
  return { ...position, stops: { offset: offset!, times: times! } };
};

/** The same commit, with a record noted that has stopped an instance. */
export const withStops = (committed: CommittedOffset, stops: Stops): CommittedOffset => {
  const parts = committed.metadata.split(",");
  const [version, watermark = "", streamTime = "", tag = ""] = parts[0] === "1" ? parts : ["1"];
  return { ...committed, metadata: `${version},${watermark},${streamTime},${tag},${stops.offset}:${stops.times}` };
};

const moment = (time: number): string => (Number.isFinite(time) ? String(time) : "");
