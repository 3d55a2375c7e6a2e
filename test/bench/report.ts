/** One line of the report: a figure, what it is to reach, and what stands beside it. */
export interface Row {
  readonly figure: string;
  readonly value: string;
  /** What `performance` asks for, or null where a figure is only context. */
  readonly goal: string | null;
  /** Null without a goal, or where the peer it is compared with is missing. */
  readonly met: boolean | null;
}

/** What one scenario found. */
export interface Section {
  readonly title: string;
  readonly rows: readonly Row[];
}

/** A figure without a goal. */
export const context = (figure: string, value: string): Row => ({ figure, value, goal: null, met: null });

/** A figure and its goal. */
export const judged = (figure: string, value: string, goal: string, met: boolean | null): Row => ({
  figure,
  value,
  goal,
  met,
});

/** Microseconds as milliseconds with two digits. */
export const ms = (microseconds: number): string => `${(microseconds / 1000).toFixed(2)} ms`;

export const ratio = (value: number): string => `${value.toFixed(2)} x`;

const WORDS = new Map<boolean | null, string>([
  [true, 'met'],
  [false, 'MISSED'],
  [null, ''],
]);

/** A section as text, columns aligned. */
export function renderSection({ title, rows }: Section): string {
  const cells = rows.map(({ figure, value, goal, met }) => [
    figure,
    value,
    goal === null ? '' : `goal ${goal}`,
    goal !== null && met === null ? 'not judged' : (WORDS.get(met) ?? ''),
  ]);
  const widths = [0, 1, 2].map((column) => Math.max(0, ...cells.map((line) => line[column]?.length ?? 0)));
  const lines = cells.map((line) =>
    `  ${line.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('  ')}`.trimEnd(),
  );
  return [`${title}`, ...lines, ''].join('\n');
}

/** How many goals were met. */
export function renderSummary(sections: readonly Section[]): string {
  const judgedRows = sections.flatMap(({ rows }) => rows).filter(({ met }) => met !== null);
  const missed = judgedRows.filter(({ met }) => met === false);
  const names = missed.map(({ figure }) => figure).join('; ');
  return `${judgedRows.length - missed.length} of ${judgedRows.length} goals met${missed.length === 0 ? '' : `; missed: ${names}`}`;
}
