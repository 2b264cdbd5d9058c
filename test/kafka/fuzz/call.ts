import type { Isolation } from "../../../core/ports/log.ts";

/** In whose name offsets are committed: nobody's, a member's of one of its generations, or that of a member whom no group knows. */
export type Standing =
  | { readonly of: "nobody" }
  | { readonly of: "stranger" }
  | { readonly of: "seat"; readonly seat: number; readonly generationsOff: number };

export interface OffsetLine {
  readonly topic: number;
  readonly partition: number;
  readonly offset: number;
  readonly metadataBytes: number;
}

export interface RecordLine {
  readonly topic: number;
  readonly partition: number;
  /** The key's number; null for none. */
  readonly key: number | null;
  readonly bytes: number;
  /** Seconds after the beginning. */
  readonly atSeconds: number;
}

/**
 * One call of the Log port, as data. Producers, members and topics are numbers, and a call of what is not there does nothing; so every part of a sequence is a
 * sequence, too, and can be shrunk.
 */
export type Call =
  | { readonly do: "create"; readonly topic: number; readonly partitions: number; readonly config: number }
  | { readonly do: "delete"; readonly topic: number }
  | { readonly do: "grow"; readonly topic: number; readonly partitions: number }
  | { readonly do: "describe"; readonly topic: number }
  | { readonly do: "deleteRecords"; readonly topic: number; readonly partition: number; readonly offset: number }
  | { readonly do: "open"; readonly slot: number; readonly id: number | null; readonly timeoutMs: number; readonly client: number }
  | { readonly do: "send"; readonly slot: number; readonly lines: readonly RecordLine[] }
  | {
      readonly do: "sendOffsets";
      readonly slot: number;
      readonly group: number;
      readonly as: Standing;
      readonly offsets: readonly OffsetLine[];
    }
  /** The outbox that the slot has sent last, once more. */
  | { readonly do: "resend"; readonly slot: number }
  | { readonly do: "commit" | "abort" | "close"; readonly slot: number }
  /** A transaction that is left open until the broker has ended it. */
  | { readonly do: "expire"; readonly slot: number; readonly id: number; readonly topic: number; readonly partition: number }
  | { readonly do: "states" }
  | {
      readonly do: "read";
      readonly topic: number;
      readonly partition: number;
      readonly from: number;
      readonly isolation: Isolation;
      readonly client: number;
    }
  | {
      readonly do: "ends";
      readonly topic: number;
      readonly partition: number;
      readonly at: "earliest" | "latest" | number;
      readonly isolation: Isolation;
    }
  | { readonly do: "committed"; readonly group: number; readonly stable: boolean }
  | { readonly do: "commitOffsets"; readonly group: number; readonly as: Standing; readonly offsets: readonly OffsetLine[] }
  | { readonly do: "join"; readonly seat: number; readonly group: number; readonly instance: number | null; readonly protocol: number }
  | { readonly do: "leave" | "abandon" | "rejoin"; readonly seat: number };

/** What one of them knows of topics and coordinators the other may have missed. Topics are changed by the first. */
export const clientCount = 2;
export const topicCount = 3;
export const groupCount = 2;
export const partitionsMax = 3;

/** What topics are created with. */
export const configs: readonly Readonly<Record<string, string>>[] = [
  {},
  { "cleanup.policy": "compact" },
  { "cleanup.policy": "compact,delete" },
  { "max.message.bytes": "300" },
  { "message.timestamp.type": "LogAppendTime" },
  { "message.timestamp.before.max.ms": "60000", "message.timestamp.after.max.ms": "60000" },
  { "retention.ms": "not a number" },
];
export const appendTimeConfig = 4;

/** Calls that only look. A broker does some things a little after it has said yes, so what they see may come later. */
export const onlyLooks = (call: Call): boolean => ["describe", "states", "read", "ends", "committed"].includes(call.do);

export const shownCall = (call: Call): string => {
  const { do: name, ...rest } = call;
  return `${name} ${JSON.stringify(rest)}`;
};
