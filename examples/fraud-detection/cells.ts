/** How many columns of a terminal a text takes: two for East Asian wide characters and emoji, none for marks that join the character before. */
export const cellsOf = (text: string): number => {
  let cells = 0;
  for (const character of text) cells += widthOf(character);
  return cells;
};

/** The text, cut to so many columns with an ellipsis at the end. */
export const clipped = (text: string, columns: number): string => {
  if (cellsOf(text) <= columns) return text;
  let kept = "";
  let cells = 0;
  for (const character of text) {
    cells += widthOf(character);
    if (cells > columns - 1) break;
    kept += character;
  }
  return columns > 0 ? `${kept}…` : "";
};

/** The text in lines of at most so many columns, broken at spaces; what begins the text stays in front, and a word that is too long alone is cut. */
export const wrapped = (text: string, columns: number): string[] => {
  const indent = /^ */.exec(text)![0];
  const lines: string[] = [];
  for (const word of text.slice(indent.length).split(" ")) {
    const last = lines[lines.length - 1];
    if (last !== undefined && cellsOf(last) + 1 + cellsOf(word) <= columns) lines[lines.length - 1] = `${last} ${word}`;
    else lines.push(clipped(indent + word, columns));
  }
  return lines;
};

/** What cannot harm a terminal: control and direction characters, which could move the cursor or hide text, become a replacement character. */
export const harmless = (text: string): string => text.replace(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu, "\u{fffd}");

const widthOf = (character: string): number => (joining.test(character) ? 0 : wide.test(character) ? 2 : 1);

const joining = /^\p{M}$/u;
const wide =
  /^[\u{1100}-\u{115f}\u{2e80}-\u{303e}\u{3041}-\u{a4cf}\u{ac00}-\u{d7a3}\u{f900}-\u{faff}\u{fe30}-\u{fe6f}\u{ff00}-\u{ff60}\u{ffe0}-\u{ffe6}\u{1f300}-\u{1faff}\u{20000}-\u{3fffd}]$/u;
