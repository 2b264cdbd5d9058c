/** One thing that was looked at. */
export interface Finding {
  /** "problem": it will not work; "warning": it works, but not as well as it should, or it could not be looked at. */
  readonly level: "ok" | "warning" | "problem";
  /** What was looked at, in a word. */
  readonly about: string;
  /** What was found, and, unless it is well, what to do. */
  readonly message: string;
}

/** One line per finding, and a last one that sums up. */
export const report = (findings: readonly Finding[]): string => {
  const lines = findings.map(({ level, about, message }) => `${level.padEnd(7)}  ${about}: ${message}\n`);
  const count = (level: Finding["level"]): number => findings.filter((finding) => finding.level === level).length;
  return `${lines.join("")}\n${count("problem")} problems, ${count("warning")} warnings, ${count("ok")} ok\n`;
};
