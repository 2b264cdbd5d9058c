import type { Alert } from "./alert.ts";
import { cellsOf, clipped, harmless, wrapped } from "./cells.ts";
import type { Comparison } from "./planted.ts";

/** Where the screen is drawn. */
export interface Terminal {
  write(text: string): void;
  /** The width at this moment; undefined when it is no terminal but a file or a pipe, which gets plain lines. */
  columns(): number | undefined;
  readonly color: boolean;
}

/** How things stand at one moment of the run. */
export interface Snapshot {
  /** What the application says of itself: "running", "rebalancing" and so on. */
  readonly state: string;
  /** Wall time since the start. */
  readonly elapsedMs: number;
  readonly recordsIn: number;
  readonly recordsPerSecond: number;
  /** The newest event time that has come in; undefined before the first record. */
  readonly eventTime: number | undefined;
  /** Infinity when all input is finished. */
  readonly watermark: number | undefined;
  /** Records that wait in the input topics. */
  readonly lagRecords: number;
  readonly lateRecords: number;
  /** Alerts so far. */
  readonly alerts: number;
  /** Tasks that this instance holds. */
  readonly instanceTasks: number;
}

export interface Screen {
  /** Adds an alert; it is drawn with the next snapshot, or at once where lines are plain. */
  alert(alert: Alert): void;
  show(snapshot: Snapshot): void;
  /** Draws the last snapshot and the summary; a comparison when it is known what was planted. */
  end(snapshot: Snapshot, comparison?: Comparison): void;
}

/**
 * Live output: alerts scroll by, and below them a few lines that say how things stand are drawn over and over in the same place. One write per snapshot, and no line is
 * ever cleared before its new text is there, so nothing flickers. Without a terminal the same things come as plain lines, how things stand once a second.
 */
