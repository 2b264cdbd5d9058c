import { decodeUpstreamTime, type UpstreamTime } from "./watermark_record.ts";

const decoder = new TextDecoder();

/** How far the tasks of the application are, as they say themselves. Only read while some task here is idle and holds something. */
export class SiblingWatermarks {
  position = 0;
  readonly #times = new Map<string, UpstreamTime>();

  apply(key: Uint8Array | null, value: Uint8Array | null): void {
    if (key === null || value === null) return;
    const time = decodeUpstreamTime(value);
    const id = decoder.decode(key);
    const known = this.#times.get(id);
    if (known === undefined || time.incarnation >= known.incarnation) this.#times.set(id, time);
  }

  /** The smallest watermark of the tasks of that sub-topology that are neither idle nor finished, this one left out; undefined when there is none. */
  smallest(subtopology: number, without: number): number | undefined {
    let smallest: number | undefined;
    for (const time of this.#times.values()) {
      if (time.subtopology !== subtopology || time.partition === without || time.status !== "active") continue;
      if (smallest === undefined || time.watermark < smallest) smallest = time.watermark;
    }
    return smallest;
  }
}
