import { ConfigurationError, FatalError, TopologyError } from "../errors.ts";
import type { LogError } from "../ports/log.ts";
import type { Settings } from "./application.ts";
import { type Assignment, decodeAssignment } from "./assignment.ts";
import { versionToSpeak } from "./user_data.ts";

/**
 * What a member has heard from the leader, and the version it speaks from then on.
 * - "assigned": tasks.
 * - "speak-again": the leader has not understood, and may when the member joins again.
 * - "stop": the application as a whole stops.
 * - "refused": this member cannot go on.
 */
export type Heard =
  | { readonly kind: "assigned"; readonly assignment: Assignment; readonly speaks: number }
  | { readonly kind: "speak-again" | "stop"; readonly speaks: number }
  | { readonly kind: "refused"; readonly error: Error };

export const understand = (userData: Uint8Array, speaks: number, applicationId: string): Heard => {
  const refused = (error: Error): Heard => ({ kind: "refused", error });
  const read = decodeAssignment(userData);
  if (read.kind !== "read")
    return refused(
      new FatalError(
        "INTERNAL",
        `The leader of group '${applicationId}' sent an assignment that cannot be read: do all instances run this library?`,
      ),
    );
  const { value: assignment } = read;
  const next = versionToSpeak(speaks, { commonVersion: assignment.commonVersion, refused: assignment.error === "version" });
  switch (assignment.error) {
    case "none":
      return { kind: "assigned", assignment, speaks: next ?? speaks };
    case "stop":
      return { kind: "stop", speaks };
    case "version":
      if (next !== undefined) return { kind: "speak-again", speaks: next };
      return refused(
        new ConfigurationError(
          "INSTANCES_DIFFER",
          `Other instances of application '${applicationId}' run a version of the library that is too old to share tasks with this one: bring them to a version in between first`,
        ),
      );
    case "topology-differs":
      return refused(
        new TopologyError(
          "TOPOLOGY_CHANGED",
          `Other instances of application '${applicationId}' run another topology (${assignment.detail}): stop them first, or give this program another applicationId`,
        ),
      );
  }
};

/** Why the group does not want this member any more, in words that say what to do. */
export const expulsion = (error: LogError, { applicationId, groupInstanceId }: Settings): Error => {
  if (error.code !== "FENCED_INSTANCE_ID") return error;
  return new ConfigurationError(
    "INSTANCE_REPLACED",
    `Another process has joined application '${applicationId}' as instance '${groupInstanceId}', so this one stops: give every instance an instanceId of its own`,
    { cause: error },
  );
};
