import { partitionId } from "../../core/ports/log.ts";
import { TopicNames } from "../../core/runtime/application.ts";
import { partitionCounts } from "../../core/runtime/partition_counts.ts";
import type { InputPlan, Plan } from "../../core/runtime/plan.ts";
import { compareRecords } from "./compare_records.ts";
import { compareStores } from "./compare_stores.ts";
import { compareOutside, deadLetterOrigin, handled, outputsOf, policiesOf, type ShownRecord, shown } from "./evidence.ts";
import { enteredAt } from "./history.ts";
import { judgeRepeating } from "./judge_repeating.ts";
import { readTopic } from "./log_reading.ts";
import { recordText } from "./record_text.ts";
import { type Replayed, replay } from "./replay.ts";
import type { World } from "./world.ts";

/** Where the records of the input have gone. */
export interface Account {
  /** Records of the input topics that the application is through with. */
  readonly taken: number;
  /** Of these, those that a policy has sent to a dead-letter topic or has skipped. */
  readonly deadLetters: number;
  readonly skipped: number;
  /** Records that came too late for a step, and were dropped or sent to its side output. */
  readonly late: number;
}

/** Where nothing can be accounted for. */
export const nothing: Account = { taken: 0, deadLetters: 0, skipped: 0, late: 0 };

/**
 * Holds what the log says at the end against what the tasks have committed, done once more without faults: outputs, state and the records in between have to be the same, and every record of the input has to be accounted for.
 *
 * @param versions of the program, of which the first one says what its topics are
 */
export const judge = async (world: World, versions: readonly Plan[]): Promise<Account> => {
  const names = new TopicNames(world.applicationId);
  const [plan] = versions as [Plan];
  const internal = new Set(plan.topics.map(({ name }) => names.of({ name, internal: true })));
  const missing = [...outputsOf(plan, names)].filter((topic) => !world.memory.topics().includes(topic));
  if (missing.length > 0) {
    world.violated(`I11: no process has come so far as to make topic '${missing[0]}'`);
    return nothing;
  }
  const described = await world.log.admin.describe(world.memory.topics());
  const users = new Map([...described].filter(([name]) => !internal.has(name)).map(([name, { partitions }]) => [name, partitions]));
  const { growth, refusal } = world;
  // Where that is refused, everything is as wide as it was.
  if (growth !== undefined && refusal !== undefined) users.set(growth.topic, growth.was);
  const { tasks } = partitionCounts(plan, users);
  if (world.guarantee !== "exactly-once") {
    await judgeRepeating(world, plan, names);
    return refusal === undefined ? account(world, plan, users, new Map(), await deadLetters(world, outputsOf(plan, names))) : nothing;
  }
  const replays = replayAll(world, versions, names, tasks, (topic) => described.get(topic)?.partitions ?? 1);
  const outputs = outputsOf(plan, names);
  for (const topic of outputs) {
    const actual = await readTopic(world.log, topic);
    const found = actual.filter((record) => deadLetterOrigin(record) === undefined).map(shown);
    compareRecords(world, `Topic '${topic}'`, byTask(replays, topic), found);
  }
  for (const subtopology of plan.subtopologies)
    for (const [index, input] of subtopology.inputs.entries()) {
      if (!input.topic.internal) continue;
      const topic = names.of(input.topic);
      const expected = input.records === undefined ? byTask(replays, topic) : new Map([["", await ownRecords(input)]]);
      if (subtopology.sink !== undefined) {
        if (refusal === undefined) compareOutside(world, subtopology, input, expected);
      } else
        compareRecords(world, `Internal topic '${topic}'`, expected, handled(world, subtopology, index), {
          mayLack: refusal !== undefined,
        });
    }
  await compareStores(world, names, replays);
  return refusal === undefined ? account(world, plan, users, replays, await deadLetters(world, outputs)) : nothing;
};

