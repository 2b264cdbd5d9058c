import type { Command } from "./command.ts";

interface Entry {
  /** The line in the list of commands, without a period. */
  readonly summary: string;
  load(): Promise<Command>;
}

/** All commands, by name. A command's file is loaded only when it is called, so that one which needs much does not slow down the others. */
export const commands: Readonly<Record<string, Entry>> = {
  diff: {
    summary: "compares two versions of a topology and says what a change of one for the other takes",
    load: async () => (await import("./diff.ts")).diff,
  },
  dlq: {
    summary: "looks into dead-letter topics, and writes what lies there back",
    load: async () => (await import("./dlq.ts")).dlq,
  },
  doctor: {
    summary: "looks at a cluster and says what an application would lack on it",
    load: async () => (await import("./doctor.ts")).doctor,
  },
};
