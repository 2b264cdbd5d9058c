import countwindowSlidingV1 from "./countwindow-sliding-v1.json" with { type: "json" };
import countwindowTumblingV1 from "./countwindow-tumbling-v1.json" with { type: "json" };
import countwindowallV1 from "./countwindowall-v1.json" with { type: "json" };
import evictorCountAfterV1 from "./evictor-count-after-v1.json" with { type: "json" };
import evictorCountBeforeV1 from "./evictor-count-before-v1.json" with { type: "json" };
import evictorDeltaAfterV1 from "./evictor-delta-after-v1.json" with { type: "json" };
import evictorDeltaBeforeV1 from "./evictor-delta-before-v1.json" with { type: "json" };
import evictorTimeAfterV1 from "./evictor-time-after-v1.json" with { type: "json" };
import evictorTimeBeforeV1 from "./evictor-time-before-v1.json" with { type: "json" };
import evictorWithReduceV1 from "./evictor-with-reduce-v1.json" with { type: "json" };
import fnProcessContextV1 from "./fn-process-context-v1.json" with { type: "json" };
import fnReduceV1 from "./fn-reduce-v1.json" with { type: "json" };
import fnWindowMaxV1 from "./fn-window-max-v1.json" with { type: "json" };
import fnWindowMaxByV1 from "./fn-window-maxBy-v1.json" with { type: "json" };
import fnWindowMinV1 from "./fn-window-min-v1.json" with { type: "json" };
import fnWindowMinByV1 from "./fn-window-minBy-v1.json" with { type: "json" };
import fnWindowStateV1 from "./fn-window-state-v1.json" with { type: "json" };
import fnWindowSumV1 from "./fn-window-sum-v1.json" with { type: "json" };
import latenessAccumulatingV1 from "./lateness-accumulating-v1.json" with { type: "json" };
import latenessBoundaryV1 from "./lateness-boundary-v1.json" with { type: "json" };
import latenessSideOutputV1 from "./lateness-side-output-v1.json" with { type: "json" };
import rollingMaxV1 from "./rolling-max-v1.json" with { type: "json" };
import rollingMaxByV1 from "./rolling-maxBy-v1.json" with { type: "json" };
import rollingMaxByV2 from "./rolling-maxBy-v2.json" with { type: "json" };
import rollingMinV1 from "./rolling-min-v1.json" with { type: "json" };
import rollingMinByV1 from "./rolling-minBy-v1.json" with { type: "json" };
import rollingMinByV2 from "./rolling-minBy-v2.json" with { type: "json" };
import rollingReduceV1 from "./rolling-reduce-v1.json" with { type: "json" };
import rollingSumV1 from "./rolling-sum-v1.json" with { type: "json" };
import snapshotRestoreLateV1 from "./snapshot-restore-late-v1.json" with { type: "json" };
import snapshotRestoreWindowV1 from "./snapshot-restore-window-v1.json" with { type: "json" };
import triggerContinuousEventV1 from "./trigger-continuous-event-v1.json" with { type: "json" };
import triggerContinuousEventV2 from "./trigger-continuous-event-v2.json" with { type: "json" };
import triggerContinuousProcessingV1 from "./trigger-continuous-processing-v1.json" with { type: "json" };
import triggerContinuousProcessingV2 from "./trigger-continuous-processing-v2.json" with { type: "json" };
import triggerCountOnTimeWindowV1 from "./trigger-count-on-time-window-v1.json" with { type: "json" };
import triggerCustomEarlyV1 from "./trigger-custom-early-v1.json" with { type: "json" };
import triggerDeltaV1 from "./trigger-delta-v1.json" with { type: "json" };
import triggerProcessingTimeoutV1 from "./trigger-processing-timeout-v1.json" with { type: "json" };
import triggerProcessingtimeOnEventWindowV1 from "./trigger-processingtime-on-event-window-v1.json" with { type: "json" };
import triggerPurgingEventtimeV1 from "./trigger-purging-eventtime-v1.json" with { type: "json" };
import watermarkRegressionV1 from "./watermark-regression-v1.json" with { type: "json" };
import winGlobalContinuousEventV1 from "./win-global-continuous-event-v1.json" with { type: "json" };
import winGlobalCountV1 from "./win-global-count-v1.json" with { type: "json" };
import winGlobalDeltaV1 from "./win-global-delta-v1.json" with { type: "json" };
import winGlobalNeverV1 from "./win-global-never-v1.json" with { type: "json" };
import winGlobalNeverV2 from "./win-global-never-v2.json" with { type: "json" };
import winGlobalPurgingCountV1 from "./win-global-purging-count-v1.json" with { type: "json" };
import winGlobalPurgingDeltaV1 from "./win-global-purging-delta-v1.json" with { type: "json" };
import winLargeV1 from "./win-large-v1.json" with { type: "json" };
import winLargeV2 from "./win-large-v2.json" with { type: "json" };
import winLargeV3 from "./win-large-v3.json" with { type: "json" };
import winNegativeTimestampsV1 from "./win-negative-timestamps-v1.json" with { type: "json" };
import winProcessingSessionDynamicV1 from "./win-processing-session-dynamic-v1.json" with { type: "json" };
import winProcessingSessionV1 from "./win-processing-session-v1.json" with { type: "json" };
import winProcessingSlidingV1 from "./win-processing-sliding-v1.json" with { type: "json" };
import winProcessingTumblingV1 from "./win-processing-tumbling-v1.json" with { type: "json" };
import winSessionDynamicV1 from "./win-session-dynamic-v1.json" with { type: "json" };
import winSessionLateRescuedV1 from "./win-session-late-rescued-v1.json" with { type: "json" };
import winSessionLatenessPurgingV1 from "./win-session-lateness-purging-v1.json" with { type: "json" };
import winSessionLatenessV1 from "./win-session-lateness-v1.json" with { type: "json" };
import winSessionNoTimestampV1 from "./win-session-no-timestamp-v1.json" with { type: "json" };
import winSessionTouchingV1 from "./win-session-touching-v1.json" with { type: "json" };
import winSessionV1 from "./win-session-v1.json" with { type: "json" };
import winSessionV2 from "./win-session-v2.json" with { type: "json" };
import winSlidingEventV1 from "./win-sliding-event-v1.json" with { type: "json" };
import winSlidingEventV2 from "./win-sliding-event-v2.json" with { type: "json" };
import winSlidingGapV1 from "./win-sliding-gap-v1.json" with { type: "json" };
import winTumblingEventV1 from "./win-tumbling-event-v1.json" with { type: "json" };
import winTumblingEventV2 from "./win-tumbling-event-v2.json" with { type: "json" };
import winTumblingOffsetV1 from "./win-tumbling-offset-v1.json" with { type: "json" };
import windowErrorOffsetV1 from "./window-error-offset-v1.json" with { type: "json" };
import windowErrorSessionTriggerV1 from "./window-error-session-trigger-v1.json" with { type: "json" };
import windowErrorTimestampV1 from "./window-error-timestamp-v1.json" with { type: "json" };
import windowallSessionV1 from "./windowall-session-v1.json" with { type: "json" };
import windowallTumblingV1 from "./windowall-tumbling-v1.json" with { type: "json" };

