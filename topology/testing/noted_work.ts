import { MillraceError } from "../../core/errors.ts";
import type { OwnWork, Push } from "../../core/operators/operator.ts";
import { ownWork } from "../../core/operators/own_work.ts";
import type { RecordMeta } from "../../core/record.ts";
import type { OwnDoing, TaskEvent, TaskRun } from "./history.ts";

/** The step whose work is noted. */
export interface WorkingStep {
  readonly step: string;
  readonly run: TaskRun;
  /** How far event time has come behind it. */
  readonly watermark: () => number | undefined;
  /** Who is shown what the step sends on; undefined for nobody. */
  readonly lookAtResults: (look: Push | undefined) => void;
}

/** What a step does on its own, with notes of what came of each piece. */
export const notedWork = (work: OwnWork, { step, run, watermark, lookAtResults }: WorkingStep): OwnWork => {
  /** Of the piece that was tried last. */
  let failure: unknown;
  const noted = (piece: () => void, leftOut?: OwnDoing["leftOut"]): void =>
    run.within(() => {
      const event: TaskEvent = { kind: "work", step, did: { results: [] } };
      run.begin(event);
      const before = watermark();
      const results: (readonly [unknown, RecordMeta])[] = [];
      lookAtResults((value, record) => void results.push([value, record]));
      try {
        piece();
      } finally {
        lookAtResults(undefined);
      }
      const passed = watermark();
      event.did = { results, ...(passed !== undefined && passed !== before && { passed }), ...(leftOut && { leftOut }) };
    });
  return ownWork(work, {
    run: () => {
      try {
        noted(() => work.run());
      } catch (thrown) {
        failure = thrown;
        throw thrown;
      }
    },
    leaveOut: () => noted(() => work.leaveOut(), failure instanceof MillraceError ? failure : {}),
  });
};
