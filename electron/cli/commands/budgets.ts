import type { BudgetRecord } from '../../../proxy-core/contract/records.ts';
import { BUDGET_SCOPES, BUDGET_WINDOWS } from '../../../proxy-core/contract/records.ts';
import { parseAmount } from '../amounts.ts';
import { BadInput, type Command, command, printed } from '../command.ts';
import { renderRecord, renderTable, renderTime, renderUsd } from '../output.ts';

const subjectOptions = {
  run: { type: 'string', value: 'ID', about: 'The cap of this run.' },
  agent: { type: 'string', value: 'NAME', about: 'The cap of this agent.' },
  team: { type: 'string', value: 'NAME', about: 'The cap of this team.' },
} as const;

const list = command({
  name: 'budgets list',
  operands: [],
  about: 'List the caps and what has been spent of them.',
  options: {},
  async run({ call }) {
    return printed(await call('budgets.list', {}), ({ budgets }) => ({
      json: renderRecord({ budgets }),
      text: budgets.length === 0 ? 'No budgets yet.' : renderBudgets(budgets),
    }));
  },
});

const set = command({
  name: 'budgets set',
  operands: [],
  about: 'Set the cap of a run, an agent or a team.',
  options: {
    ...subjectOptions,
    usd: { type: 'string', value: 'USD', required: true, about: 'The new cap.' },
    window: { type: 'string', value: BUDGET_WINDOWS.join('|'), about: 'When the spend starts again from zero.' },
  },
  async run({ options, call }) {
    const subject = chooseSubject(options);
    const usd = parseAmount('--usd', options.usd);
    const window = BUDGET_WINDOWS.find((each) => each === options.window);
    const reply = await call('budgets.set', { ...subject, usd, ...(window === undefined ? {} : { window }) });
    return printed(reply, showBudget);
  },
});

const reset = command({
  name: 'budgets reset',
  operands: [],
  about: 'Start the spend of a run, an agent or a team again from zero.',
  options: subjectOptions,
  async run({ options, call }) {
    return printed(await call('budgets.reset', chooseSubject(options)), showBudget);
  },
});

/** Caps. */
export const budgetCommands: readonly Command[] = [list, set, reset];

/** The one subject that was named. Throws BadInput for none or several: a cap on the wrong subject is no cap. */
export function chooseSubject(options: Readonly<Partial<Record<(typeof BUDGET_SCOPES)[number], string | undefined>>>) {
  const named = BUDGET_SCOPES.flatMap((scope) => {
    const name = options[scope];
    return name === undefined ? [] : [{ scope, name }];
  });
  const [subject] = named;
  if (subject === undefined || named.length > 1) throw new BadInput('name one of --run ID, --agent NAME, --team NAME');
  return subject;
}

const showBudget = ({ budget }: { readonly budget: BudgetRecord }) => ({
  json: renderRecord({ budget }),
  text: renderBudgets([budget]),
});

/** A table of caps. */
export const renderBudgets = (budgets: readonly BudgetRecord[]): string =>
  renderTable(
    ['SCOPE', 'NAME', 'WINDOW', 'CAP', 'SPENT', 'RESERVED', 'RESETS'],
    budgets.map((budget) => [
      budget.scope,
      budget.name,
      budget.window,
      renderUsd(budget.cap_nano),
      renderUsd(budget.spent_nano),
      renderUsd(budget.reserved_nano),
      renderTime(budget.resets_at),
    ]),
    [3, 4, 5],
  );
