import { describe, expect, it } from "@jest/globals";
import type { Alert } from "../../../examples/fraud-detection/alert.ts";
import { cellsOf, clipped, harmless, wrapped } from "../../../examples/fraud-detection/cells.ts";
import type { Comparison } from "../../../examples/fraud-detection/planted.ts";
import { type Screen, type Snapshot, screen } from "../../../examples/fraud-detection/screen.ts";

const noon = Date.UTC(2026, 0, 5, 12);
const snapshot = (more: Partial<Snapshot> = {}): Snapshot => ({
  state: "running",
  elapsedMs: 12_345,
  recordsIn: 12_000,
  recordsPerSecond: 359.6,
  eventTime: noon,
  watermark: noon - 10_001,
  lagRecords: 17,
  lateRecords: 3,
  alerts: 5,
  instanceTasks: 8,
  ...more,
});
const velocity: Alert = {
  id: "velocity:account-0042@1",
  alertId: "velocity:account-0042",
  kind: "velocity",
  windowEnd: noon,
  timestamp: noon - 1,
  occurrences: 1,
  accountId: "account-0042",
  tier: "gold",
  country: "AT",
  transactionIds: ["a", "b", "c"],
  totalCents: 1_234_505,
};
const cardTest: Alert = {
  id: "card-test:card-7@1",
  alertId: "card-test:card-7",
  kind: "card-test",
  windowEnd: noon,
  timestamp: noon - 60_000,
  occurrences: 2,
  accountId: "account-0007",
  cardId: "card-7",
  tier: null,
  country: null,
  transactionIds: ["a", "b"],
};
const comparison: Comparison = {
  due: 4,
  found: 4,
  missed: [],
  unplanted: [],
  byKind: { velocity: { due: 1, found: 1 }, "card-test": { due: 3, found: 3 } },
};

