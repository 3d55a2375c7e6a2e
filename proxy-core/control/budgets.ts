import { failure } from '../contract/failures.ts';
import { usdToNano } from '../contract/money.ts';
import type { BudgetRecord, BudgetScope } from '../contract/records.ts';
import type { Core } from '../exchange/core.ts';
import { type Handlers, Refusal } from './call.ts';

type BudgetHandlers = Pick<Handlers, 'budgets.list' | 'budgets.set' | 'budgets.reset'>;

const DEFAULT_ALERTS = [0.8];

/** Caps: list, set, start again from zero. */
export function budgetHandlers(core: Core): BudgetHandlers {
  return {
    'budgets.list': () => ({ budgets: [...core.store.read.budgets()] }),
    'budgets.set': async ({ scope, name, usd, window }, by) => {
      const subject = subjectOf(core, scope, name);
      const current = core.store.read.budget(scope, subject);
      const budget = await core.store.write('setBudget', {
        at: core.clock.now(),
        scope,
        subject,
        cap: usdToNano(usd),
        window: window ?? current?.window ?? (scope === 'run' ? 'total' : 'day'),
        alertAt: DEFAULT_ALERTS,
        by,
      }).durable;
      return changed(core, budget);
    },
    'budgets.reset': async ({ scope, name }, by) => {
      const subject = subjectOf(core, scope, name);
      if (core.store.read.budget(scope, subject) === null) {
        throw new Refusal(
          failure('not_found', `The ${scope} ${name} has no budget.`, { recover: 'See: rungate budgets list' }),
        );
      }
      const budget = await core.store.write('resetBudget', { at: core.clock.now(), scope, subject, by }).durable;
      return changed(core, budget);
    },
  };
}

function changed(core: Core, budget: BudgetRecord): { budget: BudgetRecord } {
  core.bus.publish('budgets.changed', {});
  return { budget };
}

const WHERE_LISTED: Readonly<Record<BudgetScope, string>> = {
  run: 'See: rungate runs',
  agent: 'See: rungate agents list',
  team: 'See the teams in: rungate agents list',
};

/** The subject a budget is kept under: run id, agent id or team name. */
function subjectOf(core: Core, scope: BudgetScope, name: string): string {
  const known = {
    run: () => core.store.read.run(name)?.run_id,
    agent: () => core.agents.byName(name)?.agent_id,
    team: () => core.store.read.teams().find((team) => team === name),
  }[scope]();
  if (known !== undefined) return known;
  throw new Refusal(failure('not_found', `There is no ${scope} ${name}.`, { recover: WHERE_LISTED[scope] }));
}
