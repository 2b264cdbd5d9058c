import { reason } from "../errors.ts";
import { type MemberAssignment, type MemberSubscription, partitionId, type TopicPartition } from "../ports/log.ts";
import { type Application, instanceName } from "./application.ts";
import { type AssignmentError, encodeAssignment, type Owner } from "./assignment.ts";
import type { Departed } from "./departed.ts";
import { type Place, type PlaceableMember, type PlaceableTask, placeTasks } from "./placement.ts";
import { decodeSubscription, type Subscription } from "./subscription.ts";
import { storesOfTask } from "./task_stores.ts";
import { newestVersion, type Read } from "./user_data.ts";

/** A task, the partitions it reads, and those that its stores come back from. */
export interface AssignableTask extends PlaceableTask {
  readonly partitions: readonly TopicPartition[];
  readonly changelogs: readonly TopicPartition[];
  /** Topics of tables without a changelog, which count as far as the group has committed them. */
  readonly tables: readonly TopicPartition[];
}

/** All tasks of the application. A sub-topology weighs as much as it has steps with a store, and one for the rest of it. */
export const assignableTasks = (application: Application): readonly AssignableTask[] => {
  const { plan, tasks, partitions, names, settings } = application;
  return plan.subtopologies.flatMap((subplan) => {
    const weight = 1 + subplan.nodes.filter(({ store }) => store !== undefined).length;
    return Array.from({ length: tasks.get(subplan.id) ?? 0 }, (_, partition) => {
      const stores = settings.guarantee === "none" ? [] : storesOfTask(application, subplan, partition);
      return {
        id: `${subplan.id}_${partition}`,
        subtopology: subplan.id,
        stateful: stores.some(({ comesFrom }) => comesFrom !== "nothing"),
        weight,
        partitions: subplan.inputs
          .map((input): TopicPartition => ({ topic: names.of(input.topic), partition }))
          .filter((one) => partition < (partitions.get(one.topic) ?? 0)),
        changelogs: stores.flatMap(({ name, comesFrom }) =>
          comesFrom === "changelog" ? [{ topic: names.changelog(name), partition }] : [],
        ),
        tables: stores.flatMap(({ comesFrom }) =>
          typeof comesFrom === "object" ? [{ topic: names.of(subplan.inputs[comesFrom.input]!.topic), partition }] : [],
        ),
      };
    });
  });
};

/** What the leader answers to the members: looks up how far changelogs go and who is gone, then assigns. */
export const lead = async (
  application: Application,
  departed: Departed,
  members: readonly MemberSubscription[],
): Promise<ReadonlyMap<string, MemberAssignment>> => {
  const { settings, counters, logger, fingerprint, processId } = application;
  const tasks = assignableTasks(application);
  // Alone a member gets everything, however far it is.
  const [ends, knownWorkers] = await Promise.all([members.length > 1 ? changelogEnds(application, tasks) : undefined, departed.known()]);
  return assignMembers(members, {
    tasks,
    fingerprint,
    leaderProcess: instanceName(settings, processId),
    knownWorkers,
    standbys: settings.standbys,
    warmupsMax: settings.warmupReplicas,
    acceptableLag: settings.acceptableLag,
    probingIntervalMs: settings.probingIntervalMs,
    ends,
    onGarbage: (memberId) => {
      counters.counter("unreadable_members").add();
      logger.log("warn", "What a member of the group says cannot be read: it counts as one without state", { memberId });
    },
  });
};

export interface LeaderOptions {
  readonly tasks: readonly AssignableTask[];
  readonly fingerprint: string;
  /** The process of the leader: it is the one that looks again later. */
  readonly leaderProcess: string;
  /** Transactional ids of all workers that the log remembers. */
  readonly knownWorkers: Iterable<string>;
  readonly standbys: number;
  readonly warmupsMax: number;
  readonly acceptableLag: number;
  readonly probingIntervalMs: number;
  readonly ends: ReadonlyMap<string, number> | undefined;
  /** Told of each member whose words cannot be read. */
  readonly onGarbage?: (memberId: string) => void;
}

