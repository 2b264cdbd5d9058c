import type { Stage } from "./stage.ts";
import type { ConformanceAbilities } from "./world.ts";

/** One promise of the Log port, as a sentence and as steps that fail when a driver breaks it. */
export interface LogCase {
  readonly name: string;
  readonly needs?: keyof ConformanceAbilities;
  readonly play: (stage: Stage) => Promise<void>;
}

/** Cases about one part of the port. */
export interface LogChapter {
  readonly title: string;
  readonly cases: readonly LogCase[];
}
