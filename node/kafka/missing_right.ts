import type { LogErrorOptions } from "../../core/ports/log.ts";

/** What a request was about, so that a refusal can name the right that is missing. */
export interface RefusalPlace extends LogErrorOptions {
  readonly group?: string | undefined;
  readonly transactionalId?: string | null | undefined;
  /** The operation on the topic that the request needs. */
  readonly needs?: string | undefined;
}

/**
 * The right that an authorization error is about, as what to grant on what; undefined for other errors. Groups and transactional ids need one right for everything that is
 * done with them here, which includes the lesser ones.
 */
export const missingRight = (number: number, { topic, group, transactionalId, needs }: RefusalPlace): string | undefined => {
  switch (number) {
    case topicRefused:
      return `${needs ?? "READ or WRITE"} on ${topic === undefined ? "the topic" : `topic '${topic}'`}`;
    case groupRefused:
      return `READ on ${group === undefined ? "the group" : `group '${group}'`}`;
    case transactionalIdRefused:
      return `WRITE on ${transactionalId ? `transactional id '${transactionalId}'` : "the transactional id"}`;
    case clusterRefused:
      if (needs === "CREATE" && topic !== undefined) return `CREATE on topic '${topic}', or on the cluster`;
      if (transactionalId === null) return "WRITE on a topic, or IDEMPOTENT_WRITE on the cluster";
      return `${needs ?? "the operation"} on the cluster`;
    default:
      return undefined;
  }
};

const topicRefused = 29;
const groupRefused = 30;
const clusterRefused = 31;
const transactionalIdRefused = 53;
