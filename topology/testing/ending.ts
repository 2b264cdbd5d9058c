import { partitionId } from "../../core/ports/log.ts";
import { TopicNames } from "../../core/runtime/application.ts";
import type { Plan } from "../../core/runtime/plan.ts";
import { checkTime } from "./check_time.ts";
import type { World } from "./world.ts";

/** So long everything may take when nothing goes wrong any more: sessions, transactions and back-offs have to run out first. */
const patienceMs = 300_000;
const lookMs = 500;
/** Inputs have fallen idle by then, and what follows from it has happened. */
const restMs = 8_000;
/** Sessions have run out by then. */
const quietMs = 30_000;
/** Instances look at their topics now and then. */
const refusalMs = 60_000;

/** Waits until all input has been taken and committed, all the way through the topics between. False when it never is. */
export const settled = async (world: World, plan: Plan): Promise<boolean> => {
  if (world.isBounded) {
    if (await world.clock.runUntil(() => world.isOver, patienceMs)) return true;
    world.violated(`I11: the run did not end within ${patienceMs} ms without faults; ${states(world)}`);
    return false;
  }
  // Positions are committed at a clean stop only: whoever starts after that reads what is left.
  if (world.guarantee === "none") {
    await world.clock.advance(quietMs);
    return true;
  }
  const names = new TopicNames(world.applicationId);
  const topics = [...new Set(plan.subtopologies.flatMap(({ inputs }) => inputs.map(({ topic }) => names.of(topic))))];
  const behind = (): readonly string[] =>
    topics.flatMap((topic) => {
      // Internal topics are made by the first instance that comes to a start.
      if (!world.memory.topics().includes(topic)) return [`topic ${topic} is not there`];
      return world.memory.partitionsOf(topic).flatMap((partition) => {
        const [at, end] = [world.ledger.furthest.get(partitionId(topic, partition)) ?? 0, world.memory.endOf(topic, partition)];
        return at >= end ? [] : [`${partitionId(topic, partition)} at ${at} of ${end}`];
      });
    });
  for (let waitedMs = 0; waitedMs < patienceMs; waitedMs += lookMs) {
    if (behind().length === 0) {
      await world.clock.advance(restMs);
      checkTime(world);
      return true;
    }
    await world.clock.advance(lookMs);
  }
  world.violated(`I11: not everything was taken within ${patienceMs} ms without faults: ${behind().join(", ")}; ${states(world)}`);
  return false;
};

/** Ends a live run by a bounded one, so that everything that waits for the end of the input comes out too; then lets the last markers be written. */
export const finish = async (world: World): Promise<void> => {
  if (!world.isBounded) {
    await world.beginEnding();
    if (!(await world.clock.runUntil(() => world.isOver, patienceMs)))
      world.violated(`I11: the bounded run at the end did not end within ${patienceMs} ms; ${states(world)}`);
  }
  await comeToRest(world);
};

/** The last markers are written, and nothing is left behind. */
const comeToRest = async (world: World): Promise<void> => {
  await world.clock.advance(6_000);
  world.checkLeftovers();
};

/** A topic was made anew, or keys lie in other partitions of it: whoever works on, or starts again, would replay, lose or mistake records in silence. */
export const refused = async (world: World, topic: string): Promise<void> => {
  const isOver = (): Promise<boolean> => world.clock.runUntil(() => world.isOver, refusalMs);
  const what = `Topic '${topic}' ${world.growth === undefined ? "was made anew" : "has got another partition"}`;
  if (!(await isOver())) {
    world.violated(`${what}, and ${refusalMs} ms later instances work on as if nothing had happened: ${states(world)}`);
    return;
  }
  world.begin();
  if (!(await isOver()))
    world.violated(`${what}, and an instance that was started after that works as if nothing had happened: ${states(world)}`);
  // Nobody comes any more who would end what a crashed instance has left open: the broker does, and until then nobody sees what stands behind it.
  await world.clock.advance(world.options.conditions.transactionTimeoutMs + quietMs);
  await comeToRest(world);
};

const states = (world: World): string =>
  world.alive.map(({ name, app }) => `${name} is ${app === undefined ? "starting" : app.state}`).join(", ") || "no process is there";
