import type { RunRecord, RunState } from '../../contract/records.ts';
import { textTerms } from '../../contract/run-query.ts';
import type { Readable, SqlValue } from '../handle.ts';
import { type RunRow, SELECT_RUN, toRunRecord } from './runs.ts';
import { matchText } from './texts.ts';

/** Which runs a list holds. Every condition must hold; of a list, one of its terms. Costs are nano-USD, instants epoch ms. */
export interface RunConditions {
  readonly states?: readonly RunState[] | undefined;
  /** Names. */
  readonly agents?: readonly string[] | undefined;
  /** `name` for all its versions, or `name@version`; `*` stands for anything, here and in models and tools. */
  readonly policies?: readonly string[] | undefined;
  readonly models?: readonly string[] | undefined;
  readonly tools?: readonly string[] | undefined;
  readonly costOver?: number | undefined;
  readonly costUnder?: number | undefined;
  readonly since?: number | undefined;
  readonly until?: number | undefined;
  /** Words and phrases (`contract/run-query.ts`), each somewhere in the run. */
  readonly text?: string | undefined;
  readonly ids?: readonly string[] | undefined;
}

/** A page of runs. `asOf` (epoch ms) leaves out what was started later, so that pages by offset do not shift. */
export interface RunPageInput extends RunConditions {
  readonly asOf?: number;
  readonly offset?: number;
  readonly limit: number;
}

export interface RunPage {
  readonly runs: readonly RunRecord[];
  /** How many runs there are on all pages. */
  readonly total: number;
}

/** The values that occur in runs, each list in order. */
export interface RunFacets {
  readonly agents: readonly string[];
  readonly policies: readonly string[];
  readonly models: readonly string[];
  readonly tools: readonly string[];
}

/** A page of runs, latest start first. */
export function listRuns(db: Readable, { asOf, offset = 0, limit, ...conditions }: RunPageInput): RunPage {
  const parts = conditionsOf(db, conditions, asOf);
  if (parts === null) return { runs: [], total: 0 };
  const where = parts.length === 0 ? 'true' : parts.map(([sql]) => sql).join(' AND ');
  const values = parts.flatMap(([, ...of]) => of);
  const find = parts.some(isWide) ? findOnce : findTwice;
  const { total, ids } = find(db, where, values, limit, offset);
  const rows = db.all<RunRow>(
    `${SELECT_RUN} WHERE r.run_id IN (SELECT value FROM json_each(?)) ORDER BY r.started_at DESC, r.run_id DESC`,
    JSON.stringify(ids),
  );
  return { runs: rows.map(toRunRecord), total };
}

interface Found {
  readonly total: number;
  readonly ids: readonly string[];
}

/** Conditions that an index of the runs answers: counting is quick, and a page stops at its limit. */
function findTwice(db: Readable, where: string, values: readonly SqlValue[], limit: number, offset: number): Found {
  // Counting by cost reads every row anyway: in their own order, that is many times faster than by start.
  const inOrder = where.includes('r.spent_nano') ? where.replaceAll('r.started_at', '+r.started_at') : where;
  const counted = db.one<{ total: number }>(`SELECT count(*) AS total FROM runs r WHERE ${inOrder}`, ...values);
  const ids = db.all<{ run_id: string }>(
    `SELECT r.run_id FROM runs r WHERE ${where} ORDER BY r.started_at DESC, r.run_id DESC LIMIT ? OFFSET ?`,
    ...values,
    limit,
    offset,
  );
  return { total: counted?.total ?? 0, ids: ids.map(({ run_id }) => run_id) };
}

/** Conditions that are answered by collecting runs: that is done once, for the count and the page. */
function findOnce(db: Readable, where: string, values: readonly SqlValue[], limit: number, offset: number): Found {
  const rows = db.all<{ run_id: string | null; total: number }>(
    `WITH m AS MATERIALIZED (SELECT r.run_id, r.started_at FROM runs r WHERE ${where}),
       page AS (SELECT run_id FROM m ORDER BY started_at DESC, run_id DESC LIMIT ? OFFSET ?)
     SELECT page.run_id, c.total FROM (SELECT count(*) AS total FROM m) c LEFT JOIN page`,
    ...values,
    limit,
    offset,
  );
  return { total: rows[0]?.total ?? 0, ids: rows.flatMap(({ run_id }) => (run_id === null ? [] : [run_id])) };
}

/** The latest start of any run, epoch ms; null without runs. */
export const findLatestStart = (db: Readable): number | null =>
  db.one<{ at: number | null }>('SELECT max(started_at) AS at FROM runs')?.at ?? null;

export const listFacets = (db: Readable): RunFacets => ({
  agents: db
    .all<{ name: string }>(
      `SELECT DISTINCT a.name FROM agents a WHERE EXISTS (SELECT 1 FROM runs r WHERE r.agent_id = a.agent_id) ORDER BY a.name`,
    )
    .map(({ name }) => name),
  policies: listPolicyRefs(db),
  models: listUses(db, 'model'),
  tools: listUses(db, 'tool'),
});

type Condition = readonly [sql: string, ...values: SqlValue[]];

