import type { RawHeaders } from "../ports/log.ts";

/** What the header of a watermark record is called; such records have a null key and stand only in internal topics. */
export const watermarkHeader = "millrace.watermark";
const noBytes = new Uint8Array(0);
export const watermarkHeaders: RawHeaders = [[watermarkHeader, noBytes]];

export type UpstreamStatus = "active" | "idle" | "finished";
const statuses: readonly UpstreamStatus[] = ["active", "idle", "finished"];

/** What one upstream task says of its event time to one downstream partition. */
export interface UpstreamTime {
  readonly subtopology: number;
  readonly partition: number;
  /** How many tasks the upstream sub-topology has, so that a reader knows whom to wait for. */
  readonly tasks: number;
  /** Grows with every generation of the group; a record of an older one has no say over status. */
  readonly incarnation: number;
  readonly watermark: number;
  readonly status: UpstreamStatus;
}

export const isWatermark = (headers: RawHeaders): boolean => headers.length > 0 && headers[0]![0] === watermarkHeader;

/** Varints: sub-topology, partition, task count, incarnation, status; then the watermark as a 64-bit float, which has room for both infinities. */
export const encodeUpstreamTime = (time: UpstreamTime): Uint8Array => {
  const bytes: number[] = [];
  for (let n of [time.subtopology, time.partition, time.tasks, time.incarnation, statuses.indexOf(time.status)]) {
    for (; n > 127; n = Math.floor(n / 128)) bytes.push((n % 128) | 128);
    bytes.push(n);
  }
  const out = new Uint8Array(bytes.length + 8);
  out.set(bytes);
  new DataView(out.buffer).setFloat64(bytes.length, time.watermark);
  return out;
};

export const decodeUpstreamTime = (bytes: Uint8Array): UpstreamTime => {
  let at = 0;
  const varint = (): number => {
    let n = 0;
    let scale = 1;
    for (;;) {
      const byte = bytes[at++]!;
      n += (byte & 127) * scale;
      if (byte < 128) return n;
      scale *= 128;
    }
  };
  const [subtopology, partition, tasks, incarnation, status] = [varint(), varint(), varint(), varint(), varint()];
  const watermark = new DataView(bytes.buffer, bytes.byteOffset + at, 8).getFloat64(0);
  return { subtopology, partition, tasks, incarnation, watermark, status: statuses[status] ?? "active" };
};