/** A terminal of endless height that knows what the screen uses, and refuses everything else. */
const terminal = (columns: number) => {
  const rows: string[] = [""];
  let [row, column, writes] = [0, 0, 0];
  const put = (character: string) => {
    if (column >= columns) newline();
    rows[row] = rows[row].slice(0, column).padEnd(column) + character + rows[row].slice(column + 1);
    column++;
  };
  const newline = () => {
    row++;
    column = 0;
    if (row === rows.length) rows.push("");
  };
  const write = (text: string) => {
    writes++;
    for (const [piece, control] of text.matchAll(/\p{Cc}\[([\d;]*[A-Za-z])|./gsu)) {
      if (control?.endsWith("A")) row -= Number(control.slice(0, -1));
      else if (control === "K") rows[row] = rows[row].slice(0, column);
      else if (control === "J") rows.splice(row, rows.length, rows[row].slice(0, column));
      else if (control !== undefined && !control.endsWith("m")) throw new Error(`unexpected control ${JSON.stringify(piece)}`);
      else if (control === undefined && piece === "\r") column = 0;
      else if (control === undefined && piece === "\n") newline();
      else if (control === undefined) put(piece);
    }
  };
  return { write, columns: () => columns, color: true, rows: () => rows.join("\n").trimEnd().split("\n"), writes: () => writes };
};

const lines = () => {
  const written: string[] = [];
  return { write: (text: string) => written.push(text), columns: () => undefined, color: false, text: () => written.join("") };
};

const fill = (target: Screen, count: number) => {
  for (let i = 0; i < count; i++) target.alert({ ...velocity, accountId: `account-${i}` });
};

describe("the screen of the fraud example on a terminal", () => {
  it("keeps how things stand below the alerts, drawn over in place", () => {
    const shown = terminal(100);
    const drawn = screen(shown);
    drawn.show(snapshot({ elapsedMs: 1000 }));
    drawn.alert(velocity);
    drawn.show(snapshot({ elapsedMs: 2000 }));
    drawn.alert(cardTest);
    drawn.show(snapshot());
    expect(shown.rows()).toEqual([
      "01-05 11:59:59  velocity   account-0042  (gold, AT)  3 payments, 12,345.05",
      "01-05 11:59:00  card test  card-7 of account-0007  (unknown account)  2 times",
      "─".repeat(80),
      "00:12 running   in 12,000 (360/s)   lag 17   late 3   alerts 5   tasks 8",
      "event time 01-05 12:00:00   watermark 01-05 11:59:49",
    ]);
    expect(shown.writes()).toBe(3);
  });

  it.each([200, 80, 44, 20, 8, 1])("never writes a line as wide as the terminal: %d columns", (columns) => {
    const shown = terminal(columns);
    const drawn = screen(shown);
    for (let i = 0; i < 3; i++) {
      drawn.alert({ ...velocity, accountId: "帳戶-帳戶-帳戶-帳戶-帳戶" });
      drawn.alert(cardTest);
      drawn.show(snapshot({ elapsedMs: i * 1000 }));
    }
    drawn.end(snapshot({ elapsedMs: 10_000 }), comparison);
    expect(shown.rows().filter((row) => cellsOf(row) > Math.max(1, columns - 1))).toEqual([]);
    if (columns > 8) expect(shown.rows().filter((row) => row.startsWith("00:"))).toEqual([expect.stringContaining("00:10")]);
  });

  it("draws over the whole of its last lines after the terminal has become narrower", () => {
    let columns = 120;
    const written: string[] = [];
    const drawn = screen({ write: (text) => written.push(text), columns: () => columns, color: false });
    drawn.show(snapshot());
    columns = 30;
    drawn.show(snapshot());
    // A rule of 80 columns takes three rows of 30 now, the fields of 100 take four, and the watermark below them still one.
    expect(written[1].startsWith("\r\u001b[8A")).toBe(true);
  });

  it("shows the newest of very many alerts and counts the others", () => {
    const shown = terminal(100);
    const drawn = screen(shown);
    fill(drawn, 1500);
    drawn.show(snapshot());
    const alerts = shown.rows().filter((row) => row.includes("velocity"));
    expect(alerts.length).toBe(20);
    expect(alerts.at(-1)).toContain("account-1499");
    expect(shown.rows()[0]).toBe("… and 1,480 more");
  });

  it("lets no text from the data move the cursor", () => {
    const shown = terminal(100);
    const drawn = screen(shown);
    drawn.alert({ ...velocity, accountId: "\u001b[2J\r\nevil\u0007\u202e", tier: "\u009b1A", country: "\ud800" });
    drawn.end(snapshot({ state: "a\u001bb" }), { ...comparison, unplanted: [{ ...cardTest, id: "\u001b[1A" }] });
    expect(shown.rows()[0]).toContain("\u{fffd}[2J\u{fffd}\u{fffd}evil\u{fffd}\u{fffd}  (\u{fffd}1A, \u{fffd})");
    expect(shown.rows().join("\n")).toContain("not planted: \u{fffd}[1A");
  });

  it("says what it does not know yet, and what no calendar has", () => {
    const shown = terminal(200);
    const drawn = screen(shown);
    drawn.show(snapshot({ eventTime: undefined, watermark: Number.NEGATIVE_INFINITY }));
    expect(shown.rows().at(-1)).toContain("event time -   watermark -");
    drawn.show(snapshot({ eventTime: 9e15, watermark: Number.POSITIVE_INFINITY }));
    expect(shown.rows().at(-1)).toContain("event time -   watermark at the end");
    drawn.show(snapshot({ elapsedMs: 3_723_000 }));
    expect(shown.rows().at(-1)).toContain("01:02:03 running");
  });
});

describe("the screen of the fraud example without a terminal", () => {
  it("prints each alert at once and how things stand once a second, without control characters", () => {
    const shown = lines();
    const drawn = screen(shown);
    for (let ms = 0; ms <= 2000; ms += 250) drawn.show(snapshot({ elapsedMs: ms }));
    drawn.alert(cardTest);
    expect(shown.text()).toBe(
      ["00:00", "00:01", "00:02"]
        .map(
          (time) =>
            `${time} running  in 12,000 (360/s)  lag 17  late 3  alerts 5  tasks 8  event time 01-05 12:00:00  watermark 01-05 11:59:49\n`,
        )
        .join("") + "01-05 11:59:00  card test  card-7 of account-0007  (unknown account)  2 times\n",
    );
    drawn.end(snapshot({ elapsedMs: 2001 }));
    expect(shown.text()).not.toMatch(/[^\P{Cc}\n]/u);
  });
});

describe("the summary of the fraud example", () => {
  const summaryOf = (more?: Comparison) => {
    const shown = lines();
    screen(shown).end(snapshot({ elapsedMs: 58_240 }), more);
    return shown.text().split("\n").slice(1).join("\n");
  };

  it("compares what was found with what was planted", () => {
    expect(summaryOf(comparison)).toBe(
      `
12,000 records in 58.2 s: 5 alerts, 3 records late.

             planted    found   missed
  velocity         1        1        0
  card test        3        3        0

All 4 planted frauds found, and nothing else.
`,
    );
  });

  it("names what was missed and what nobody planted", () => {
    const wrong: Comparison = {
      due: 1300,
      found: 1299,
      unplanted: [cardTest],
      byKind: { velocity: { due: 1299, found: 1299 }, "card-test": { due: 1, found: 0 } },
      missed: [{ kind: "card-test", alertId: "card-test:c", transactionIds: ["x", "y"], from: 0, to: 0 }],
    };
    expect(summaryOf(wrong)).toContain(`
1 planted fraud missed of 1,300, and 1 alert that nobody planted.
  missed: card-test:c, payments x, y
  not planted: card-test:card-7@1, payments a, b
`);
  });

  it("leaves the comparison out when nobody knows what was planted", () => {
    expect(summaryOf()).toBe("\n12,000 records in 58.2 s: 5 alerts, 3 records late.\n");
  });
});

describe("cells of a terminal", () => {
  it("counts wide characters twice and joining marks not at all", () => {
    expect(["abc", "Łódź", "東京", "e\u0301", "😀", ""].map(cellsOf)).toEqual([3, 4, 4, 1, 2, 0]);
  });

  it("cuts with an ellipsis, never in the middle of a wide character", () => {
    expect(clipped("abcdef", 6)).toBe("abcdef");
    expect(clipped("abcdef", 5)).toBe("abcd…");
    expect(clipped("東京都庁", 6)).toBe("東京…");
    expect(clipped("abc", 1)).toBe("…");
    expect(clipped("abc", 0)).toBe("");
  });

  it("wraps at spaces and cuts what is too long alone", () => {
    expect(wrapped("  one two three", 8)).toEqual(["  one", "  two", "  three"]);
    expect(wrapped("one two three", 8)).toEqual(["one two", "three"]);
    expect(wrapped("incomprehensible", 8)).toEqual(["incompr…"]);
  });

  it("keeps ordinary text of all kinds as it is", () => {
    expect(harmless("Zoë 東京 😀 e\u0301 -")).toBe("Zoë 東京 😀 e\u0301 -");
  });
});
