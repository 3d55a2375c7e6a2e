import { z } from 'zod';
import type { Account } from '../../budget/account.ts';
import { resetsAt, rollWindow, windowStart } from '../../budget/windows.ts';
import { nanoUsd, ZERO_USD } from '../../contract/money.ts';
import { type BudgetRecord, type BudgetScope, type BudgetWindow, budgetRecord } from '../../contract/records.ts';
import type { Readable, Writable } from '../handle.ts';
import { parseColumn } from '../json-column.ts';

/**
 * Accounts: the one truth of what has been spent and reserved. The ledger (`budget/ledger.ts`) decides on these
 * rows inside the worker's transaction, and since there is a single writer nothing can come between.
 */

interface AccountRow {
  readonly scope: BudgetScope;
  readonly subject: string;
  readonly budget_window: BudgetWindow;
  readonly cap_nano: number | null;
  readonly spent_nano: number;
  readonly reserved_nano: number;
  readonly window_start: number;
  readonly other_windows: string;
  readonly alert_at: string;
  readonly alerted: string;
  readonly crossed_run: string | null;
  readonly crossed_step: number | null;
  readonly name: string | null;
}

const SELECT_ACCOUNT = `SELECT b.scope, b.subject, b.budget_window, b.cap_nano, b.spent_nano, b.reserved_nano,
  b.window_start, b.other_windows, b.alert_at, b.alerted, b.crossed_run, b.crossed_step, a.name
  FROM budgets b LEFT JOIN agents a ON b.scope = 'agent' AND a.agent_id = b.subject`;

/** An account and what people call its subject. */
export interface NamedAccount {
  readonly account: Account;
  readonly name: string;
}

export function findAccount(db: Readable, scope: BudgetScope, subject: string): NamedAccount | null {
  const row = db.one<AccountRow>(`${SELECT_ACCOUNT} WHERE b.scope = +? AND b.subject = +?`, scope, subject);
  return row === undefined ? null : { account: toAccount(row), name: row.name ?? row.subject };
}

/** Everything a call of this run, agent and team is charged to. Throws if an account is missing: nothing goes uncounted. */
export function chargedAccounts(
  db: Readable,
  call: { readonly runId: string; readonly agentId: string; readonly team: string | null },
): readonly NamedAccount[] {
  const subjects: (readonly [BudgetScope, string])[] = [
    ['run', call.runId],
    ['agent', call.agentId],
  ];
  if (call.team !== null) subjects.push(['team', call.team]);
  return subjects.map(([scope, subject]) => {
    const found = findAccount(db, scope, subject);
    if (found === null) throw new Error(`no account for ${scope} ${subject}`);
    return found;
  });
}

/** Agents' and teams' accounts, and those of runs whose cap an operator has set. */
export function listAccounts(db: Readable): readonly NamedAccount[] {
  return db
    .all<AccountRow>(`${SELECT_ACCOUNT} WHERE b.listed = 1 ORDER BY b.scope, b.subject`)
    .map((row) => ({ account: toAccount(row), name: row.name ?? row.subject }));
}

/** Open an account that counts from now on; does nothing if there is one. */
export function openAccount(
  db: Writable,
  opening: Pick<Account, 'scope' | 'subject' | 'window' | 'cap' | 'alertAt'>,
  at: number,
): void {
  db.run(
    `INSERT INTO budgets (scope, subject, budget_window, cap_nano, spent_nano, reserved_nano, window_start, alert_at,
       alerted, listed) VALUES (?, ?, ?, ?, ?, 0, ?, ?, '[]', ?) ON CONFLICT DO NOTHING`,
    opening.scope,
    opening.subject,
    opening.window,
    opening.cap,
    ZERO_USD,
    windowStart(opening.window, at),
    JSON.stringify(opening.alertAt),
    opening.scope === 'run' ? 0 : 1,
  );
}

/** Write accounts back as the ledger returned them. */
export function saveAccounts(db: Writable, accounts: readonly Account[]): void {
  for (const account of accounts) {
    db.run(
      `UPDATE budgets SET budget_window = ?, cap_nano = ?, spent_nano = ?, reserved_nano = ?, window_start = ?,
         other_windows = ?, alert_at = ?, alerted = ?, crossed_run = ?, crossed_step = ? WHERE scope = +? AND subject = +?`,
      account.window,
      account.cap,
      account.spent,
      account.reserved,
      account.windowStart,
      JSON.stringify(account.otherWindows),
      JSON.stringify(account.alertAt),
      JSON.stringify(account.alerted),
      account.crossedBy?.runId ?? null,
      account.crossedBy?.step ?? null,
      account.scope,
      account.subject,
    );
  }
}

/** Show an account among the budgets from now on (a run's cap that an operator has set). */
export function listAccount(db: Writable, scope: BudgetScope, subject: string): void {
  db.run('UPDATE budgets SET listed = 1 WHERE scope = +? AND subject = +?', scope, subject);
}

/** The account as it stands at `now` (epoch ms): a window that has ended shows no spend. */
export function toBudgetRecord({ account, name }: NamedAccount, now: number): BudgetRecord {
  const current = rollWindow(account, now);
  return budgetRecord.parse({
    scope: current.scope,
    subject: current.subject,
    name,
    window: current.window,
    cap_nano: current.cap,
    spent_nano: current.spent,
    reserved_nano: current.reserved,
    resets_at: resetsAt(current.window, now),
    alerted: current.alerted,
  });
}

const toAccount = (row: AccountRow): Account => ({
  scope: row.scope,
  subject: row.subject,
  window: row.budget_window,
  cap: row.cap_nano === null ? null : nanoUsd(row.cap_nano),
  spent: nanoUsd(row.spent_nano),
  reserved: nanoUsd(row.reserved_nano),
  windowStart: row.window_start,
  otherWindows: parseWindows(row.other_windows),
  alertAt: parseFractions(row.alert_at),
  alerted: parseFractions(row.alerted),
  crossedBy:
    row.crossed_run === null || row.crossed_step === null ? null : { runId: row.crossed_run, step: row.crossed_step },
});

const NONE: readonly number[] = [];
const windows = z.array(z.object({ start: z.number(), spent: z.number().transform(nanoUsd) }));
const parseWindows = (text: string): Account['otherWindows'] => (text === '[]' ? [] : windows.parse(parseColumn(text)));
const fractions = z.array(z.number());
const parseFractions = (text: string): readonly number[] => (text === '[]' ? NONE : fractions.parse(parseColumn(text)));
