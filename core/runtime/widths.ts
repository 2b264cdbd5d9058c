import type { InputPlan, Plan, SubtopologyPlan } from "./plan.ts";

/**
 * Why nothing can start any more once a topic of the user's has got more partitions, as a clause that says what to do; undefined when the new ones are read after a restart. Not asked of topics on whose partitions keyed steps rely.
 */
export const widthBound = ({ subtopologies, topics }: Plan, topic: string): string | undefined => {
  const hasOneForEachTask = (name: string): boolean => topics.some((one) => one.name === name && one.partitions === "tasks");
  const reads = ({ topic: read }: InputPlan): boolean => !read.internal && read.name === topic;
  for (const { inputs, copartitioned } of subtopologies) {
    const input = inputs.find(reads);
    if (input === undefined) continue;
    if (input.topic.declared?.partitions !== undefined)
      return `the program says that it has ${input.topic.declared.partitions}: correct that before the next start`;
    const together = copartitioned.find((group) => group.inputs.some((place) => reads(inputs[place]!)));
    if (together !== undefined)
      return `step '${together.step}' needs it to be as wide as another input: give that one as many before the next start`;
    const wide =
      inputs.find((one) => one.putOff !== undefined) ?? inputs.find(({ topic: { name, internal } }) => internal && hasOneForEachTask(name));
    if (wide !== undefined)
      return `what ${wide.putOff === undefined ? `comes by topic '${wide.topic.name}'` : `step '${wide.step}' puts off`} has a place for each task that there was: run the program under another applicationId from the next start on`;
  }
  return undefined;
};

/**
 * The changelogs that may get more partitions. What a task keeps belongs to the partitions that it reads, and those stay its own when an input gets more of them, since keyed steps do not rely on such an input: the new tasks begin with nothing. Topics of records that were put off are as wide as they were, though.
 */
export const growingChangelogs = (plan: Plan, changelogsOf: (subtopology: SubtopologyPlan) => readonly string[]): ReadonlySet<string> =>
  new Set(plan.subtopologies.flatMap((one) => (one.inputs.some(({ putOff }) => putOff !== undefined) ? [] : changelogsOf(one))));
