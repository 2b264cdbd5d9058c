import { seededRandom } from "../../../core/time_source/seeded_random.ts";
import {
  type Call,
  clientCount,
  configs,
  groupCount,
  type OffsetLine,
  partitionsMax,
  type RecordLine,
  type Standing,
  topicCount,
} from "./call.ts";

export interface GenerateOptions {
  readonly calls: number;
  /** Group members and transactions that time out: what has to be waited for. */
  readonly slow: boolean;
}

const slots = 4;
const ids = 2;
const seats = 3;

/** The sequence of a seed: it begins with a topic, then come calls of every kind, those that write more often than others. */
export const generate = (seed: number, { calls, slow }: GenerateOptions): Call[] => {
  const random = seededRandom(seed);
  const below = (n: number): number => Math.floor(random.next() * n);
  const maybe = (chance: number): boolean => random.next() < chance;
  const topic = (): number => (maybe(0.7) ? 0 : below(topicCount));
  const partition = (): number => (maybe(0.95) ? below(2) : below(partitionsMax + 1));
  const isolation = () => (maybe(0.6) ? ("read-committed" as const) : ("read-uncommitted" as const));
  const line = (): RecordLine => ({
    topic: topic(),
    partition: partition(),
    key: maybe(0.8) ? below(4) : null,
    bytes: maybe(0.9) ? below(30) : 200 + below(300),
    atSeconds: maybe(0.9) ? below(20) - 10 : (below(3) - 1) * 7_200,
  });
  const offsetLine = (): OffsetLine => ({
    topic: topic(),
    partition: partition(),
    offset: below(20),
    metadataBytes: maybe(0.9) ? below(10) : 4_090 + below(12),
  });
  const standing = (): Standing => {
    if (!slow || maybe(0.5)) return maybe(0.9) ? { of: "nobody" } : { of: "stranger" };
    return { of: "seat", seat: below(seats), generationsOff: maybe(0.7) ? 0 : below(3) - 1 };
  };
  const lines = <T>(one: () => T, most: number): T[] => Array.from({ length: 1 + below(most) }, one);
  const slot = (): number => below(slots);

  const kinds: readonly (readonly [weight: number, make: () => Call])[] = [
    [
      2,
      () => ({
        do: "create",
        topic: below(topicCount),
        partitions: 1 + below(partitionsMax),
        config: maybe(0.4) ? 0 : below(configs.length),
      }),
    ],
    [0.4, () => ({ do: "delete", topic: below(topicCount) })],
    [0.4, () => ({ do: "grow", topic: topic(), partitions: below(partitionsMax + 2) })],
    [0.3, () => ({ do: "describe", topic: below(topicCount) })],
    [1, () => ({ do: "deleteRecords", topic: topic(), partition: partition(), offset: below(12) - 1 })],
    [
      4,
      () => ({
        do: "open",
        slot: slot(),
        id: maybe(0.85) ? below(ids) : null,
        timeoutMs: maybe(0.97) ? 600_000 : 1_000_000,
        client: below(clientCount),
      }),
    ],
    [14, () => ({ do: "send", slot: slot(), lines: lines(line, 5) })],
    [5, () => ({ do: "sendOffsets", slot: slot(), group: below(groupCount), as: standing(), offsets: lines(offsetLine, 3) })],
    [0.5, () => ({ do: "resend", slot: slot() })],
    [6, () => ({ do: "commit", slot: slot() })],
    [4, () => ({ do: "abort", slot: slot() })],
    [0.3, () => ({ do: "close", slot: slot() })],
    [0.5, () => ({ do: "states" })],
    [
      5,
      () => ({
        do: "read",
        topic: topic(),
        partition: partition(),
        from: maybe(0.5) ? 0 : below(14),
        isolation: isolation(),
        client: below(clientCount),
      }),
    ],
    [
      3,
      () => ({
        do: "ends",
        topic: topic(),
        partition: partition(),
        at: maybe(0.6) ? "latest" : maybe(0.4) ? "earliest" : maybe(0.9) ? below(12) - 11 : 86_400,
        isolation: isolation(),
      }),
    ],
    [2, () => ({ do: "committed", group: below(groupCount), stable: maybe(0.5) })],
    [2, () => ({ do: "commitOffsets", group: below(groupCount), as: standing(), offsets: lines(offsetLine, 3) })],
  ];
  const slowKinds: typeof kinds = [
    [0.7, () => ({ do: "expire", slot: slot(), id: below(ids), topic: topic(), partition: partition() })],
    [
      3,
      () => ({
        do: "join",
        seat: below(seats),
        group: below(groupCount),
        instance: maybe(0.25) ? below(2) : null,
        protocol: maybe(0.9) ? 0 : 1,
      }),
    ],
    [0.7, () => ({ do: "leave", seat: below(seats) })],
    [0.4, () => ({ do: "abandon", seat: below(seats) })],
    [0.7, () => ({ do: "rejoin", seat: below(seats) })],
  ];
  const all = slow ? [...kinds, ...slowKinds] : kinds;
  const total = all.reduce((sum, [weight]) => sum + weight, 0);
  const next = (): Call => {
    let left = random.next() * total;
    for (const [weight, make] of all) if ((left -= weight) < 0) return make();
    return all[0]![1]();
  };
  return [
    { do: "create", topic: 0, partitions: 2, config: 0 },
    { do: "open", slot: 0, id: 0, timeoutMs: 600_000, client: 0 },
    ...Array.from({ length: calls }, next),
  ];
};
