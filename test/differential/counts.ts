import type { Case } from './cases.ts';
import type { Verdict } from './compare.ts';

/** Counts by kind, as they are printed and committed. */

interface Row {
  cases: number;
  dangerous: number;
  undecided: number;
  harmless: number;
  refused: number;
  doubtful: number;
  doubtPassed: number;
  unreadable: number;
}

export interface Counts {
  /** Add a case to each of its kinds. */
  add(one: Case, verdict: Verdict): void;
  /** All cases once, whatever their kinds. */
  readonly total: Readonly<Row>;
  /** A Markdown table in the order of the kinds given. */
  table(kinds: readonly string[]): string;
}

const empty = (): Row => ({
  cases: 0,
  dangerous: 0,
  undecided: 0,
  harmless: 0,
  refused: 0,
  doubtful: 0,
  doubtPassed: 0,
  unreadable: 0,
});

/** Counts that start at nothing. */
export function createCounts(): Counts {
  const rows = new Map<string, Row>();
  const total = empty();
  const rowOf = (kind: string): Row => {
    const row = rows.get(kind) ?? empty();
    rows.set(kind, row);
    return row;
  };
  return {
    add(one, verdict) {
      for (const row of [total, ...one.kinds.map(rowOf)]) count(row, verdict);
    },
    total,
    table: (kinds) => [...HEAD, ...kinds.map((kind) => lineOf(kind, rowOf(kind))), lineOf('**all**', total)].join('\n'),
  };
}

function count(row: Row, { danger, faults, doubtPassed }: Verdict): void {
  row.cases += 1;
  row[danger] += 1;
  if (faults.some((fault) => fault.kind === 'undecided')) row.undecided += 1;
  if (faults.some((fault) => fault.kind === 'refused')) row.refused += 1;
  if (doubtPassed) row.doubtPassed += 1;
}

const HEAD = [
  '| kind | cases | dangerous | dangerous undecided | harmless | harmless refused | doubtful | doubtful passed | unreadable |',
  '|---|--:|--:|--:|--:|--:|--:|--:|--:|',
];

const lineOf = (kind: string, row: Row): string =>
  `| ${kind} | ${row.cases} | ${row.dangerous} | ${row.undecided} | ${row.harmless} | ${row.refused} | ${row.doubtful} | ${row.doubtPassed} | ${row.unreadable} |`;
