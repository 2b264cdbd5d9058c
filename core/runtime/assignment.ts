import { type Read, readUserData, writeUserData } from "./user_data.ts";

/** What the leader tells a member. */
export interface Assignment {
  /** Tasks to run. */
  readonly tasks: readonly string[];
  /** Tasks of others whose changelogs are to be followed, so that they can be taken over without reading them from the start. */
  readonly standbys: readonly string[];
  /** The same for tasks that are to come here as soon as this member is far enough. */
  readonly warmups: readonly string[];
  /** Transactional ids of workers that are gone: whoever reads this ends what they left open. */
  readonly departed: readonly string[];
  /** After so long this member is to make the group share anew, since tasks are not yet where they belong; 0: never. */
  readonly probeInMs: number;
  /** The newest form of user data that all members know. */
  readonly commonVersion: number;
  readonly error: AssignmentError;
  /** Of "topology-differs": the processes that have the other topology. */
  readonly detail: string;
  /** What everybody has from now on. */
  readonly owners: readonly Owner[];
}

/** Who has which tasks. */
export interface Owner {
  readonly instance: string;
  /** Where it can be asked for what it keeps; empty when it cannot. */
  readonly endpoint: string;
  readonly tasks: readonly string[];
  /** Tasks of others whose state it follows. */
  readonly standbys: readonly string[];
}

/** "version": the leader cannot read what the member says, which is to say it in `commonVersion`. */
export type AssignmentError = "none" | "topology-differs" | "stop" | "version";
const errors: readonly AssignmentError[] = ["none", "topology-differs", "stop", "version"];

export const encodeAssignment = (assignment: Assignment, version: number): Uint8Array =>
  writeUserData(version, (to) => {
    to.byte(errors.indexOf(assignment.error));
    to.text(assignment.detail);
    to.number(assignment.commonVersion);
    to.number(assignment.probeInMs);
    to.list(assignment.departed, (id) => to.text(id));
    to.tasks(assignment.tasks);
    to.tasks(assignment.standbys);
    to.tasks(assignment.warmups);
    to.list(assignment.owners, ({ instance, endpoint, tasks, standbys }) => {
      to.text(instance);
      to.text(endpoint);
      to.tasks(tasks);
      to.tasks(standbys);
    });
  });

export const decodeAssignment = (bytes: Uint8Array): Read<Assignment> =>
  readUserData(bytes, (from) => {
    const error = errors[from.byte()];
    if (error === undefined) throw new RangeError("The assignment has an error that nobody knows");
    return {
      error,
      detail: from.text(),
      commonVersion: from.number(),
      probeInMs: from.number(),
      departed: from.list(() => from.text()),
      tasks: from.tasks(),
      standbys: from.tasks(),
      warmups: from.tasks(),
      owners: from.list(() => ({ instance: from.text(), endpoint: from.text(), tasks: from.tasks(), standbys: from.tasks() })),
    };
  });
