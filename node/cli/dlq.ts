import { randomUUID } from "node:crypto";
import type { Log } from "../../core/ports/log.ts";
import { kafkaLog } from "../kafka_log.ts";
import { type Command, command, type Terminal } from "./command.ts";
import { meant } from "./command_line.ts";
import { connectionOptions, connectionOptionTable } from "./connection_options.ts";
import { countDeadLetters, deadLetterTopics, listText, recordsOf } from "./dlq/list.ts";
import { planReplay, planText, type ReplayPlan, runReplay } from "./dlq/replay.ts";
import { findDeadLetters, letterJson, letterText } from "./dlq/show.ts";
import { UsageError } from "./usage_error.ts";

const options = {
  ...connectionOptionTable,
  json: { help: "list, show: write JSON" },
  last: { value: "N", help: "show: the last so many of each partition; 10 by default" },
  full: { help: "show: keys and values in their whole length" },
  to: { value: "TOPIC", help: "replay: write to this topic, instead of where each record came from" },
  group: { value: "NAME", help: "the consumer group that keeps how far a topic was replayed; millrace-dlq by default" },
  "leave-out": { help: "replay: pass over records that cannot be written back; they stay where they are" },
  delete: { help: "replay: delete from the dead-letter topic what is done with" },
  yes: { help: "replay: do it; without this it is only said what would be done" },
} as const;

/** What the actions read of them. */
export interface DlqOptions {
  readonly json?: true | undefined;
  readonly last?: string | undefined;
  readonly full?: true | undefined;
  readonly to?: string | undefined;
  readonly group?: string | undefined;
  readonly "leave-out"?: true | undefined;
  readonly delete?: true | undefined;
  readonly yes?: true | undefined;
}

/** What each action needs of the command line, and what it does on a log that is open. */
const actions: Readonly<
  Record<string, (operands: readonly string[], given: DlqOptions) => (log: Log, terminal: Terminal) => Promise<number>>
> = {
  list:
    (topics, given) =>
    async (log, { out }) => {
      const found = [];
      for (const topic of topics.length > 0 ? topics : await deadLetterTopics(log))
        found.push(await countDeadLetters(log, topic, groupOf(given)));
      out(given.json === true ? `${JSON.stringify({ topics: found }, null, 2)}\n` : listText(found));
      return 0;
    },

  show: ([topic, position, ...more], given) => {
    if (topic === undefined || more.length > 0) throw new UsageError("Say which topic: millrace dlq show TOPIC [PARTITION/OFFSET]");
    const which = position === undefined ? { last: countOf(given.last ?? "10") } : positionOf(position);
    return async (log, { out, err }) => {
      const letters = await findDeadLetters(log, topic, which);
      if (letters.length === 0) {
        err(`There is no dead letter ${position === undefined ? "in" : `at ${position} of`} '${topic}'\n`);
        return 1;
      }
      const charactersMax = given.full === true ? Number.POSITIVE_INFINITY : 500;
      if (given.json === true) out(letters.map((letter) => `${JSON.stringify(letterJson(letter))}\n`).join(""));
      else out(letters.map((letter) => letterText(topic, letter, charactersMax)).join("\n"));
      return 0;
    };
  },

  replay: ([topic, ...more], given) => {
    if (topic === undefined || more.length > 0) throw new UsageError("Say which topic: millrace dlq replay TOPIC");
    if (given.to === topic) throw new UsageError(`Topic '${topic}' would be written to itself: give --to another one, or leave it out`);
    return async (log, { out, err }) => {
      const replay = { topic, to: given.to, group: groupOf(given) };
      const plan = await planReplay(log, replay);
      out(planText(topic, plan));
      if (plan.targets.size === 0 && (plan.stuck.size === 0 || given["leave-out"] !== true)) return plan.stuck.size === 0 ? 0 : 1;
      if (plan.stuck.size > 0 && given["leave-out"] !== true) {
        err("Nothing was written: --leave-out passes over what cannot be written back\n");
        return 1;
      }
      if (given.yes !== true) {
        out("Nothing was written: add --yes to do it.\n");
        return 0;
      }
      const written = await runReplay(log, replay, plan, randomUUID(), (records: number) => err(`${recordsOf(records)} written\n`));
      out(`${recordsOf(written)} written back.\n`);
      if (given.delete === true) await deleteDone(log, topic, plan);
      return 0;
    };
  },
};

const deleteDone = (log: Log, topic: string, { spans }: ReplayPlan): Promise<void> =>
  log.admin.deleteRecords(spans.flatMap(({ partition, end }) => (end > 0 ? [{ topic, partition, offset: end }] : [])));

const groupOf = (given: DlqOptions): string => given.group ?? "millrace-dlq";

const countOf = (text: string): number => {
  const count = Number(text);
  if (!(Number.isInteger(count) && count > 0)) throw new UsageError(`Option --last is '${text}': give a whole number above 0`);
  return count;
};

const positionOf = (text: string): { readonly partition: number; readonly offset: number } => {
  const [, partition, offset] = /^(\d+)\/(\d+)$/.exec(text) ?? [];
  if (partition === undefined) throw new UsageError(`'${text}' is no place in a topic: write PARTITION/OFFSET, such as 0/17`);
  return { partition: Number(partition), offset: Number(offset) };
};

/** Runs an action on a log that is open already. Throws UsageError. */
export const onLog = (operands: readonly string[], given: DlqOptions): ((log: Log, terminal: Terminal) => Promise<number>) => {
  const [action, ...rest] = operands;
  const names = Object.keys(actions);
  if (action === undefined) throw new UsageError(`Say what to do: millrace dlq ${names.join(" | ")}`);
  if (!Object.hasOwn(actions, action))
    throw new UsageError(`There is no 'dlq ${action}': ${meant(action, names, "", "millrace dlq --help")}`);
  return actions[action]!(rest, given);
};

/** Looks into dead-letter topics, and writes what lies there back. */
export const dlq: Command = command({
  about:
    "Looks into dead-letter topics: 'list' counts what lies there by code, step and source, 'show' gives the last records or the one at PARTITION/OFFSET, 'replay' writes the records back to where they came from, each once. 'replay' only says what it would do until it is given --yes",
  examples: [
    "dlq list --brokers localhost:9092",
    "dlq show orders-refused 0/17 --brokers localhost:9092",
    "dlq replay orders-refused --brokers localhost:9092 --yes",
  ],
  operands: "list [TOPIC...] | show TOPIC [PARTITION/OFFSET] | replay TOPIC",
  options,
  async run(given, operands, terminal) {
    const act = onLog(operands, given);
    const log = await kafkaLog(connectionOptions(given, terminal.env));
    try {
      return await act(log, terminal);
    } finally {
      await log.close();
    }
  },
});