/** The places of records that went to a dead-letter topic. */
const deadLetters = async (world: World, topics: Iterable<string>): Promise<ReadonlySet<string>> => {
  const dead = new Set<string>();
  for (const topic of topics) for (const record of await readTopic(world.log, topic)) dead.add(deadLetterOrigin(record) ?? "");
  return dead;
};

const replayAll = (
  world: World,
  versions: readonly Plan[],
  names: TopicNames,
  tasks: ReadonlyMap<number, number>,
  partitionsOf: (topic: string) => number,
): ReadonlyMap<string, Replayed> => {
  const replays = new Map<string, Replayed>();
  for (const [task, stretches] of world.history.committed) {
    const [subtopology, partition] = task.split("_").map(Number) as [number, number];
    try {
      replays.set(
        task,
        replay({
          partition,
          stretches,
          plans: versions.map((version) => version.subtopologies.find(({ id }) => id === subtopology)!),
          tasks: tasks.get(subtopology) ?? 1,
          topicName: (topic) => names.of(topic),
          partitionsOf,
          violated: (what) => world.violated(what),
        }),
      );
    } catch (error) {
      world.violated(`I1: task ${task} cannot do again what it has committed: ${String(error)}`);
    }
  }
  return replays;
};

const byTask = (replays: ReadonlyMap<string, Replayed>, topic: string): ReadonlyMap<string, readonly ShownRecord[]> =>
  new Map([...replays].map(([task, { written }]) => [task, written.filter((one) => one.topic === topic).map(shown)]));

/** What stands in the program itself. */
const ownRecords = async (input: InputPlan): Promise<readonly ShownRecord[]> => {
  const all: ShownRecord[] = [];
  for await (const { key, value, timestamp } of input.records!()) {
    const [keyText, valueText] = recordText(input, key, value);
    all.push({ partition: 0, key: keyText, value: valueText, timestamp: timestamp ?? -1 });
  }
  return all;
};

/** Every record of an input topic went through, or into a dead-letter topic, or was skipped where a policy says so. */
const account = async (
  world: World,
  plan: Plan,
  users: ReadonlyMap<string, number>,
  replays: ReadonlyMap<string, Replayed>,
  dead: ReadonlySet<string>,
): Promise<Account> => {
  let [taken, deadLetters, skipped, late] = [0, 0, 0, 0];
  for (const { id, inputs, nodes } of plan.subtopologies)
    for (const [index, input] of inputs.entries()) {
      if (input.topic.internal || !users.has(input.topic.name)) continue;
      const policies = [input.onError, ...nodes.map(({ onError }) => onError)];
      const maySkip = policies.some((policy) => typeof policy === "function" || policiesOf(policy).some(({ kind }) => kind === "skip"));
      for (const { partition, offset } of await readTopic(world.log, input.topic.name)) {
        const place = partitionId(input.topic.name, partition);
        const noted = enteredAt(id, index, input.topic.name, partition);
        // Where positions are not committed as a rule, a task that has come to the end of a bounded input says so with its last records, and a later position need not be there.
        const isTaken =
          offset < (world.ledger.furthest.get(place) ?? 0) || (world.guarantee === "none" && world.history.begun.get(noted)?.has(offset));
        if (!isTaken) {
          world.violated(`I11: offset ${offset} of ${place} was not taken`);
          continue;
        }
        taken++;
        // What a task has done there is known only where it was stopped in good order.
        if (world.guarantee === "none") continue;
        if (world.history.entered.get(noted)?.has(offset)) continue;
        if (dead.has(`${place} ${offset}`)) deadLetters++;
        else if (maySkip) skipped++;
        else world.violated(`I14: offset ${offset} of ${place} was passed over, and no policy says so`);
      }
    }
  if (taken !== world.options.input.length && world.violations.length === 0)
    world.violated(`I2: the input has ${world.options.input.length} records, and ${taken} were written and taken`);
  for (const { counts } of replays.values()) late += counts.get("late_records") ?? 0;
  return { taken, deadLetters, skipped, late };
};
