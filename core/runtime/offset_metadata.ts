import type { CommittedOffset } from "../ports/log.ts";
import type { InputPosition } from "./task_input.ts";

/** What is committed beside an offset: format version, watermark, stream time, and a tag that is different for each commit, so that one whose outcome is not known can be recognized. */
export const encodeOffsetMetadata = (watermark: number, streamTime: number, tag: string): string =>
  `1,${moment(watermark)},${moment(streamTime)},${tag}`;

/** Where an input goes on. What others have committed there has no times in it; infinity is never restored. */
export const decodeOffsetMetadata = (committed: CommittedOffset): InputPosition => {
  const [version, watermark, streamTime] = committed.metadata.split(",");
  const read = (text: string | undefined): number => (version === "1" && text ? Number(text) : Number.NEGATIVE_INFINITY);
  return { offset: committed.offset, watermark: read(watermark), streamTime: read(streamTime) };
};

const moment = (time: number): string => (Number.isFinite(time) ? String(time) : "");
