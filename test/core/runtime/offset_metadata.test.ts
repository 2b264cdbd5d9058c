import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { decodeOffsetMetadata, encodeOffsetMetadata, withStops } from "../../../core/runtime/offset_metadata.ts";

const moment = fc.oneof(fc.integer(), fc.constant(Number.NEGATIVE_INFINITY));
/** That one step has no watermark yet is said by saying nothing. */
const joined = fc.array(moment, { minLength: 1 }).filter((all) => all.length > 1 || all[0] !== Number.NEGATIVE_INFINITY);
const stops = fc.record({ offset: fc.nat(), times: fc.nat(9) });
const committed = (metadata: string) => ({ topic: "in", partition: 0, offset: 7, metadata });

describe("what is committed beside an offset", () => {
  it("comes back as it was, and takes the note of a record that has stopped instances", () => {
    fc.assert(
      fc.property(
        moment,
        moment,
        fc.option(stops, { nil: undefined }),
        fc.option(joined, { nil: undefined }),
        stops,
        (watermark, streamTime, stopped, joined, later) => {
          const metadata = encodeOffsetMetadata(watermark, streamTime, "a1-0-12", stopped, joined);
          const position = { offset: 7, watermark, streamTime, ...(joined === undefined ? {} : { joined }) };
          expect(decodeOffsetMetadata(committed(metadata))).toEqual({ ...position, ...(stopped === undefined ? {} : { stops: stopped }) });
          expect(decodeOffsetMetadata(withStops(committed(metadata), later))).toEqual({ ...position, stops: later });
        },
      ),
    );
  });

  it("is nothing where others have committed, and infinity is never restored", () => {
    const nothing = { offset: 7, watermark: Number.NEGATIVE_INFINITY, streamTime: Number.NEGATIVE_INFINITY };
    expect(decodeOffsetMetadata(committed("something of theirs,5,6"))).toEqual(nothing);
    expect(decodeOffsetMetadata(committed(""))).toEqual(nothing);
    expect(decodeOffsetMetadata(committed(encodeOffsetMetadata(Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY, "tag")))).toEqual(
      nothing,
    );
  });
});
