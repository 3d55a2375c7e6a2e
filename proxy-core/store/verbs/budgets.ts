import { resetSpend, setCap } from '../../budget/ledger.ts';
import type { BudgetRecord, BudgetScope } from '../../contract/records.ts';
import type { Readable, Writable } from '../handle.ts';
import { appendAudit } from '../tables/audit.ts';
import { findAccount, listAccount, type NamedAccount, saveAccounts, toBudgetRecord } from '../tables/budgets.ts';
import { beginTeam } from './agents.ts';
import type { VerbBody } from './transaction.ts';

/** Set a cap. A team that is named here for the first time begins to exist; a run or an agent has to. */
export const setBudget: VerbBody<'setBudget'> = ({ db, civil }, input) => {
  const { at, scope, subject, cap, window, alertAt, by } = input;
  const now = civil ?? at;
  if (scope === 'team') beginTeam(db, subject, at, by);
  const named = requireAccount(db, scope, subject);
  const before = { cap_nano: named.account.cap, window: named.account.window };
  const account = setCap(named.account, { cap, window, alertAt }, now);
  saveAccounts(db, [account]);
  listAccount(db, scope, subject);
  appendAudit(db, {
    at,
    kind: 'budget.set',
    by,
    runId: runOf(scope, subject),
    fields: { scope, subject, cap_nano: cap, window, alert_at: alertAt, before },
  });
  return recordAt(db, scope, subject, now);
};

export const resetBudget: VerbBody<'resetBudget'> = ({ db, civil }, { at, scope, subject, by }) => {
  const now = civil ?? at;
  const { account } = requireAccount(db, scope, subject);
  saveAccounts(db, [resetSpend(account, now)]);
  appendAudit(db, {
    at,
    kind: 'budget.reset',
    by,
    runId: runOf(scope, subject),
    fields: { scope, subject, spent_nano: account.spent },
  });
  return recordAt(db, scope, subject, now);
};

const runOf = (scope: BudgetScope, subject: string): string | null => (scope === 'run' ? subject : null);

const recordAt = (db: Writable, scope: BudgetScope, subject: string, at: number): BudgetRecord =>
  toBudgetRecord(requireAccount(db, scope, subject), at);

function requireAccount(db: Readable, scope: BudgetScope, subject: string): NamedAccount {
  const named = findAccount(db, scope, subject);
  if (named === null) throw new Error(`no such ${scope}: ${subject}`);
  return named;
}
