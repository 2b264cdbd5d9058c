import type { TopicNames } from "../../core/runtime/application.ts";
import type { Plan } from "../../core/runtime/plan.ts";
import { compareOutside, deadLetterOrigin, handled, outputsOf, type ShownRecord, shown } from "./evidence.ts";
import type { Effect } from "./history.ts";
import { readTopic } from "./log_reading.ts";
import type { World } from "./world.ts";

const sampleMax = 3;

/**
 * Without transactions a crash repeats what was done since the last commit, on top of what it has left. So commits are no sequence that could be done again; what is promised is that nothing is lost: whatever a task has sent and committed was written, as often and in the order
 * in which it was committed, with repetitions in between; and that nothing is invented: whatever was written has been sent by some task.
 */
export const judgeRepeating = async (world: World, plan: Plan, names: TopicNames): Promise<void> => {
  const committed = committedEffects(world, names);
  for (const topic of outputsOf(plan, names)) {
    const found = (await readTopic(world.log, topic)).filter((record) => deadLetterOrigin(record) === undefined).map(shown);
    compare(world, `Topic '${topic}'`, committed.get(topic) ?? [], found);
    const sent = new Set(world.history.sent.map((effect) => (names.of(effect.topic) === topic ? text(effect) : "")));
    const invented = found.filter((record) => !sent.has(text(record)));
    if (invented.length > 0) world.violated(`Topic '${topic}' holds what no task has sent: ${sample(invented.map(text))}`);
  }
  // Without any guarantee internal topics are purged of what was read, whether that is committed or not: after a crash it cannot be read again.
  if (world.refusal !== undefined || world.guarantee === "none") return;
  for (const subtopology of plan.subtopologies)
    for (const [index, input] of subtopology.inputs.entries()) {
      if (!input.topic.internal || input.records !== undefined || input.kind === "retry") continue;
      const topic = names.of(input.topic);
      const wanted = committed.get(topic) ?? [];
      if (subtopology.sink === undefined) compare(world, `Internal topic '${topic}'`, wanted, handled(world, subtopology, index));
      else compareOutside(world, subtopology, input, new Map(wanted.map((effects, i) => [String(i), effects.map(placeless)])));
    }
};

const placeless = ({ key, value }: Effect): ShownRecord => ({ partition: -1, key, value, timestamp: -1 });

const text = ({ key, value }: Pick<ShownRecord, "key" | "value">): string => `${key} = ${value}`;

const sample = (texts: readonly string[]): string =>
  texts
    .slice(0, sampleMax)
    .map((one) => `'${one}'`)
    .join(", ");

const compare = (world: World, where: string, wanted: readonly (readonly Effect[])[], found: readonly ShownRecord[]): void => {
  const counts = new Map<string, number>();
  for (const effect of wanted.flat()) counts.set(text(effect), (counts.get(text(effect)) ?? 0) + 1);
  for (const record of found) counts.set(text(record), (counts.get(text(record)) ?? 0) - 1);
  const lost = [...counts].flatMap(([one, n]) => (n > 0 ? [one] : []));
  if (lost.length > 0) return world.violated(`${where} has lost ${lost.length} records that were committed: ${sample(lost)}`);
  const order = byKey(found);
  for (const run of wanted)
    for (const [key, effects] of byKey(run.map(placeless))) {
      const there = order.get(key)!;
      // Over several partitions there is no order.
      if (new Set(there.map(({ partition }) => partition)).size > 1) continue;
      let at = 0;
      for (const { value } of there) if (value === effects[at]?.value) at++;
      if (at < effects.length)
        world.violated(`${where} does not hold the records with key ${key} in the order in which a task has sent them`);
    }
};

const byKey = (records: readonly ShownRecord[]): ReadonlyMap<string, readonly ShownRecord[]> => {
  const keys = new Map<string, ShownRecord[]>();
  for (const record of records) {
    const ofKey = keys.get(record.key) ?? [];
    keys.set(record.key, ofKey);
    ofKey.push(record);
  }
  return keys;
};

/** By topic, run by run. */
const committedEffects = (world: World, names: TopicNames): ReadonlyMap<string, readonly (readonly Effect[])[]> => {
  const topics = new Map<string, Map<unknown, Effect[]>>();
  for (const stretches of world.history.committed.values())
    for (const { run, events } of stretches)
      for (const effect of events.flatMap((event) => run.effectsOf(event))) {
        const topic = names.of(effect.topic);
        const runs = topics.get(topic) ?? new Map<unknown, Effect[]>();
        topics.set(topic, runs);
        const effects = runs.get(run) ?? [];
        runs.set(run, effects);
        effects.push(effect);
      }
  return new Map([...topics].map(([topic, runs]) => [topic, [...runs.values()]]));
};
