import { noHeaders } from "../ports/log.ts";
import { RevisedSessions } from "./revised_panes.ts";
import type { Revising, RevisingWork } from "./revising_windows.ts";
import type { Window } from "./window.ts";

/**
 * Sessions: a record joins all that are not further away than the gap. The rows of those that it joins are deleted before the new one is written, also where its bounds are those of an old one; only a session of one moment that gets
 * another record of that moment is revised in its place.
 */
export const reviseSessions = ({ context, plan, closeTime, changed, opened, gone, late }: RevisingWork): Revising => {
  const { assigner, aggregator, retentionMs } = plan;
  const { init, add, merge, serde } = aggregator;
  const { state } = context;
  const gapMs = assigner.parameters["gap"] as number;
  const sessions = new RevisedSessions<unknown>(state, serde, retentionMs, plan.cached);
  sessions.cleanUp();
  const windowOf = (start: number, last: number): Window => ({ start, end: last + gapMs });
  return {
    record: (value, record) => {
      const { timestamp } = record;
      const { key } = state;
      // Only sessions that are held back until the commit keep the headers of their records.
      const headers = plan.cached ? record.rawHeaders : noHeaders;
      const joined = sessions.between(timestamp - gapMs, timestamp + gapMs);
      let accumulator = init();
      let start = timestamp;
      let last = timestamp;
      for (const session of joined) {
        accumulator = merge!(accumulator, session.accumulator, key);
        start = Math.min(start, session.start);
        last = Math.max(last, session.last);
      }
      if (last + gapMs < closeTime()) {
        late();
        return true;
      }
      if (start !== timestamp || last !== timestamp)
        for (const session of joined) {
          // Of a row that has left the retention nobody is told that it goes: it is as if it had not been there.
          const was = sessions.isKept(session) ? session.accumulator : undefined;
          sessions.delete(session.start);
          gone(session.last, session.start);
          changed(windowOf(session.start, session.last), null, was, record, session.last, headers);
        }
      accumulator = add(accumulator, value, key);
      if (accumulator === null || accumulator === undefined) sessions.forget({ start, last });
      else {
        sessions.set({ start, last, accumulator });
        opened(last, start);
      }
      // Nobody is told what a session was before, except where changes are held back: a deletion is told of what was there.
      const [same] = joined;
      const was = plan.cached && start === last && same !== undefined && sessions.isKept(same) ? same.accumulator : undefined;
      changed(windowOf(start, last), accumulator, was, record, last, headers);
      return true;
    },
    closed: (start) => {
      const session = sessions.closed(start);
      return session === undefined
        ? undefined
        : { window: windowOf(start, session.last), value: session.accumulator, timestamp: session.last };
    },
    // A session takes records up to its last one and the gap, that moment included.
    overAfterMs: gapMs + 1,
  };
};