/** The leader's whole answer: who gets what, who is refused and why, whose transactions have to be ended. Depends on its arguments only. */
export const assignMembers = (
  subscriptions: readonly MemberSubscription[],
  options: LeaderOptions,
): ReadonlyMap<string, MemberAssignment> => {
  const members = new Map(subscriptions.map(({ memberId, userData }) => [memberId, decodeSubscription(userData)]));
  const said = [...members.values()].flatMap((read) => (read.kind === "read" ? [read.value] : []));
  for (const [memberId, { kind }] of members) if (kind === "garbage") options.onGarbage?.(memberId);
  const live = new Set(said.flatMap((member) => member.transactionalIds));
  // Somebody who cannot be understood may be any of them.
  const departed = [...members.values()].some(({ kind }) => kind === "newer")
    ? []
    : [...options.knownWorkers].filter((id) => !live.has(id)).sort();
  const stop = said.some((member) => member.stop);
  const commonVersion = Math.min(newestVersion, ...[...members.values()].map(newestOf));
  // A member with another program gets nothing: it would write state that the others cannot read.
  const fits = (read: Read<Subscription>): boolean =>
    read.kind === "garbage" || (read.kind === "read" && read.value.fingerprint === options.fingerprint);
  const fitting = [...members].filter(([, read]) => fits(read));
  const { places, settled } = placeTasks(
    stop ? [] : options.tasks,
    fitting.map(([id, read]): PlaceableMember => placeable(id, read)),
    options,
  );
  const byId = new Map(options.tasks.map((task) => [task.id, task]));
  const owners = fitting.map(([id, read]): Owner => {
    const { tasks, standbys } = places.get(id) ?? nothing;
    return read.kind === "read"
      ? { instance: read.value.processId, endpoint: read.value.endpoint, tasks, standbys }
      : { instance: id, endpoint: "", tasks, standbys };
  });
  const others = fitting.map(([id, read]) => (read.kind === "read" ? read.value.processId : id)).join();
  return new Map(
    [...members].map(([memberId, read]) => {
      const place = places.get(memberId) ?? nothing;
      const error: AssignmentError = stop ? "stop" : read.kind === "newer" ? "version" : fits(read) ? "none" : "topology-differs";
      const assignment = {
        ...place,
        departed,
        // One of the members is enough to make all of them meet again.
        probeInMs: settled || read.kind !== "read" || read.value.processId !== options.leaderProcess ? 0 : options.probingIntervalMs,
        commonVersion,
        error,
        owners,
        detail: error === "topology-differs" ? others : "",
      };
      const version = read.kind === "read" ? Math.min(read.newest, newestVersion) : newestVersion;
      return [
        memberId,
        { partitions: place.tasks.flatMap((id) => byId.get(id)?.partitions ?? []), userData: encodeAssignment(assignment, version) },
      ];
    }),
  );
};

const nothing: Place = { tasks: [], standbys: [], warmups: [] };
const newestOf = (read: Read<Subscription>): number => (read.kind === "garbage" ? newestVersion : read.newest);

const placeable = (id: string, read: Read<Subscription>): PlaceableMember => {
  if (read.kind !== "read") return { id, processId: id, rack: "", tasks: [], stored: new Map() };
  const { processId, rack, tasks, stored } = read.value;
  return { id, processId, rack, tasks, stored };
};

/** How far the stores of stateful tasks can come, summed up task by task: the ends of their changelogs, and what is committed of tables that have none. Undefined when the log does not say so now: then nothing is moved that need not be. */
const changelogEnds = async (
  application: Application,
  tasks: readonly AssignableTask[],
): Promise<ReadonlyMap<string, number> | undefined> => {
  const { log, settings } = application;
  const changelogs = tasks.flatMap((task) => task.changelogs);
  const tables = tasks.flatMap((task) => task.tables);
  const sum = (partitions: readonly TopicPartition[], of: (id: string) => number | undefined): number =>
    partitions.reduce((all, { topic, partition }) => all + (of(partitionId(topic, partition)) ?? 0), 0);
  try {
    const [ends, committed] = await Promise.all([
      changelogs.length === 0 ? new Map<string, number>() : log.admin.offsets(changelogs, "latest", "read-uncommitted"),
      tables.length === 0 ? undefined : log.admin.committed(settings.applicationId, tables, { requireStable: false }),
    ]);
    return new Map(
      tasks.map((task) => [task.id, sum(task.changelogs, (id) => ends.get(id)) + sum(task.tables, (id) => committed?.get(id)?.offset)]),
    );
  } catch (error) {
    application.logger.log("warn", "Where changelogs end is not known now: tasks stay where they are as far as they can", {
      reason: reason(error),
    });
    return undefined;
  }
};