export const screen = (terminal: Terminal): Screen => {
  const recent: Alert[] = [];
  let more = 0;
  let drawn: readonly string[] = [];
  let plainAt = Number.NEGATIVE_INFINITY;

  const takeAlerts = (columns: number): string[] => {
    const lines = recent.map((alert) => alertLine(alert, columns, terminal.color));
    if (more > 0) lines.unshift(`… and ${count(more)} more`);
    recent.length = 0;
    more = 0;
    return lines;
  };

  const draw = (snapshot: Snapshot, columns: number): void => {
    // The last column stays empty: terminals differ in what a full line does. A terminal that became narrower has broken the old lines in several.
    const width = Math.max(1, columns - 1);
    const up = drawn.reduce((rows, line) => rows + Math.max(1, Math.ceil(cellsOf(line) / columns)), 0);
    const alerts = takeAlerts(width);
    drawn = statusLines(snapshot, width);
    const status = drawn.map((line) => (terminal.color ? `${dim}${line}${plain}` : line));
    const text = [...alerts, ...status].map((line) => `${line}${clearToEndOfLine}\n`).join("");
    terminal.write(`${up === 0 ? "" : `\r\u001b[${up}A`}${text}${clearBelow}`);
  };

  const drawPlain = (snapshot: Snapshot, always: boolean): void => {
    if (!always && snapshot.elapsedMs < plainAt + 1000) return;
    plainAt = snapshot.elapsedMs;
    terminal.write(`${statusFields(snapshot).join("  ")}\n`);
  };

  return {
    alert(alert) {
      if (terminal.columns() === undefined) {
        terminal.write(`${alertLine(alert, Number.POSITIVE_INFINITY, false)}\n`);
        return;
      }
      recent.push(alert);
      if (recent.length > alertsPerFrameMax) {
        recent.shift();
        more++;
      }
    },
    show(snapshot) {
      const columns = terminal.columns();
      if (columns === undefined) drawPlain(snapshot, false);
      else draw(snapshot, columns);
    },
    end(snapshot, comparison) {
      const columns = terminal.columns();
      if (columns === undefined) drawPlain(snapshot, true);
      else draw(snapshot, columns);
      terminal.write(summary(snapshot, comparison, columns ?? 100));
    },
  };
};

/** More alerts than this between two snapshots nobody can read: the newest are shown, the others counted. */
const alertsPerFrameMax = 20;

const clearToEndOfLine = "\u001b[K";
const clearBelow = "\u001b[J";
const dim = "\u001b[2m";
const plain = "\u001b[0m";
const colors = { velocity: "\u001b[33m", "card-test": "\u001b[35m" } as const;
const titles = { velocity: "velocity ", "card-test": "card test" } as const;

const alertLine = (alert: Alert, columns: number, color: boolean): string => {
  const narrow = columns < 60;
  const who = alert.cardId === undefined ? alert.accountId : narrow ? alert.cardId : `${alert.cardId} of ${alert.accountId}`;
  const account = alert.tier === null ? "unknown account" : `${alert.tier}, ${alert.country}`;
  const what =
    alert.totalCents === undefined
      ? alert.occurrences === 1
        ? ""
        : `${alert.occurrences} times`
      : `${alert.transactionIds.length} payments, ${count(Math.floor(alert.totalCents / 100))}.${String(alert.totalCents % 100).padStart(2, "0")}`;
  const when = dateAndTime(alert.timestamp);
  const front = `${narrow ? when.slice(-8) : when}  ${titles[alert.kind]}`;
  const rest = harmless(`  ${who}  (${account})  ${what}`.trimEnd());
  const line = clipped(front + rest, columns);
  return color ? `${colors[alert.kind]}${line}${plain}` : line;
};

const statusFields = (snapshot: Snapshot): string[] => [
  `${duration(snapshot.elapsedMs)} ${harmless(snapshot.state)}`,
  `in ${count(snapshot.recordsIn)} (${count(snapshot.recordsPerSecond)}/s)`,
  `lag ${count(snapshot.lagRecords)}`,
  `late ${count(snapshot.lateRecords)}`,
  `alerts ${count(snapshot.alerts)}`,
  `tasks ${count(snapshot.instanceTasks)}`,
  `event time ${dateAndTime(snapshot.eventTime)}`,
  `watermark ${dateAndTime(snapshot.watermark)}`,
];

/** A rule, and below it the fields in as many lines as the width asks for. */
const statusLines = (snapshot: Snapshot, columns: number): string[] => {
  const lines: string[] = [];
  for (const field of statusFields(snapshot)) {
    const last = lines[lines.length - 1];
    const joined = last === undefined ? field : `${last}   ${field}`;
    if (last !== undefined && cellsOf(joined) <= columns) lines[lines.length - 1] = joined;
    else lines.push(clipped(field, columns));
  }
  return ["─".repeat(Math.min(columns, 80)), ...lines];
};

const summary = (snapshot: Snapshot, comparison: Comparison | undefined, columns: number): string => {
  const width = Math.max(1, columns - 1);
  const sentences = (...texts: string[]): string[] => texts.flatMap((text) => wrapped(harmless(text), width));
  const lines = [
    "",
    ...sentences(
      `${plural(snapshot.recordsIn, "record")} in ${(snapshot.elapsedMs / 1000).toFixed(1)} s: ${plural(snapshot.alerts, "alert")}, ${plural(snapshot.lateRecords, "record")} late.`,
    ),
  ];
  if (comparison !== undefined) {
    const row = (title: string, ...cells: string[]): string =>
      clipped(`  ${title}${cells.map((cell) => cell.padStart(9)).join("")}`, width);
    const { missed, unplanted, byKind } = comparison;
    lines.push("", row("         ", "planted", "found", "missed"));
    for (const kind of ["velocity", "card-test"] as const)
      lines.push(row(titles[kind], ...[byKind[kind].due, byKind[kind].found, byKind[kind].due - byKind[kind].found].map(count)));
    lines.push("", ...sentences(verdict(comparison)));
    for (const fraud of missed.slice(0, namedMax))
      lines.push(...sentences(`  missed: ${fraud.alertId}, payments ${fraud.transactionIds.join(", ")}`));
    for (const alert of unplanted.slice(0, namedMax))
      lines.push(...sentences(`  not planted: ${alert.id}, payments ${alert.transactionIds.join(", ")}`));
  }
  return lines.map((line) => `${line}\n`).join("");
};

/** So many missed frauds and unplanted alerts are named. */
const namedMax = 10;

const verdict = ({ due, found, unplanted }: Comparison): string => {
  const ofPlanted =
    found === due ? `All ${plural(due, "planted fraud")} found` : `${plural(due - found, "planted fraud")} missed of ${count(due)}`;
  return `${ofPlanted}, ${unplanted.length === 0 ? "and nothing else" : `and ${plural(unplanted.length, "alert")} that nobody planted`}.`;
};

const plural = (n: number, what: string): string => `${count(n)} ${what}${n === 1 ? "" : "s"}`;

const count = (n: number): string => Math.round(n).toLocaleString("en-US");

/** Month, day and time of day in UTC. */
const dateAndTime = (time: number | undefined): string => {
  if (time === Number.POSITIVE_INFINITY) return "at the end";
  if (time === undefined || !(Math.abs(time) <= 8.64e15)) return "-";
  return new Date(time).toISOString().slice(-19, -5).replace("T", " ");
};

const duration = (ms: number): string => {
  const seconds = Math.floor(ms / 1000);
  const [h, m, s] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60].map((n) => String(n).padStart(2, "0"));
  return h === "00" ? `${m}:${s}` : `${h}:${m}:${s}`;
};
