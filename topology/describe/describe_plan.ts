import { TopologyError } from "../../core/errors.ts";
import type { Plan } from "../../core/runtime/plan.ts";
import { descriptionOf } from "./description.ts";
import { kafkaStreamsText } from "./kafka_streams.ts";
import { mermaidOf } from "./mermaid.ts";
import { textOf } from "./text.ts";

/** How a topology can be described: for a terminal, for a program, as a Mermaid flowchart, or as Kafka Streams prints it. */
export type DescriptionFormat = "text" | "json" | "mermaid" | "kafka-streams";

/** The plan for a terminal, for a program, or as a drawing. Equal plans give equal descriptions. */
export const describePlan = (plan: Plan, format: DescriptionFormat): string => {
  const description = descriptionOf(plan);
  switch (format) {
    case "text":
      return textOf(description);
    case "json":
      return JSON.stringify(description, undefined, 2);
    case "mermaid":
      return mermaidOf(description);
    case "kafka-streams":
      return kafkaStreamsText(description);
    default:
      throw new TopologyError(
        "OPTION_INVALID",
        `Cannot describe a topology as '${String(format)}': choose "text", "json", "mermaid" or "kafka-streams"`,
      );
  }
};
