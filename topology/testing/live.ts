import type { Plan } from "../../core/runtime/plan.ts";
import { finish, refused, settled } from "./ending.ts";
import { inputTopics, outputTopics } from "./setting.ts";
import type { World } from "./world.ts";

/** A world from its beginning to its end: topics are made, faults happen, and what is left is done in peace. False when it did not come to its end. */
export const live = async (world: World, plan: Plan, partitions: number): Promise<boolean> => {
  await world.clock.complete(world.log.admin.create([...inputTopics(plan, partitions), ...outputTopics(plan)]));
  await world.storm();
  if (world.refusal !== undefined) {
    await refused(world, world.refusal);
    return false;
  }
  if (!(await settled(world, plan))) return false;
  await finish(world);
  return true;
};