/** Scenarios whose results Apache Flink has computed. */
export const vectors: readonly unknown[] = [
  countwindowSlidingV1,
  countwindowTumblingV1,
  countwindowallV1,
  evictorCountAfterV1,
  evictorCountBeforeV1,
  evictorDeltaAfterV1,
  evictorDeltaBeforeV1,
  evictorTimeAfterV1,
  evictorTimeBeforeV1,
  evictorWithReduceV1,
  fnProcessContextV1,
  fnReduceV1,
  fnWindowMaxV1,
  fnWindowMaxByV1,
  fnWindowMinV1,
  fnWindowMinByV1,
  fnWindowStateV1,
  fnWindowSumV1,
  latenessAccumulatingV1,
  latenessBoundaryV1,
  latenessSideOutputV1,
  rollingMaxV1,
  rollingMaxByV1,
  rollingMaxByV2,
  rollingMinV1,
  rollingMinByV1,
  rollingMinByV2,
  rollingReduceV1,
  rollingSumV1,
  snapshotRestoreLateV1,
  snapshotRestoreWindowV1,
  triggerContinuousEventV1,
  triggerContinuousEventV2,
  triggerContinuousProcessingV1,
  triggerContinuousProcessingV2,
  triggerCountOnTimeWindowV1,
  triggerCustomEarlyV1,
  triggerDeltaV1,
  triggerProcessingTimeoutV1,
  triggerProcessingtimeOnEventWindowV1,
  triggerPurgingEventtimeV1,
  watermarkRegressionV1,
  winGlobalContinuousEventV1,
  winGlobalCountV1,
  winGlobalDeltaV1,
  winGlobalNeverV1,
  winGlobalNeverV2,
  winGlobalPurgingCountV1,
  winGlobalPurgingDeltaV1,
  winLargeV1,
  winLargeV2,
  winLargeV3,
  winNegativeTimestampsV1,
  winProcessingSessionDynamicV1,
  winProcessingSessionV1,
  winProcessingSlidingV1,
  winProcessingTumblingV1,
  winSessionDynamicV1,
  winSessionLateRescuedV1,
  winSessionLatenessPurgingV1,
  winSessionLatenessV1,
  winSessionNoTimestampV1,
  winSessionTouchingV1,
  winSessionV1,
  winSessionV2,
  winSlidingEventV1,
  winSlidingEventV2,
  winSlidingGapV1,
  winTumblingEventV1,
  winTumblingEventV2,
  winTumblingOffsetV1,
  windowErrorOffsetV1,
  windowErrorSessionTriggerV1,
  windowErrorTimestampV1,
  windowallSessionV1,
  windowallTumblingV1,
];
