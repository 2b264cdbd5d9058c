import type { MemberAssignment, MemberSubscription, TopicPartition } from "../ports/log.ts";

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** What a member tells the leader. */
export interface Subscription {
  readonly version: 1;
  readonly processId: string;
  readonly fingerprint: string;
  readonly transactionalIds: readonly string[];
  /** Tasks it ran in the last generation. */
  readonly tasks: readonly string[];
  /** The application as a whole is to stop. */
  readonly stop: boolean;
}

/** What the leader tells a member. */
export interface Assignment {
  readonly version: 1;
  readonly tasks: readonly string[];
  /** Transactional ids of members that are gone: whoever reads this ends what they left open. */
  readonly departed: readonly string[];
  readonly error: "none" | "topology-differs" | "stop";
  /** Of "topology-differs": the processes that have the other topology. */
  readonly detail: string;
}

export const encodeSubscription = (subscription: Subscription): Uint8Array => encoder.encode(JSON.stringify(subscription));
export const encodeAssignment = (assignment: Assignment): Uint8Array => encoder.encode(JSON.stringify(assignment));

/** Undefined for bytes that make no sense: such a member counts as one without state. */
export const decodeSubscription = (bytes: Uint8Array): Subscription | undefined => {
  const parsed = parse(bytes) as Partial<Subscription> | undefined;
  if (parsed?.version !== 1 || typeof parsed.processId !== "string") return undefined;
  const strings = (list: unknown): readonly string[] =>
    Array.isArray(list) ? list.filter((one): one is string => typeof one === "string") : [];
  return {
    version: 1,
    processId: parsed.processId,
    fingerprint: typeof parsed.fingerprint === "string" ? parsed.fingerprint : "",
    transactionalIds: strings(parsed.transactionalIds),
    tasks: strings(parsed.tasks),
    stop: parsed.stop === true,
  };
};

export const decodeAssignment = (bytes: Uint8Array): Assignment | undefined => {
  const parsed = parse(bytes) as Assignment | undefined;
  return parsed?.version === 1 && Array.isArray(parsed.tasks) && Array.isArray(parsed.departed) ? parsed : undefined;
};

const parse = (bytes: Uint8Array): unknown => {
  try {
    return JSON.parse(decoder.decode(bytes));
  } catch {
    return undefined;
  }
};

/** A task that is to be given to somebody. */
export interface AssignableTask {
  readonly id: string;
  readonly subtopology: number;
  readonly partitions: readonly TopicPartition[];
}

/**
 * Gives every task to one member: of each sub-topology one member has at most one task more than another, and so overall; within that a task stays where it was. The answer depends on the arguments only, and not on their order, so every leader gives the
 * same one; and given to those who have it already it is the same again.
 */
export const assignTasks = (
  tasks: readonly AssignableTask[],
  members: ReadonlyMap<string, Subscription | undefined>,
): ReadonlyMap<string, readonly AssignableTask[]> => {
  const ids = [...members.keys()].sort((a, b) => compare(members.get(a)?.processId ?? a, members.get(b)?.processId ?? b) || compare(a, b));
  const given = new Map<string, AssignableTask[]>(ids.map((id) => [id, []]));
  if (ids.length === 0) return given;
  const before = new Map<string, readonly string[]>(ids.map((id) => [id, members.get(id)?.tasks ?? []]));
  /** How many members get one task more than the others, sub-topology by sub-topology: those who have had the least of that so far. */
  const extras = new Map<string, number>(ids.map((id) => [id, 0]));
  for (const [, own] of bySubtopology(tasks)) {
    const held = new Map(ids.map((id) => [id, own.filter((task) => before.get(id)!.includes(task.id)).length]));
    const least = Math.floor(own.length / ids.length);
    const more = [...ids]
      .sort((a, b) => extras.get(a)! - extras.get(b)! || held.get(b)! - held.get(a)! || ids.indexOf(a) - ids.indexOf(b))
      .slice(0, own.length % ids.length);
    for (const id of more) extras.set(id, extras.get(id)! + 1);
    const room = new Map(ids.map((id) => [id, least + (more.includes(id) ? 1 : 0)]));
    const give = (id: string, task: AssignableTask): void => {
      given.get(id)!.push(task);
      room.set(id, room.get(id)! - 1);
    };
    const homeless: AssignableTask[] = [];
    for (const task of own) {
      const owner = ids.find((id) => room.get(id)! > 0 && before.get(id)!.includes(task.id));
      if (owner === undefined) homeless.push(task);
      else give(owner, task);
    }
    for (const task of homeless) give(ids.find((id) => room.get(id)! > 0)!, task);
  }
  return given;
};

const bySubtopology = (tasks: readonly AssignableTask[]): ReadonlyMap<number, readonly AssignableTask[]> => {
  const groups = new Map<number, AssignableTask[]>();
  for (const task of [...tasks].sort((a, b) => a.subtopology - b.subtopology || partitionOf(a) - partitionOf(b))) {
    const group = groups.get(task.subtopology);
    if (group === undefined) groups.set(task.subtopology, [task]);
    else group.push(task);
  }
  return groups;
};

const partitionOf = ({ id }: AssignableTask): number => Number(id.slice(id.indexOf("_") + 1));

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

/** The leader's whole answer. */
export const assignMembers = (
  tasks: readonly AssignableTask[],
  subscriptions: readonly MemberSubscription[],
  knownWorkers: Iterable<string>,
  fingerprint: string,
): ReadonlyMap<string, MemberAssignment> => {
  const members = new Map(subscriptions.map(({ memberId, userData }) => [memberId, decodeSubscription(userData)]));
  const live = new Set([...members.values()].flatMap((member) => member?.transactionalIds ?? []));
  const departed = [...knownWorkers].filter((id) => !live.has(id)).sort();
  const stop = [...members.values()].some((member) => member?.stop);
  // A member with another program gets nothing: it would write state that the others cannot read.
  const fitting = new Map([...members].filter(([, member]) => member === undefined || member.fingerprint === fingerprint));
  const given = stop ? new Map<string, readonly AssignableTask[]>() : assignTasks(tasks, fitting);
  return new Map(
    [...members.keys()].map((memberId) => {
      const own = given.get(memberId) ?? [];
      const error = stop ? "stop" : fitting.has(memberId) ? "none" : "topology-differs";
      const assignment: Assignment = {
        version: 1,
        tasks: own.map((task) => task.id),
        departed,
        error,
        detail: error === "topology-differs" ? [...fitting.values()].map((member) => member?.processId ?? "?").join() : "",
      };
      return [memberId, { partitions: own.flatMap((task) => task.partitions), userData: encodeAssignment(assignment) }];
    }),
  );
};
