/** One thing that was looked at. */
export interface Finding {
  /** "problem": it will not work; "warning": it works, but not as well as it should, or it could not be looked at. */
  readonly level: "ok" | "warning" | "problem";
  /** What was looked at, in a word or two. */
  readonly about: string;
  /** What was found, and, unless it is well, what to do. */
  readonly message: string;
}

/** Findings about one thing. */
export const about = (
  thing: string,
): {
  ok(message: string): Finding;
  warning(message: string): Finding;
  problem(message: string): Finding;
} => ({
  ok: (message) => ({ level: "ok", about: thing, message }),
  warning: (message) => ({ level: "warning", about: thing, message }),
  problem: (message) => ({ level: "problem", about: thing, message }),
});

/** "1 copy", "2 copies". */
export const counted = (count: number, one: string, more = `${one}s`): string => `${count} ${count === 1 ? one : more}`;

/** One line per finding, and a last one that sums up. */
export const report = (findings: readonly Finding[]): string => {
  const lines = findings.map(({ level, about, message }) => `${level.padEnd(7)}  ${about}: ${message}\n`);
  const count = (level: Finding["level"]): number => findings.filter((finding) => finding.level === level).length;
  return `${lines.join("")}\n${counted(count("problem"), "problem")}, ${counted(count("warning"), "warning")}, ${count("ok")} ok\n`;
};
