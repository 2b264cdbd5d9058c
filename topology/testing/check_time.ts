import type { Edge, NodePlan } from "../../core/runtime/plan.ts";
import type { TaskRun } from "./history.ts";
import { tapOf } from "./instrument.ts";
import type { SimulatedProcess } from "./process.ts";
import type { World } from "./world.ts";

/** Nothing has happened for a while, so event time has come as far as it can in each step: as far as in the step before it, and in the first ones as far as the task says of its input. */
export const checkTime = (world: World): void => {
  for (const process of world.alive)
    for (const run of process.belongings.runs) {
      const [subtopology] = run.task.split("_").map(Number) as [number, number];
      const { nodes, inputs } = world.options.versions[run.version]!.plan().subtopologies.find(({ id }) => id === subtopology)!;
      const told = reported(process, run.task);
      if (inputs.length === 1 && told !== undefined)
        check(world, run, tapOf(subtopology, 0, inputs), told, "what the task says of its input");
      for (const { step, output, inputs: ports } of nodes) {
        const edge = onlyEdge(ports);
        const upstream = edge === undefined ? undefined : "input" in edge ? tapOf(subtopology, edge.input, inputs) : nodes[edge.node]!.step;
        if (output !== undefined || upstream === undefined) continue;
        check(world, run, step, run.said.get(upstream)?.() ?? run.heard.get(upstream) ?? Number.NEGATIVE_INFINITY, `step '${upstream}'`);
      }
    }
};

const check = (world: World, run: TaskRun, step: string, wanted: number, where: string): void => {
  const heard = run.heard.get(step) ?? Number.NEGATIVE_INFINITY;
  if (heard < wanted)
    world.violated(
      `I11: event time stands at ${heard} in step '${step}' of task ${run.task}, although in ${where} it has come to ${wanted}`,
    );
};

/** Where only one leads to the step. */
const onlyEdge = (ports: NodePlan["inputs"]): Edge | undefined => {
  const [edge, ...others] = ports.flat();
  return others.length === 0 ? edge : undefined;
};

const reported = ({ app }: SimulatedProcess, task: string): number | undefined => {
  for (const { name, tags, value } of app?.metrics() ?? []) if (name === "watermark" && tags["task"] === task) return value;
  return undefined;
};