const isWide = ([sql]: Condition): boolean => sql.startsWith('r.run_id IN (SELECT');

/** The conditions in SQL; null when one of them cannot hold for any run. */
function conditionsOf(db: Readable, conditions: RunConditions, asOf: number | undefined): readonly Condition[] | null {
  const { states, agents, policies, models, tools, costOver, costUnder, since, until, text, ids } = conditions;
  const found: (Condition | null)[] = [];
  // Most runs are in one state: by its index, what else is asked of them would be looked up in an order that is nobody's.
  const looksUp = [models, tools, costOver, costUnder, text].some((condition) => condition !== undefined);
  if (states !== undefined) found.push(oneOf(looksUp ? '+r.state' : 'r.state', states));
  if (agents !== undefined) found.push(oneOf('r.agent_id', agentIds(db, agents)));
  if (policies !== undefined) found.push(oneOf('r.policy', chosenPolicies(db, policies)));
  if (models !== undefined) found.push(usedOneOf(db, 'model', models));
  if (tools !== undefined) found.push(usedOneOf(db, 'tool', tools));
  if (costOver !== undefined) found.push(['r.spent_nano > ?', costOver]);
  if (costUnder !== undefined) found.push(['r.spent_nano < ?', costUnder]);
  if (since !== undefined) found.push(['r.started_at >= ?', since]);
  if (until !== undefined) found.push(['r.started_at <= ?', until]);
  if (asOf !== undefined) found.push(['r.started_at <= ?', asOf]);
  if (ids !== undefined) found.push(oneOf('r.run_id', ids));
  for (const term of textTerms(text ?? '')) found.push(...matchText(term));
  return found.includes(null) ? null : found.filter((part) => part !== null);
}

/** Of one value, its index is in the order of the list; many travel as one JSON text, so that there are few statements. */
function oneOf(column: string, values: readonly string[]): Condition | null {
  const [only] = values;
  if (only === undefined) return null;
  if (values.length === 1) return [`${column} = +?`, only];
  return [`${column} IN (SELECT value FROM json_each(?))`, JSON.stringify(values)];
}

function usedOneOf(db: Readable, kind: 'model' | 'tool', terms: readonly string[]): Condition | null {
  const values = listUses(db, kind).filter(matcher(terms));
  if (values.length === 0) return null;
  return [
    `r.run_id IN (SELECT run_id FROM run_uses WHERE kind = '${kind}' AND value IN (SELECT value FROM json_each(?)))`,
    JSON.stringify(values),
  ];
}

/** A name may have belonged to several agents, one after the other. */
const agentIds = (db: Readable, names: readonly string[]): readonly string[] =>
  db
    .all<{ agent_id: string }>(
      'SELECT agent_id FROM agents WHERE name IN (SELECT value FROM json_each(?))',
      JSON.stringify(names),
    )
    .map(({ agent_id }) => agent_id);

function chosenPolicies(db: Readable, terms: readonly string[]): readonly string[] {
  const matches = matcher(terms);
  return listPolicyRefs(db).filter((ref) => matches(ref) || matches(ref.slice(0, ref.lastIndexOf('@'))));
}

/** Whether a value is one of the terms; letter case does not count, since `Bash` and `bash` are one tool to a person. */
function matcher(terms: readonly string[]): (value: string) => boolean {
  const tests = terms.map((term) => globTest(term.toLowerCase()));
  return (value) => tests.some((test) => test(value.toLowerCase()));
}

/** `*` stands for any characters. Pieces are found one after the other, so the time is linear in the value's length. */
function globTest(glob: string): (value: string) => boolean {
  const [first = '', ...rest] = glob.split('*');
  const last = rest.pop();
  if (last === undefined) return (value) => value === first;
  return (value) => {
    if (!value.startsWith(first)) return false;
    let from = first.length;
    for (const piece of rest) {
      const at = value.indexOf(piece, from);
      if (at === -1) return false;
      from = at + piece.length;
    }
    return value.length - from >= last.length && value.endsWith(last);
  };
}

/** Values of an index, each looked up behind the one before: as many steps as there are values, however many rows. */
const listUses = (db: Readable, kind: 'model' | 'tool'): readonly string[] =>
  db
    .all<{ value: string }>(
      `WITH RECURSIVE v (value) AS (
         SELECT min(value) FROM run_uses WHERE kind = +?
         UNION ALL
         SELECT (SELECT min(value) FROM run_uses WHERE kind = +? AND value > v.value) FROM v WHERE v.value IS NOT NULL)
       SELECT value FROM v WHERE value IS NOT NULL`,
      kind,
      kind,
    )
    .map(({ value }) => value);

const listPolicyRefs = (db: Readable): readonly string[] =>
  db
    .all<{ value: string }>(
      `WITH RECURSIVE v (value) AS (
         SELECT min(policy) FROM runs
         UNION ALL
         SELECT (SELECT min(policy) FROM runs WHERE policy > v.value) FROM v WHERE v.value IS NOT NULL)
       SELECT value FROM v WHERE value IS NOT NULL`,
    )
    .map(({ value }) => value);
