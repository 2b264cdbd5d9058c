import { around, globalWindow, millis, session, sliding, tumbling } from "millrace";
import type { Json, WindowOfVector } from "./vector.ts";

/** The windows that a scenario asks for. */
export const assignerOf = (window: WindowOfVector): any => {
  switch (window.type) {
    case "tumbling":
      return tumbling({ size: millis(window.sizeMs!) });
    case "hopping":
      return sliding({ size: millis(window.sizeMs!), every: millis(window.advanceMs!) });
    case "sliding":
      return around({ difference: millis(window.timeDifferenceMs!) });
    case "session":
      return session({ gap: millis(window.gapMs!) });
    case "unlimited":
      return globalWindow({ start: window.startMs ?? 0 });
  }
};

/** A window as Kafka Streams names it: sessions end with their last record, windows around records with the last moment in them, and one that never ends has no end. */
export const shownWindow = (
  { start, end }: { readonly start: number; readonly end: number },
  of: WindowOfVector,
): { readonly start: number; readonly end: number | null } => {
  switch (of.type) {
    case "session":
      return { start, end: end - of.gapMs! };
    case "sliding":
      return { start, end: end - 1 };
    case "unlimited":
      return { start, end: null };
    default:
      return { start, end };
  }
};

/** A key in a window, as expressions see it. */
export const shownKey = (key: Json, of: WindowOfVector | undefined): Json =>
  of === undefined || key === null ? key : { key: key.key, ...shownWindow(key.window, of) };
