import type { Case } from './cases.ts';
import type { Danger, Verdict } from './compare.ts';

/** Counts by kind, as they are printed and committed. */

/** What is counted, in the order of the columns. */
const COLUMNS = [
  'cases',
  'dangerous',
  'undecided',
  'harmless',
  'refused',
  'latent',
  'latent passed',
  'doubtful',
  'doubtful passed',
  'unreadable',
] as const;
type Column = (typeof COLUMNS)[number];
export type Row = Record<Column, number>;

export interface Counts {
  /** Add a case to each of its kinds. */
  add(one: Case, verdict: Verdict): void;
  /** Add what another process has counted. */
  addAll(rows: Readonly<Record<string, Row>>): void;
  /** Rows by kind; `ALL` has every case once. */
  readonly rows: Readonly<Record<string, Row>>;
  /** A Markdown table in the order of the kinds given. */
  table(kinds: readonly string[]): string;
}

/** The row of all cases. */
export const ALL = '**all**';

const empty = (): Row => Object.fromEntries(COLUMNS.map((column) => [column, 0])) as Row;

/** Counts that start at nothing. */
export function createCounts(): Counts {
  const rows: Record<string, Row> = {};
  const rowOf = (kind: string): Row => {
    rows[kind] ??= empty();
    return rows[kind];
  };
  return {
    add(one, verdict) {
      for (const kind of [ALL, ...one.kinds]) count(rowOf(kind), verdict);
    },
    addAll(others) {
      for (const [kind, other] of Object.entries(others)) {
        const row = rowOf(kind);
        for (const column of COLUMNS) row[column] += other[column];
      }
    },
    rows,
    table: (kinds) => [...HEAD, ...[...kinds, ALL].map((kind) => lineOf(kind, rowOf(kind)))].join('\n'),
  };
}

const PASSED: Partial<Record<Danger, Column>> = { latent: 'latent passed', doubtful: 'doubtful passed' };

function count(row: Row, { danger, faults, passed }: Verdict): void {
  row.cases += 1;
  row[danger] += 1;
  for (const kind of ['undecided', 'refused'] as const) if (faults.some((fault) => fault.kind === kind)) row[kind] += 1;
  const column = PASSED[danger];
  if (passed && column !== undefined) row[column] += 1;
}

const HEAD = [
  `| kind | cases | dangerous | dangerous undecided | harmless | harmless refused | ${COLUMNS.slice(5).join(' | ')} |`,
  `|---|${COLUMNS.map(() => '--:').join('|')}|`,
];

const lineOf = (kind: string, row: Row): string => `| ${kind} | ${COLUMNS.map((column) => row[column]).join(' | ')} |`;
