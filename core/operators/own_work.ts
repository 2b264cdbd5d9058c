import type { OwnWork } from "./operator.ts";

/** The same work, of which each piece is done as is said here. */
export const ownWork = (work: OwnWork, pieces: Pick<OwnWork, "run" | "leaveOut">): OwnWork => ({
  nextAt: () => work.nextAt(),
  get full() {
    return work.full;
  },
  get pending() {
    return work.pending;
  },
  get finished() {
    return work.finished;
  },
  ...pieces,
});
